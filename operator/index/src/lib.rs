//! Sans-IO state between watches and effects: resources are applied and deleted, effects come out as values.
//!
//! Everything is synchronous and pure but for the state itself; whoever drives an [`Index`] does the waiting, the network
//! and the clock. The unit of work is a namespace: references stay inside of one, so that its objects are compiled
//! together and an edit touches nobody else. Effects are emitted only where something differs from what is known to stand
//! outside: a second apply, or a restart, comes to silence.

mod effect;
mod pending;
mod said;
mod space;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::channel::{BatchFigures, ChannelSpec, DeciderFigures};
use attune_api::delivery::Delivery;
use attune_api::experiment::Decision;
use attune_api::{GovernancePolicy, Kind, Resource};
use attune_compile::access::{self, Answer};
use attune_compile::codeowners::Owned;
use attune_compile::live::Rules;
use attune_compile::snapshot::{Labels, NAME_LABEL};
use attune_compile::status::{Deciders, Fallback, Receiver};
use attune_compile::{Compiled, Finding, Inquiry, ObjectId, Publication};
use attune_core::bundle::Bundle;
use attune_core::measure::counts::Counts;
use jiff::Timestamp;
use serde_json::Value;

pub use effect::{Effect, Undecodable};
use space::Space;

#[cfg(test)]
mod tests;

/// What one compilation leaves to the next is kept of namespaces with so many objects: it is memory, and smaller ones are
/// compiled within a few milliseconds.
const KEEPS_FROM: usize = 300;

/// All resources, what they compile to, and what is known to be written.
#[derive(Debug)]
pub struct Index {
    spaces: BTreeMap<String, Space>,
    /// The cluster's policies, which every namespace is judged by.
    policies: BTreeMap<String, Resource>,
    /// Labels of namespaces, as far as they are known: which policies rule them.
    labels: Arc<BTreeMap<String, Labels>>,
    compilations: u64,
    /// Statuses say which experiments have concluded, and somebody answers who may change what: there is a cluster, and
    /// not a folder of files.
    has_cluster: bool,
    /// Another writes what this one says.
    is_following: bool,
    /// See [`KEEPS_FROM`].
    keeps_from: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            spaces: BTreeMap::new(),
            policies: BTreeMap::new(),
            labels: Arc::default(),
            compilations: 0,
            has_cluster: false,
            is_following: false,
            keeps_from: KEEPS_FROM,
        }
    }
}

impl Index {
    /// Adds or replaces an object as it stands outside, status included.
    ///
    /// A change of nothing but the status compiles nothing.
    pub fn apply(&mut self, resource: Resource) {
        match (resource.kind().is_namespaced(), resource.namespace()) {
            (true, Some(namespace)) => self.space(namespace).apply(resource),
            // A namespaced object without a namespace is none that a server would hold.
            (true, None) => {}
            (false, _) => {
                let known = self.policies.get(resource.name());
                let changed = known.is_none_or(|known| known.spec() != resource.spec());
                self.space("").apply(resource.clone());
                if changed {
                    self.policies.insert(resource.name().to_owned(), resource);
                    self.spread_policies();
                }
            }
        }
    }

    /// Notes an object that cannot be read: it counts as missing, and its status will say why.
    pub fn apply_undecodable(&mut self, object: Undecodable) {
        if !object.id.kind.is_namespaced() {
            self.policies.remove(&object.id.name);
            self.spread_policies();
        }
        self.space(&object.id.namespace.clone()).apply_undecodable(object);
    }

    /// Removes an object.
    pub fn delete(&mut self, id: &ObjectId) {
        if let Some(space) = self.spaces.get_mut(&id.namespace) {
            space.delete(id);
        }
        if !id.kind.is_namespaced() && self.policies.remove(&id.name).is_some() {
            self.spread_policies();
        }
    }

