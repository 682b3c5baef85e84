//! How long a start waits for its first rules.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Span;

/// How long a start waits for its first rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupTimeout {
    /// So long, then the client's own defaults are served.
    After(Span),
    /// Until they are there.
    Forever,
}

impl fmt::Display for StartupTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(span) => span.fmt(f),
            Self::Forever => f.write_str("Forever"),
        }
    }
}

impl Serialize for StartupTimeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StartupTimeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "Forever" {
            return Ok(Self::Forever);
        }
        let refused = |error| serde::de::Error::custom(format_args!("{error}, or `Forever`"));
        text.parse().map(Self::After).map_err(refused)
    }
}

impl JsonSchema for StartupTimeout {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StartupTimeout".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 25,
            "pattern": r"^(Forever|[1-9][0-9]{0,5}h([0-9]{1,7}m)?([0-9]{1,9}s)?|[1-9][0-9]{0,6}m([0-9]{1,9}s)?|[1-9][0-9]{0,8}s)$",
        })
    }
}
