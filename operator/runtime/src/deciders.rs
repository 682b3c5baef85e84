//! Who runs which revision.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long after its last call a decider counts as there.
const ABSENT_AFTER: Duration = Duration::from_secs(45);

/// How long after its last word another replica's table counts.
const PEER_SILENT_AFTER: Duration = Duration::from_secs(15);

/// The most replicas whose tables are kept.
const MAX_PEERS: usize = 32;

/// The deciders of every Channel, by what they said when they called this replica or another.
#[derive(Debug, Default)]
pub struct Table {
    own: Mutex<Channels>,
    peers: Mutex<BTreeMap<String, Peer>>,
    changed: Notify,
    own_changed: Notify,
}

/// Callers by namespace and name of the Channel, and by their own name.
type Channels = BTreeMap<(String, String), BTreeMap<String, Caller>>;

/// What another replica was told.
#[derive(Debug)]
struct Peer {
    heard: Instant,
    channels: Channels,
}

/// What one decider said last.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What one decider said, as one replica tells another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The Channel's namespace.
    pub namespace: String,
    /// The Channel.
    pub channel: String,
    /// The decider's name.
    pub decider: String,
    /// The revision that it runs.
    pub revision: Option<String>,
    /// The revision that it refused.
    pub refused: Option<Refusal>,
    /// How long ago, in milliseconds; 0 while a call of its waits.
    pub age_ms: u64,
}

/// A revision that a decider could not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Deciders that run another one.
    pub stale: i32,
    /// Deciders that call and run none, by name.
    pub without: BTreeSet<String>,
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
        let mut channels = lock(&self.own);
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
            self.own_changed.notify_one();
        }
        Waiting {
            table: self,
            channel,
            decider: call.decider,
        }
    }

    /// Waits until somebody has called who says something new, here or at another replica. For one listener.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until somebody has called here who says something new. For one listener.
    pub async fn own_changed(&self) {
        self.own_changed.notified().await;
    }

    /// Notes what another replica's deciders said to it; replaces what it said before.
    pub fn hear_peer(&self, peer: &str, said: Vec<Said>) {
        let now = Instant::now();
        let mut channels = Channels::new();
        for said in said {
            let age = Duration::from_millis(said.age_ms);
            let caller = Caller {
                revision: said.revision,
                refused: said.refused,
                waiting: usize::from(said.age_ms == 0),
                last_seen: now.checked_sub(age).unwrap_or(now),
            };
            let callers = channels.entry((said.namespace, said.channel)).or_default();
            callers.insert(said.decider, caller);
        }
        let mut peers = lock(&self.peers);
        peers.retain(|_, peer| now.duration_since(peer.heard) < PEER_SILENT_AFTER);
        if peers.len() >= MAX_PEERS && !peers.contains_key(peer) {
            return;
        }
        let fresh = Peer { heard: now, channels };
        let before = peers.insert(peer.to_owned(), fresh);
        let says = |channels: &Channels| -> Vec<_> {
            let callers = channels.iter().flat_map(|(channel, callers)| {
                let said = |(decider, caller): (&String, &Caller)| {
                    (
                        channel.clone(),
                        decider.clone(),
                        caller.revision.clone(),
                        caller.refused.clone(),
                    )
                };
                callers.iter().map(said)
            });
            callers.collect()
        };
        let is_news = match (before, peers.get(peer)) {
            (Some(before), Some(now)) => says(&before.channels) != says(&now.channels),
            _ => true,
        };
        drop(peers);
        if is_news {
            self.changed.notify_one();
        }
    }

    /// What this replica's own deciders said, for another replica.
    pub fn say(&self) -> Vec<Said> {
        let now = Instant::now();
        let mut own = lock(&self.own);
        forget_absent(&mut own, now);
        let said = own.iter().flat_map(|((namespace, channel), callers)| {
            callers.iter().map(move |(decider, caller)| Said {
                namespace: namespace.clone(),
                channel: channel.clone(),
                decider: decider.clone(),
                revision: caller.revision.clone(),
                refused: caller.refused.clone(),
                age_ms: caller.age_ms(now),
            })
        });
        said.collect()
    }

    /// Forgets deciders of which it is known that they are gone, by the Channel's namespace and their names.
    pub fn forget(&self, is_gone: impl Fn(&str, &str) -> bool) {
        let forget = |channels: &mut Channels| {
            for ((namespace, _), callers) in channels.iter_mut() {
                callers.retain(|decider, _| !is_gone(namespace, decider));
            }
        };
        forget(&mut lock(&self.own));
        lock(&self.peers)
            .values_mut()
            .for_each(|peer| forget(&mut peer.channels));
    }

    /// What the deciders of each Channel say about its revision, whichever replica they call; those that have not called
    /// for long are forgotten.
    pub fn report(
        &self,
        revision_of: impl Fn(&str, &str) -> Option<String>,
    ) -> BTreeMap<(String, String), Report> {
        let now = Instant::now();
        let mut own = lock(&self.own);
        forget_absent(&mut own, now);
        let mut all = own.clone();
        drop(own);
        let mut peers = lock(&self.peers);
        peers.retain(|_, peer| now.duration_since(peer.heard) < PEER_SILENT_AFTER);
        for peer in peers.values_mut() {
            forget_absent(&mut peer.channels, now);
            merge(&mut all, &peer.channels, now);
        }
        drop(peers);
        let reports = all.into_iter().map(|(channel, callers)| {
            let published = revision_of(&channel.0, &channel.1);
            let report = summarize(&callers, published.as_deref());
            (channel, report)
        });
        reports.collect()
    }
}

impl Caller {
    fn age_ms(&self, now: Instant) -> u64 {
        if self.waiting > 0 {
            return 0;
        }
        let age = now.duration_since(self.last_seen).as_millis();
        u64::try_from(age).unwrap_or(u64::MAX).max(1)
    }
}

fn forget_absent(channels: &mut Channels, now: Instant) {
    channels.retain(|_, callers| {
        callers.retain(|_, caller| caller.waiting > 0 || now.duration_since(caller.last_seen) < ABSENT_AFTER);
        !callers.is_empty()
    });
}

/// Of a decider that called two replicas, what it said last counts.
fn merge(all: &mut Channels, others: &Channels, now: Instant) {
    for (channel, callers) in others {
        let known = all.entry(channel.clone()).or_default();
        for (decider, caller) in callers {
            let is_later = |known: &Caller| caller.age_ms(now) < known.age_ms(now);
            if known.get(decider).is_none_or(is_later) {
                known.insert(decider.clone(), caller.clone());
            }
        }
    }
}

fn summarize(callers: &BTreeMap<String, Caller>, published: Option<&str>) -> Report {
    let mut report = Report::default();
    for (decider, caller) in callers {
        match &caller.revision {
            None => drop(report.without.insert(decider.clone())),
            Some(revision) if Some(revision.as_str()) == published => {
                report.current = report.current.saturating_add(1);
            }
            Some(_) => report.stale = report.stale.saturating_add(1),
        }
        let refusal = caller.refused.as_ref();
        let refusal = refusal.filter(|refusal| Some(refusal.revision.as_str()) == published);
        report.refused = report.refused.or_else(|| refusal.map(Refusal::to_string));
    }
    report
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change leaves the table whole, so that a panic elsewhere does not make it unusable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(caller) = lock(&self.table.own)
            .get_mut(&self.channel)
            .and_then(|callers| callers.get_mut(&self.decider))
        {
            caller.waiting = caller.waiting.saturating_sub(1);
            caller.last_seen = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests;
