//! One namespace of an [`Index`](crate::Index).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::channel::{BatchFigures, ChannelSpec, DeciderFigures};
use attune_api::delivery::Delivery;
use attune_api::experiment::Decision;
use attune_api::{Kind, Resource};
use attune_compile::access;
use attune_compile::evidence::cited_on;
use attune_compile::facts::{ExperimentFacts, shown_of};
use attune_compile::status::{Deciders, Fallback, Receiver};
use attune_compile::traffic::{Told, Traffic};
use attune_compile::{Compiled, Kept, ObjectId, Previous, Snapshot, compile_again};
use attune_core::bundle::Bundle;
use attune_core::measure::counts::Counts;
use jiff::Timestamp;
use serde_json::Value;

use crate::effect::{Effect, Undecodable};
use crate::pending::Pending;
use crate::said::Said;

mod statuses;

/// The objects of one namespace, what they compile to, and what stands outside. The namespace without a name holds the
/// cluster's policies.
#[derive(Debug, Default)]
pub(crate) struct Space {
    snapshot: Snapshot,
    /// The status of every object, as last seen.
    standing: BTreeMap<ObjectId, Value>,
    /// The same as they are about to be written.
    pending: Pending,
    undecodable: BTreeMap<ObjectId, Undecodable>,
    published: Previous,
    deciders: BTreeMap<String, Deciders>,
    fallbacks: BTreeMap<String, Fallback>,
    receivers: BTreeMap<String, Receiver>,
    batches: BTreeMap<String, BatchFigures>,
    /// What deciders told of requests and decisions.
    traffic: Traffic,
    compiled: Option<Compiled>,
    /// What the last compilation leaves to the next one.
    kept: Kept,
    said: Said,
    /// Whether the resources changed since they were compiled.
    stale: bool,
    /// Whether statuses or publications may differ from the outside.
    touched: bool,
}

impl Space {
    pub(crate) fn new(namespace: &str, policies: impl Iterator<Item = Resource>) -> Self {
        let mut space = Self {
            snapshot: Snapshot::new(namespace),
            stale: true,
            touched: true,
            ..Self::default()
        };
        policies.for_each(|policy| space.snapshot.insert(policy));
        space
    }

    pub(crate) fn apply(&mut self, mut resource: Resource) {
        let id = self.snapshot.id(resource.kind(), resource.name());
        let status = resource.take_status();
        let known = self.snapshot.get(id.kind, &id.name);
        // Another UID is another object, although it may look the same.
        let same = |known: &Resource| {
            known.metadata().uid == resource.metadata().uid
                && known.generation() == resource.generation()
                && known.spec() == resource.spec()
        };
        if !known.as_ref().is_some_and(same) {
            self.stale = true;
            self.snapshot.insert(resource);
            self.move_channel(&id);
        }
        if self.undecodable.remove(&id).is_some() {
            self.said.move_on(&id);
        }
        let standing = self.standing.entry(id.clone()).or_default();
        // A file has no status: what was said about its object stands.
        if let Some(status) = status {
            if self.pending.newest(&id).is_some() || *standing != status {
                self.said.move_on(&id);
            }
            self.pending.see(&id, standing, &status);
            if id.kind == Kind::ChannelBinding && *standing != status {
                let cited = cited_on(&status);
                // What is about to be written stands as good as written.
                if cited.is_some() || self.pending.newest(&id).is_none() {
                    self.stale |= self.snapshot.note_cited(&id.name, cited);
                }
            }
            if id.kind == Kind::Experiment && *standing != status {
                let mut facts = ExperimentFacts::of_status(&status);
                // Others write to this status too, perhaps before ours is there.
                if self.pending.newest(&id).is_some() {
                    let known = self.snapshot.experiment_facts.get(&id.name).cloned();
                    let known = known.unwrap_or_default();
                    facts.registration = facts.registration.or(known.registration);
                    facts.shown = facts.shown.or(known.shown);
                }
                self.stale |= self.snapshot.note_experiment(&id.name, facts);
            }
            *standing = status;
        }
        self.touched = true;
    }

