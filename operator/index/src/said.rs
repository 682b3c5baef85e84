//! What was said of objects last, and of which of them something else may have to be said.
//!
//! A status is made of a verdict, of what stands or is about to be written, of what deciders counted, and of what is known
//! of a Channel's deciders. Where none of that has changed the status has not: only the instant has, which stands in
//! nothing but the times of conditions that turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_compile::{ObjectId, Verdict};
use serde_json::{Map, Value};

/// The statuses of the last settling.
#[derive(Debug, Default)]
pub(crate) struct Said {
    statuses: BTreeMap<ObjectId, Status>,
    /// Objects whose status stands, or is about to be written, otherwise than when it was last rendered.
    moved: BTreeSet<ObjectId>,
    /// Channels of which the outside has news.
    channels: BTreeSet<String>,
    /// Nothing that was said is relied on.
    all: bool,
}

/// A status, and what it was made of.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) value: Value,
    /// `None` of an object that cannot be read.
    pub(crate) verdict: Option<Arc<Verdict>>,
    pub(crate) counted: Map<String, Value>,
}

impl Said {
    /// The status of an object as of the last settling.
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Value> {
        Some(&self.statuses.get(id)?.value)
    }

    /// What stands of an object, or is about to be written, may be another.
    pub(crate) fn move_on(&mut self, id: &ObjectId) {
        self.moved.insert(id.clone());
    }

    /// The outside has news of a Channel.
    pub(crate) fn move_channel(&mut self, channel: &str) {
        self.channels.insert(channel.to_owned());
    }

    /// Everything is to be compared with the outside again.
    pub(crate) fn move_all(&mut self) {
        self.all = true;
    }

    /// An object is gone.
    pub(crate) fn forget(&mut self, id: &ObjectId) {
        self.statuses.remove(id);
        self.moved.remove(id);
    }

    /// Whether what was said of an object holds, with what it is made of now. `channel` is the one that serves it.
    pub(crate) fn holds(
        &self,
        id: &ObjectId,
        channel: Option<&str>,
        verdict: Option<&Arc<Verdict>>,
        counted: &Map<String, Value>,
    ) -> bool {
        let is_moved = || self.moved.contains(id) || channel.is_some_and(|one| self.channels.contains(one));
        let is_same = |known: &Status| {
            let verdicts = match (&known.verdict, verdict) {
                (Some(known), Some(verdict)) => Arc::ptr_eq(known, verdict),
                (None, None) => true,
                _ => false,
            };
            verdicts && known.counted == *counted
        };
        !self.all && self.statuses.get(id).is_some_and(is_same) && !is_moved()
    }

    /// A settling ends: this was said of these objects, and this was written.
    pub(crate) fn settle(&mut self, said: Vec<(ObjectId, Status)>, written: BTreeSet<ObjectId>) {
        self.statuses.extend(said);
        self.moved = written;
        self.channels.clear();
        self.all = false;
    }
}
