//! Work that waits to be done outside: of each key only the newest, and each key with a backoff of its own.
//!
//! One object that the API server refuses must not hold up the others, and one that was superseded is not worth a
//! request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Work by key.
#[derive(Debug)]
pub struct Queue<K, W> {
    waiting: Mutex<BTreeMap<K, Entry<W>>>,
    arrived: Notify,
}

#[derive(Debug)]
struct Entry<W> {
    work: W,
    failures: u32,
    due: Instant,
}

/// Work taken from a [`Queue`].
#[derive(Debug)]
pub struct Task<K, W> {
    /// Whose work it is.
    pub key: K,
    /// What is to be done.
    pub work: W,
    /// How often it has failed.
    failures: u32,
}

impl<K, W> Default for Queue<K, W> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }
}

impl<K: Ord + Clone, W> Queue<K, W> {
    /// Lets work be done; an older one of the same key that still waits is dropped.
    pub fn put(&self, key: K, work: W) {
        let entry = Entry {
            work,
            failures: 0,
            due: Instant::now(),
        };
        self.lock().insert(key, entry);
        self.arrived.notify_one();
    }

    /// Lets work be done at `due`, or when older work of the same key was to be done, whichever comes first.
    pub fn put_at(&self, key: K, work: W, due: Instant) {
        let mut waiting = self.lock();
        let (failures, due) = match waiting.get(&key) {
            Some(older) => (older.failures, older.due.min(due)),
            None => (0, due),
        };
        waiting.insert(key, Entry { work, failures, due });
        drop(waiting);
        self.arrived.notify_one();
    }

    /// How much waits.
    pub fn depth(&self) -> usize {
        self.lock().len()
    }

    /// Whether work of a key waits.
    pub fn has(&self, key: &K) -> bool {
        self.lock().contains_key(key)
    }

    /// Drops all work that waits.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Lets work that has failed be done again after a pause that grows with each failure, unless newer work has come
    /// meanwhile.
    pub fn put_back(&self, task: Task<K, W>) {
        let failures = task.failures.saturating_add(1);
        let pause = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(task.failures))
            .min(LONGEST_PAUSE);
        let entry = Entry {
            work: task.work,
            failures,
            due: Instant::now() + pause,
        };
        self.lock().entry(task.key).or_insert(entry);
        self.arrived.notify_one();
    }

    /// Waits for the work that is due first, and takes it.
    pub async fn next(&self) -> Task<K, W> {
        self.next_but(&BTreeSet::new()).await
    }

    /// The same, but for the keys whose work is being done.
    pub async fn next_but(&self, busy: &BTreeSet<K>) -> Task<K, W> {
        loop {
            let due = match self.take_due(busy) {
                Ok(task) => return task,
                Err(due) => due,
            };
            match due {
                None => self.arrived.notified().await,
                Some(due) => {
                    tokio::select! {
                        () = self.arrived.notified() => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
            }
        }
    }

    /// Takes what is due, for tests.
    #[cfg(test)]
    pub(crate) fn take_if_due(&self) -> Option<Task<K, W>> {
        self.take_due(&BTreeSet::new()).ok()
    }

    /// Takes what is due; else says when something will be.
    fn take_due(&self, busy: &BTreeSet<K>) -> Result<Task<K, W>, Option<Instant>> {
        let mut waiting = self.lock();
        let free = waiting.iter().filter(|(key, _)| !busy.contains(key));
        let first = free.min_by_key(|(_, entry)| entry.due);
        let Some((key, due)) = first.map(|(key, entry)| (key.clone(), entry.due)) else {
            return Err(None);
        };
        if due > Instant::now() {
            return Err(Some(due));
        }
        let Some(entry) = waiting.remove(&key) else {
            return Err(None);
        };
        Ok(Task {
            key,
            work: entry.work,
            failures: entry.failures,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<K, Entry<W>>> {
        // Every change leaves the map whole, so that a panic elsewhere does not make it unusable.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
