//! Who runs which revision.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long after its last call a decider counts as there.
const ABSENT_AFTER: Duration = Duration::from_secs(45);

/// The deciders of every Channel, by what they said when they called.
#[derive(Debug, Default)]
pub struct Table {
    channels: Mutex<BTreeMap<(String, String), BTreeMap<String, Caller>>>,
    changed: Notify,
}

/// What one decider said last.
#[derive(Debug, Clone)]
struct Caller {
    revision: Option<String>,
    refused: Option<Refusal>,
    /// Calls that are still waiting for something new.
    waiting: usize,
    last_seen: Instant,
}

/// A decider's report with its call.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The decider's name.
    pub decider: String,
    /// The revision that it runs.
    pub revision: Option<String>,
    /// The revision that it was given and refused.
    pub refused: Option<Refusal>,
}

/// A revision that a decider could not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub revision: String,
    /// Why, in the decider's words.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.revision, self.reason)
    }
}

/// What the deciders of a Channel say about the revision that is out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Deciders that run it.
    pub current: i32,
    /// Deciders that run another one, or none.
    pub stale: i32,
    /// What one of them says against it.
    pub refused: Option<String>,
}

/// A call that waits; the decider counts as there for as long as this lives.
#[derive(Debug)]
pub struct Waiting<'t> {
    table: &'t Table,
    channel: (String, String),
    decider: String,
}

impl Table {
    /// Notes a call.
    pub fn note(&self, namespace: &str, channel: &str, call: Call) -> Waiting<'_> {
        let channel = (namespace.to_owned(), channel.to_owned());
        let mut channels = self.lock();
        let callers = channels.entry(channel.clone()).or_default();
        let fresh = Caller {
            revision: None,
            refused: None,
            waiting: 0,
            last_seen: Instant::now(),
        };
        let is_new = !callers.contains_key(&call.decider);
        let caller = callers.entry(call.decider.clone()).or_insert(fresh);
        let is_news = is_new || caller.revision != call.revision || caller.refused != call.refused;
        caller.revision = call.revision;
        caller.refused = call.refused;
        caller.waiting += 1;
        caller.last_seen = Instant::now();
        drop(channels);
        if is_news {
            self.changed.notify_one();
        }
        Waiting {
            table: self,
            channel,
            decider: call.decider,
        }
    }

    /// Waits until somebody has called who says something new.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What the deciders of each Channel say about its revision; those that have not called for long are forgotten.
    pub fn report(
        &self,
        revision_of: impl Fn(&str, &str) -> Option<String>,
    ) -> BTreeMap<(String, String), Report> {
        let now = Instant::now();
        let mut channels = self.lock();
        channels.retain(|_, callers| {
            callers.retain(|_, caller| {
                caller.waiting > 0 || now.duration_since(caller.last_seen) < ABSENT_AFTER
            });
            !callers.is_empty()
        });
        let reports = channels.iter().map(|(channel, callers)| {
            let published = revision_of(&channel.0, &channel.1);
            let is_current = |caller: &&Caller| caller.revision.is_some() && caller.revision == published;
            let current = callers.values().filter(is_current).count();
            let refusals = callers.values().filter_map(|caller| caller.refused.as_ref());
            let mut refusals = refusals.filter(|refusal| Some(&refusal.revision) == published.as_ref());
            let report = Report {
                current: count(current),
                stale: count(callers.len() - current),
                refused: refusals.next().map(Refusal::to_string),
            };
            (channel.clone(), report)
        });
        reports.collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), BTreeMap<String, Caller>>> {
        // Every change leaves the table whole, so that a panic elsewhere does not make it unusable.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(caller) = self
            .table
            .lock()
            .get_mut(&self.channel)
            .and_then(|callers| callers.get_mut(&self.decider))
        {
            caller.waiting = caller.waiting.saturating_sub(1);
            caller.last_seen = Instant::now();
        }
    }
}

fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
