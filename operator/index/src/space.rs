//! One namespace of an [`Index`](crate::Index).

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_api::channel::DeciderFigures;
use attune_api::{Kind, Resource};
use attune_compile::status::{Deciders, owned_figures, render, says_the_same, undecodable};
use attune_compile::{Compiled, ObjectId, Previous, Snapshot, compile};
use attune_core::bundle::Bundle;
use jiff::Timestamp;
use serde_json::Value;

use crate::effect::{Effect, Undecodable};

/// The objects of one namespace, what they compile to, and what stands outside. The namespace without a name holds the
/// cluster's policies.
#[derive(Debug, Default)]
pub(crate) struct Space {
    snapshot: Snapshot,
    /// The status of every object, as last seen or written.
    standing: BTreeMap<ObjectId, Value>,
    undecodable: BTreeMap<ObjectId, Undecodable>,
    published: Previous,
    deciders: BTreeMap<String, Deciders>,
    compiled: Option<Compiled>,
    /// The statuses of the last settling.
    rendered: BTreeMap<ObjectId, Value>,
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
        }
        self.undecodable.remove(&id);
        // A file has no status: what was said about its object stands.
        let standing = self.standing.entry(id).or_default();
        if let Some(status) = status {
            *standing = status;
        }
        self.touched = true;
    }

    pub(crate) fn apply_undecodable(&mut self, object: Undecodable) {
        // One that could not be read before is no news.
        self.stale |= self.snapshot.insert_unreadable(object.id.kind, &object.id.name);
        self.standing.insert(object.id.clone(), object.status.clone());
        self.undecodable.insert(object.id.clone(), object);
        self.touched = true;
    }

    pub(crate) fn delete(&mut self, id: &ObjectId) {
        self.stale |= self.snapshot.remove(id.kind, &id.name);
        self.standing.remove(id);
        self.undecodable.remove(id);
        if id.kind == Kind::Channel {
            self.deciders.remove(&id.name);
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

    pub(crate) fn restore(&mut self, channel: &str, bundle: Bundle) {
        self.published.insert(channel.to_owned(), Arc::new(bundle));
        self.stale = true;
    }

    pub(crate) fn hear(&mut self, channel: &str, deciders: Deciders) {
        let before = self.deciders.insert(channel.to_owned(), deciders.clone());
        self.touched |= before != Some(deciders);
    }

    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// Compiles if need be, and says whether it was.
    pub(crate) fn compile(&mut self, namespace: &str, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        let due = self
            .compiled
            .as_ref()
            .and_then(|compiled| compiled.next_change)
            .is_some_and(|at| at <= now);
        let is_due = self.stale || due;
        if is_due {
            self.recompile(namespace, now, effects);
        }
        is_due
    }

    /// Says which statuses differ from the outside.
    pub(crate) fn report(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.touched {
            self.render(now, effects);
        }
        self.touched = false;
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

    pub(crate) fn channel_uid(&self, channel: &str) -> Option<String> {
        self.snapshot.channels.get(channel)?.metadata.uid.clone()
    }

    pub(crate) fn standing_deciders(&self, channel: &str) -> Option<DeciderFigures> {
        let standing = self.standing.get(&self.snapshot.id(Kind::Channel, channel))?;
        serde_json::from_value(standing.get("deciders")?.clone()).ok()
    }

    /// Every object that can be read, with its status as of the last settling.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Resource, Option<&Value>)> {
        self.standing
            .keys()
            .filter_map(|id| Some((self.snapshot.get(id.kind, &id.name)?, self.rendered.get(id))))
    }

    fn recompile(&mut self, namespace: &str, now: Timestamp, effects: &mut Vec<Effect>) {
        let compiled = compile(&self.snapshot, &self.published, now);
        for (channel, publication) in &compiled.channels {
            if self.published.get(channel) != Some(&publication.bundle) {
                effects.push(Effect::Publish {
                    namespace: namespace.to_owned(),
                    channel: channel.clone(),
                    publication: publication.clone(),
                });
            }
        }
        for channel in self
            .published
            .keys()
            .filter(|channel| !compiled.channels.contains_key(*channel))
        {
            effects.push(Effect::Withdraw {
                namespace: namespace.to_owned(),
                channel: channel.clone(),
            });
        }
        self.published = compiled
            .channels
            .iter()
            .map(|(channel, publication)| (channel.clone(), Arc::clone(&publication.bundle)))
            .collect();
        self.compiled = Some(compiled);
        self.stale = false;
        self.touched = true;
    }

    fn render(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut rendered = BTreeMap::new();
        for (id, standing) in &mut self.standing {
            let status = match (
                self.undecodable.get(id),
                self.compiled.as_ref().and_then(|one| one.verdicts.get(id)),
            ) {
                (Some(object), _) => undecodable(id.kind, &object.message, object.generation, standing, now),
                (None, Some(verdict)) => {
                    let channel = self.snapshot.delivering_channel(id.kind, &id.name);
                    let heard = channel
                        .as_ref()
                        .and_then(|(name, _)| self.deciders.get(*name))
                        .unwrap_or(&Deciders::Unheard);
                    let delivery = channel.map(|(_, channel)| (&channel.spec.delivery, heard));
                    render(id.kind, verdict, delivery, standing, now)
                }
                (None, None) => continue,
            };
            if !says_the_same(id.kind, standing, &status) {
                effects.push(Effect::Status {
                    id: id.clone(),
                    status: status.clone(),
                });
                merge(id.kind, standing, &status);
            }
            rendered.insert(id.clone(), status);
        }
        self.rendered = rendered;
    }
}

/// Takes over what is about to be written. Conditions and counts of other writers, which are not looked at here, are back
/// when the object is seen again.
fn merge(kind: Kind, standing: &mut Value, status: &Value) {
    let (Some(standing), Some(status)) = (standing.as_object_mut(), status.as_object()) else {
        *standing = status.clone();
        return;
    };
    for field in owned_figures(kind) {
        standing.remove(*field);
    }
    for (field, value) in status {
        standing.insert(field.clone(), value.clone());
    }
}
