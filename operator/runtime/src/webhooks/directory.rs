//! Which Channels there are, as far as the injection of deciders needs to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_admission::{Found, Ground};
use attune_api::GovernancePolicy;
use attune_api::channel::ChannelSpec;
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
    /// Everything that there is. A Channel that cannot be read is there and unknown.
    pub fn of<'d>(channels: impl Iterator<Item = (&'d str, &'d str, Option<&'d ChannelSpec>)>) -> Self {
        let found = |spec: Option<&ChannelSpec>| match spec.map(|spec| (&spec.delivery, &spec.state)) {
            Some((Delivery::Sidecar(sidecar), state)) => Found::Sidecar(sidecar.clone(), state.clone()),
            Some((other, _)) => Found::Other(other.name()),
            None => Found::Unknown,
        };
        let entry = |(namespace, name, spec): (&str, &str, Option<&ChannelSpec>)| {
            ((namespace.to_owned(), name.to_owned()), found(spec))
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
