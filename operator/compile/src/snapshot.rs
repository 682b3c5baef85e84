//! The resources of one namespace at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::channel_binding::CitedEvidence;
use attune_api::experiment::Registration;
use attune_api::{
    Audience, Channel, ChannelBinding, ContentModule, DataContract, Experiment, GovernancePolicy, Holdout,
    Kind, Metric, Program, Resource,
};

use crate::access::{self, Answer};
use crate::codeowners::Owned;
use crate::evidence::Evidence;
use crate::facts::ExperimentFacts;
use crate::finding::ObjectId;
use crate::observed::{Idle, Observed};

/// Objects of one kind by name. Names order everything that needs an order, so that the order of arrival never matters.
pub type ByName<T> = BTreeMap<String, Arc<T>>;

/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// The label that every namespace carries: its own name.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The resources of one namespace, the policies of the cluster, and what else is known: facts that no resource states
/// default to nothing.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The namespace.
    pub namespace: String,
    /// Programs.
    pub programs: ByName<Program>,
    /// Data contracts.
    pub contracts: ByName<DataContract>,
    /// Audiences.
    pub audiences: ByName<Audience>,
    /// Content modules.
    pub modules: ByName<ContentModule>,
    /// Channels.
    pub channels: ByName<Channel>,
    /// Channel bindings.
    pub bindings: ByName<ChannelBinding>,
    /// Metrics.
    pub metrics: ByName<Metric>,
    /// Experiments.
    pub experiments: ByName<Experiment>,
    /// Holdouts.
    pub holdouts: ByName<Holdout>,
    /// Policies, cluster-wide.
    pub policies: ByName<GovernancePolicy>,
    /// Labels of namespaces, by name: which policies rule this one. The snapshot of the cluster's policies has every
    /// namespace with a strategy, so that a policy can tell how many it selects.
    pub namespaces: BTreeMap<String, Labels>,
    /// Whether a group may do something, as far as somebody has asked.
    pub access: BTreeMap<access::Question, Answer>,
    /// Whether somebody is asked, so that a question without an answer waits for one; files have nobody to ask.
    pub asks_access: bool,
    /// Who owns the file that each object stands in, where a repository is looked at.
    pub codeowners: Option<BTreeMap<ObjectId, Owned>>,
    /// Experiments that have concluded elsewhere, by name, besides those whose status says so; `None` where nobody can
    /// tell what has concluded, as in a pull request.
    pub evidence: Option<BTreeMap<String, Evidence>>,
    /// What stands on the statuses of `ChannelBinding`s of the experiments that they cite, by binding.
    pub cited: BTreeMap<String, CitedEvidence>,
    /// What deciders saw of attributes, by attribute.
    pub observed: BTreeMap<String, Observed>,
    /// Live rules that deciders saw win nobody, by binding and by what deciders call the rule.
    pub idle: BTreeMap<String, BTreeMap<String, Idle>>,
    /// What stands on the statuses of Experiments, by name.
    pub experiment_facts: BTreeMap<String, ExperimentFacts>,
    /// Objects that are there and cannot be read: nothing is compiled from them, and nothing is dropped for their sake.
    unreadable: BTreeSet<(Kind, String)>,
}

