//! A decider for each Channel: made, given its rules, told of events, found by its name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use attune_collector::Observer;
use attune_compile::status::{Deciders, Heard};
use attune_core::event::Event;
use attune_decider::decider::Introspection;
use attune_decider::exposure::Exposures;
use attune_decider::shared::Shared;
use attune_decider::state::State;
use attune_decider::{Clock, Decider};
use tokio::runtime::Handle;
use tracing::warn;

use super::Server;
use super::rules::Rules;

/// The deciders, by namespace and Channel, with the routes of each.
pub(super) type DeciderMap = RwLock<BTreeMap<(String, String), Mounted>>;

/// What is remembered of the units of a namespace: it counts on every Channel.
#[derive(Debug)]
pub(super) struct Memory {
    own: Arc<State>,
    /// Also by other processes, where that was set up.
    shared: Option<Arc<Shared>>,
}

impl Memory {
    fn new(namespace: &str, shared: Option<&Path>, clock: &Clock) -> Self {
        let open = |directory| Arc::new(Shared::open(directory, namespace, clock.clone()));
        Self {
            own: Arc::default(),
            shared: shared.map(open),
        }
    }

    /// What other processes know too.
    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.clone()
    }
}

/// One Channel's decider.
#[derive(Debug, Clone)]
pub(super) struct Mounted {
    pub(super) decider: Decider,
    pub(super) routes: axum::Router,
}

impl Server {
    /// Gives every publication to its decider and notes that it was taken.
    pub(super) fn adopt(&self, rules: &mut Rules) {
        let mut deciders = self.deciders.write().unwrap_or_else(PoisonError::into_inner);
        let mut heard = Vec::new();
        for (namespace, channel, publication) in rules.index.publications() {
            let key = (namespace.to_owned(), channel.to_owned());
            let mounted = deciders
                .entry(key)
                .or_insert_with_key(|(namespace, channel)| self.mount(namespace, channel));
            let refused = match mounted.decider.adopt(&publication.canonical) {
                Ok(_) => None,
                Err(error) => Some(error.to_string()),
            };
            let current = i32::from(refused.is_none());
            heard.push((
                namespace.to_owned(),
                channel.to_owned(),
                Deciders::Heard(Heard {
                    refused,
                    ..Heard::callers(current, 1 - current)
                }),
            ));
        }
        deciders.retain(|(namespace, channel), _| rules.index.publication(namespace, channel).is_some());
        for (namespace, channel, deciders) in heard {
            rules.index.hear(&namespace, &channel, deciders);
        }
    }

    fn clock(&self) -> Clock {
        self.source.at.map_or_else(Clock::system, Clock::pinned)
    }

    fn mount(&self, namespace: &str, channel: &str) -> Mounted {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = states.entry(namespace.to_owned()).or_insert_with(|| {
            let _entered = self.runtime.enter();
            Memory::new(namespace, self.shared.as_deref(), &self.clock())
        });
        let decider = Decider::builder()
            .channel(namespace, channel)
            .clock(self.clock())
            .exposures(Exposures::shared(self.queue.clone()))
            .state(Arc::clone(&memory.own))
            .shared(memory.shared.clone())
            .introspection(Introspection::Open)
            .build();
        decider.mark_started();
        Mounted {
            routes: attune_decider::router(decider.clone()),
            decider,
        }
    }

    pub(super) fn mounted(&self, namespace: &str, channel: &str) -> Option<Mounted> {
        let deciders = self.deciders.read().unwrap_or_else(PoisonError::into_inner);
        deciders.get(&(namespace.to_owned(), channel.to_owned())).cloned()
    }

    /// The Channel that is mounted at the root too.
    pub(super) fn mounted_at_root(&self) -> Option<Mounted> {
        let root = self.root.as_deref()?;
        if let Some((namespace, channel)) = root.split_once('/') {
            return self.mounted(namespace, channel);
        }
        let deciders = self.deciders.read().unwrap_or_else(PoisonError::into_inner);
        let mut named = deciders.iter().filter(|((_, channel), _)| channel == root);
        match (named.next(), named.next()) {
            (Some((_, mounted)), None) => Some(mounted.clone()),
            _ => None,
        }
    }

    pub(super) fn channel_names(&self) -> Vec<String> {
        let deciders = self.deciders.read().unwrap_or_else(PoisonError::into_inner);
        deciders
            .keys()
            .map(|(namespace, channel)| format!("{namespace}/{channel}"))
            .collect()
    }
}

/// Lets every decider hear of every stored event, and forget every unit that is erased.
pub(super) fn observer(deciders: &Arc<DeciderMap>) -> Observer {
    let (hearing, forgetting) = (Arc::clone(deciders), Arc::clone(deciders));
    let runtime = Handle::current();
    Observer::new(move |event: &Event| {
        let deciders = hearing.read().unwrap_or_else(PoisonError::into_inner);
        for mounted in deciders.values() {
            mounted.decider.observe(event);
        }
    })
    .forgetting(move |namespace, unit| {
        let deciders = forgetting.read().unwrap_or_else(PoisonError::into_inner);
        for ((of, _), mounted) in deciders.iter() {
            if of == namespace {
                mounted.decider.forget(unit);
                let (decider, unit) = (mounted.decider.clone(), unit.to_owned());
                runtime.spawn(async move {
                    if let Err(error) = decider.forget_shared(&unit).await {
                        let error = &error as &dyn std::error::Error;
                        warn!(
                            error,
                            "a unit is not forgotten where deciders share what they know; erase it again"
                        );
                    }
                });
            }
        }
    })
}
