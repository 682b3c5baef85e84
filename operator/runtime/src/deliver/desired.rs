//! How many deciders there should be for Channels with delivery `service`, and what keeps them from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use attune_admission::workload::Part;
use kube::api::DynamicObject;
use serde_json::Value;
use tokio::sync::watch;

use super::Key;

#[cfg(test)]
mod tests;

/// What stands for one Channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Replicas that its Deployment is to have, which under an autoscaler is the autoscaler's word; `None` where it has no
    /// Deployment.
    pub replicas: Option<i32>,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
}

/// An object of somebody else's where one of the Channel's should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Its kind.
    pub part: Part,
    /// Its name, in the Channel's namespace.
    pub name: String,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = (self.part.kind(), &self.name);
        write!(
            f,
            "there is a {kind} `{name}` that is not the Channel's: rename or delete it"
        )
    }
}

impl Standing {
    /// Notes an object that stands.
    pub(super) fn note(&mut self, part: Part, live: &DynamicObject) {
        if part == Part::Deployment {
            let replicas = live.data.pointer("/spec/replicas").and_then(Value::as_i64);
            self.replicas = replicas.and_then(|replicas| i32::try_from(replicas).ok());
        }
    }
}

/// What stands for each Channel, as far as this replica has seen to it: only the one that leads has anything here.
#[derive(Debug, Default)]
pub struct Desired {
    standings: Mutex<BTreeMap<Key, Standing>>,
    changed: watch::Sender<()>,
}

impl Desired {
    /// What stands for a Channel; `None` where it has no workload or that is not known yet.
    pub fn get(&self, namespace: &str, channel: &str) -> Option<Standing> {
        let key = (namespace.to_owned(), channel.to_owned());
        self.lock().get(&key).cloned()
    }

    /// Replicas that a Channel's Deployment is to have; `None` where it has none or that is not known yet.
    pub fn replicas(&self, namespace: &str, channel: &str) -> Option<i32> {
        self.get(namespace, channel)?.replicas
    }

    /// All of them, by namespace and name of the Channel.
    pub fn all(&self) -> BTreeMap<(String, String), Standing> {
        self.lock().clone()
    }

    /// Tells of every change.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn set(&self, key: Key, standing: Standing) {
        let before = self.lock().insert(key, standing.clone());
        if before != Some(standing) {
            self.changed.send_replace(());
        }
    }

    pub(super) fn remove(&self, key: &Key) {
        let before = self.lock().remove(key);
        if before.is_some() {
            self.changed.send_replace(());
        }
    }

    pub(super) fn clear(&self) {
        let before = std::mem::take(&mut *self.lock());
        if !before.is_empty() {
            self.changed.send_replace(());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Standing>> {
        // Every change leaves the map whole, so that a panic elsewhere does not make it unusable.
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
