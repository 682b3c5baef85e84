//! An expression term by term, for translators that carry what they can and must know what they cannot.
//!
//! Where [`condition`](super::condition) gives all or nothing, a [`Clause`] keeps the terms that have no translation apart from
//! those that have one. The meaning of errors is the same: what is missing is neither true nor false.

use jiff::Timestamp;

use super::condition::{self, Condition, Side};
use super::logic::tree::Tree;
use super::node::{Comparison, Expression, Op};

#[cfg(test)]
mod tests;

/// A boolean expression, taken apart at its operators.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause<'e> {
    /// All of them.
    All(Vec<Self>),
    /// Any of them.
    Any(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// The second where the first is true, the third where it is false.
    If(Box<[Self; 3]>),
    /// The decision's instant lies on that side of another.
    Now(Side, Timestamp),
    /// A term that can be translated.
    Term(Condition<'e>),
    /// A term that cannot, and the operation that is the reason.
    Opaque(&'static str),
}

impl Expression {
    /// The expression, term by term.
    pub fn clause(&self) -> Clause<'_> {
        // INVARIANT: a compiled expression is one whole tree.
        Tree::of(self.ops()).map_or(Clause::Opaque("an incomplete expression"), |tree| clause(&tree))
    }
}

fn clause<'e>(tree: &Tree<'e>) -> Clause<'e> {
    let parts = || tree.parts.iter().map(clause);
    match (tree.op, tree.parts.as_slice()) {
        (Op::And(_), _) => Clause::All(parts().collect()),
        (Op::Or(_), _) => Clause::Any(parts().collect()),
        (Op::Not, [part]) => Clause::Not(Box::new(clause(part))),
        (Op::If, [condition, then, otherwise]) => {
            Clause::If(Box::new([clause(condition), clause(then), clause(otherwise)]))
        }
        (Op::Compare(comparison), [left, right]) => match (left.op, right.op) {
            (Op::Now, Op::Timestamp(at)) => now(*comparison, *at),
            (Op::Timestamp(at), Op::Now) => now(comparison.mirrored(), *at),
            _ => term(tree),
        },
        _ => term(tree),
    }
}

fn now<'e>(comparison: Comparison, at: Timestamp) -> Clause<'e> {
    match comparison {
        Comparison::Less => Clause::Now(Side::Below, at),
        Comparison::LessOrEqual => Clause::Now(Side::UpTo, at),
        Comparison::Greater => Clause::Now(Side::Above, at),
        Comparison::GreaterOrEqual => Clause::Now(Side::From, at),
        Comparison::Equal | Comparison::NotEqual => Clause::Opaque("whether two instants are the same"),
    }
}

fn term<'e>(tree: &Tree<'e>) -> Clause<'e> {
    match condition::translate(tree.ops) {
        Ok(condition) => Clause::Term(condition),
        Err(error) => Clause::Opaque(error.what()),
    }
}
