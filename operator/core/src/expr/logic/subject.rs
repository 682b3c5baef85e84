//! What tests are about.

use super::{Kind, Reader, Scalar, Subject};
use crate::expr::logic::tree::Tree;
use crate::expr::node::{Arith, Op, Target};
use crate::value::AttributeType;

impl Reader<'_> {
    pub(super) fn subject(&self, tree: &Tree<'_>, kind: Kind) -> Subject {
        match tree.op {
            Op::Attr(name) | Op::ListAttr(name) => self.attribute(name),
            _ => Subject {
                // Two computations are the same where their operations are.
                text: format!("{:?}", tree.ops),
                is_attribute: false,
                kind,
            },
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Subject {
        Subject {
            text: name.to_owned(),
            is_attribute: true,
            // Of what is not declared, only the presence can be tested.
            kind: self.attribute_kind(name).unwrap_or(Kind::List),
        }
    }

    pub(super) fn attribute_kind(&self, name: &str) -> Option<Kind> {
        Some(match (self.type_of)(name)? {
            AttributeType::Bool => Kind::Bool,
            AttributeType::Int => Kind::Integer,
            AttributeType::Double => Kind::Number,
            AttributeType::String => Kind::Text,
            AttributeType::Timestamp => Kind::Instant,
            AttributeType::StringList => Kind::List,
        })
    }

    /// What values something has; `None` where that is known only when it is evaluated, and for computed doubles, which may
    /// be "not a number".
    pub(super) fn kind(&self, tree: &Tree<'_>) -> Option<Kind> {
        match (tree.op, tree.parts.as_slice()) {
            (Op::Attr(name), _) => self.attribute_kind(name),
            (Op::Now, _) => Some(Kind::Instant),
            (Op::Size | Op::Part(..) | Op::Convert(Target::Int), _) => Some(Kind::Integer),
            (Op::Convert(Target::String), _) => Some(Kind::Text),
            (Op::Negate, [part]) => self.kind(part).filter(|kind| *kind == Kind::Integer),
            (Op::Arith(operator), [left, right]) => computed(
                *operator,
                self.kind_or_literal(left)?,
                self.kind_or_literal(right)?,
            ),
            _ => None,
        }
    }

    fn kind_or_literal(&self, tree: &Tree<'_>) -> Option<Kind> {
        match tree.op {
            Op::Int(_) => Some(Kind::Integer),
            Op::String(_) => Some(Kind::Text),
            Op::Timestamp(_) => Some(Kind::Instant),
            Op::Duration(_) => Some(Kind::Span),
            _ => self.kind(tree),
        }
    }
}

fn computed(operator: Arith, left: Kind, right: Kind) -> Option<Kind> {
    match (operator, left, right) {
        (_, Kind::Integer, Kind::Integer) => Some(Kind::Integer),
        (Arith::Add, Kind::Text, Kind::Text) => Some(Kind::Text),
        (Arith::Subtract, Kind::Instant, Kind::Instant)
        | (Arith::Add | Arith::Subtract, Kind::Span, Kind::Span) => Some(Kind::Span),
        (Arith::Add | Arith::Subtract, Kind::Instant, Kind::Span)
        | (Arith::Add, Kind::Span, Kind::Instant) => Some(Kind::Instant),
        _ => None,
    }
}

impl Scalar {
    /// Whether subjects of a kind have values of this sort.
    pub fn is_of(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Bool(_), Kind::Bool)
                | (Self::Number(_), Kind::Integer | Kind::Number)
                | (Self::Text(_), Kind::Text)
                | (Self::Instant(_), Kind::Instant)
                | (Self::Span(_), Kind::Span)
        )
    }
}
