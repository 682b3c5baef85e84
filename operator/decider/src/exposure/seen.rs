//! The exposures that were sent in the last 24 hours, as far as memory goes.

use hashlink::LinkedHashMap;
use jiff::{SignedDuration, Timestamp};

/// How long an exposure is not repeated.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// A bounded set of keys with the time of their insertion, the oldest first.
#[derive(Debug)]
pub(super) struct Seen {
    keys: LinkedHashMap<u64, Timestamp>,
    capacity: usize,
}

impl Seen {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            keys: LinkedHashMap::new(),
            capacity,
        }
    }

    /// Whether every key was inserted less than 24 hours ago.
    pub(super) fn knows(&self, keys: [Option<u64>; 2], now: Timestamp) -> bool {
        keys.iter().flatten().all(|key| {
            let inserted = self.keys.get(key);
            inserted.is_some_and(|inserted| now.duration_since(*inserted) < PERIOD)
        })
    }

    /// Forgets keys.
    pub(super) fn remove(&mut self, keys: &[u64]) {
        for key in keys {
            self.keys.remove(key);
        }
    }

    /// Inserts the keys and tells how many others had to be forgotten for them before their time; `None` when all are
    /// known.
    pub(super) fn insert(&mut self, keys: [Option<u64>; 2], now: Timestamp) -> Option<u64> {
        if self.knows(keys, now) {
            return None;
        }
        for key in keys.into_iter().flatten() {
            self.keys.remove(&key);
            self.keys.insert(key, now);
        }
        let mut forgotten = 0;
        while let Some((_, inserted)) = self.keys.front() {
            let is_over = now.duration_since(*inserted) >= PERIOD;
            if !is_over && self.keys.len() <= self.capacity {
                break;
            }
            self.keys.pop_front();
            forgotten += u64::from(!is_over);
        }
        Some(forgotten)
    }
}
