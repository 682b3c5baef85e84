//! The exposures that were sent in the last 24 hours, as far as memory goes.

use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use jiff::{SignedDuration, Timestamp};

use crate::clock::At;

/// How long an exposure is not repeated.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// A unit in an arm, or in or out of a holdout, as hashes.
///
/// What is kept of one unit lies side by side, because it is asked for together: most of what a look takes is to wait for
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub unit: u64,
    pub place: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unit.hash(state);
    }
}

/// A bounded set of keys with the time of their insertion.
#[derive(Debug)]
pub(super) struct Seen {
    keys: HashMap<Key, At, RandomState>,
    /// Insertions in their order; one that a later one or a removal has overtaken stands for nothing.
    order: VecDeque<(Key, At)>,
    capacity: usize,
}

impl Seen {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            keys: HashMap::default(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// Whether every key was inserted less than 24 hours ago.
    pub(super) fn knows(&self, keys: [Option<Key>; 2], now: Timestamp) -> bool {
        self.since(keys, now).is_some()
    }

    /// When the first of the keys was inserted, where all were less than 24 hours ago.
    pub(super) fn since(&self, keys: [Option<Key>; 2], now: Timestamp) -> Option<At> {
        let over = over(now);
        let mut keys = keys.iter().flatten();
        keys.try_fold(At::from(now), |first, key| {
            let inserted = self.keys.get(key).filter(|inserted| **inserted > over)?;
            Some(first.min(*inserted))
        })
    }

    /// Forgets keys.
    pub(super) fn remove(&mut self, keys: &[Key]) {
        for key in keys {
            self.keys.remove(key);
        }
    }

    /// Inserts the keys and tells how many others had to be forgotten for them before their time; `None` when all are
    /// known.
    pub(super) fn insert(&mut self, keys: [Option<Key>; 2], now: Timestamp) -> Option<u64> {
        if self.knows(keys, now) {
            return None;
        }
        let (at, over) = (At::from(now), over(now));
        for key in keys.into_iter().flatten() {
            self.keys.insert(key, at);
            self.order.push_back((key, at));
        }
        let mut forgotten = 0;
        while let Some((key, inserted)) = self.order.front().copied() {
            let is_over = inserted <= over;
            let stands = self.keys.get(&key) == Some(&inserted);
            if stands && !is_over && self.keys.len() <= self.capacity {
                break;
            }
            self.order.pop_front();
            if stands {
                self.keys.remove(&key);
                forgotten += u64::from(!is_over);
            }
        }
        if self.order.len() > 2 * self.capacity.max(1) {
            let Self { keys, order, .. } = self;
            order.retain(|(key, inserted)| keys.get(key) == Some(inserted));
        }
        Some(forgotten)
    }
}

/// What was inserted by then is not known any more.
pub(super) fn over(now: Timestamp) -> At {
    now.checked_sub(PERIOD).unwrap_or(Timestamp::MIN).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::now;

    /// Some of one unit, some of others.
    fn key(number: u64) -> Key {
        Key {
            unit: number / 2,
            place: number,
        }
    }

    fn after(hours: i64) -> Timestamp {
        now() + SignedDuration::from_hours(hours)
    }

    #[test]
    fn forgets_the_oldest_where_there_is_no_room() {
        let mut seen = Seen::new(2);
        assert_eq!(seen.insert([Some(key(1)), None], now()), Some(0));
        assert_eq!(seen.insert([Some(key(2)), None], after(1)), Some(0));
        assert_eq!(seen.insert([Some(key(1)), None], after(2)), None, "it is known");
        assert_eq!(seen.insert([Some(key(3)), None], after(3)), Some(1));
        assert!(!seen.knows([Some(key(1)), None], after(3)));
        assert!(seen.knows([Some(key(2)), Some(key(3))], after(3)));
    }

    #[test]
    fn what_is_over_is_not_forgotten_before_its_time() {
        let mut seen = Seen::new(2);
        seen.insert([Some(key(1)), Some(key(2))], now());
        assert_eq!(seen.insert([Some(key(3)), None], after(24)), Some(0));
        assert!(!seen.knows([Some(key(1)), None], after(24)));
    }

    #[test]
    fn a_key_that_came_again_is_as_new_as_its_last_time() {
        let mut seen = Seen::new(2);
        seen.insert([Some(key(1)), None], now());
        seen.insert([Some(key(2)), None], after(1));
        seen.remove(&[key(1)]);
        seen.insert([Some(key(1)), None], after(2));
        assert_eq!(seen.insert([Some(key(3)), None], after(3)), Some(1));
        assert!(
            seen.knows([Some(key(1)), Some(key(3))], after(3)),
            "2 is the oldest"
        );
    }

    #[test]
    fn takes_up_no_more_however_often_keys_go_and_come() {
        let mut seen = Seen::new(4);
        for hour in 0..1000 {
            seen.insert(
                [Some(key(1)), Some(key(2))],
                now() + SignedDuration::from_secs(hour),
            );
            seen.remove(&[key(1), key(2)]);
        }
        assert!(seen.keys.is_empty() && seen.order.len() <= 8, "{seen:?}");
    }
}
