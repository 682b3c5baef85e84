//! The values that an evaluation computes with: views of slots and literals where it can, owned where it must.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::error::EvalError;
use super::program::Literal;
use crate::value::Value;

/// One value during an evaluation. Only a `List` and an owned string have memory of their own.
#[derive(Debug, Clone)]
pub(super) enum Cell<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Cow<'a, str>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    /// The list of a slot or a literal.
    View(&'a [Value<'a>]),
    /// A list that was computed.
    List(Vec<Cell<'a>>),
}

impl<'a> Cell<'a> {
    pub(super) fn of(value: &'a Value<'a>) -> Self {
        match value {
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Int(int) => Self::Int(*int),
            Value::Double(double) => Self::Double(*double),
            Value::String(string) => Self::String(Cow::Borrowed(string)),
            Value::Timestamp(timestamp) => Self::Timestamp(*timestamp),
            Value::Duration(duration) => Self::Duration(*duration),
            Value::List(values) => Self::View(values),
        }
    }

    pub(super) fn literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Bool(bool) => Self::Bool(*bool),
            Literal::Int(int) => Self::Int(*int),
            Literal::Double(double) => Self::Double(*double),
            Literal::String(string) => Self::String(Cow::Borrowed(string)),
            Literal::Timestamp(timestamp) => Self::Timestamp(*timestamp),
            Literal::Duration(duration) => Self::Duration(*duration),
        }
    }

    pub(super) fn into_value(self) -> Value<'a> {
        match self {
            Self::Bool(bool) => Value::Bool(bool),
            Self::Int(int) => Value::Int(int),
            Self::Double(double) => Value::Double(double),
            Self::String(string) => Value::String(string),
            Self::Timestamp(timestamp) => Value::Timestamp(timestamp),
            Self::Duration(duration) => Value::Duration(duration),
            Self::View(values) => {
                Value::List(values.iter().map(|value| Cell::of(value).into_value()).collect())
            }
            Self::List(cells) => Value::List(cells.into_iter().map(Cell::into_value).collect()),
        }
    }

    pub(super) fn entries(&self) -> Result<Entries<'_, 'a>, EvalError> {
        match self {
            Self::View(values) => Ok(Entries::View(values.iter())),
            Self::List(cells) => Ok(Entries::List(cells.iter())),
            _ => Err(EvalError::TypeMismatch),
        }
    }

    /// CEL's equality: numbers by value across types, other types never equal each other, a NaN equals nothing.
    pub(super) fn equals(&self, other: &Cell<'_>) -> bool {
        match (self, other) {
            (Self::String(left), Cell::String(right)) => left == right,
            (Self::View(_) | Self::List(_), Cell::View(_) | Cell::List(_)) => self.same_entries(other),
            _ => self.order(other) == Ok(Ordering::Equal),
        }
    }

    fn same_entries(&self, other: &Cell<'_>) -> bool {
        match (self.entries(), other.entries()) {
            (Ok(left), Ok(right)) => {
                left.len() == right.len() && left.zip(right).all(|(left, right)| left.equals(&right))
            }
            _ => false,
        }
    }

    /// CEL's ordering. An Int meets a Double as a Double, as in cel-go.
    pub(super) fn order(&self, other: &Cell<'_>) -> Result<Ordering, EvalError> {
        match (self, other) {
            (Self::Int(left), Cell::Int(right)) => Ok(left.cmp(right)),
            (Self::Double(left), Cell::Double(right)) => order_doubles(*left, *right),
            (Self::Int(left), Cell::Double(right)) => order_doubles(*left as f64, *right),
            (Self::Double(left), Cell::Int(right)) => order_doubles(*left, *right as f64),
            (Self::String(left), Cell::String(right)) => Ok(left.cmp(right)),
            (Self::Bool(left), Cell::Bool(right)) => Ok(left.cmp(right)),
            (Self::Timestamp(left), Cell::Timestamp(right)) => Ok(left.cmp(right)),
            (Self::Duration(left), Cell::Duration(right)) => Ok(left.cmp(right)),
            _ => Err(EvalError::TypeMismatch),
        }
    }
}

pub(super) fn order_doubles(left: f64, right: f64) -> Result<Ordering, EvalError> {
    left.partial_cmp(&right).ok_or(EvalError::Unordered)
}

/// The entries of a list, one by one.
#[derive(Debug, Clone)]
pub(super) enum Entries<'c, 'a> {
    View(std::slice::Iter<'a, Value<'a>>),
    List(std::slice::Iter<'c, Cell<'a>>),
}

impl<'a> Iterator for Entries<'_, 'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        match self {
            Self::View(values) => values.next().map(Cell::of),
            Self::List(cells) => cells.next().cloned(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::View(values) => values.size_hint(),
            Self::List(cells) => cells.size_hint(),
        }
    }
}

impl ExactSizeIterator for Entries<'_, '_> {}
