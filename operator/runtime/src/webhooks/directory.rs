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
    /// What rules namespaces, also those that have nothing of ours yet.
    policies: Arc<Vec<GovernancePolicy>>,
    /// Which of them, by namespace.
    labels: Arc<BTreeMap<String, Labels>>,
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
            ..Self::default()
        }
    }

    /// The same with the cluster's policies, and the labels that say which of them rule a namespace.
    #[must_use]
    pub fn under<'p>(
        self,
        policies: impl Iterator<Item = &'p GovernancePolicy>,
        labels: Arc<BTreeMap<String, Labels>>,
    ) -> Self {
        Self {
            policies: Arc::new(policies.cloned().collect()),
            labels,
            ..self
        }
    }

    /// What rules a namespace, once everything was listed.
    pub fn ground(&self, namespace: &str) -> Option<Ground> {
        self.channels.as_ref()?;
        Some(Ground {
            policies: self.policies.to_vec(),
            labels: self.labels.get(namespace).cloned().unwrap_or_default(),
        })
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
