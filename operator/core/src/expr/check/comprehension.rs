//! Macros over lists.

use cel::common::ast::Expr;
use cel::parser::Expression as Ast;

use super::Checker;
use crate::expr::node::{Loop, Op};
use crate::expr::types::{Ty, Typed};

impl<'c> Checker<'c> {
    /// `range.kind(variable, bodies...)`
    pub(super) fn comprehension(
        &mut self,
        kind: Loop,
        range_ast: &'c Ast,
        variable: &'c Ast,
        bodies: &[&'c Ast],
    ) -> Typed<'c> {
        let range = self.expr(range_ast);
        let item = match &range.ty {
            Ty::List(entry) => (**entry).clone(),
            Ty::Any => Ty::Any,
            other => {
                let message = format!("macros go over lists, here {other}: compare it directly");
                self.mismatch(range_ast, range.attribute, message).ty
            }
        };
        let Some(name) = self.variable_name(variable) else {
            return Typed::wrong();
        };
        self.ops.push(Op::Bind);
        self.variables.push((
            name,
            Typed {
                ty: item.clone(),
                attribute: range.attribute,
            },
        ));
        let body = self.bodies(kind, bodies);
        self.variables.pop();
        match kind {
            Loop::Exists | Loop::All | Loop::ExistsOne => self.emit(Op::Loop(kind), Ty::Bool),
            Loop::Filter => {
                self.ops.push(Op::Loop(kind));
                Typed {
                    ty: Ty::list(item),
                    attribute: range.attribute,
                }
            }
            Loop::Map | Loop::MapWhere => {
                self.ops.push(Op::Loop(if bodies.len() == 1 {
                    Loop::Map
                } else {
                    Loop::MapWhere
                }));
                Typed {
                    ty: Ty::list(body.ty),
                    attribute: body.attribute,
                }
            }
        }
    }

    /// Checks the condition and the value of a macro; gives what the last of them is.
    fn bodies(&mut self, kind: Loop, bodies: &[&'c Ast]) -> Typed<'c> {
        match (kind, bodies) {
            (Loop::Map | Loop::MapWhere, [value]) => self.expr(value),
            (Loop::Map | Loop::MapWhere, [condition, value]) => {
                self.condition(condition);
                self.expr(value)
            }
            _ => {
                for condition in bodies {
                    self.condition(condition);
                }
                Ty::Bool.into()
            }
        }
    }

    /// The name of a macro's variable, which must not hide an attribute: what it hides would depend on the contract.
    fn variable_name(&mut self, ast: &'c Ast) -> Option<&'c str> {
        match &ast.expr {
            Expr::Ident(name) if name.starts_with('.') || self.schema.has_root(name) => {
                let message =
                    format!("`{name}` is the name of an attribute: call the variable something else");
                self.unsupported(ast, &message);
                None
            }
            Expr::Ident(name) => Some(name),
            _ => {
                self.unsupported(ast, "the variable of a macro is a name: write one such as `x`");
                None
            }
        }
    }
}
