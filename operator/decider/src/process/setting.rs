//! Settings in the words of the command line and the environment.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// How long a start waits for a first bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartupTimeout {
    /// So long; then it goes on with code defaults.
    After(Duration),
    /// Until there is one.
    Forever,
}

/// Why a text is not the time span that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SpanError {
    /// It is no time span.
    #[error("`{text}` is no time span; write it like `{example}`")]
    Parse {
        /// Its beginning.
        text: String,
        /// One that is.
        example: &'static str,
    },
    /// It is over at once.
    #[error("no time at all would close every connection; write it like `{example}`")]
    BeAboveZero {
        /// One that is.
        example: &'static str,
    },
}

impl FromStr for StartupTimeout {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        if text == "Forever" {
            return Ok(Self::Forever);
        }
        span(text, "60s` or `Forever").map(Self::After)
    }
}

impl fmt::Display for StartupTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(length) => write!(f, "{}s", length.as_secs_f64()),
            Self::Forever => f.write_str("Forever"),
        }
    }
}

/// A pause, like `60s`; a bare number is in seconds.
pub(super) fn pause(text: &str) -> Result<Duration, SpanError> {
    span(text, "60s")
}

/// How long to drain, like `5s`; a bare number is in seconds.
pub(super) fn drain(text: &str) -> Result<Duration, SpanError> {
    span(text, "5s")
}

/// How long a connection may be idle, like `60s`: some time at least.
pub(super) fn idle(text: &str) -> Result<Duration, SpanError> {
    let span = span(text, "60s")?;
    if span.is_zero() {
        return Err(SpanError::BeAboveZero { example: "60s" });
    }
    Ok(span)
}

/// A time span like `300s` or `-300s`.
pub(super) fn offset(text: &str) -> Result<SignedDuration, SpanError> {
    signed(text, "-300s")
}

fn span(text: &str, example: &'static str) -> Result<Duration, SpanError> {
    let signed = signed(text, example)?;
    Duration::try_from(signed).map_err(|_| SpanError::new(text, example))
}

fn signed(text: &str, example: &'static str) -> Result<SignedDuration, SpanError> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i32>() {
        return Ok(SignedDuration::from_secs(seconds.into()));
    }
    text.parse().map_err(|_| SpanError::new(text, example))
}

impl SpanError {
    fn new(text: &str, example: &'static str) -> Self {
        Self::Parse {
            text: text.chars().take(80).collect(),
            example,
        }
    }
}
