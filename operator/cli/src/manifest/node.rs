//! A document as a tree in which everything knows where it is written.

use std::sync::Arc;

use serde_json::{Map, Number, Value as Json};

use super::source::Span;

/// One value and where it is written. Aliased values are shared, and stand where their anchor stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is written.
    pub span: Span,
    /// What the node costs when its aliases are written out: nodes, and text by the 32 bytes.
    pub(super) weight: usize,
    /// Levels of collections below and including this one, aliases written out.
    pub(super) depth: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Arc<Node>>),
    /// A map, merge keys already written out.
    Mapping(Mapping),
}

/// A map with its entries in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    /// The entries; no key occurs twice.
    pub entries: Vec<Entry>,
    /// Whether it is written in braces.
    pub flow: bool,
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, as a string.
    pub key: String,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub node: Arc<Node>,
}

/// A single value as written and as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text, with quotes, escapes and folding undone.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// What it is read as.
    pub resolved: Resolved,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its text decides its type.
    Plain,
    /// In quotes.
    Quoted,
    /// A block after `|`.
    Literal,
    /// A block after `>`.
    Folded,
}

/// What a scalar is read as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above the signed range.
    Unsigned(u64),
    /// A finite floating-point number.
    Float(f64),
    /// The text itself.
    Text,
}

impl Scalar {
    /// The JSON value the API server receives. As in the JSON that kubectl sends, a float without a fraction is an
    /// integer (`1.0` arrives as `1`).
    pub fn to_json(&self) -> Json {
        match self.resolved {
            Resolved::Null => Json::Null,
            Resolved::Bool(value) => Json::Bool(value),
            Resolved::Int(value) => Json::from(value),
            Resolved::Unsigned(value) => Json::from(value),
            Resolved::Float(value) => integral(value)
                .map(Json::from)
                .or_else(|| Number::from_f64(value).map(Json::Number))
                .unwrap_or(Json::Null),
            Resolved::Text => Json::String(self.text.clone()),
        }
    }
}

/// The integer a float is, if it is one that an `i64` holds exactly.
fn integral(value: f64) -> Option<i64> {
    // 2^63 as a float; every integral float below it is an `i64`.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is integral and within the range of an i64"
    )]
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

impl Node {
    /// The value as the API server receives it.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::Sequence(items) => Json::Array(items.iter().map(|item| item.to_json()).collect()),
            Value::Mapping(mapping) => Json::Object(
                mapping
                    .entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The map, if it is one.
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Value::Mapping(mapping) => Some(mapping),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// The list, if it is one.
    pub fn sequence(&self) -> Option<&[Arc<Node>]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar(_) | Value::Mapping(_) => None,
        }
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The text, if it is a string.
    pub fn text(&self) -> Option<&str> {
        self.scalar()
            .filter(|scalar| scalar.resolved == Resolved::Text)
            .map(|scalar| scalar.text.as_str())
    }

    /// Whether nothing is written here, or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| scalar.resolved == Resolved::Null)
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.mapping()?.get(key).map(|entry| &entry.node)
    }
}

impl Mapping {
    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}
