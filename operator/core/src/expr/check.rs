//! From a syntax tree to operations, with every type checked on the way.
//!
//! A mistake is recorded and its expression taken to be anything, so that one pass finds them all.

mod comprehension;
mod function;
mod history;
mod operator;
#[cfg(test)]
mod tests;

pub(super) use function::names as function_names;
pub(super) use history::names as history_names;

use cel::common::ast::{Expr, ListExpr, LiteralValue, operators};
use cel::parser::Expression as Ast;

use super::error::{ExprError, ExprErrorKind};
use super::node::Op;
use super::parse::Parsed;
use super::schema::{Attribute, Meaning, Schema, closest};
use super::types::{Ty, Typed};
use crate::value::AttributeType;

/// The operations of a syntax tree and the type of its value, or its mistakes.
pub(super) fn check(parsed: &Parsed<'_>, schema: &Schema) -> Result<(Vec<Op>, Ty), Vec<ExprError>> {
    let mut checker = Checker {
        schema,
        parsed,
        ops: Vec::new(),
        variables: Vec::new(),
        errors: Vec::new(),
    };
    let typed = checker.expr(&parsed.ast);
    if checker.errors.is_empty() {
        Ok((checker.ops, typed.ty))
    } else {
        Err(checker.errors)
    }
}

struct Checker<'c> {
    schema: &'c Schema,
    parsed: &'c Parsed<'c>,
    ops: Vec<Op>,
    /// Of the macros around, the innermost last.
    variables: Vec<(&'c str, Typed<'c>)>,
    errors: Vec<ExprError>,
}

impl<'c> Checker<'c> {
    fn expr(&mut self, ast: &'c Ast) -> Typed<'c> {
        match &ast.expr {
            Expr::Literal(literal) => self.literal(ast, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(ast),
            Expr::List(list) => self.list(ast, list),
            Expr::Call(call) => self.call(ast, call),
            Expr::Map(_) => self.unsupported(ast, "maps are out of scope: compare the attributes themselves"),
            Expr::Struct(_) => self.unsupported(
                ast,
                "messages are out of scope: compare the attributes themselves",
            ),
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.unsupported(ast, "this is out of scope: write a comparison")
            }
        }
    }

    fn emit(&mut self, op: Op, ty: Ty) -> Typed<'c> {
        self.ops.push(op);
        ty.into()
    }

