//! One Channel's bundle, its last revisions, and whoever waits for the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use attune_compile::Publication;
use tokio::sync::watch;

/// Revisions that are kept beside the current one.
const PAST: usize = 10;

/// The most bytes that past revisions of one Channel take up.
const PAST_BYTES: usize = 8 * 1024 * 1024;

/// A Channel's place on the shelf; clones are the same place.
#[derive(Debug, Clone)]
pub(super) struct Slot(Arc<watch::Sender<Revisions>>);

#[derive(Debug, Default)]
struct Revisions {
    current: Option<Publication>,
    /// What was current before, the newest first.
    past: VecDeque<Publication>,
}

impl Default for Slot {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::default()))
    }
}

impl Slot {
    /// Puts a bundle here, or takes it away.
    pub(super) fn put(&self, publication: Option<&Publication>) {
        self.0.send_if_modified(|revisions| revisions.put(publication));
    }

    /// What is here.
    pub(super) fn current(&self) -> Option<Publication> {
        self.0.borrow().current.clone()
    }

    /// What was here under a revision.
    pub(super) fn past(&self, revision: &str) -> Option<Publication> {
        let revisions = self.0.borrow();
        let mut all = revisions.current.iter().chain(&revisions.past);
        all.find(|publication| publication.revision == revision).cloned()
    }

    /// Waits for a bundle of another revision than `known`, at most as long as `wait`; then gives what is here.
    pub(super) async fn take(&self, known: Option<&str>, wait: Duration) -> Option<Publication> {
        let mut revisions = self.0.subscribe();
        let is_news = |revisions: &Revisions| {
            let current = revisions.current.as_ref();
            current.is_some_and(|publication| Some(publication.revision.as_str()) != known)
        };
        // Whether it came or not, what is here now is the answer.
        let _ = tokio::time::timeout(wait, revisions.wait_for(is_news)).await;
        self.current()
    }
}

impl Revisions {
    /// Gives whether anything changed.
    fn put(&mut self, publication: Option<&Publication>) -> bool {
        let same = self.current.as_ref().map(|one| &one.revision) == publication.map(|one| &one.revision);
        if same {
            return false;
        }
        let before = std::mem::replace(&mut self.current, publication.cloned());
        // A revision that comes back is no longer past.
        let current = self.current.as_ref().map(|one| one.revision.clone());
        self.past.retain(|past| Some(&past.revision) != current.as_ref());
        if let Some(before) = before {
            self.past.push_front(before);
        }
        self.past.truncate(PAST);
        while self.past.len() > 1
            && self.past.iter().map(|past| past.canonical.len()).sum::<usize>() > PAST_BYTES
        {
            self.past.pop_back();
        }
        true
    }
}
