//! What deciders counted and nobody has summed up yet.
//!
//! Every replica hears its own deciders; the one that leads sums up, the others pass on what they heard.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use attune_core::measure::counts::Counts;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The most names that are kept of one Channel: several of the largest bundles.
const MAX_NAMES: usize = 65_536;

/// Counts that wait, by namespace and name of the Channel.
#[derive(Debug, Default)]
pub struct Inbox(Mutex<BTreeMap<(String, String), Counts>>);

/// What the deciders of one Channel counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The Channel's namespace.
    pub namespace: String,
    /// The Channel.
    pub channel: String,
    /// The counts.
    pub counts: Counts,
}

impl Inbox {
    /// Adds counts to those that wait.
    pub fn put(&self, counted: Counted) {
        let Counted {
            namespace,
            channel,
            counts,
        } = counted;
        let mut waiting = self.lock();
        let known = waiting.entry((namespace, channel)).or_default();
        // Whoever sends ever new names is no decider of ours.
        if known.names().saturating_add(counts.names()) <= MAX_NAMES {
            known.add(&counts);
        }
    }

    /// Whatever waits; from now on it is the caller's to sum up or to put back.
    pub fn take(&self) -> Vec<Counted> {
        let waiting = std::mem::take(&mut *self.lock());
        let counted = waiting.into_iter().map(|((namespace, channel), counts)| Counted {
            namespace,
            channel,
            counts,
        });
        counted.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Counts>> {
        // Every change leaves the counts whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
