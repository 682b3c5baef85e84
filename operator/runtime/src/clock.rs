//! What time it is, as this process sees it.

use jiff::{SignedDuration, Timestamp};

/// A clock that tests may stop or put wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Stands at this instant.
    pub at: Option<Timestamp>,
    /// How far it is off, where it does not stand.
    pub offset: SignedDuration,
}

impl Clock {
    /// The present instant.
    pub fn now(self) -> Timestamp {
        let now = Timestamp::now();
        self.at
            .unwrap_or_else(|| now.saturating_add(self.offset).unwrap_or(now))
    }
}
