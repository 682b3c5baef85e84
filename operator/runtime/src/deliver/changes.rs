//! Events that matter: of each object only those that change what is looked at, and every end of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use attune_api::Kind;
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;

use super::Key;

#[cfg(test)]
mod tests;

/// What is known of the objects of one watch.
#[derive(Debug)]
pub(super) struct Changes {
    fingerprint: fn(&DynamicObject) -> u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<Key, Known>,
    /// What the list that is being read has had so far.
    listed: BTreeSet<Key>,
}

#[derive(Debug)]
struct Known {
    fingerprint: u64,
    /// The object without what it says: its owners are who is to hear of its end.
    stub: DynamicObject,
}

impl Changes {
    /// Two states of an object with the same fingerprint are the same to whoever asks.
    pub(super) fn new(fingerprint: fn(&DynamicObject) -> u64) -> Self {
        Self {
            fingerprint,
            state: Mutex::default(),
        }
    }

    /// The objects that an event changes.
    pub(super) fn take(&self, event: Event<DynamicObject>) -> Vec<DynamicObject> {
        let mut state = self.lock();
        match event {
            Event::Init => {
                state.listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                state.listed.insert(key(&object));
                self.apply(&mut state, object)
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut state.listed);
                // Ended while nobody watched.
                let gone = state.known.extract_if(.., |key, _| !listed.contains(key));
                gone.map(|(_, known)| known.stub).collect()
            }
            Event::Apply(object) => self.apply(&mut state, object),
            Event::Delete(object) => {
                state.known.remove(&key(&object));
                vec![object]
            }
        }
    }

    fn apply(&self, state: &mut State, object: DynamicObject) -> Vec<DynamicObject> {
        let known = Known {
            fingerprint: (self.fingerprint)(&object),
            stub: stub(&object),
        };
        let fingerprint = known.fingerprint;
        let before = state.known.insert(key(&object), known);
        if before.is_some_and(|before| before.fingerprint == fingerprint) {
            return Vec::new();
        }
        vec![object]
    }

    /// The names of objects in a namespace whose controller is this Channel.
    pub(super) fn owned_by(&self, namespace: &str, channel: &str) -> Vec<String> {
        let state = self.lock();
        let first = (namespace.to_owned(), String::new());
        let inside = state
            .known
            .range(first..)
            .take_while(|(key, _)| key.0 == namespace);
        inside
            .filter(|(_, known)| is_owned_by(&known.stub, channel))
            .map(|(key, _)| key.1.clone())
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an object's controller is a Channel of this name. Not by UID: what stood for a Channel that was deleted and
/// created anew may be taken over.
pub(super) fn is_owned_by(object: &DynamicObject, channel: &str) -> bool {
    object.owner_references().iter().any(|owner| {
        owner.controller == Some(true)
            && owner.api_version == attune_api::API_VERSION
            && owner.kind == Kind::Channel.name()
            && owner.name == channel
    })
}

fn key(object: &DynamicObject) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn stub(object: &DynamicObject) -> DynamicObject {
    let mut stub = DynamicObject {
        types: object.types.clone(),
        metadata: object.metadata.clone(),
        data: serde_json::Value::Null,
    };
    stub.metadata.managed_fields = None;
    stub.metadata.annotations = None;
    stub
}
