//! Operators.

use cel::common::ast::{CallExpr, Expr, operators};
use cel::parser::Expression as Ast;

use super::{Checker, string_literals};
use crate::expr::node::{Arith, Comparison, Op};
use crate::expr::types::{Ty, Typed};

impl<'c> Checker<'c> {
    pub(super) fn call(&mut self, ast: &'c Ast, call: &'c CallExpr) -> Typed<'c> {
        match (
            call.func_name.as_str(),
            call.target.as_deref(),
            call.args.as_slice(),
        ) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, _) => self.logic(ast, call),
            (operators::LOGICAL_NOT, None, [term]) => {
                self.condition(term);
                self.emit(Op::Not, Ty::Bool)
            }
            (operators::NEGATE, None, [number]) => self.negate(number),
            (operators::CONDITIONAL, None, [condition, then, otherwise]) => {
                self.ternary(ast, condition, then, otherwise)
            }
            (operators::IN, None, [needle, list]) => self.contains(ast, needle, list),
            (operators::INDEX, None, [list, index]) => self.index(list, index),
            (name, None, [left, right]) => match (comparison(name), arith(name)) {
                (Some(comparison), _) => self.compare(ast, comparison, left, right),
                (None, Some(operator)) => self.arith(ast, operator, left, right),
                (None, None) => self.function(ast, call),
            },
            _ => self.function(ast, call),
        }
    }

    /// An expression that must be a Bool.
    pub(super) fn condition(&mut self, ast: &'c Ast) {
        let typed = self.expr(ast);
        if !typed.ty.may_be(&Ty::Bool) {
            let message = format!(
                "a condition is a Bool, here {}: compare it with something",
                typed.ty
            );
            self.mismatch(ast, typed.attribute, message);
        }
    }

    /// A chain of one of `&&` and `||`, however it was nested.
    fn logic(&mut self, ast: &'c Ast, call: &'c CallExpr) -> Typed<'c> {
        let mut terms = Vec::new();
        flatten(&call.func_name, ast, &mut terms);
        for term in &terms {
            self.condition(term);
        }
        // INVARIANT: a source of 16 KiB has fewer terms than a u32 counts.
        let count = u32::try_from(terms.len()).unwrap_or(u32::MAX);
        let op = if call.func_name == operators::LOGICAL_AND {
            Op::And(count)
        } else {
            Op::Or(count)
        };
        self.emit(op, Ty::Bool)
    }

    fn negate(&mut self, number: &'c Ast) -> Typed<'c> {
        let typed = self.expr(number);
        if typed.ty.may_be_number() {
            return self.emit(Op::Negate, typed.ty);
        }
        let message = format!(
            "`-` takes a number, here {}: subtract it from something instead",
            typed.ty
        );
        self.mismatch(number, typed.attribute, message)
    }

    fn ternary(&mut self, ast: &Ast, condition: &'c Ast, then: &'c Ast, otherwise: &'c Ast) -> Typed<'c> {
        self.condition(condition);
        let then = self.expr(then);
        let otherwise = self.expr(otherwise);
        if let Some(ty) = then.ty.clone().join(&otherwise.ty) {
            return self.emit(Op::If, ty);
        }
        let advice = advice(&then.ty, &otherwise.ty);
        let message = format!(
            "both sides of `:` have one type, here {} and {}: {advice}",
            then.ty, otherwise.ty
        );
        self.mismatch(ast, then.attribute.or(otherwise.attribute), message)
    }

    fn compare(&mut self, ast: &Ast, comparison: Comparison, left: &'c Ast, right: &'c Ast) -> Typed<'c> {
        let (left_ast, right_ast) = (left, right);
        let (left, right) = (self.expr(left), self.expr(right));
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let fits = if equality {
            left.ty.equates(&right.ty)
        } else {
            left.ty.orders(&right.ty)
        };
        if fits {
            if equality {
                self.contract(left.attribute, right_ast);
                self.contract(right.attribute, left_ast);
            }
        } else {
            let message = format!(
                "cannot compare {} with {}: {}",
                left.ty,
                right.ty,
                advice(&left.ty, &right.ty)
            );
            self.mismatch(ast, left.attribute.or(right.attribute), message);
        }
        self.emit(Op::Compare(comparison), Ty::Bool)
    }

    fn contains(&mut self, ast: &Ast, needle_ast: &'c Ast, list_ast: &'c Ast) -> Typed<'c> {
        let needle = self.expr(needle_ast);
        match &list_ast.expr {
            // Entry by entry: numbers may mix here, and a mistake is told where it is.
            Expr::List(list) if string_literals(list).is_none() => {
                for entry_ast in &list.elements {
                    let entry = self.expr(entry_ast);
                    self.entry(entry_ast, &needle, &entry.ty);
                }
                self.gather(ast, list.elements.len());
            }
            _ => {
                let list = self.expr(list_ast);
                match &list.ty {
                    Ty::List(entry) => self.entry(ast, &needle, entry),
                    Ty::Any => {}
                    other => {
                        let message = format!("`in` takes a list on its right, here {other}: write `==`");
                        self.mismatch(ast, list.attribute.or(needle.attribute), message);
                    }
                }
                self.contract(list.attribute, needle_ast);
            }
        }
        self.contract(needle.attribute, list_ast);
        self.emit(Op::In, Ty::Bool)
    }

    fn entry(&mut self, ast: &Ast, needle: &Typed<'c>, entry: &Ty) {
        if !needle.ty.equates(entry) {
            let message = format!(
                "cannot find {} among {entry}: {}",
                needle.ty,
                advice(&needle.ty, entry)
            );
            self.mismatch(ast, needle.attribute, message);
        }
    }

    fn index(&mut self, list_ast: &'c Ast, index_ast: &'c Ast) -> Typed<'c> {
        let (list, index) = (self.expr(list_ast), self.expr(index_ast));
        if !index.ty.may_be(&Ty::Int) {
            let message = format!("an index is an Int, here {}: write a whole number", index.ty);
            self.mismatch(index_ast, index.attribute, message);
        }
        let entry = match list.ty {
            Ty::List(entry) => *entry,
            Ty::Any => Ty::Any,
            other => {
                let message = format!("only lists have an index, here {other}: remove it");
                return self.mismatch(list_ast, list.attribute, message);
            }
        };
        self.ops.push(Op::Index);
        Typed {
            ty: entry,
            attribute: list.attribute,
        }
    }

    fn arith(&mut self, ast: &Ast, operator: Arith, left: &'c Ast, right: &'c Ast) -> Typed<'c> {
        let (left, right) = (self.expr(left), self.expr(right));
        if let Some(ty) = Ty::arith(operator, &left.ty, &right.ty) {
            return self.emit(Op::Arith(operator), ty);
        }
        let symbol = symbol(operator);
        let advice = match (&left.ty, &right.ty) {
            // A span is more often meant here than an instant.
            (Ty::Timestamp, Ty::String) => "write `duration(\"...\")`",
            (left, right) => advice(left, right),
        };
        let message = format!("`{symbol}` does not take {} and {}: {advice}", left.ty, right.ty);
        self.mismatch(ast, left.attribute.or(right.attribute), message)
    }
}