    pub(crate) fn apply_undecodable(&mut self, object: Undecodable) {
        // One that could not be read before is no news.
        self.stale |= self.snapshot.insert_unreadable(object.id.kind, &object.id.name);
        self.pending.forget(&object.id);
        self.said.move_on(&object.id);
        self.move_channel(&object.id);
        self.standing.insert(object.id.clone(), object.status.clone());
        self.undecodable.insert(object.id.clone(), object);
        self.touched = true;
    }

    pub(crate) fn delete(&mut self, id: &ObjectId) {
        self.stale |= self.snapshot.remove(id.kind, &id.name);
        self.standing.remove(id);
        self.pending.forget(id);
        self.undecodable.remove(id);
        self.said.forget(id);
        self.move_channel(id);
        if id.kind == Kind::Experiment {
            self.snapshot.experiment_facts.remove(&id.name);
        }
        if id.kind == Kind::ChannelBinding {
            self.snapshot.cited.remove(&id.name);
        }
        if id.kind == Kind::Channel {
            self.deciders.remove(&id.name);
            self.fallbacks.remove(&id.name);
            self.receivers.remove(&id.name);
            self.batches.remove(&id.name);
        }
        self.touched = true;
    }

    pub(crate) fn set_policies(&mut self, policies: impl Iterator<Item = Resource>) {
        if self.snapshot.namespace.is_empty() {
            return;
        }
        self.snapshot.policies.clear();
        policies.for_each(|policy| self.snapshot.insert(policy));
        self.stale = true;
    }

    /// Notes something that no resource states.
    pub(crate) fn learn<T: PartialEq>(&mut self, place: impl FnOnce(&mut Snapshot) -> &mut T, value: T) {
        let known = place(&mut self.snapshot);
        if *known != value {
            *known = value;
            self.stale = true;
        }
    }

    pub(crate) fn access_needed(&self) -> BTreeSet<access::Question> {
        access::needed(&self.snapshot)
    }

    pub(crate) fn restore(&mut self, channel: &str, bundle: Bundle) {
        let known = self.published.get(channel).map(AsRef::as_ref);
        if known != Some(&bundle) || self.published.unreadable(channel).is_some() {
            self.published.insert(channel.to_owned(), Arc::new(bundle));
            self.stale = true;
        }
    }

    pub(crate) fn restore_unreadable(&mut self, channel: &str, why: String) {
        let before = self.published.unreadable(channel).map(str::to_owned);
        self.published.insert_unreadable(channel.to_owned(), why);
        self.stale |= before.as_deref() != self.published.unreadable(channel);
    }

    pub(crate) fn give_up_unreadable(&mut self, channel: &str) {
        self.stale |= self.published.remove_unreadable(channel);
    }

    pub(crate) fn hear(&mut self, channel: &str, deciders: Deciders) {
        let before = self.deciders.insert(channel.to_owned(), deciders.clone());
        if before != Some(deciders) {
            self.said.move_channel(channel);
            self.touched = true;
        }
    }

    pub(crate) fn decide(&mut self, experiment: &str, decision: Option<Decision>) {
        let facts = self.snapshot.experiment_facts.get(experiment).cloned();
        let facts = ExperimentFacts {
            decision,
            ..facts.unwrap_or_default()
        };
        self.stale |= self.snapshot.note_experiment(experiment, facts);
    }

    pub(crate) fn note_fallback(&mut self, channel: &str, fallback: Fallback) {
        let before = self.fallbacks.insert(channel.to_owned(), fallback);
        if before.unwrap_or_default() != fallback {
            self.said.move_channel(channel);
            self.touched = true;
        }
    }

    pub(crate) fn hear_receiver(&mut self, channel: &str, receiver: Receiver) {
        let known = self.receivers.entry(channel.to_owned()).or_default();
        if *known != receiver {
            *known = receiver;
            self.said.move_channel(channel);
            self.touched = true;
        }
    }

    pub(crate) fn note_batch(&mut self, channel: &str, run: &BatchFigures) {
        if self.batches.get(channel) != Some(run) {
            self.batches.insert(channel.to_owned(), run.clone());
            self.said.move_channel(channel);
            self.touched = true;
        }
    }

    /// Adds what the deciders of a Channel counted.
    pub(crate) fn count(&mut self, channel: &str, counts: &Counts, now: Timestamp) {
        self.traffic.add(&self.snapshot, channel, counts, now);
        self.touched = true;
    }

