//! Statuses to the API server, by server-side apply.
//!
//! Of each object only the newest status waits; what cannot be written is tried again with a growing pause. A status that
//! only counts anew waits until a minute has passed since the last one. Only the leader writes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use attune_api::{API_VERSION, Kind};
use attune_compile::ObjectId;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::queue::{Queue, Task};

/// The most writes that are under way at a time: thousands of objects are done in seconds, and an API server that serves
/// others too hardly feels it.
const MAX_UNDER_WAY: usize = 8;

/// Statuses that wait for each further write at a time. A few objects are written one after the other, so that what is
/// overtaken meanwhile is not written at all.
const BACKLOG: usize = 16;

/// How long counts stand on an object before others take their place.
const COUNTS_INTERVAL: Duration = Duration::from_secs(54);

/// The most by which that is longer, so that not all come at once. With it, counts are never older than a minute.
const COUNTS_JITTER: Duration = Duration::from_secs(6);

/// Statuses that wait to be written under one field manager.
#[derive(Debug)]
pub struct Writer {
    manager: &'static str,
    waiting: Queue<ObjectId, Value>,
    spread: RandomState,
    /// When counts may be written again.
    counts: Mutex<BTreeMap<ObjectId, Instant>>,
    /// Who writes; without it, this replica does.
    leadership: OnceLock<Leadership>,
    /// A kind whose statuses it may not write.
    spared: Option<Kind>,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// A writer with nothing to write.
    pub fn new(manager: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            manager,
            waiting: Queue::default(),
            spread: RandomState::new(),
            counts: Mutex::default(),
            leadership: OnceLock::new(),
            spared: None,
            metrics,
        }
    }

    /// Leaves the statuses of a kind alone.
    #[must_use]
    pub fn sparing(self, kind: Option<Kind>) -> Self {
        Self { spared: kind, ..self }
    }

    /// Writes only while this replica leads. Only the first time counts.
    pub fn led_by(&self, leadership: Leadership) {
        let _ = self.leadership.set(leadership);
    }

    /// Drops what waits: another writes.
    pub fn clear(&self) {
        self.waiting.clear();
    }

    fn leadership(&self) -> Leadership {
        self.leadership.get().cloned().unwrap_or_else(Leadership::always)
    }

    /// Lets a status be written; an older one of the same object that still waits is dropped. While another leads, it is
    /// dropped itself.
    pub fn put(&self, id: ObjectId, status: Value) {
        if self.leadership().leads() && self.spared != Some(id.kind) {
            self.waiting.put(id, status);
        }
    }

    /// Lets a status with counts of deciders be written: now, or, if nothing else has changed, a minute after the last.
    pub fn put_counts(&self, id: ObjectId, status: Value, may_wait: bool) {
        if !self.leadership().leads() {
            return;
        }
        let now = Instant::now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|known, again| *again > now || self.waiting.has(known));
        let due = match counts.get(&id) {
            Some(again) if may_wait => (*again).max(now),
            _ => now,
        };
        let jitter = self.spread.hash_one(&id) % 1000;
        let jitter = COUNTS_JITTER / 1000 * u32::try_from(jitter).unwrap_or_default();
        // The same turn for whatever comes until it is written.
        if due <= now || !self.waiting.has(&id) {
            counts.insert(id.clone(), due + COUNTS_INTERVAL + jitter);
        }
        drop(counts);
        self.waiting.put_at(id, status, due);
    }

    /// What is due, for tests.
    #[cfg(test)]
    pub(crate) fn take_due(&self) -> Vec<(ObjectId, Value)> {
        let due = std::iter::from_fn(|| self.waiting.take_if_due());
        due.map(|task| (task.key, task.work)).collect()
    }

    /// Writes until cancelled, while this replica leads.
    pub async fn run(&self, client: &Client) {
        let mut under_way = FuturesUnordered::new();
        // INVARIANT: the statuses of one object are written one after the other.
        let mut busy = BTreeSet::new();
        loop {
            let mut leadership = self.leadership();
            let leads = leadership.leads();
            let wanted = 1 + self.waiting.depth() / BACKLOG;
            tokio::select! {
                Some(id) = under_way.next() => drop(busy.remove(&id)),
                task = self.waiting.next_but(&busy), if busy.len() < wanted.min(MAX_UNDER_WAY) => {
                    if self.leadership().leads() {
                        busy.insert(task.key.clone());
                        under_way.push(self.try_to_write(client, task));
                    }
                }
                () = leadership.lost(), if leads => self.clear(),
            }
        }
    }

    /// Gives the object when its turn is over.
    async fn try_to_write(&self, client: &Client, task: Task<ObjectId, Value>) -> ObjectId {
        let id = task.key.clone();
        if let Err(error) = self.write(client, &task.key, &task.work).await {
            self.metrics.status_failed(task.key.kind);
            warn!(
                object = %task.key,
                error = &error as &dyn std::error::Error,
                "status not written, trying again"
            );
            self.waiting.put_back(task);
        }
        id
    }

    async fn write(&self, client: &Client, id: &ObjectId, status: &Value) -> Result<(), kube::Error> {
        let resource = id.kind.api_resource();
        let api: Api<DynamicObject> = if id.kind.is_namespaced() {
            Api::namespaced_with(client.clone(), &id.namespace, &resource)
        } else {
            Api::all_with(client.clone(), &resource)
        };
        let patch = json!({
            "apiVersion": API_VERSION,
            "kind": id.kind.name(),
            "metadata": {"name": id.name},
            "status": status,
        });
        let params = PatchParams::apply(self.manager).force();
        match api.patch_status(&id.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => {
                self.metrics.status_written(id.kind);
                debug!(object = %id, manager = self.manager, "status written");
                Ok(())
            }
            // It was deleted meanwhile; there is nobody to tell.
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
