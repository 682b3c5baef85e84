//! Attribute types, the values that fill them, and the slots that hold the values of one request.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The declared type of an attribute; it decides how a context's JSON is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AttributeType {
    /// A JSON boolean.
    Bool,
    /// A JSON number that is integral and within `i64`.
    Int,
    /// Any finite JSON number.
    Double,
    /// A JSON string.
    String,
    /// An RFC 3339 string.
    Timestamp,
    /// A JSON array of strings.
    StringList,
}

impl AttributeType {
    /// The name as contracts spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::Int => "Int",
            Self::Double => "Double",
            Self::String => "String",
            Self::Timestamp => "Timestamp",
            Self::StringList => "StringList",
        }
    }
}

impl std::fmt::Display for AttributeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value during evaluation. Strings borrow from the request where they need no unescaping.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A boolean.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A finite or non-finite double; comparisons follow IEEE 754.
    Double(f64),
    /// A string.
    String(Cow<'a, str>),
    /// An instant.
    Timestamp(Timestamp),
    /// A signed span of time.
    Duration(SignedDuration),
    /// A list; attributes give lists of strings, expressions may give others.
    List(Vec<Value<'a>>),
}

/// The place of one attribute in the slots of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u16);

/// The attribute values of one request, by [`SlotId`]; `None` is absent, not well typed, or not granted.
pub type Slots<'a> = [Option<Value<'a>>];
