//! Pauses after failures.

use std::time::Duration;

/// Pauses that double up to a bound, each with jitter, so that deciders that lost the operator together do not come back
/// together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first.min(longest),
        }
    }

    /// The next pause: between half and all of the current length.
    pub(crate) fn next(&mut self) -> Duration {
        let length = self.next;
        self.next = length.saturating_mul(2).min(self.longest);
        length.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.next = self.first.min(self.longest);
    }
}