impl Snapshot {
    /// An empty namespace.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            ..Self::default()
        }
    }

    /// The labels of this namespace; of one that nothing is known about, the one that every namespace has.
    pub fn labels(&self) -> Labels {
        let mut labels = self.namespaces.get(&self.namespace).cloned().unwrap_or_default();
        labels
            .entry(NAME_LABEL.to_owned())
            .or_insert_with(|| self.namespace.clone());
        labels
    }

    /// Adds an object or replaces the one of its kind and name.
    pub fn insert(&mut self, resource: Resource) {
        let name = resource.name().to_owned();
        self.unreadable.remove(&(resource.kind(), name.clone()));
        match resource {
            Resource::Program(object) => drop(self.programs.insert(name, Arc::from(object))),
            Resource::DataContract(object) => drop(self.contracts.insert(name, Arc::from(object))),
            Resource::Audience(object) => drop(self.audiences.insert(name, Arc::from(object))),
            Resource::ContentModule(object) => drop(self.modules.insert(name, Arc::from(object))),
            Resource::Channel(object) => drop(self.channels.insert(name, Arc::from(object))),
            Resource::ChannelBinding(object) => drop(self.bindings.insert(name, Arc::from(object))),
            Resource::Metric(object) => drop(self.metrics.insert(name, Arc::from(object))),
            Resource::Experiment(object) => drop(self.experiments.insert(name, Arc::from(object))),
            Resource::Holdout(object) => drop(self.holdouts.insert(name, Arc::from(object))),
            Resource::GovernancePolicy(object) => drop(self.policies.insert(name, Arc::from(object))),
        }
    }

    /// Takes what stands on an Experiment's status; gives whether it is news.
    pub fn note_experiment(&mut self, name: &str, facts: ExperimentFacts) -> bool {
        if self.experiment_facts.get(name).cloned().unwrap_or_default() == facts {
            return false;
        }
        if facts.is_empty() {
            self.experiment_facts.remove(name);
        } else {
            self.experiment_facts.insert(name.to_owned(), facts);
        }
        true
    }

    /// Takes what stands on a `ChannelBinding`'s status of the experiment that it cites; gives whether it is news.
    pub fn note_cited(&mut self, binding: &str, cited: Option<CitedEvidence>) -> bool {
        if self.cited.get(binding) == cited.as_ref() {
            return false;
        }
        match cited {
            Some(cited) => drop(self.cited.insert(binding.to_owned(), cited)),
            None => drop(self.cited.remove(binding)),
        }
        true
    }

    /// What an Experiment was registered with, as far as it stands on its status.
    pub fn registration(&self, experiment: &str) -> Option<&Registration> {
        self.experiment_facts.get(experiment)?.registration.as_ref()
    }

    /// One object.
    pub fn get(&self, kind: Kind, name: &str) -> Option<Resource> {
        fn resource<T: Clone + Into<Resource>>(objects: &ByName<T>, name: &str) -> Option<Resource> {
            objects.get(name).map(|object| object.as_ref().clone().into())
        }
        match kind {
            Kind::Program => resource(&self.programs, name),
            Kind::DataContract => resource(&self.contracts, name),
            Kind::Audience => resource(&self.audiences, name),
            Kind::ContentModule => resource(&self.modules, name),
            Kind::Channel => resource(&self.channels, name),
            Kind::ChannelBinding => resource(&self.bindings, name),
            Kind::Metric => resource(&self.metrics, name),
            Kind::Experiment => resource(&self.experiments, name),
            Kind::Holdout => resource(&self.holdouts, name),
            Kind::GovernancePolicy => resource(&self.policies, name),
        }
    }

    /// The name of the Channel that is to serve an object, for the kinds that are served.
    pub fn channel_of<'n>(&'n self, kind: Kind, name: &'n str) -> Option<&'n str> {
        match kind {
            Kind::Channel => Some(name),
            Kind::ChannelBinding => Some(self.bindings.get(name)?.spec.channel_ref.name.as_str()),
            _ => None,
        }
    }

    /// The Channel that serves an object, for the kinds that are served.
    pub fn delivering_channel(&self, kind: Kind, name: &str) -> Option<(&str, &Channel)> {
        self.channels
            .get_key_value(self.channel_of(kind, name)?)
            .map(|(name, channel)| (name.as_str(), channel.as_ref()))
    }

    /// Notes that an object is there and cannot be read; gives whether that is news.
    pub fn insert_unreadable(&mut self, kind: Kind, name: &str) -> bool {
        let was_read = self.remove_read(kind, name);
        self.unreadable.insert((kind, name.to_owned())) || was_read
    }

    /// Whether an object is there and cannot be read.
    pub fn is_unreadable(&self, kind: Kind, name: &str) -> bool {
        self.unreadable(kind).any(|known| known == name)
    }

    /// The objects of a kind that are there and cannot be read.
    pub fn unreadable(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let of_kind = self.unreadable.iter().filter(move |(known, _)| *known == kind);
        of_kind.map(|(_, name)| name.as_str())
    }

    /// Removes an object; gives whether it was there.
    pub fn remove(&mut self, kind: Kind, name: &str) -> bool {
        self.unreadable.remove(&(kind, name.to_owned())) | self.remove_read(kind, name)
    }

    fn remove_read(&mut self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Program => self.programs.remove(name).is_some(),
            Kind::DataContract => self.contracts.remove(name).is_some(),
            Kind::Audience => self.audiences.remove(name).is_some(),
            Kind::ContentModule => self.modules.remove(name).is_some(),
            Kind::Channel => self.channels.remove(name).is_some(),
            Kind::ChannelBinding => self.bindings.remove(name).is_some(),
            Kind::Metric => self.metrics.remove(name).is_some(),
            Kind::Experiment => self.experiments.remove(name).is_some(),
            Kind::Holdout => self.holdouts.remove(name).is_some(),
            Kind::GovernancePolicy => self.policies.remove(name).is_some(),
        }
    }

    /// Names one object of this namespace.
    pub fn id(&self, kind: Kind, name: &str) -> ObjectId {
        let namespace = if kind.is_namespaced() {
            self.namespace.clone()
        } else {
            String::new()
        };
        ObjectId {
            kind,
            namespace,
            name: name.to_owned(),
        }
    }

    /// Every object, by kind and name.
    pub fn ids(&self) -> Vec<ObjectId> {
        fn names<T>(objects: &ByName<T>) -> Vec<&str> {
            objects.keys().map(String::as_str).collect()
        }
        let of = |kind| match kind {
            Kind::Program => names(&self.programs),
            Kind::DataContract => names(&self.contracts),
            Kind::Audience => names(&self.audiences),
            Kind::ContentModule => names(&self.modules),
            Kind::Channel => names(&self.channels),
            Kind::ChannelBinding => names(&self.bindings),
            Kind::Metric => names(&self.metrics),
            Kind::Experiment => names(&self.experiments),
            Kind::Holdout => names(&self.holdouts),
            Kind::GovernancePolicy => names(&self.policies),
        };
        Kind::ALL
            .into_iter()
            .flat_map(|kind| of(kind).into_iter().map(move |name| self.id(kind, name)))
            .collect()
    }

    /// The generation of an object, where a server gave it one.
    pub fn generation(&self, kind: Kind, name: &str) -> Option<i64> {
        match kind {
            Kind::Program => self.programs.get(name)?.metadata.generation,
            Kind::DataContract => self.contracts.get(name)?.metadata.generation,
            Kind::Audience => self.audiences.get(name)?.metadata.generation,
            Kind::ContentModule => self.modules.get(name)?.metadata.generation,
            Kind::Channel => self.channels.get(name)?.metadata.generation,
            Kind::ChannelBinding => self.bindings.get(name)?.metadata.generation,
            Kind::Metric => self.metrics.get(name)?.metadata.generation,
            Kind::Experiment => self.experiments.get(name)?.metadata.generation,
            Kind::Holdout => self.holdouts.get(name)?.metadata.generation,
            Kind::GovernancePolicy => self.policies.get(name)?.metadata.generation,
        }
    }
}
