//! What files hold, namespace by namespace, compiled and ready to be asked.

use std::collections::BTreeMap;

use attune_api::Resource;
use attune_compile::coverage::{self, Coverage, Engines};
use attune_compile::{Compiled, Previous, Snapshot, compile};
use attune_core::engine::Engine;
use jiff::Timestamp;

use crate::strategy::Strategy;

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
    /// The namespaces of a strategy, by name.
    pub(crate) fn all(strategy: &Strategy, at: Timestamp) -> anyhow::Result<Vec<Self>> {
        let (namespaced, policies): (Vec<&Resource>, Vec<&Resource>) = strategy
            .accepted()
            .partition(|resource| resource.kind().is_namespaced());
        let mut snapshots: BTreeMap<&str, Snapshot> = BTreeMap::new();
        for resource in namespaced {
            let name = resource.namespace().unwrap_or_default();
            let snapshot = snapshots.entry(name).or_insert_with(|| Snapshot::new(name));
            snapshot.insert(resource.clone());
        }
        let refused = strategy.refused_ids();
        let spaces = snapshots.into_values().map(|mut snapshot| {
            for policy in &policies {
                snapshot.insert((*policy).clone());
            }
            // Whoever refers to what is there and refused is not told to create it.
            let namespace = snapshot.namespace.clone();
            for id in refused.iter().filter(|id| id.namespace == namespace) {
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
            engines.insert(
                channel.clone(),
                Engine::load(publication.bundle.as_ref().clone())?,
            );
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
