//! Strings with a shape: each type parses once, and says what it expects when it refuses.
//!
//! The schema of each type carries the same bounds and pattern, so that the API server refuses what does not decode.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A string that does not have the shape of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {expected}")]
pub struct TextError {
    /// What was given, shortened to 64 characters.
    pub value: String,
    /// What the field takes, with its article.
    pub expected: &'static str,
}

impl TextError {
    pub(crate) fn new(value: &str, expected: &'static str) -> Self {
        let shortened: String = value.chars().take(64).collect();
        Self {
            value: shortened,
            expected,
        }
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, max = $max:literal, pattern = $pattern:literal, expected = $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The longest value, in characters.
            pub const MAX_LENGTH: usize = $max;

            /// The text as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text as given, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let valid: fn(&str) -> bool = $valid;
                if text.is_empty() || text.chars().count() > $max || !valid(text) {
                    return Err(TextError::new(text, $expected));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = TextError;

            fn try_from(text: &str) -> Result<Self, TextError> {
                text.parse()
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "maxLength": $max, "pattern": $pattern})
            }
        }
    };
}

text! {
    /// Name of another resource: as `metadata.name`, at most 63 characters.
    ObjectName, max = 63, pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    expected = "a resource name (lower-case letters, digits, `-` and `.`, at most 63 characters)",
    |text| is_framed(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit(), |c| c == '-' || c == '.')
}

text! {
    /// Name of a part of a resource: an arm, a variant, a touchpoint, an exclusion group.
    ItemName, max = 63, pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    expected = "a name (lower-case letters, digits and `-`, at most 63 characters)",
    |text| is_framed(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit(), |c| c == '-')
}

text! {
    /// Name of a slot of content; it becomes a key of the decision's value.
    SlotName, max = 63, pattern = r"^[A-Za-z][A-Za-z0-9_-]*$",
    expected = "a slot name (a letter, then letters, digits, `_` and `-`, at most 63 characters)",
    |text| is_headed(text, |c| c.is_ascii_alphabetic(), |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

text! {
    /// Name of an attribute as expressions write it: one to three dotted segments (`user.tier`).
    AttributeName, max = 128,
    pattern = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}$",
    expected = "an attribute (one to three dotted segments of letters, digits and `_`, as in `user.tier`)",
    |text| text.split('.').count() <= 3 && text.split('.').all(is_identifier)
}

text! {
    /// Path of a property of an outcome's `properties`, dotted (`order.amount`).
    PropertyName, max = 128, pattern = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,4}$",
    expected = "a property (dotted segments of letters, digits and `_`, as in `amount`)",
    |text| text.split('.').count() <= 5 && text.split('.').all(is_identifier)
}

text! {
    /// A CEL expression, as written. Its syntax and types are the compiler's to check.
    Expression, max = 4096, pattern = r"\S",
    expected = "a CEL expression (not blank, at most 4096 characters)",
    |text| !text.trim().is_empty()
}

text! {
    /// A language tag after BCP 47 (`de`, `pt-BR`, `zh-Hant-TW`); compared without regard to case.
    Locale, max = 35, pattern = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$",
    expected = "a language tag as in BCP 47, such as `de` or `pt-BR`",
    is_locale
}

text! {
    /// Name of a team as the organisation's policy lists it and its access control knows it.
    GroupName, max = 63, pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.:@]*[A-Za-z0-9])?$",
    expected = "a group (letters, digits, `-`, `_`, `.`, `:` and `@`, at most 63 characters)",
    |text| is_framed(text, |c| c.is_ascii_alphanumeric(), |c| matches!(c, '-' | '_' | '.' | ':' | '@'))
}

text! {
    /// A purpose that a person consents to (`personalization`); `service` is always granted.
    Purpose, max = 63, pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    expected = "a purpose (letters, digits, `-`, `_` and `.`, at most 63 characters)",
    |text| is_framed(text, |c| c.is_ascii_alphanumeric(), |c| matches!(c, '-' | '_' | '.'))
}

text! {
    /// Name of an outcome event (`purchase`).
    EventName, max = 128, pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.:/]*[A-Za-z0-9])?$",
    expected = "an event name (letters, digits, `-`, `_`, `.`, `:` and `/`, at most 128 characters)",
    |text| is_framed(text, |c| c.is_ascii_alphanumeric(), |c| matches!(c, '-' | '_' | '.' | ':' | '/'))
}

text! {
    /// What is hashed in front of the unit; printable ASCII without blanks.
    Salt, max = 128, pattern = r"^[!-~]+$",
    expected = "a salt (printable ASCII without blanks, at most 128 characters)",
    |text| text.chars().all(|c| c.is_ascii_graphic())
}

