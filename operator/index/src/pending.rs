//! Statuses on their way to the outside, until they are seen there.
//!
//! What is seen lags behind what is written: while one status is under way, the one before it comes back, and so does
//! the one that stood before both, whenever somebody edits the object. Neither says that a write was lost; to write
//! again for it would be a write that changes nothing.

use std::collections::{BTreeMap, VecDeque};

use attune_compile::ObjectId;
use attune_compile::status::says_the_same;
use serde_json::Value;

/// The most statuses of one object that are waited for; older ones are taken for overtaken.
const MOST: usize = 16;

/// Statuses by object, in the order of writing.
#[derive(Debug, Default)]
pub(crate) struct Pending(BTreeMap<ObjectId, VecDeque<Value>>);

impl Pending {
    /// A status is about to be written.
    pub(crate) fn put(&mut self, id: ObjectId, status: Value) {
        let waiting = self.0.entry(id).or_default();
        waiting.push_back(status);
        if waiting.len() > MOST {
            waiting.pop_front();
        }
    }

    /// The status that an object will have once everything is written.
    pub(crate) fn newest(&self, id: &ObjectId) -> Option<&Value> {
        self.0.get(id)?.back()
    }

    /// An object was `seen` with a status, after it was seen with `standing`.
    pub(crate) fn see(&mut self, id: &ObjectId, standing: &Value, seen: &Value) {
        let Some(waiting) = self.0.get_mut(id) else {
            return;
        };
        let arrived = waiting
            .iter()
            .position(|status| says_the_same(id.kind, seen, status));
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