    /// Replaces all objects of a kind, in one namespace or (`None`) in all, as after a relist: those that are not listed
    /// are deleted.
    pub fn reset(
        &mut self,
        kind: Kind,
        namespace: Option<&str>,
        listed: Vec<Resource>,
        undecodable: Vec<Undecodable>,
    ) {
        let id = |resource: &Resource| ObjectId {
            kind,
            namespace: resource.namespace().unwrap_or_default().to_owned(),
            name: resource.name().to_owned(),
        };
        let present: BTreeSet<ObjectId> = listed
            .iter()
            .map(id)
            .chain(undecodable.iter().map(|object| object.id.clone()))
            .collect();
        let in_scope = |id: &ObjectId| {
            namespace.is_none_or(|namespace| !kind.is_namespaced() || id.namespace == namespace)
        };
        let known = self.ids(kind).into_iter().filter(in_scope);
        let gone: Vec<_> = known.filter(|known| !present.contains(known)).collect();
        for id in gone {
            self.delete(&id);
        }
        for resource in listed {
            let id = id(&resource);
            // Files have no status: what was said about their objects is what stands.
            let has_status = self.has_cluster || resource.status().is_some();
            if let Some(space) = self.spaces.get_mut(&id.namespace) {
                if has_status {
                    space.forget_write(&id);
                } else {
                    space.keep_newest_write(&id);
                }
            }
            self.apply(resource);
        }
        for object in undecodable {
            self.apply_undecodable(object);
        }
    }

    /// Notes the labels of a namespace (`None`: it is gone), which say what policies rule it.
    pub fn learn_labels(&mut self, namespace: &str, labels: Option<Labels>) {
        let known = Arc::make_mut(&mut self.labels);
        match labels {
            Some(labels) => drop(known.insert(namespace.to_owned(), labels)),
            None => drop(known.remove(namespace)),
        }
    }

    /// Notes the labels of all namespaces.
    pub fn reset_labels(&mut self, labels: BTreeMap<String, Labels>) {
        self.labels = Arc::new(labels);
    }

    /// The cluster's policies.
    pub fn policies(&self) -> impl Iterator<Item = &GovernancePolicy> {
        self.policies.values().filter_map(|policy| match policy {
            Resource::GovernancePolicy(policy) => Some(policy.as_ref()),
            _ => None,
        })
    }

    /// Labels of namespaces, also of those that have nothing of ours, as far as they are known: which policies rule them.
    pub fn labels(&self) -> Arc<BTreeMap<String, Labels>> {
        Arc::clone(&self.labels)
    }

