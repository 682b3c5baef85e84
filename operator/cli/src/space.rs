//! What files or a cluster hold, namespace by namespace, compiled and ready to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::{Kind, Resource};
use attune_compile::coverage::{self, Coverage, Engines};
use attune_compile::evidence::cited_on;
use attune_compile::facts::ExperimentFacts;
use attune_compile::{Compiled, ObjectId, Previous, Snapshot, compile};
use attune_core::engine::Engine;
use jiff::Timestamp;
use serde_json::Value;

use crate::inventory::Inventory;

/// One namespace.
#[derive(Debug)]
pub(crate) struct Space {
    /// Its resources that an API server would take.
    pub(crate) snapshot: Snapshot,
    /// What they compile to where nothing was published before.
    pub(crate) compiled: Compiled,
    /// The compiled bundles, ready to be asked.
    pub(crate) engines: Engines,
    /// When it was judged.
    pub(crate) at: Timestamp,
}

impl Space {
    /// The namespaces of an inventory, by name.
    pub(crate) fn all(inventory: &Inventory, at: Timestamp) -> anyhow::Result<Vec<Self>> {
        let mut snapshots: BTreeMap<&str, Snapshot> = BTreeMap::new();
        for (id, resource) in inventory
            .resources
            .iter()
            .filter(|(id, _)| id.kind.is_namespaced())
        {
            let snapshot = snapshots
                .entry(&id.namespace)
                .or_insert_with(|| Snapshot::new(&id.namespace));
            snapshot.insert(resource.clone());
            if let Some(status) = inventory.statuses.get(id) {
                note(snapshot, id, status);
            }
        }
        let policies = inventory
            .resources
            .iter()
            .filter(|(id, _)| !id.kind.is_namespaced());
        let policies: Vec<&Resource> = policies.map(|(_, policy)| policy).collect();
        let spaces = snapshots.into_values().map(|mut snapshot| {
            snapshot.namespaces.clone_from(&inventory.labels);
            snapshot.evidence = inventory.tells_conclusions.then(BTreeMap::new);
            for policy in &policies {
                snapshot.insert((*policy).clone());
            }
            // Whoever refers to what is there and refused is not told to create it.
            let namespace = snapshot.namespace.clone();
            for id in inventory.unusable.iter().filter(|id| id.namespace == namespace) {
                snapshot.insert_unreadable(id.kind, &id.name);
            }
            Self::new(snapshot, at)
        });
        spaces.collect()
    }

    fn new(snapshot: Snapshot, at: Timestamp) -> anyhow::Result<Self> {
        let compiled = compile(&snapshot, &Previous::new(), at);
        let mut engines = Engines::new();
        for (channel, publication) in &compiled.channels {
            let engine = Engine::load(Arc::clone(&publication.bundle))?;
            engines.insert(channel.clone(), Arc::new(engine));
        }
        Ok(Self {
            snapshot,
            compiled,
            engines,
            at,
        })
    }

    /// The namespace's name.
    pub(crate) fn name(&self) -> &str {
        &self.snapshot.namespace
    }

    /// The coverage of its Programs, by name.
    pub(crate) fn coverages(&self) -> Vec<Coverage<'_>> {
        coverage::all(&self.snapshot, &self.engines, self.at)
    }
}

/// Takes note of what a status says that decides what is served.
fn note(snapshot: &mut Snapshot, id: &ObjectId, status: &Value) {
    match id.kind {
        Kind::Experiment => drop(snapshot.note_experiment(&id.name, ExperimentFacts::of_status(status))),
        Kind::ChannelBinding => drop(snapshot.note_cited(&id.name, cited_on(status))),
        _ => {}
    }
}
