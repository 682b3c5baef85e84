//! Whole numbers with bounds that the schema states and decoding enforces.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A number outside the bounds of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not between {min} and {max}")]
pub struct RangeError {
    /// What was given.
    pub value: i64,
    /// The smallest allowed value.
    pub min: i64,
    /// The largest allowed value.
    pub max: i64,
}

/// A whole number between `MIN` and `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

/// A share in basis points: 0 to 10000, where `10000` is all.
pub type BasisPoints = Whole<0, 10_000>;

impl BasisPoints {
    /// All of it: 10000 basis points.
    pub const ALL: Self = Self(10_000);
}

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// A number known when compiling; out of bounds does not compile in a `const`, and is brought into bounds elsewhere.
    pub const fn clamped(value: i64) -> Self {
        if value < MIN {
            Self(MIN)
        } else if value > MAX {
            Self(MAX)
        } else {
            Self(value)
        }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The number, for bounds that fit (checked when compiling).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the bounds are checked when compiling"
    )]
    pub const fn get_u32(self) -> u32 {
        const { assert!(MIN >= 0 && MAX <= u32::MAX as i64) };
        self.0 as u32
    }

    /// The number, for bounds that fit (checked when compiling).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds are checked when compiling"
    )]
    pub const fn get_i32(self) -> i32 {
        const { assert!(MIN >= i32::MIN as i64 && MAX <= i32::MAX as i64) };
        self.0 as i32
    }

    /// The number, for bounds that fit (checked when compiling).
    #[expect(clippy::cast_sign_loss, reason = "the bounds are checked when compiling")]
    pub const fn get_u64(self) -> u64 {
        const { assert!(MIN >= 0) };
        self.0 as u64
    }
}

impl<const MIN: i64, const MAX: i64> TryFrom<i64> for Whole<MIN, MAX> {
    type Error = RangeError;

    fn try_from(value: i64) -> Result<Self, RangeError> {
        if (MIN..=MAX).contains(&value) {
            Ok(Self(value))
        } else {
            Err(RangeError {
                value,
                min: MIN,
                max: MAX,
            })
        }
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Display for Whole<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        Self::try_from(value).map_err(serde::de::Error::custom)
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Whole<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Whole{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let small = MIN >= i64::from(i32::MIN) && MAX <= i64::from(i32::MAX);
        let format = if small { "int32" } else { "int64" };
        json_schema!({"type": "integer", "format": format, "minimum": MIN, "maximum": MAX})
    }
}

#[cfg(test)]
mod tests;
