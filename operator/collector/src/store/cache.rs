//! Ids that the writer has looked up before.

use std::collections::HashMap;
use std::hash::Hash;

/// Most entries before a cache starts over; names come from clients and have no end. That many units take 26 MB, and one
/// more would double it.
const MAX_ENTRIES: usize = 900_000;

/// A bounded memory of rows; whoever changes such a row says so here.
#[derive(Debug)]
pub(super) struct Cache<K>(HashMap<K, i64>);

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Cache<K> {
    pub(super) fn get<Q>(&self, key: &Q) -> Option<i64>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key).copied()
    }

    pub(super) fn put(&mut self, key: K, id: i64) {
        if self.0.len() >= MAX_ENTRIES {
            self.0.clear();
        }
        self.0.insert(key, id);
    }

    /// Forgets everything, because a rollback may have taken rows away.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
