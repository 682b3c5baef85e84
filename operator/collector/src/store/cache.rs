//! Ids that the writer has looked up before.

use std::collections::HashMap;
use std::hash::Hash;

/// Most units. They take 26 MB, and one more would double it.
const MOST_UNITS: usize = 900_000;

/// Most names, which come from clients and may be long.
pub(super) const MOST_NAMES: usize = 200_000;

/// A bounded memory of rows, which starts over when it is full; whoever changes such a row says so here.
#[derive(Debug)]
pub(super) struct Cache<K, const MOST: usize = MOST_UNITS>(HashMap<K, i64>);

impl<K, const MOST: usize> Default for Cache<K, MOST> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, const MOST: usize> Cache<K, MOST> {
    pub(super) fn get<Q>(&self, key: &Q) -> Option<i64>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key).copied()
    }

    pub(super) fn put(&mut self, key: K, id: i64) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key, id);
    }

    /// Forgets everything, because a rollback may have taken rows away.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