    /// Notes who may change what in a namespace: answers to what [`Index::access_needed`] asks.
    pub fn learn_access(&mut self, namespace: &str, answers: BTreeMap<access::Question, Answer>) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.learn(|snapshot| &mut snapshot.access, answers);
        }
    }

    /// An index of a cluster: what does not stand on the status of an Experiment has not concluded, and who may change
    /// what is to be learned.
    pub fn of_cluster() -> Self {
        Self {
            has_cluster: true,
            ..Self::default()
        }
    }

    /// Notes who owns the files that the objects of a namespace stand in; `None`: there is no repository to look at.
    pub fn learn_codeowners(&mut self, namespace: &str, owned: Option<BTreeMap<ObjectId, Owned>>) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.learn(|snapshot| &mut snapshot.codeowners, owned);
        }
    }

    /// Namespaces that have anything of ours, without that of the cluster's own objects.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.spaces
            .keys()
            .map(String::as_str)
            .filter(|namespace| !namespace.is_empty())
    }

    /// What policies ask about who may change what, by namespace.
    pub fn access_needed(&self) -> impl Iterator<Item = (&str, BTreeSet<access::Question>)> {
        self.spaces
            .iter()
            .map(|(namespace, space)| (namespace.as_str(), space.access_needed()))
            .filter(|(_, needed)| !needed.is_empty())
    }

    /// Tells every namespace its own labels, and the cluster's policies whom they may rule.
    fn spread_labels(&mut self) {
        let known: BTreeMap<String, Labels> = self
            .spaces
            .iter()
            .filter(|(namespace, space)| !namespace.is_empty() && !space.is_spent())
            .map(|(namespace, _)| {
                let mut labels = self.labels.get(namespace).cloned().unwrap_or_default();
                labels.insert(NAME_LABEL.to_owned(), namespace.clone());
                (namespace.clone(), labels)
            })
            .collect();
        for (namespace, space) in &mut self.spaces {
            let own = known
                .iter()
                .filter(|(name, _)| namespace.is_empty() || *name == namespace);
            let own = own.map(|(name, labels)| (name.clone(), labels.clone())).collect();
            space.learn(|snapshot| &mut snapshot.namespaces, own);
        }
    }

    /// Takes a bundle as the one that stands published for a Channel, as read back after a restart.
    pub fn restore(&mut self, namespace: &str, channel: &str, bundle: Bundle) {
        self.space(namespace).restore(channel, bundle);
    }

    /// Notes that a bundle stands published for a Channel and cannot be read: nothing is published over it.
    pub fn restore_unreadable(&mut self, namespace: &str, channel: &str, why: String) {
        self.space(namespace).restore_unreadable(channel, why);
    }

    /// Takes a bundle that could not be read for gone: somebody removed it.
    pub fn give_up_unreadable(&mut self, namespace: &str, channel: &str) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.give_up_unreadable(channel);
        }
    }

    /// Notes what became of the bundle of a Channel that outlives the operator.
    pub fn note_fallback(&mut self, namespace: &str, channel: &str, fallback: Fallback) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.note_fallback(channel, fallback);
        }
    }

    /// Notes the run of a Channel's batch that ended last.
    pub fn note_batch(&mut self, namespace: &str, channel: &str, run: &BatchFigures) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.note_batch(channel, run);
        }
    }

    /// From now on another writes: what was about to be written is not, and nothing more is asked to be.
    pub fn follow(&mut self) {
        self.is_following = true;
        self.spaces.values_mut().for_each(Space::forget_writes);
    }

    /// From now on what this index says is written: the next [`Index::report`] gives whatever differs from the outside.
    pub fn lead(&mut self) {
        self.is_following = false;
        self.resync();
    }

    /// Notes what followed from the verdict of an experiment, where no status of it stands outside to say so.
    pub fn decide(&mut self, namespace: &str, experiment: &str, decision: Option<Decision>) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.decide(experiment, decision);
        }
    }

    /// Notes what the deciders of a Channel say.
    pub fn hear(&mut self, namespace: &str, channel: &str, deciders: Deciders) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.hear(channel, deciders);
        }
    }

    /// Notes how the delivery of a Channel's rules to its receiver stands.
    pub fn hear_receiver(&mut self, namespace: &str, channel: &str, receiver: Receiver) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.hear_receiver(channel, receiver);
        }
    }

    /// Adds what the deciders of a Channel counted since they last said so; [`Index::sum_up`] lets it count.
    pub fn count(&mut self, namespace: &str, channel: &str, counts: &Counts, now: Timestamp) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.count(channel, counts, now);
        }
    }

    /// Lets statuses and findings speak of what deciders have counted so far. Every time may compile namespaces with traffic
    /// anew, so that it is for once in minutes.
    pub fn sum_up(&mut self, now: Timestamp) {
        self.spaces.values_mut().for_each(|space| space.sum_up(now));
    }

    /// Goes on counting from what stands on statuses: another did it before.
    pub fn recall(&mut self, now: Timestamp) {
        self.spaces.values_mut().for_each(|space| space.recall(now));
    }

    /// Rules over all namespaces: declared, live, and those that are live and have won somebody within seven days.
    pub fn rules(&self, now: Timestamp) -> (Rules, i32) {
        let fired = self.spaces.values().filter_map(|space| space.fired_rules(now));
        let rules = self.compiled().map(|(_, compiled)| compiled.live_rules.all());
        let rules = rules.fold(Rules::default(), |sum, one| Rules {
            declared: sum.declared + one.declared,
            live: sum.live + one.live,
        });
        (rules, fired.fold(0, i32::saturating_add))
    }

    /// Compiles what has changed, or what the time has changed, and gives what is to be done about it: publications
    /// first, then statuses, by namespace and object.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = self.compile(now);
        effects.extend(self.report(now));
        effects
    }

    /// The first half of [`Index::settle`]: compiles, and gives what is to be published or withdrawn.
    ///
    /// Who hears what deciders say about a revision does so between the halves, or a revision that was only just made
    /// would pass for acknowledged by those that run the one before.
    pub fn compile(&mut self, now: Timestamp) -> Vec<Effect> {
        self.spread_labels();
        let mut effects = Vec::new();
        for (namespace, space) in &mut self.spaces {
            if space.compile(namespace, now, self.keeps_from, &mut effects) {
                self.compilations += 1;
            }
        }
        effects
    }

    /// The second half of [`Index::settle`]: gives the statuses that differ from what stands outside; none while another
    /// writes them.
    pub fn report(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !self.is_following {
            for space in self.spaces.values_mut() {
                // Of files nothing is written, and nothing will be seen.
                if self.has_cluster {
                    space.give_up_writes(now);
                }
                space.report(now, &mut effects);
            }
        }
        self.spaces.retain(|_, space| !space.is_spent());
        effects
    }

    /// How often a namespace was compiled so far.
    pub const fn compilations(&self) -> u64 {
        self.compilations
    }

    /// Forgets what is known to be written, so that the next [`Index::settle`] compares everything with the outside
    /// again.
    pub fn resync(&mut self) {
        for space in self.spaces.values_mut() {
            space.touch();
        }
    }

    /// The next instant at which the passing of time alone changes something.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.spaces
            .values()
            .filter_map(|space| space.compiled()?.next_change)
            .min()
    }

    /// What a Channel serves as of the last [`Index::settle`].
    pub fn publication(&self, namespace: &str, channel: &str) -> Option<&Publication> {
        self.spaces.get(namespace)?.compiled()?.channels.get(channel)
    }

    /// Every publication, by namespace and Channel.
    pub fn publications(&self) -> impl Iterator<Item = (&str, &str, &Publication)> {
        self.compiled().flat_map(|(namespace, compiled)| {
            compiled
                .channels
                .iter()
                .map(move |(channel, publication)| (namespace, channel.as_str(), publication))
        })
    }

    /// Every Channel, by namespace and name.
    pub fn channels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.spaces
            .iter()
            .flat_map(|(namespace, space)| space.channels().map(move |channel| (namespace.as_str(), channel)))
    }

    /// What every Channel says, by namespace and name; `None` of those that cannot be read.
    pub fn declared_channels(&self) -> impl Iterator<Item = (&str, &str, Option<&ChannelSpec>)> {
        self.spaces.iter().flat_map(|(namespace, space)| {
            let channels = space.declared_channels();
            channels.map(move |(channel, spec)| (namespace.as_str(), channel, spec))
        })
    }

    /// The UID of a Channel, where a server gave it one.
    pub fn channel_uid(&self, namespace: &str, channel: &str) -> Option<String> {
        self.spaces.get(namespace)?.channel_uid(channel)
    }

    /// The UID of an object that can be read, where a server gave it one.
    pub fn uid(&self, id: &ObjectId) -> Option<String> {
        self.spaces.get(&id.namespace)?.uid(id)
    }

    /// How a Channel's rules are delivered.
    pub fn delivery(&self, namespace: &str, channel: &str) -> Option<&Delivery> {
        self.spaces.get(namespace)?.delivery(channel)
    }

    /// The status of an object as last seen, or as it is about to be written.
    pub fn status(&self, id: &ObjectId) -> Option<&Value> {
        self.spaces.get(&id.namespace)?.status(id.kind, &id.name)
    }

    /// The deciders of a Channel according to the status that stands on it.
    pub fn standing_deciders(&self, namespace: &str, channel: &str) -> DeciderFigures {
        let space = self.spaces.get(namespace);
        space
            .and_then(|space| space.standing_deciders(channel))
            .unwrap_or_default()
    }

    /// What objects ask of the collector.
    pub fn inquiries(&self) -> impl Iterator<Item = (&ObjectId, &Inquiry)> {
        self.compiled().flat_map(|(_, compiled)| &compiled.inquiries)
    }

    /// Everything found.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.compiled().flat_map(|(_, compiled)| &compiled.findings)
    }

    /// Every object with the status that it should have as of the last [`Index::settle`].
    pub fn objects(&self) -> impl Iterator<Item = (Resource, Option<&Value>)> {
        self.spaces.values().flat_map(Space::objects)
    }

    fn compiled(&self) -> impl Iterator<Item = (&str, &Compiled)> {
        self.spaces
            .iter()
            .filter_map(|(namespace, space)| Some((namespace.as_str(), space.compiled()?)))
    }

    fn ids(&self, kind: Kind) -> Vec<ObjectId> {
        self.spaces.values().flat_map(|space| space.ids(kind)).collect()
    }

    fn space(&mut self, namespace: &str) -> &mut Space {
        let (policies, has_cluster) = (&self.policies, self.has_cluster);
        self.spaces.entry(namespace.to_owned()).or_insert_with(|| {
            let mut space = Space::new(namespace, policies.values().cloned());
            space.learn(|snapshot| &mut snapshot.evidence, has_cluster.then(BTreeMap::new));
            space.learn(|snapshot| &mut snapshot.asks_access, has_cluster);
            space
        })
    }

    fn spread_policies(&mut self) {
        for space in self.spaces.values_mut() {
            space.set_policies(self.policies.values().cloned());
        }
    }
}
