//! One JSON value of a context, read once and then turned into what its path is for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::expr::{MAX_LIST_ITEMS, MAX_STRING_BYTES, parse_timestamp};
use crate::value::{AttributeType, Value};

/// A JSON value as far as an attribute or an identity may want it.
#[derive(Debug, Clone)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    String(Cow<'a, str>),
    Strings(Vec<Cow<'a, str>>),
    /// An object, a mixed or an overlong list.
    Other,
}

impl<'a> Scalar<'a> {
    /// The value as the contract's type; `None` is a wrong type.
    pub(super) fn typed(self, ty: AttributeType) -> Option<Value<'a>> {
        Some(match (ty, self) {
            (AttributeType::Bool, Scalar::Bool(value)) => Value::Bool(value),
            (AttributeType::Int, Scalar::Int(value)) => Value::Int(value),
            (AttributeType::Int, Scalar::Double(value)) => Value::Int(integral(value)?),
            (AttributeType::Double, Scalar::Int(value)) => Value::Double(value as f64),
            (AttributeType::Double, Scalar::Double(value)) => Value::Double(value),
            (AttributeType::String, Scalar::String(value)) if value.len() <= MAX_STRING_BYTES => {
                Value::String(value)
            }
            (AttributeType::Timestamp, Scalar::String(value)) => Value::Timestamp(parse_timestamp(&value)?),
            (AttributeType::StringList, Scalar::Strings(values)) => {
                Value::List(values.into_iter().map(Value::String).collect())
            }
            _ => return None,
        })
    }

    /// The string, if it is one.
    pub(super) fn as_string(&self) -> Option<&Cow<'a, str>> {
        match self {
            Scalar::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The integer that a JSON number like `3.0` stands for.
fn integral(value: f64) -> Option<i64> {
    // 2^63 is exactly representable; the largest double below it fits.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value.fract() != 0.0 || !(-LIMIT..LIMIT).contains(&value) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "integral and within the range of i64, as just checked"
    )]
    let integer = value as i64;
    Some(integer)
}

/// Reads a [`Scalar`], borrowing strings from the input where they hold no escapes.
#[derive(Default)]
pub(super) struct ScalarSeed {
    /// Whether the value is an entry of a list. Lists in lists are skipped without looking inside, so that no nesting
    /// exhausts the stack or fails the request.
    in_list: bool,
}

impl ScalarSeed {
    /// An entry of a list.
    pub(super) fn in_list() -> Self {
        Self { in_list: true }
    }
}

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Scalar::Double(value as f64), Scalar::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Double(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut strings = Vec::new();
        let mut usable = !self.in_list;
        while usable {
            match items.next_element_seed(Self { in_list: true })? {
                None => return Ok(Scalar::Strings(strings)),
                Some(Scalar::String(text))
                    if strings.len() < MAX_LIST_ITEMS && text.len() <= MAX_STRING_BYTES =>
                {
                    strings.push(text);
                }
                Some(_) => usable = false,
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