fn flatten<'c>(name: &str, ast: &'c Ast, terms: &mut Vec<&'c Ast>) {
    match &ast.expr {
        Expr::Call(call) if call.func_name == name && call.target.is_none() => {
            call.args.iter().for_each(|arg| flatten(name, arg, terms));
        }
        _ => terms.push(ast),
    }
}

/// What to write instead of a mix of two types.
fn advice(left: &Ty, right: &Ty) -> &'static str {
    match (left, right) {
        (Ty::Timestamp, Ty::String) | (Ty::String, Ty::Timestamp) => "write `timestamp(\"...\")`",
        (Ty::Duration, Ty::String | Ty::Int | Ty::Double)
        | (Ty::String | Ty::Int | Ty::Double, Ty::Duration) => "write `duration(\"...\")`",
        (Ty::Int, Ty::Double) | (Ty::Double, Ty::Int) => {
            "write the number with a `.0`, or convert it with `double(...)`"
        }
        (Ty::Int | Ty::Double, Ty::String) | (Ty::String, Ty::Int | Ty::Double) => {
            "write the number without quotes, or convert with `string(...)`"
        }
        (Ty::Bool, Ty::String) | (Ty::String, Ty::Bool) => "write `true` or `false` without quotes",
        (Ty::List(_), Ty::List(_)) => "use lists of one type",
        (Ty::List(_), _) | (_, Ty::List(_)) => "write `... in ...` to look into a list",
        _ => "use values of one type",
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    match name {
        operators::EQUALS => Some(Comparison::Equal),
        operators::NOT_EQUALS => Some(Comparison::NotEqual),
        operators::LESS => Some(Comparison::Less),
        operators::LESS_EQUALS => Some(Comparison::LessOrEqual),
        operators::GREATER => Some(Comparison::Greater),
        operators::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

fn arith(name: &str) -> Option<Arith> {
    match name {
        operators::ADD => Some(Arith::Add),
        operators::SUBSTRACT => Some(Arith::Subtract),
        operators::MULTIPLY => Some(Arith::Multiply),
        operators::DIVIDE => Some(Arith::Divide),
        operators::MODULO => Some(Arith::Remainder),
        _ => None,
    }
}

fn symbol(operator: Arith) -> char {
    match operator {
        Arith::Add => '+',
        Arith::Subtract => '-',
        Arith::Multiply => '*',
        Arith::Divide => '/',
        Arith::Remainder => '%',
    }
}
