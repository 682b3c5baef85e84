//! The static types of expressions.

use std::fmt;

use super::node::Arith;
use super::schema::Attribute;
use crate::value::AttributeType;

/// What an expression gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    /// Known only when evaluated: a dynamic attribute, an entry of `[]`, or what follows from a reported mistake.
    Any,
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    List(Box<Ty>),
}

impl Ty {
    pub(super) fn list(entry: Self) -> Self {
        Self::List(Box::new(entry))
    }

    /// Whether it may turn out to be `other`.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }

    pub(super) fn may_be_number(&self) -> bool {
        matches!(self, Self::Any | Self::Int | Self::Double)
    }

    /// Whether `==` can hold between the two.
    pub(super) fn equates(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => left.equates(right),
            _ => self.may_be(other) || *other == Self::Any || (self.may_be_number() && other.may_be_number()),
        }
    }

    /// Whether `<` can order the two.
    pub(super) fn orders(&self, other: &Self) -> bool {
        !matches!((self, other), (Self::List(_), _) | (_, Self::List(_))) && self.equates(other)
    }

    /// The type of what is either of the two.
    pub(super) fn join(self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::List(left), Self::List(right)) => left.join(right).map(Self::list),
            (left, right) => (left == *right).then_some(left),
        }
    }

    /// What an arithmetic operator gives, if it takes the two.
    pub(super) fn arith(operator: Arith, left: &Self, right: &Self) -> Option<Self> {
        use Arith::{Add, Divide, Multiply, Remainder, Subtract};
        match (operator, left, right) {
            (_, Self::Any, _) | (_, _, Self::Any) => Some(Self::Any),
            (_, Self::Int, Self::Int) => Some(Self::Int),
            (Add | Subtract | Multiply | Divide, Self::Double, Self::Double) => Some(Self::Double),
            (Add, Self::String, Self::String) => Some(Self::String),
            (Add, Self::List(_), Self::List(_)) => left.clone().join(right),
            (Add | Subtract, Self::Duration, Self::Duration)
            | (Subtract, Self::Timestamp, Self::Timestamp) => Some(Self::Duration),
            (Add | Subtract, Self::Timestamp, Self::Duration) | (Add, Self::Duration, Self::Timestamp) => {
                Some(Self::Timestamp)
            }
            (Remainder | Add | Subtract | Multiply | Divide, ..) => None,
        }
    }
}

impl From<AttributeType> for Ty {
    fn from(ty: AttributeType) -> Self {
        match ty {
            AttributeType::Bool => Self::Bool,
            AttributeType::Int => Self::Int,
            AttributeType::Double => Self::Double,
            AttributeType::String => Self::String,
            AttributeType::Timestamp => Self::Timestamp,
            AttributeType::StringList => Self::list(Self::String),
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Bool => f.write_str("Bool"),
            Self::Int => f.write_str("Int"),
            Self::Double => f.write_str("Double"),
            Self::String => f.write_str("String"),
            Self::Timestamp => f.write_str("Timestamp"),
            Self::Duration => f.write_str("Duration"),
            Self::List(entry) if **entry == Self::String => f.write_str("StringList"),
            Self::List(entry) => write!(f, "list of {entry}"),
        }
    }
}

/// The type of a checked expression, and the attribute whose value it is, or an entry of it.
#[derive(Debug, Clone)]
pub(super) struct Typed<'s> {
    pub(super) ty: Ty,
    pub(super) attribute: Option<&'s Attribute>,
}

impl Typed<'_> {
    /// What stands for an expression that was reported.
    pub(super) fn wrong() -> Self {
        Ty::Any.into()
    }
}

impl From<Ty> for Typed<'_> {
    fn from(ty: Ty) -> Self {
        Self { ty, attribute: None }
    }
}
