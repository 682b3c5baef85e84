//! The objects that a strategy consists of, wherever they were read.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Resource;
use attune_compile::ObjectId;
use attune_compile::snapshot::Labels;
use serde_json::Value;

/// Objects of any number of namespaces, and the policies of the cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    /// What an API server takes, without status.
    pub(crate) resources: BTreeMap<ObjectId, Resource>,
    /// What was said about them.
    pub(crate) statuses: BTreeMap<ObjectId, Value>,
    /// What is there and cannot be used.
    pub(crate) unusable: BTreeSet<ObjectId>,
    /// Labels of namespaces, as far as they are known: they say which policies rule them.
    pub(crate) labels: BTreeMap<String, Labels>,
    /// Whether statuses say which experiments have concluded, as in a cluster: without one, nobody can tell.
    pub(crate) tells_conclusions: bool,
}

impl Inventory {
    /// Adds an object, with what is said about it.
    pub(crate) fn add(&mut self, mut resource: Resource) {
        let id = ObjectId::of(&resource);
        if let Some(status) = resource.take_status() {
            self.statuses.insert(id.clone(), status);
        }
        self.resources.insert(id, resource);
    }

    /// Everything that is there.
    fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.resources.keys().chain(&self.unusable)
    }

    /// The namespaces that it has objects in.
    pub(crate) fn namespaces(&self) -> BTreeSet<&str> {
        let namespaced = self.ids().filter(|id| id.kind.is_namespaced());
        namespaced.map(|id| id.namespace.as_str()).collect()
    }

    /// Whether it has objects that are in no namespace, and so may say something about any.
    pub(crate) fn is_about_all(&self) -> bool {
        self.ids().any(|id| !id.kind.is_namespaced())
    }

    /// What stands once these files are applied: what they do not name stays, and what the server would refuse stays as it
    /// is.
    #[must_use]
    pub(crate) fn apply(&self, files: &Self) -> Self {
        let mut applied = self.clone();
        applied.unusable.retain(|id| !files.resources.contains_key(id));
        applied.resources.extend(files.resources.clone());
        let refused = files.unusable.iter();
        applied
            .unusable
            .extend(refused.filter(|id| !self.resources.contains_key(*id)).cloned());
        applied.labels.extend(files.labels.clone());
        applied
    }

    /// The same without what these files do not name, in the namespaces that they name.
    #[must_use]
    pub(crate) fn prune(mut self, files: &Self) -> Self {
        let namespaces = files.namespaces();
        let named: BTreeSet<&ObjectId> = files.ids().collect();
        let stays = |id: &ObjectId| {
            !id.kind.is_namespaced() || !namespaces.contains(id.namespace.as_str()) || named.contains(id)
        };
        self.resources.retain(|id, _| stays(id));
        self.unusable.retain(stays);
        self
    }
}

#[cfg(test)]
mod tests;