text! {
    /// Name of a persuasion tactic, in camel case (`Reminder`, `FalseScarcity`). Organisations keep their own list.
    Tactic, max = 63, pattern = r"^[A-Z][A-Za-z0-9]*$",
    expected = "a tactic (camel case, as in `FalseScarcity`)",
    |text| is_headed(text, |c| c.is_ascii_uppercase(), |c| c.is_ascii_alphanumeric())
}

text! {
    /// A time zone by its IANA name (`Europe/Berlin`, `UTC`).
    TimeZoneName, max = 63, pattern = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
    expected = "an IANA time zone, such as `Europe/Berlin`",
    is_time_zone
}

text! {
    /// Scheme of a link (`mailto`, `shop-app`), without its colon. Those that lead nowhere but run or hold something are none.
    LinkScheme, max = 32, pattern = r"^[a-z][a-z0-9+.-]*$",
    expected = "a scheme of links (a lower-case letter, then letters, digits, `+`, `.` and `-`; no script, data or file)",
    |text| !LinkScheme::NEVER.contains(&text)
        && is_headed(text, |c| c.is_ascii_lowercase(), |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c))
}

impl LinkScheme {
    /// What no link may have, whatever is listed.
    pub const NEVER: [&str; 6] = ["javascript", "vbscript", "data", "blob", "file", "filesystem"];
}

text! {
    /// Name of a query parameter (`utm_source`).
    ParameterName, max = 64, pattern = r"^[A-Za-z][A-Za-z0-9_.-]*$",
    expected = "a query parameter (a letter, then letters, digits, `_`, `.` and `-`, at most 64 characters)",
    |text| is_headed(text, |c| c.is_ascii_alphabetic(), |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

text! {
    /// Value of a query parameter that links are given, with placeholders (`{program}`).
    ParameterValue, max = 256,
    pattern = r"^([^{}]|[{](channel|touchpoint|program|binding|module|variant)[}])*$",
    expected = "a value whose only braces are `{channel}`, `{touchpoint}`, `{program}`, `{binding}`, `{module}` or `{variant}`",
    |text| ParameterValue::parts(text).is_some()
}

impl ParameterValue {
    /// What a value may name in braces.
    pub const PLACEHOLDERS: [&str; 6] = ["channel", "touchpoint", "program", "binding", "module", "variant"];

    /// The value's parts in order: text as it stands, and names of placeholders.
    fn parts(text: &str) -> Option<Vec<ParameterPart<'_>>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, opened)) = rest.split_once('{') {
            let (name, after) = opened.split_once('}')?;
            if literal.contains('}') || !Self::PLACEHOLDERS.contains(&name) {
                return None;
            }
            parts.extend([ParameterPart::Literal(literal), ParameterPart::Placeholder(name)]);
            rest = after;
        }
        parts.push(ParameterPart::Literal(rest));
        (!rest.contains('}')).then_some(parts)
    }

    /// The value with what each placeholder stands for; `None` where one stands for nothing.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
        let parts = Self::parts(&self.0)?;
        let filled = parts.into_iter().map(|part| match part {
            ParameterPart::Literal(text) => Some(text.to_owned()),
            ParameterPart::Placeholder(name) => value(name).map(str::to_owned),
        });
        filled.collect()
    }

    /// Whether the value has a placeholder.
    pub fn names(&self, placeholder: &str) -> bool {
        let mut parts = Self::parts(&self.0).into_iter().flatten();
        parts.any(|part| matches!(part, ParameterPart::Placeholder(name) if name == placeholder))
    }
}

enum ParameterPart<'t> {
    Literal(&'t str),
    Placeholder(&'t str),
}

/// First and last character by `edge`, those between by `edge` or `inner`.
fn is_framed(text: &str, edge: fn(char) -> bool, inner: fn(char) -> bool) -> bool {
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || inner(c))
}

/// First character by `head`, the others by `tail`.
fn is_headed(text: &str, head: fn(char) -> bool, tail: fn(char) -> bool) -> bool {
    text.starts_with(head) && text.chars().skip(1).all(tail)
}

fn is_identifier(text: &str) -> bool {
    is_headed(
        text,
        |c| c.is_ascii_alphabetic() || c == '_',
        |c| c.is_ascii_alphanumeric() || c == '_',
    )
}

fn is_locale(text: &str) -> bool {
    let mut tags = text.split('-');
    let language = tags.next().unwrap_or_default();
    (2..=8).contains(&language.len())
        && language.chars().all(|c| c.is_ascii_alphabetic())
        && text.split('-').count() <= 5
        && tags.all(|tag| (1..=8).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn is_time_zone(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.split('/').count() <= 3
        && text.split('/').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-'))
        })
}

#[cfg(test)]
mod tests;
