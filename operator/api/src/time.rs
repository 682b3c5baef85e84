//! Days, instants, spans and times of day, as the resources write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::TextError;

const DAY: &str = "a day as `2027-03-31`";
const INSTANT: &str = "an instant as in RFC 3339, such as `2027-03-31T00:00:00Z`";
const SPAN: &str = "a duration above zero in hours, minutes and seconds, such as `72h` or `1h30m`";
const TIME_OF_DAY: &str = "a time of day between `00:00` and `23:59`";

/// A day in UTC, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The day as a calendar date.
    pub fn date(self) -> Date {
        self.0
    }

    /// The day of an instant.
    pub fn of(at: Timestamp) -> Self {
        Self(at.to_zoned(TimeZone::UTC).date())
    }

    /// When the day begins, in UTC.
    pub fn start(self) -> Timestamp {
        midnight(self.0)
    }

    /// When the day is over: the next midnight in UTC. What was due on this day is overdue from then on.
    pub fn end(self) -> Timestamp {
        midnight(self.0.saturating_add(jiff::Span::new().days(1)))
    }
}

fn midnight(date: Date) -> Timestamp {
    // Fails only for the days at both ends of what a timestamp can hold.
    date.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

impl FromStr for Day {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if !has_shape(text, "0000-00-00") {
            return Err(TextError::new(text, DAY));
        }
        text.parse().map(Self).map_err(|_| TextError::new(text, DAY))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An instant after RFC 3339. It keeps the text it was given, so that writing it back changes nothing; two instants are
/// equal when their texts are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instant {
    text: String,
    at: Timestamp,
}

impl Instant {
    /// The point in time.
    pub fn timestamp(&self) -> Timestamp {
        self.at
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<Timestamp> for Instant {
    /// Written in UTC, with as many decimals as it takes.
    fn from(at: Timestamp) -> Self {
        Self {
            text: at.to_string(),
            at,
        }
    }
}

impl FromStr for Instant {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let refused = || TextError::new(text, INSTANT);
        if !is_rfc3339(text) {
            return Err(refused());
        }
        let at = text.parse().map_err(|_| refused())?;
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A duration in whole seconds, written in hours, minutes and seconds (`72h`, `1h30m`). It keeps the text it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    text: String,
    seconds: i64,
}

impl Span {
    /// Its length in seconds, above zero.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Its length.
    pub fn duration(&self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds())
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Span {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        // A leading zero would allow a span of nothing; the schema's pattern says the same.
        let headed = text.starts_with(|c: char| c.is_ascii_digit() && c != '0');
        let seconds = headed.then(|| span_seconds(text)).flatten();
        seconds
            .map(|seconds| Self {
                text: text.to_owned(),
                seconds,
            })
            .ok_or_else(|| TextError::new(text, SPAN))
    }
}

/// Seconds of `<n>h<n>m<n>s`, each part optional, in that order; `None` for any other text.
fn span_seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    for (unit, seconds, digits) in [('h', 3600, 6), ('m', 60, 7), ('s', 1, 9)] {
        let Some((number, tail)) = rest.split_once(unit) else {
            continue;
        };
        if number.is_empty() || number.len() > digits || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(seconds)?)?;
        rest = tail;
    }
    rest.is_empty().then_some(total)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A time of day without a zone, `HH:MM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// Minutes since midnight, 0 to 1439.
    pub fn minutes(self) -> u16 {
        self.minutes
    }
}

impl FromStr for TimeOfDay {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let parsed = has_shape(text, "00:00")
            .then(|| text.split_once(':'))
            .flatten()
            .and_then(|(hour, minute)| {
                let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
                (hour < 24 && minute < 60).then_some(hour * 60 + minute)
            });
        parsed
            .map(|minutes| Self { minutes })
            .ok_or_else(|| TextError::new(text, TIME_OF_DAY))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// Whether `text` has a digit wherever `shape` has one, and the shape's own character elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(t, s)| if s == b'0' { t.is_ascii_digit() } else { t == s })
}

/// RFC 3339 as the API server takes it: `T` and `Z` in upper case, at most nine decimals, no leap second.
fn is_rfc3339(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(19) else {
        return false;
    };
    let offset = match tail.strip_prefix('.') {
        None => tail,
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = fraction.len() - offset.len();
            if !(1..=9).contains(&digits) {
                return false;
            }
            offset
        }
    };
    has_shape(head, "0000-00-00T00:00:00")
        && !head.ends_with("60")
        && (offset == "Z" || has_shape(offset, "+00:00") || has_shape(offset, "-00:00"))
}

macro_rules! as_text {
    ($name:ident, $schema:tt) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
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
                json_schema!($schema)
            }
        }
    };
}

as_text!(Day, {"type": "string", "format": "date", "maxLength": 10, "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"});
// The format makes it a timestamp in validation rules; the pattern refuses the other layouts that it would take.
as_text!(Instant, {
    "type": "string",
    "format": "date-time",
    "maxLength": 35,
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
});
// Zero, fractions, and more than the rule language's 292 years are refused by the pattern.
as_text!(Span, {
    "type": "string",
    "format": "duration",
    "maxLength": 25,
    "pattern": r"^([1-9][0-9]{0,5}h([0-9]{1,7}m)?([0-9]{1,9}s)?|[1-9][0-9]{0,6}m([0-9]{1,9}s)?|[1-9][0-9]{0,8}s)$",
});
as_text!(TimeOfDay, {"type": "string", "maxLength": 5, "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$"});

#[cfg(test)]
mod tests;
