//! Why an event is refused.

use thiserror::Error;

/// Longest excerpt of an offending value in a message, in characters.
const EXCERPT_CHARS: usize = 60;

/// Why one event is refused; every message names the field, the value and what to send instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// The text is no JSON.
    #[error("the event is not JSON: {reason}")]
    ParseJson {
        /// What the JSON parser found, with line and column.
        reason: String,
    },
    /// A required field is absent or null.
    #[error("`{field}` is missing; send {expected}")]
    FindField {
        /// The field's path.
        field: String,
        /// What to send.
        expected: String,
    },
    /// A field's value has the wrong type or form, or is out of bounds.
    #[error("`{field}` is `{value}`, {problem}; send {expected}")]
    ReadField {
        /// The field's path.
        field: String,
        /// The value, cut short.
        value: String,
        /// What is wrong with it.
        problem: String,
        /// What to send instead.
        expected: String,
    },
    /// `data` has a field that this version does not know.
    #[error("`{field}` is unknown; {help}")]
    KnowField {
        /// The field's path.
        field: String,
        /// The field that was probably meant, or all that there are.
        help: String,
    },
    /// Two fields contradict each other, or one lacks the other.
    #[error("`{field}` {problem}; {help}")]
    RelateFields {
        /// The path of the field to change.
        field: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        help: String,
    },
}

impl EventError {
    /// The path of the field that is wrong, `""` for the event as a whole.
    pub fn field(&self) -> &str {
        match self {
            Self::ParseJson { .. } => "",
            Self::FindField { field, .. }
            | Self::ReadField { field, .. }
            | Self::KnowField { field, .. }
            | Self::RelateFields { field, .. } => field,
        }
    }
}

/// One refused event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("event {index}: {error}")]
pub struct RefusedEvent {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Its id, where it has a readable one.
    pub id: Option<String>,
    /// Why it is refused.
    #[source]
    pub error: EventError,
}

/// Why a batch is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The text is no JSON.
    #[error("the batch is not JSON: {reason}")]
    ParseJson {
        /// What the JSON parser found, with line and column.
        reason: String,
    },
    /// The JSON is something else than an array.
    #[error("the batch is {found}; send a JSON array of events")]
    ReadArray {
        /// What it is instead.
        found: &'static str,
    },
    /// At least one event is refused, and with it the batch.
    #[error("{} of {total} events are refused; first: {}", refused.len(), first(refused))]
    ReadEvents {
        /// Every refused event, by its place.
        refused: Vec<RefusedEvent>,
        /// How many events the batch has.
        total: usize,
    },
}

fn first(refused: &[RefusedEvent]) -> String {
    refused.first().map(ToString::to_string).unwrap_or_default()
}

/// The beginning of an offending value, safe to print.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt: String = text.chars().take(EXCERPT_CHARS).flat_map(printable).collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// Control characters escaped, so that a message stays on one line and a terminal stays whole.
fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = if c.is_control() {
        Some(c.escape_default())
    } else {
        None
    };
    let plain = if c.is_control() { None } else { Some(c) };
    escaped.into_iter().flatten().chain(plain)
}
