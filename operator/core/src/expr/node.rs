//! The lowered form of an expression, as bundles carry it: one flat list of operations in postfix order.
//!
//! Flat, because a bundle nests it: a list costs a reader no stack, however long a hostile one is. Operands come
//! before their operation; [`Op::Bind`] stands between the range and the body of a macro.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::LinkError;
use super::link;
use super::program::Program;
use crate::history::{LAST_WINDOW, ShownKind};
use crate::value::SlotId;

/// A checked expression in its lowered form, over attribute names.
///
/// Two sources that differ only in spaces, comments and redundant parentheses have the same form. Copies share it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Expression {
    ops: Arc<[Op]>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ops, &other.ops) || self.ops == other.ops
    }
}

impl Expression {
    pub(super) fn new(ops: Vec<Op>) -> Self {
        Self { ops: ops.into() }
    }

    pub(super) fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The attributes it reads, sorted, each once; `now` is none of them.
    pub fn attributes(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.ops.iter().filter_map(Op::attribute).collect();
        names.into_iter().collect()
    }

    /// The texts that it compares or searches with, in the order of the expression.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.ops.iter().flat_map(|op| match op {
            Op::String(text) => std::slice::from_ref(text).iter().map(String::as_str),
            Op::Strings(texts) => texts.iter().map(String::as_str),
            _ => [].iter().map(String::as_str),
        })
    }

    /// The number that it is, where it is the literal of one.
    pub fn number(&self) -> Option<f64> {
        let literal = |op: &Op| match op {
            Op::Int(value) => Some(*value as f64),
            Op::Double(value) => Some(*value),
            _ => None,
        };
        match &*self.ops {
            [op] => literal(op),
            [op, Op::Negate] => literal(op).map(|value| -value),
            _ => None,
        }
    }

    /// How far back it looks at what the unit did or was shown, if it does.
    pub fn history(&self) -> Option<SignedDuration> {
        let windows = self.ops.iter().filter_map(|op| match op {
            Op::HistoryCount(_, window) | Op::HistoryShown(_, _, window) => Some(*window),
            Op::HistoryLast(_) | Op::HistoryLastShown(..) => Some(LAST_WINDOW),
            _ => None,
        });
        windows.max()
    }

    /// What it asks after having been shown.
    pub fn shown(&self) -> impl Iterator<Item = (ShownKind, &str)> {
        self.ops.iter().filter_map(|op| match op {
            Op::HistoryShown(kind, name, _) | Op::HistoryLastShown(kind, name) => {
                Some((*kind, name.as_str()))
            }
            _ => None,
        })
    }

    /// The program that reads its attributes from the slots that `slot_of` names.
    ///
    /// # Errors
    /// An attribute without a slot; for an expression that [`compile`](super::compile) did not build, also
    /// whatever is wrong with it.
    pub fn link(&self, slot_of: impl Fn(&str) -> Option<SlotId>) -> Result<Program, LinkError> {
        link::assemble(&self.ops, &slot_of)
    }
}

/// One operation; each takes its operands from the values before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Op {
    Bool(bool),
    Int(
        #[serde(with = "decimal")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        i64,
    ),
    Double(
        #[serde(with = "decimal")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        f64,
    ),
    String(String),
    Timestamp(#[cfg_attr(feature = "schema", schemars(with = "String"))] Timestamp),
    Duration(#[cfg_attr(feature = "schema", schemars(with = "String"))] SignedDuration),
    /// A list of string literals: the right side of most `in`.
    Strings(Vec<String>),
    /// The last so many values as one list.
    List(u32),
    /// An attribute that is no list.
    Attr(String),
    /// An attribute that is, or may be, a list.
    ListAttr(String),
    Has(String),
    Now,
    /// The variable of a macro: 0 is that of the innermost.
    Var(u8),
    And(u32),
    Or(u32),
    Not,
    If,
    Compare(Comparison),
    In,
    Arith(Arith),
    Negate,
    Index,
    Size,
    Text(Text),
    Matches(String),
    Convert(Target),
    /// How often an outcome of that name happened in so much time before now.
    HistoryCount(
        String,
        #[cfg_attr(feature = "schema", schemars(with = "String"))] SignedDuration,
    ),
    /// When an outcome of that name last happened.
    HistoryLast(String),
    /// How often the unit was shown the thing of that kind and name in so much time before now.
    HistoryShown(
        ShownKind,
        String,
        #[cfg_attr(feature = "schema", schemars(with = "String"))] SignedDuration,
    ),
    /// When it was last shown it.
    HistoryLastShown(ShownKind, String),
    /// One field of an instant, in a time zone (UTC without), or of a duration.
    Part(Part, Option<String>),
    /// The value before is the range of the macro that follows.
    Bind,
    Loop(Loop),
}

impl Op {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Attr(name) | Self::ListAttr(name) | Self::Has(name) => Some(name),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Comparison {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that holds with its sides exchanged.
    pub(super) fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Arith {
    #[serde(rename = "+")]
    Add,
    #[serde(rename = "-")]
    Subtract,
    #[serde(rename = "*")]
    Multiply,
    #[serde(rename = "/")]
    Divide,
    #[serde(rename = "%")]
    Remainder,
}

/// A question two strings answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Text {
    StartsWith,
    EndsWith,
    Contains,
}

/// What a conversion gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Target {
    Int,
    Double,
    String,
}

/// A field of an instant; the last four also of a duration, as its whole length in that unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Part {
    FullYear,
    /// From 0.
    Month,
    /// From 0.
    DayOfYear,
    /// From 0.
    DayOfMonth,
    /// The day of the month from 1.
    Date,
    /// From 0, a Sunday.
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// A macro over a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Loop {
    Exists,
    All,
    ExistsOne,
    Filter,
    Map,
    /// `map(x, condition, value)`: two bodies.
    MapWhere,
}

/// Numbers as decimal text: canonical JSON has one number type, which is too narrow for an `i64` and has no
/// infinities or negative zero.
mod decimal {
    use std::fmt::Debug;
    use std::str::FromStr;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    // Debug prints the shortest decimal that reads back as the same number.
    pub(super) fn serialize<T: Debug, S: Serializer>(number: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{number:?}"))
    }

    pub(super) fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format!("`{text}` is no number")))
    }
}
