//! Functions and methods.

use cel::common::ast::{CallExpr, Expr};
use cel::parser::Expression as Ast;

use super::{Checker, history, path, string_literal};
use crate::expr::error::ExprErrorKind;
use crate::expr::node::{Loop, Op, Part, Target, Text};
use crate::expr::schema::{Meaning, closest};
use crate::expr::types::{Ty, Typed};
use crate::expr::{link, literal, zone};

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `size(x)`
    Global,
    /// `x.startsWith(y)`
    Method,
    /// Either.
    Both,
}

/// Which of the checks below a name stands for.
#[derive(Debug, Clone, Copy)]
enum Function {
    Has,
    Size,
    Text(Text),
    Matches,
    Duration,
    Timestamp,
    Convert(Target),
    Part(Part),
    Macro(Loop),
}

/// Every function in scope.
const FUNCTIONS: [(&str, Style, Function); 27] = [
    ("has", Style::Global, Function::Has),
    ("size", Style::Both, Function::Size),
    ("startsWith", Style::Method, Function::Text(Text::StartsWith)),
    ("endsWith", Style::Method, Function::Text(Text::EndsWith)),
    ("contains", Style::Method, Function::Text(Text::Contains)),
    ("matches", Style::Both, Function::Matches),
    ("duration", Style::Global, Function::Duration),
    ("timestamp", Style::Global, Function::Timestamp),
    ("int", Style::Global, Function::Convert(Target::Int)),
    ("double", Style::Global, Function::Convert(Target::Double)),
    ("string", Style::Global, Function::Convert(Target::String)),
    ("getFullYear", Style::Method, Function::Part(Part::FullYear)),
    ("getMonth", Style::Method, Function::Part(Part::Month)),
    ("getDayOfYear", Style::Method, Function::Part(Part::DayOfYear)),
    ("getDayOfMonth", Style::Method, Function::Part(Part::DayOfMonth)),
    ("getDate", Style::Method, Function::Part(Part::Date)),
    ("getDayOfWeek", Style::Method, Function::Part(Part::DayOfWeek)),
    ("getHours", Style::Method, Function::Part(Part::Hours)),
    ("getMinutes", Style::Method, Function::Part(Part::Minutes)),
    ("getSeconds", Style::Method, Function::Part(Part::Seconds)),
    (
        "getMilliseconds",
        Style::Method,
        Function::Part(Part::Milliseconds),
    ),
    ("exists", Style::Method, Function::Macro(Loop::Exists)),
    ("all", Style::Method, Function::Macro(Loop::All)),
    ("exists_one", Style::Method, Function::Macro(Loop::ExistsOne)),
    ("existsOne", Style::Method, Function::Macro(Loop::ExistsOne)),
    ("filter", Style::Method, Function::Macro(Loop::Filter)),
    ("map", Style::Method, Function::Macro(Loop::Map)),
];

/// The names of [`FUNCTIONS`].
pub(in crate::expr) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, ..)| *name)
}

/// Functions of CEL that are left out on purpose.
const LEFT_OUT: [&str; 5] = ["bool", "bytes", "dyn", "type", "uint"];