    fn report(&mut self, error: ExprError) -> Typed<'c> {
        self.errors.push(error);
        Typed::wrong()
    }

    fn error(&self, kind: ExprErrorKind, ast: &Ast, message: impl Into<String>) -> ExprError {
        ExprError::new(kind, self.start(ast), message)
    }

    fn unsupported(&mut self, ast: &Ast, message: &str) -> Typed<'c> {
        self.report(self.error(ExprErrorKind::Unsupported, ast, message))
    }

    fn mismatch(&mut self, ast: &Ast, about: Option<&Attribute>, message: String) -> Typed<'c> {
        let error = self.error(ExprErrorKind::TypeMismatch, ast, message);
        self.report(match about {
            Some(attribute) => error.about(&attribute.name),
            None => error,
        })
    }

    /// Where an expression is said to be: attributes and functions at their first letter, operators at theirs.
    fn start(&self, ast: &Ast) -> usize {
        match &ast.expr {
            Expr::Select(select) => self.start(&select.operand),
            Expr::Call(call) => match call.args.first() {
                Some(list) if call.func_name == operators::INDEX => self.start(list),
                _ => self.parsed.call_offset(ast.id, &call.func_name),
            },
            _ => self.parsed.offset(ast.id),
        }
    }

    fn literal(&mut self, ast: &Ast, literal: &LiteralValue) -> Typed<'c> {
        match literal {
            LiteralValue::Boolean(bool) => self.emit(Op::Bool(**bool), Ty::Bool),
            LiteralValue::Int(int) => self.emit(Op::Int(**int), Ty::Int),
            LiteralValue::Double(double) => self.emit(Op::Double(**double), Ty::Double),
            LiteralValue::String(string) => self.emit(Op::String(string.inner().to_owned()), Ty::String),
            LiteralValue::Null => self.unsupported(
                ast,
                "`null` is absent: write `has(...)` to ask whether an attribute is present",
            ),
            LiteralValue::UInt(_) => {
                self.unsupported(ast, "unsigned numbers are out of scope: write it without `u`")
            }
            LiteralValue::Bytes(_) => self.unsupported(ast, "bytes are out of scope: write a string"),
        }
    }

    fn name(&mut self, ast: &'c Ast) -> Typed<'c> {
        let Some(name) = path(ast) else {
            return self.unsupported(ast, "computed values have no fields: name an attribute");
        };
        if name.starts_with('.') {
            return self.unsupported(ast, "names are absolute already: remove the leading `.`");
        }
        let (root, field) = name
            .split_once('.')
            .map_or((name.as_str(), None), |(root, rest)| (root, Some(rest)));
        if let Some((index, variable)) = self.variable(root) {
            if field.is_some() {
                let message = format!("`{root}` is an entry of a list and has no fields: write `{root}`");
                return self.mismatch(ast, variable.attribute, message);
            }
            self.ops.push(Op::Var(index));
            return variable;
        }
        match self.schema.find(&name) {
            Some(Meaning::Now) => self.emit(Op::Now, Ty::Timestamp),
            Some(Meaning::Dynamic) => self.emit(Op::ListAttr(name), Ty::Any),
            Some(Meaning::Declared(attribute)) => {
                let is_list = attribute.ty == AttributeType::StringList;
                self.ops.push(if is_list {
                    Op::ListAttr(name)
                } else {
                    Op::Attr(name)
                });
                Typed {
                    ty: attribute.ty.into(),
                    attribute: Some(attribute),
                }
            }
            None => self.unknown(ast, &name),
        }
    }

    /// The variable of this name, and how many macros out it is.
    fn variable(&self, name: &str) -> Option<(u8, Typed<'c>)> {
        let (index, (_, typed)) = self
            .variables
            .iter()
            .rev()
            .enumerate()
            .find(|(_, (own, _))| *own == name)?;
        Some((u8::try_from(index).ok()?, typed.clone()))
    }

    fn unknown(&mut self, ast: &Ast, name: &str) -> Typed<'c> {
        let variables = self.variables.iter().map(|(variable, _)| *variable);
        let suggestion = closest(name, self.schema.names().chain(variables));
        let advice = match suggestion {
            Some(_) => "correct the name or declare it in a DataContract",
            None => "declare it in a DataContract",
        };
        let message = format!("attribute `{name}` is not declared: {advice}");
        let error = self
            .error(ExprErrorKind::UnknownAttribute, ast, message)
            .about(name)
            .suggest(suggestion);
        self.report(error)
    }

    fn list(&mut self, ast: &'c Ast, list: &'c ListExpr) -> Typed<'c> {
        if let Some(strings) = string_literals(list) {
            let entry = if strings.is_empty() { Ty::Any } else { Ty::String };
            return self.emit(Op::Strings(strings), Ty::list(entry));
        }
        let mut joined = None;
        for entry_ast in &list.elements {
            let entry = self.expr(entry_ast);
            let before = joined.take().unwrap_or_else(|| entry.ty.clone());
            joined = before.clone().join(&entry.ty);
            if joined.is_none() {
                let message = format!(
                    "a list holds values of one type, here {before} and {}: write two",
                    entry.ty
                );
                self.mismatch(entry_ast, entry.attribute, message);
                joined = Some(Ty::Any);
            }
        }
        self.gather(ast, list.elements.len());
        Ty::list(joined.unwrap_or(Ty::Any)).into()
    }

    fn gather(&mut self, ast: &Ast, count: usize) {
        match u32::try_from(count) {
            Ok(count) => self.ops.push(Op::List(count)),
            Err(_) => {
                self.report(self.error(ExprErrorKind::TooLarge, ast, "the list is too long: shorten it"));
            }
        }
    }

    /// Reports the string literals of `ast` that the contract of `attribute` does not list.
    fn contract(&mut self, attribute: Option<&'c Attribute>, ast: &Ast) {
        let Some(attribute) = attribute.filter(|attribute| !attribute.values.is_empty()) else {
            return;
        };
        match &ast.expr {
            Expr::Literal(LiteralValue::String(literal)) => {
                self.contract_value(attribute, ast, literal.inner());
            }
            Expr::List(list) => list
                .elements
                .iter()
                .for_each(|entry| self.contract(Some(attribute), entry)),
            _ => {}
        }
    }

    fn contract_value(&mut self, attribute: &Attribute, ast: &Ast, literal: &str) {
        if attribute.values.iter().any(|value| value == literal) {
            return;
        }
        let suggestion = closest(literal, attribute.values.iter().map(String::as_str));
        let message = format!(
            "`{literal}` is not among the values of `{}`: write one of {}",
            attribute.name,
            some_of(&attribute.values)
        );
        let error = self.error(ExprErrorKind::ValueNotInContract, ast, message);
        self.report(error.about(&attribute.name).suggest(suggestion));
    }
}

/// The dotted name that an expression spells, if it does.
fn path(ast: &Ast) -> Option<String> {
    match &ast.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}

fn string_literal(ast: &Ast) -> Option<&str> {
    match &ast.expr {
        Expr::Literal(LiteralValue::String(string)) => Some(string.inner()),
        _ => None,
    }
}

/// The entries of a list of nothing but string literals.
fn string_literals(list: &ListExpr) -> Option<Vec<String>> {
    list.elements
        .iter()
        .map(|entry| string_literal(entry).map(str::to_owned))
        .collect()
}

/// A few of the values, in backticks.
fn some_of(values: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = values
        .iter()
        .take(SHOWN)
        .map(|value| format!("`{value}`"))
        .collect();
    let more = if values.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
