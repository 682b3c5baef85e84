//! Statuses on their way to the outside, until they are seen there.
//!
//! What is seen lags behind what is written: while one status is under way, the one before it comes back, and so does
//! the one that stood before both, whenever somebody edits the object. Neither says that a write was lost; to write
//! again for it would be a write that changes nothing. A write that was dropped, or that changed nothing, is never seen:
//! what is not seen for long is not waited for.

use std::collections::{BTreeMap, VecDeque};

use attune_compile::ObjectId;
use attune_compile::status::says_the_same;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The most statuses of one object that are waited for; older ones are taken for overtaken.
const MOST: usize = 16;

/// How long a status is waited for: longer than thousands of them, one that only counts anew, or an API server that comes
/// back take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Statuses by object, in the order of writing.
#[derive(Debug, Default)]
pub(crate) struct Pending(BTreeMap<ObjectId, VecDeque<Waiting>>);

/// A status, and since when it is waited for.
#[derive(Debug)]
struct Waiting {
    status: Value,
    since: Timestamp,
}

impl Pending {
    /// A status is about to be written.
    pub(crate) fn put(&mut self, id: ObjectId, status: Value, now: Timestamp) {
        let waiting = self.0.entry(id).or_default();
        waiting.push_back(Waiting { status, since: now });
        if waiting.len() > MOST {
            waiting.pop_front();
        }
    }

    /// The status that an object will have once everything is written.
    pub(crate) fn newest(&self, id: &ObjectId) -> Option<&Value> {
        Some(&self.0.get(id)?.back()?.status)
    }

    /// Waits no longer for what was to be there long ago; gives whether there was any.
    pub(crate) fn give_up(&mut self, now: Timestamp) -> bool {
        let before = self.0.len();
        let is_late = |one: &Waiting| now.duration_since(one.since) > PATIENCE;
        // Those before the newest are older.
        self.0.retain(|_, waiting| !waiting.back().is_some_and(is_late));
        self.0.len() < before
    }

    /// An object was `seen` with a status, after it was seen with `standing`.
    pub(crate) fn see(&mut self, id: &ObjectId, standing: &Value, seen: &Value) {
        let Some(waiting) = self.0.get_mut(id) else {
            return;
        };
        let arrived = waiting
            .iter()
            .position(|one| says_the_same(id.kind, seen, &one.status));
        match arrived {
            // Those before it were overtaken while they waited.
            Some(place) => drop(waiting.drain(..=place)),
            None if says_the_same(id.kind, seen, standing) => {}
            // Somebody else wrote: what we wrote is to be compared with that.
            None => waiting.clear(),
        }
        if waiting.is_empty() {
            self.0.remove(id);
        }
    }

    /// All but the newest status of an object are overtaken.
    pub(crate) fn keep_newest(&mut self, id: &ObjectId) {
        if let Some(waiting) = self.0.get_mut(id) {
            waiting.drain(..waiting.len().saturating_sub(1));
        }
    }

    /// Nothing is known of one object.
    pub(crate) fn forget(&mut self, id: &ObjectId) {
        self.0.remove(id);
    }

    /// Nothing is written any more.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
