//! Which Channels there are, as far as the injection of deciders needs to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_admission::{Found, Ground};
use attune_api::GovernancePolicy;
use attune_api::delivery::Delivery;
use attune_compile::snapshot::Labels;

/// The Channels of all namespaces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    /// By namespace and name; `None` until all were listed.
    channels: Option<BTreeMap<(String, String), Found>>,
    /// What rules each namespace; the one without a name stands for those that have nothing of ours yet.
    grounds: BTreeMap<String, Arc<Ground>>,
}

impl Directory {
    /// Everything that there is. A Channel without a readable delivery is there and unknown.
    pub fn of<'d>(channels: impl Iterator<Item = (&'d str, &'d str, Option<&'d Delivery>)>) -> Self {
        let found = |delivery: Option<&Delivery>| match delivery {
            Some(Delivery::Sidecar(sidecar)) => Found::Sidecar(sidecar.clone()),
            Some(other) => Found::Other(other.name()),
            None => Found::Unknown,
        };
        let entry = |(namespace, name, delivery): (&str, &str, Option<&Delivery>)| {
            ((namespace.to_owned(), name.to_owned()), found(delivery))
        };
        Self {
            channels: Some(channels.map(entry).collect()),
            grounds: BTreeMap::new(),
        }
    }

    /// The same with what rules each namespace.
    #[must_use]
    pub fn with_grounds(
        self,
        grounds: impl Iterator<Item = (String, Vec<GovernancePolicy>, Labels)>,
    ) -> Self {
        let ground = |(namespace, policies, labels)| (namespace, Arc::new(Ground { policies, labels }));
        Self {
            grounds: grounds.map(ground).collect(),
            ..self
        }
    }

    /// What rules a namespace, where that is known.
    pub fn ground(&self, namespace: &str) -> Option<Arc<Ground>> {
        self.grounds.get(namespace).cloned()
    }

    /// What is known of a Channel.
    pub fn find(&self, namespace: &str, channel: &str) -> Found {
        let Some(channels) = &self.channels else {
            return Found::Unknown;
        };
        let key = (namespace.to_owned(), channel.to_owned());
        channels.get(&key).cloned().unwrap_or(Found::Missing)
    }
}