    /// Takes what was counted so far for what is to be told, and forgets what is too old.
    pub(crate) fn sum_up(&mut self, now: Timestamp) {
        if self.traffic.is_empty() && self.snapshot.observed.is_empty() && self.snapshot.idle.is_empty() {
            return;
        }
        self.traffic.expire(&self.snapshot, now);
        if let Some(compiled) = &self.compiled {
            self.traffic.watch(&self.snapshot, &compiled.live_rules, now);
        }
        let (observed, idle) = (self.traffic.observed(now), self.traffic.idle());
        self.learn(|snapshot| &mut snapshot.observed, observed);
        self.learn(|snapshot| &mut snapshot.idle, idle);
        self.touched = true;
    }

    /// Goes on with the sums that stand on statuses.
    pub(crate) fn recall(&mut self, now: Timestamp) {
        let mut traffic = Traffic::default();
        for (id, status) in &self.standing {
            traffic.restore(&self.snapshot, (id.kind, &id.name), status, now);
        }
        self.traffic = traffic;
        self.sum_up(now);
    }

    /// Rules that are live and have won somebody; `None` until anything is known.
    pub(crate) fn fired_rules(&self, now: Timestamp) -> Option<i32> {
        self.told(now)?.fired_rules()
    }

    /// What deciders told; `None` where they have told nothing, so that a large namespace without traffic costs no more.
    fn told(&self, now: Timestamp) -> Option<Told<'_>> {
        if self.traffic.is_empty() {
            return None;
        }
        let rules = &self.compiled.as_ref()?.live_rules;
        Some(self.traffic.tell(&self.snapshot, rules, now))
    }

    /// Everything is to be compared with the outside again.
    pub(crate) fn touch(&mut self) {
        self.said.move_all();
        self.touched = true;
    }

    /// The outside of a Channel is another, where the object is one.
    fn move_channel(&mut self, id: &ObjectId) {
        if id.kind == Kind::Channel {
            self.said.move_channel(&id.name);
        }
    }

    /// What was about to be written is not.
    pub(crate) fn forget_writes(&mut self) {
        self.pending.clear();
        self.said.move_all();
    }

    /// An object is listed anew: what was seen of it before says nothing about what is to be seen next.
    pub(crate) fn forget_write(&mut self, id: &ObjectId) {
        self.pending.forget(id);
        self.said.move_on(id);
    }

    /// What was written long ago and has not been seen is compared with the outside again.
    pub(crate) fn give_up_writes(&mut self, now: Timestamp) {
        if self.pending.give_up(now) {
            self.touch();
        }
    }

    /// An object is listed anew, where nothing is written: what was said of it last stands.
    pub(crate) fn keep_newest_write(&mut self, id: &ObjectId) {
        self.pending.keep_newest(id);
    }

    /// Compiles if need be, and says whether it was. What is kept for the next time is kept from so many objects on.
    pub(crate) fn compile(
        &mut self,
        namespace: &str,
        now: Timestamp,
        keeps_from: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let due = self
            .compiled
            .as_ref()
            .and_then(|compiled| compiled.next_change)
            .is_some_and(|at| at <= now);
        let is_due = self.stale || due;
        if is_due {
            self.recompile(namespace, now, effects);
            if self.standing.len() < keeps_from {
                self.kept = Kept::default();
            }
        }
        is_due
    }

    /// Compiles the next time whether or not anything has changed.
    #[cfg(test)]
    pub(crate) fn age(&mut self) {
        self.stale = true;
    }

    /// Relies on nothing that was compiled or said before. While statuses are withheld, what was said last is all that there
    /// is, for want of anything that follows from the present.
    #[cfg(test)]
    pub(crate) fn start_over(&mut self) {
        self.kept = Kept::default();
        if !self.is_withheld() {
            self.said = Said::default();
        }
        self.touched = true;
        self.age();
    }

    /// Whether nothing is left, inside or outside.
    pub(crate) fn is_spent(&self) -> bool {
        self.standing.is_empty() && self.published.is_empty()
    }

    pub(crate) fn compiled(&self) -> Option<&Compiled> {
        self.compiled.as_ref()
    }

    pub(crate) fn ids(&self, kind: Kind) -> Vec<ObjectId> {
        self.standing
            .keys()
            .filter(|id| id.kind == kind)
            .cloned()
            .collect()
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = &str> {
        self.snapshot.channels.keys().map(String::as_str)
    }

    pub(crate) fn declared_channels(&self) -> impl Iterator<Item = (&str, Option<&ChannelSpec>)> {
        let channels = self.snapshot.channels.iter();
        let read = channels.map(|(name, channel)| (name.as_str(), Some(&channel.spec)));
        let unreadable = self.snapshot.unreadable(Kind::Channel).map(|name| (name, None));
        read.chain(unreadable)
    }

    pub(crate) fn channel_uid(&self, channel: &str) -> Option<String> {
        self.snapshot.channels.get(channel)?.metadata.uid.clone()
    }

    pub(crate) fn standing_deciders(&self, channel: &str) -> Option<DeciderFigures> {
        serde_json::from_value(self.status(Kind::Channel, channel)?.get("deciders")?.clone()).ok()
    }

    /// The status of an object as last seen, or as it is about to be written.
    pub(crate) fn status(&self, kind: Kind, name: &str) -> Option<&Value> {
        let id = self.snapshot.id(kind, name);
        self.pending.newest(&id).or_else(|| self.standing.get(&id))
    }

    pub(crate) fn uid(&self, id: &ObjectId) -> Option<String> {
        self.snapshot.get(id.kind, &id.name)?.metadata().uid.clone()
    }

    pub(crate) fn delivery(&self, channel: &str) -> Option<&Delivery> {
        Some(&self.snapshot.channels.get(channel)?.spec.delivery)
    }

    /// Every object that can be read, with its status as of the last settling.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Resource, Option<&Value>)> {
        self.standing
            .keys()
            .filter_map(|id| Some((self.snapshot.get(id.kind, &id.name)?, self.said.get(id))))
    }

    fn recompile(&mut self, namespace: &str, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut compiled = compile_again(&self.snapshot, &self.published, now, &mut self.kept);
        if let Some(before) = &self.compiled {
            share_verdicts(before, &mut compiled);
        }
        for (channel, publication) in &compiled.channels {
            let bundle = &publication.bundle;
            let is_same = |known: &Arc<Bundle>| Arc::ptr_eq(known, bundle) || known == bundle;
            if !self.published.get(channel).is_some_and(is_same) {
                effects.push(Effect::Publish {
                    namespace: namespace.to_owned(),
                    channel: channel.clone(),
                    publication: publication.clone(),
                });
            }
        }
        let channels = &self.snapshot;
        let exists = |channel: &str| {
            channels.channels.contains_key(channel) || channels.is_unreadable(Kind::Channel, channel)
        };
        let is_over = |channel: &&str| {
            let is_held = self.published.unreadable(channel).is_some() && exists(channel);
            !compiled.channels.contains_key(*channel) && !is_held
        };
        for channel in self.published.channels().filter(is_over) {
            effects.push(Effect::Withdraw {
                namespace: namespace.to_owned(),
                channel: channel.to_owned(),
            });
        }
        let bundles = compiled.channels.iter();
        let bundles =
            bundles.map(|(channel, publication)| (channel.clone(), Arc::clone(&publication.bundle)));
        self.published.followed_by(bundles, exists);
        // What was registered binds from now on, and not only once it was written and seen.
        for (name, registration) in &compiled.registrations {
            let facts = self.snapshot.experiment_facts.entry(name.clone()).or_default();
            facts.registration = Some(registration.clone());
        }
        for (id, verdict) in compiled
            .verdicts
            .iter()
            .filter(|(id, _)| id.kind == Kind::Experiment)
        {
            if let Some(shown) = shown_of(&verdict.figures) {
                let facts = self.snapshot.experiment_facts.entry(id.name.clone()).or_default();
                facts.shown = Some(shown);
            }
        }
        self.compiled = Some(compiled);
        self.stale = false;
        self.touched = true;
    }
}

/// Verdicts that say what was said before are the same ones.
fn share_verdicts(before: &Compiled, compiled: &mut Compiled) {
    for (id, verdict) in &mut compiled.verdicts {
        if let Some(known) = before
            .verdicts
            .get(id)
            .filter(|known| !Arc::ptr_eq(known, verdict) && *known == verdict)
        {
            *verdict = Arc::clone(known);
        }
    }
}