impl<'c> Checker<'c> {
    pub(super) fn function(&mut self, ast: &'c Ast, call: &'c CallExpr) -> Typed<'c> {
        let name = call.func_name.as_str();
        if let Some(Expr::Ident(root)) = call.target.as_deref().map(|target| &target.expr)
            && root == history::NAME
            && self.variable(history::NAME).is_none()
        {
            return self.history(ast, call);
        }
        let Some((_, style, function)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return self.unknown_function(ast, name);
        };
        let target = call.target.as_deref();
        match (style, target) {
            (Style::Method, None) => {
                let message = format!("`{name}` is a method: write `x.{name}(...)`");
                return self.report(self.error(ExprErrorKind::UnknownFunction, ast, message));
            }
            (Style::Global, Some(_)) => {
                let message = format!("`{name}` is no method: write `{name}(...)`");
                return self.report(self.error(ExprErrorKind::UnknownFunction, ast, message));
            }
            _ => {}
        }
        let operands: Vec<&'c Ast> = target.into_iter().chain(&call.args).collect();
        self.apply(ast, name, *function, &operands)
    }

    /// The call of a known function; a method's target is the first of `operands`.
    fn apply(&mut self, ast: &'c Ast, name: &str, function: Function, operands: &[&'c Ast]) -> Typed<'c> {
        match (function, operands) {
            (Function::Has, [attribute]) => self.has(attribute),
            (Function::Size, [sized]) => self.size(sized),
            (Function::Text(question), [text, part]) => {
                self.string(name, text);
                self.string(name, part);
                self.emit(Op::Text(question), Ty::Bool)
            }
            (Function::Matches, [text, pattern]) => self.matches(text, pattern),
            (Function::Duration, [text]) => self.duration(text),
            (Function::Timestamp, [text]) => self.timestamp(text),
            (Function::Convert(target), [from]) => self.convert(name, target, from),
            (Function::Part(part), [of]) => self.part(name, part, of, None),
            (Function::Part(part), [of, zone]) => self.part(name, part, of, Some(zone)),
            (Function::Macro(kind), [range, variable, bodies @ ..]) if takes_bodies(kind, bodies.len()) => {
                self.comprehension(kind, range, variable, bodies)
            }
            _ => {
                let usage = usage(function);
                let message =
                    format!("`{name}` is called with other arguments than it takes: write `{usage}`");
                self.report(self.error(ExprErrorKind::TypeMismatch, ast, message.replace("NAME", name)))
            }
        }
    }

    fn unknown_function(&mut self, ast: &Ast, name: &str) -> Typed<'c> {
        if LEFT_OUT.contains(&name) {
            return self.unsupported(
                ast,
                &format!("`{name}` is out of scope: compare values of one type"),
            );
        }
        let suggestion = closest(name, names());
        let advice = match suggestion {
            Some(_) => "correct the name",
            None => "remove it",
        };
        let message = format!("function `{name}` does not exist: {advice}");
        self.report(
            self.error(ExprErrorKind::UnknownFunction, ast, message)
                .suggest(suggestion),
        )
    }

    fn has(&mut self, attribute: &'c Ast) -> Typed<'c> {
        let Some(name) =
            path(attribute).filter(|name| name.split_once('.').is_some_and(|(root, _)| !root.is_empty()))
        else {
            return self.unsupported(
                attribute,
                "`has` takes a dotted attribute: write `has(user.tier)`",
            );
        };
        let shadowed = name
            .split_once('.')
            .is_some_and(|(root, _)| self.variable(root).is_some());
        match self.schema.find(&name) {
            Some(Meaning::Declared(_) | Meaning::Dynamic) if !shadowed => self.emit(Op::Has(name), Ty::Bool),
            _ => {
                self.unknown(attribute, &name);
                Ty::Bool.into()
            }
        }
    }

    fn size(&mut self, sized: &'c Ast) -> Typed<'c> {
        let typed = self.expr(sized);
        if !matches!(typed.ty, Ty::String | Ty::List(_) | Ty::Any) {
            let message = format!(
                "`size` takes a String or a list, here {}: compare it directly",
                typed.ty
            );
            self.mismatch(sized, typed.attribute, message);
        }
        self.emit(Op::Size, Ty::Int)
    }

    fn string(&mut self, name: &str, ast: &'c Ast) {
        let typed = self.expr(ast);
        if !typed.ty.may_be(&Ty::String) {
            let message = format!(
                "`{name}` takes a String, here {}: convert it with `string(...)`",
                typed.ty
            );
            self.mismatch(ast, typed.attribute, message);
        }
    }

    fn matches(&mut self, text: &'c Ast, pattern: &'c Ast) -> Typed<'c> {
        self.string("matches", text);
        let Some(literal) = string_literal(pattern) else {
            return self.unsupported(
                pattern,
                "the pattern of `matches` is a literal: write it in quotes",
            );
        };
        if link::compile_regex(literal).is_err() {
            let message = format!("`{literal}` is no pattern in RE2 syntax, or too large: correct it");
            self.report(self.error(ExprErrorKind::InvalidRegex, pattern, message));
        }
        self.emit(Op::Matches(literal.to_owned()), Ty::Bool)
    }

    fn duration(&mut self, ast: &'c Ast) -> Typed<'c> {
        let Some(text) = string_literal(ast) else {
            return self.unsupported(ast, "`duration` takes a literal: write `duration(\"72h\")`");
        };
        let duration = literal::parse_duration(text);
        if duration.is_none() {
            let message = format!("`{text}` is no duration: write one such as `72h`, `1h30m` or `1.5s`");
            self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message));
        }
        self.emit(Op::Duration(duration.unwrap_or_default()), Ty::Duration)
    }

    fn timestamp(&mut self, ast: &'c Ast) -> Typed<'c> {
        let Some(text) = string_literal(ast) else {
            return self.unsupported(
                ast,
                "`timestamp` takes a literal: write `timestamp(\"2026-12-01T00:00:00Z\")`",
            );
        };
        let timestamp = literal::parse_timestamp(text);
        if timestamp.is_none() {
            let message =
                format!("`{text}` is no RFC 3339 instant: write one such as `2026-12-01T00:00:00Z`");
            self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message));
        }
        self.emit(Op::Timestamp(timestamp.unwrap_or_default()), Ty::Timestamp)
    }

    fn convert(&mut self, name: &str, target: Target, from: &'c Ast) -> Typed<'c> {
        let typed = self.expr(from);
        let (ty, takes) = match target {
            Target::Int => {
                let takes = matches!(
                    typed.ty,
                    Ty::Int | Ty::Double | Ty::String | Ty::Timestamp | Ty::Any
                );
                (Ty::Int, takes)
            }
            Target::Double => (
                Ty::Double,
                matches!(typed.ty, Ty::Int | Ty::Double | Ty::String | Ty::Any),
            ),
            Target::String => (
                Ty::String,
                matches!(typed.ty, Ty::String | Ty::Int | Ty::Bool | Ty::Any),
            ),
        };
        if !takes {
            let message = format!("`{name}` does not convert {}: compare it as it is", typed.ty);
            self.mismatch(from, typed.attribute, message);
        }
        self.emit(Op::Convert(target), ty)
    }

    fn part(&mut self, name: &str, part: Part, of: &'c Ast, zone: Option<&'c Ast>) -> Typed<'c> {
        let typed = self.expr(of);
        let of_durations = matches!(
            part,
            Part::Hours | Part::Minutes | Part::Seconds | Part::Milliseconds
        );
        let takes = match typed.ty {
            Ty::Timestamp | Ty::Any => true,
            Ty::Duration => of_durations && zone.is_none(),
            _ => false,
        };
        if !takes {
            let message = format!("`{name}` takes a Timestamp, here {}: ask it of one", typed.ty);
            self.mismatch(of, typed.attribute, message);
        }
        let zone = match zone.map(|ast| (ast, string_literal(ast))) {
            None | Some((_, Some(""))) => None,
            Some((_, Some(name))) if zone::find(name).is_some() => Some(name.to_owned()),
            Some((ast, Some(name))) => {
                let message =
                    format!("`{name}` is no time zone: write one such as `Europe/Berlin` or `+02:00`");
                return self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message));
            }
            Some((ast, None)) => {
                return self.unsupported(ast, "a time zone is a literal: write it in quotes");
            }
        };
        self.emit(Op::Part(part, zone), Ty::Int)
    }
}

fn takes_bodies(kind: Loop, bodies: usize) -> bool {
    bodies == 1 || (kind == Loop::Map && bodies == 2)
}

fn usage(function: Function) -> &'static str {
    match function {
        Function::Has => "has(user.tier)",
        Function::Size => "size(x)",
        Function::Text(_) => "x.NAME(\"...\")",
        Function::Matches => "x.matches(\"...\")",
        Function::Duration => "duration(\"72h\")",
        Function::Timestamp => "timestamp(\"2026-12-01T00:00:00Z\")",
        Function::Convert(_) => "NAME(x)",
        Function::Part(_) => "x.NAME()",
        Function::Macro(Loop::Map) => "list.map(x, ...)",
        Function::Macro(_) => "list.NAME(x, ...)",
    }
}
