//! What event streams are told.

use std::sync::Arc;

use jiff::Timestamp;

/// Which bundle decides.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// Its revision; `None` before the first.
    pub revision: Option<Arc<str>>,
    /// Since when.
    pub since: Timestamp,
    /// The streams are over.
    pub is_ending: bool,
}

impl News {
    pub(super) fn none() -> Self {
        Self {
            revision: None,
            since: Timestamp::UNIX_EPOCH,
            is_ending: false,
        }
    }

    /// Whether that is news.
    pub(super) fn adopt(&mut self, revision: &str, since: Timestamp) -> bool {
        if self.revision.as_deref() == Some(revision) {
            return false;
        }
        self.revision = Some(revision.into());
        self.since = since;
        true
    }
}
