//! What the unit did and was shown, as rules ask for it.

use cel::common::ast::{CallExpr, Expr};
use cel::parser::Expression as Ast;

use super::{Checker, string_literal};
use crate::event::MAX_NAME_BYTES;
use crate::expr::error::ExprErrorKind;
use crate::expr::literal;
use crate::expr::node::Op;
use crate::expr::schema::closest;
use crate::expr::types::{Ty, Typed};
use crate::history::{MAX_WINDOW, ShownKind};

#[cfg(test)]
mod tests;

/// The unit's past in rules: no attribute, whatever a contract declares.
pub(super) const NAME: &str = "history";

/// How each question is written.
const USAGES: [(&str, &str); 4] = [
    ("count", "history.count(\"purchase\", duration(\"720h\"))"),
    ("last", "history.last(\"purchase\")"),
    ("shown", "history.shown(\"Program/loyalty\", duration(\"168h\"))"),
    ("lastShown", "history.lastShown(\"Program/loyalty\")"),
];

/// The questions that history answers.
pub(in crate::expr) fn names() -> impl Iterator<Item = &'static str> {
    USAGES.iter().map(|(question, _)| *question)
}

impl<'c> Checker<'c> {
    /// How often, or when last, the unit did something, or was shown something.
    pub(super) fn history(&mut self, ast: &'c Ast, call: &'c CallExpr) -> Typed<'c> {
        if self.schema.is_of_events() {
            return self.unsupported(
                ast,
                "an event has no history: write a condition on its `properties`",
            );
        }
        self.question(ast, call).unwrap_or_else(|told| told)
    }

    /// One question; what is wrong with it is reported, and stands in place of the value.
    fn question(&mut self, ast: &'c Ast, call: &'c CallExpr) -> Result<Typed<'c>, Typed<'c>> {
        let question = call.func_name.as_str();
        let Some((_, usage)) = USAGES.iter().find(|(known, _)| *known == question) else {
            return Err(self.unknown_question(ast, question));
        };
        let (op, ty) = match (question, call.args.as_slice()) {
            ("last", [event]) => (Op::HistoryLast(self.outcome(event, usage)?), Ty::Timestamp),
            ("count", [event, window]) => {
                let event = self.outcome(event, usage)?;
                (Op::HistoryCount(event, self.window(window, usage)?), Ty::Int)
            }
            ("lastShown", [what]) => {
                let (kind, name) = self.thing(what, usage)?;
                (Op::HistoryLastShown(kind, name), Ty::Timestamp)
            }
            ("shown", [what, window]) => {
                let (kind, name) = self.thing(what, usage)?;
                (Op::HistoryShown(kind, name, self.window(window, usage)?), Ty::Int)
            }
            _ => {
                let message = format!(
                    "`history.{question}` is called with other arguments than it takes: write `{usage}`"
                );
                return Err(self.report(self.error(ExprErrorKind::TypeMismatch, ast, message)));
            }
        };
        Ok(self.emit(op, ty))
    }

    fn unknown_question(&mut self, ast: &Ast, question: &str) -> Typed<'c> {
        let usages = USAGES.map(|(_, usage)| format!("`{usage}`")).join(" or ");
        let message = format!("history has no `{question}`: write {usages}");
        let suggestion = closest(question, USAGES.iter().map(|(known, _)| *known));
        self.report(
            self.error(ExprErrorKind::UnknownFunction, ast, message)
                .suggest(suggestion),
        )
    }

    /// The name of an outcome, else what is wrong with it.
    fn outcome(&mut self, ast: &'c Ast, usage: &str) -> Result<String, Typed<'c>> {
        match string_literal(ast) {
            Some(event) if !event.is_empty() && event.len() <= MAX_NAME_BYTES => Ok(event.to_owned()),
            _ => {
                let message = format!(
                    "an outcome is named by a literal of 1 to {MAX_NAME_BYTES} bytes: write `{usage}`"
                );
                Err(self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message)))
            }
        }
    }

    /// The kind and name of what may be shown, else what is wrong with it.
    fn thing(&mut self, ast: &'c Ast, usage: &str) -> Result<(ShownKind, String), Typed<'c>> {
        let written = string_literal(ast);
        let parts = written.and_then(|written| written.split_once('/'));
        let named = parts.and_then(|(kind, name)| Some((ShownKind::of_resource(kind)?, name)));
        match named {
            Some((kind, name)) if is_object_name(name) => Ok((kind, name.to_owned())),
            _ => {
                let written =
                    written.map_or_else(String::new, |written| format!(", and `{written}` is none"));
                let message = format!(
                    "what was shown is the literal name of a ChannelBinding, ContentModule, Program or Channel after its \
                     kind{written}: write `{usage}`"
                );
                Err(self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message)))
            }
        }
    }

    /// How far back, else what is wrong with it.
    fn window(&mut self, ast: &'c Ast, usage: &str) -> Result<jiff::SignedDuration, Typed<'c>> {
        match span(ast) {
            Some(window) if window.is_positive() && window <= MAX_WINDOW => Ok(window),
            _ => {
                let days = MAX_WINDOW.as_hours() / 24;
                let message =
                    format!("history is counted over a literal of at most {days} days: write `{usage}`");
                Err(self.report(self.error(ExprErrorKind::InvalidLiteral, ast, message)))
            }
        }
    }
}

/// Whether an object may be called so.
fn is_object_name(name: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// The length that `duration("...")` spells.
fn span(ast: &Ast) -> Option<jiff::SignedDuration> {
    match &ast.expr {
        Expr::Call(call) if call.func_name == "duration" && call.target.is_none() => {
            literal::parse_duration(string_literal(call.args.first()?)?)
        }
        _ => None,
    }
}
