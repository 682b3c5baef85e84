//! What one decider takes on at most: every limit is finite, and what is over it is answered and not kept.

use std::time::Duration;

use attune_core::context::Shape;

/// Largest request body unless told otherwise, in bytes.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Connections at once unless told otherwise.
pub const DEFAULT_CONNECTIONS: usize = 16_384;

/// Event streams at once unless told otherwise.
pub const DEFAULT_STREAMS: usize = 8_192;

/// How long a connection may take for its next request unless told otherwise.
pub const DEFAULT_IDLE: Duration = Duration::from_mins(1);

/// Bytes of a request's head: its line and its headers. More is answered by 431.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Headers of a request. More is answered by 431.
pub(crate) const MAX_HEADERS: usize = 64;

/// Bytes of all bodies that are not whole yet, together. What would not fit is answered by 503.
pub(crate) const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of all answers that their clients have not taken, together; half of it for what records nothing. What would not fit
/// is answered by 503.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// From so many bytes on an answer counts: single decisions are smaller, and the number of connections bounds those.
pub(crate) const SMALL_ANSWER: usize = 4 * 1024;

/// Touchpoints of one `/v1/decide`.
pub(crate) const MAX_TOUCHPOINTS: usize = 64;

/// Events of one `/v1/events`.
pub(crate) const MAX_EVENTS: usize = 500;

/// What one decider takes on at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body. More is answered by 413.
    pub body: usize,
    /// Depth and keys of a request's JSON. More is answered by 400.
    pub shape: Shape,
    /// Connections at once. More are answered by 503 and closed.
    pub connections: usize,
    /// Event streams at once. More are answered by 503.
    pub streams: usize,
    /// How long a connection may go without a finished request: an idle one is closed then, and so is one whose request
    /// does not arrive or whose answer is not taken.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: DEFAULT_BODY_LIMIT,
            shape: Shape {
                depth: 32,
                keys: 1024,
            },
            connections: DEFAULT_CONNECTIONS,
            streams: DEFAULT_STREAMS,
            idle: DEFAULT_IDLE,
        }
    }
}
