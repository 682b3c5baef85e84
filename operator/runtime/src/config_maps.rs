//! Rules in ConfigMaps, for Channels with delivery `configMap`.
//!
//! [`ConfigMaps`] keeps them as they should be while this replica leads: one that somebody changes or deletes is written
//! again, one that is no longer wanted is removed, and somebody else's of that name is never touched.

mod document;
mod keep;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use attune_api::channel::SyncFigures;
use attune_api::conditions::Reason;
use attune_api::delivery::ConfigMapDelivery;
use attune_api::time::Instant as Stamp;
use attune_compile::Publication;
use attune_compile::status::{Delivered, Receiver};
use jiff::Timestamp;
use kube::Client;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::queue::Queue;
use document::{Document, Refused, target};
pub use watch::watch;

/// Namespace and name of a Channel.
type Key = (String, String);

/// How long until a ConfigMap is looked at again whose place is taken.
const TAKEN: Duration = Duration::from_secs(30);

/// What a Channel wants to be written.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where, and in which format.
    pub config_map: ConfigMapDelivery,
    /// What.
    pub publication: Publication,
    /// The Channel's UID: its ConfigMap goes with it.
    pub owner: Option<String>,
    /// What its status says.
    pub standing: Option<SyncFigures>,
}

/// What should stand, what does, and the Channels for which they may differ.
#[derive(Debug, Default)]
pub struct ConfigMaps {
    state: Mutex<State>,
    changed: Queue<Key, ()>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    leads: bool,
    wanted: BTreeMap<Key, Wanted>,
    /// ConfigMaps with labels of ours, by namespace and name.
    seen: BTreeMap<(String, String), Seen>,
    /// Channels that cannot be read just now: what stands for them stays.
    kept: BTreeSet<Key>,
}

#[derive(Debug)]
struct Wanted {
    delivery: Delivery,
    /// The hash of what was written or found.
    written: Option<u64>,
    delivered: Delivered,
}

/// A ConfigMap with labels of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The Channel that it says it is for.
    channel: String,
    /// Hash of what of it is ours.
    print: u64,
}

/// What was to be written could not be.
#[derive(Debug, thiserror::Error)]
#[error("ConfigMap `{name}` was not {done}")]
struct KeepError {
    name: String,
    done: &'static str,
    #[source]
    source: kube::Error,
}

/// How a ConfigMap stands after it was looked at.
#[derive(Debug)]
enum Established {
    /// It stood so.
    Unchanged(u64),
    /// It was written.
    Written(u64),
    /// Somebody else's is there.
    Foreign,
    /// There is nothing to write.
    Refused(Refused),
}

impl ConfigMaps {
    /// Lets exactly these Channels have what they want, and nothing stand for any other but those `kept`. From now on this
    /// replica writes.
    pub fn settle(&self, wanted: BTreeMap<Key, Delivery>, kept: BTreeSet<Key>) {
        let mut state = self.lock();
        let begins = !std::mem::replace(&mut state.leads, true);
        let over: Vec<Key> = state.wanted.keys().cloned().collect();
        for key in over {
            if !wanted.contains_key(&key) && !kept.contains(&key) {
                state.wanted.remove(&key);
                self.changed.put(key, ());
            }
        }
        for (key, delivery) in wanted {
            let is_same = |known: &Wanted| known.delivery.is_same(&delivery);
            if state.wanted.get(&key).is_some_and(is_same) {
                continue;
            }
            let known = state.wanted.remove(&key);
            state.wanted.insert(key.clone(), Wanted::of(delivery, known));
            self.changed.put(key, ());
        }
        // What happened while they were kept was left alone.
        for key in std::mem::replace(&mut state.kept, kept) {
            if !state.kept.contains(&key) {
                self.changed.put(key, ());
            }
        }
        if begins {
            for key in state.orphans() {
                self.changed.put(key, ());
            }
        }
    }

    /// Another replica leads.
    pub fn follow(&self) {
        let mut state = self.lock();
        state.leads = false;
        state.wanted.clear();
        self.changed.clear();
    }

    /// How a Channel's ConfigMap stands.
    pub fn receiver(&self, namespace: &str, channel: &str) -> Receiver {
        let key = (namespace.to_owned(), channel.to_owned());
        match self.lock().wanted.get(&key) {
            Some(wanted) => Receiver::Known(Box::new(wanted.delivered.clone())),
            None => Receiver::Unknown,
        }
    }

    /// Waits until a ConfigMap stands otherwise than before. For one listener.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Writes until cancelled; what cannot be written is tried again with a growing pause.
    pub async fn run(&self, client: &Client) {
        loop {
            let task = self.changed.next().await;
            let key = task.key.clone();
            if let Err(error) = self.keep(client, &key).await {
                let (namespace, channel) = &key;
                let error = &error as &dyn std::error::Error;
                warn!(namespace, channel, error, "rules not written, trying again");
                self.note(&key, |wanted| {
                    wanted.delivered.reason = Reason::ReceiverUnreachable;
                    "the API server does not take the ConfigMap: it is tried again; the operator's log says more"
                        .clone_into(&mut wanted.delivered.message);
                });
                self.changed.put_back(task);
            }
        }
    }

    async fn keep(&self, client: &Client, key: &Key) -> Result<(), KeepError> {
        let (namespace, channel) = key;
        let (delivery, others) = {
            let state = self.lock();
            if !state.leads || state.kept.contains(key) {
                return Ok(());
            }
            let delivery = state.wanted.get(key).map(|wanted| wanted.delivery.clone());
            let name = delivery
                .as_ref()
                .map(|delivery| delivery.config_map.name.as_str());
            (delivery.clone(), state.others(key, name))
        };
        for name in others {
            if keep::remove(client, namespace, &name, channel).await? {
                info!(namespace, channel, name, "rules removed");
            }
            self.lock().seen.remove(&(namespace.clone(), name));
        }
        let Some(delivery) = delivery else {
            return Ok(());
        };
        let established = match Document::build(channel, &delivery) {
            Ok(document) => keep::establish(client, namespace, channel, &document).await?,
            Err(refused) => Established::Refused(refused),
        };
        self.note(key, |wanted| {
            if wanted.delivery.is_same(&delivery) {
                wanted.note(&established);
            }
        });
        match established {
            Established::Written(_) => info!(namespace, channel, "rules written"),
            // What is in the way may go away.
            Established::Foreign => self.changed.put_at(key.clone(), (), Instant::now() + TAKEN),
            Established::Unchanged(_) | Established::Refused(_) => {}
        }
        Ok(())
    }

    fn note(&self, key: &Key, change: impl FnOnce(&mut Wanted)) {
        let mut state = self.lock();
        let Some(wanted) = state.wanted.get_mut(key) else {
            return;
        };
        let before = wanted.delivered.clone();
        change(wanted);
        if wanted.delivered != before {
            self.news.notify_one();
        }
    }

    /// Notes a ConfigMap with labels of ours, or that it has gone or has lost them.
    #[expect(clippy::needless_pass_by_value, reason = "what was seen is kept")]
    fn observe(&self, place: (String, String), seen: Option<Seen>) {
        let mut state = self.lock();
        let before = match &seen {
            Some(seen) => state.seen.insert(place.clone(), seen.clone()),
            None => state.seen.remove(&place),
        };
        let channel = seen.as_ref().or(before.as_ref()).map(|seen| seen.channel.clone());
        let Some(channel) = channel.filter(|_| state.leads) else {
            return;
        };
        self.compare(&state, &(place.0.clone(), channel), &place.1, seen.as_ref());
        // Somebody may have let it say that it is another's.
        if let Some(before) = before {
            self.compare(&state, &(place.0, before.channel), &place.1, seen.as_ref());
        }
    }

    /// Notes the ConfigMaps with labels of ours in one namespace, or (`None`) in all, and that there are no others.
    fn observe_all(&self, namespace: Option<&str>, listed: Vec<((String, String), Seen)>) {
        let listed: BTreeMap<_, _> = listed.into_iter().collect();
        let gone: Vec<_> = {
            let state = self.lock();
            let is_inside =
                |place: &&(String, String)| namespace.is_none_or(|namespace| place.0 == namespace);
            let places = state.seen.keys().filter(is_inside);
            places
                .filter(|place| !listed.contains_key(*place))
                .cloned()
                .collect()
        };
        for place in gone {
            self.observe(place, None);
        }
        for (place, seen) in listed {
            self.observe(place, Some(seen));
        }
    }

    fn compare(&self, state: &State, key: &Key, name: &str, seen: Option<&Seen>) {
        let differs = match state.wanted.get(key) {
            // Of ours, under a name that is wanted: as it was written, or not.
            Some(wanted) if wanted.delivery.config_map.name.as_str() == name => {
                wanted.written.is_some() && seen.map(|seen| seen.print) != wanted.written
            }
            Some(_) => seen.is_some(),
            None => seen.is_some() && !state.kept.contains(key),
        };
        if differs {
            self.changed.put(key.clone(), ());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// ConfigMaps that say that they are a Channel's and have another name than is wanted.
    fn others(&self, (namespace, channel): &Key, name: Option<&str>) -> Vec<String> {
        let places = self.seen.iter();
        let is_other = |place: &(String, String), seen: &Seen| {
            place.0 == *namespace && seen.channel == *channel && Some(place.1.as_str()) != name
        };
        places
            .filter(|(place, seen)| is_other(place, seen))
            .map(|(place, _)| place.1.clone())
            .collect()
    }

    /// Channels that want nothing, and for which something stands.
    fn orphans(&self) -> BTreeSet<Key> {
        let owners = self
            .seen
            .iter()
            .map(|((namespace, _), seen)| (namespace.clone(), seen.channel.clone()));
        owners.filter(|key| !self.wanted.contains_key(key)).collect()
    }
}

impl Delivery {
    fn is_same(&self, other: &Self) -> bool {
        self.config_map == other.config_map
            && self.publication.revision == other.publication.revision
            && self.owner == other.owner
    }
}

impl Wanted {
    /// What is known from before counts if it was the same place.
    fn of(delivery: Delivery, known: Option<Self>) -> Self {
        let target = target(&delivery.config_map);
        let standing = match known {
            Some(known) => Some(known.delivered.figures),
            None => delivery.standing.clone(),
        };
        let figures = standing.filter(|standing| standing.target.as_ref() == Some(&target));
        let figures = figures.unwrap_or_default();
        // What stood written before a restart still does, unless it is found to be otherwise.
        let stood = figures.revision.as_ref() == Some(&delivery.publication.revision);
        let (reason, message) = if stood {
            (Reason::Synced, "")
        } else {
            (Reason::SyncPending, "it is being written")
        };
        Self {
            delivery,
            written: None,
            delivered: Delivered {
                reason,
                message: message.to_owned(),
                figures: SyncFigures {
                    target: Some(target),
                    ..figures
                },
            },
        }
    }

    fn note(&mut self, established: &Established) {
        let revision = &self.delivery.publication.revision;
        let figures = &mut self.delivered.figures;
        let (print, has_written) = match established {
            Established::Unchanged(print) => (*print, false),
            Established::Written(print) => (*print, true),
            Established::Foreign => {
                return self.refuse(Refused::taken(self.delivery.config_map.name.as_str()));
            }
            Established::Refused(refused) => return self.refuse(refused.clone()),
        };
        if has_written && self.written.is_some() {
            figures.last_drift = Some(stamp());
        }
        if has_written || figures.revision.as_ref() != Some(revision) {
            figures.last_success = Some(stamp());
        }
        figures.revision = Some(revision.clone());
        self.written = Some(print);
        self.delivered.reason = Reason::Synced;
        self.delivered.message.clear();
    }

    fn refuse(&mut self, refused: Refused) {
        self.written = None;
        if refused.reason == Reason::NameTaken {
            self.delivered.figures.revision = None;
        }
        self.delivered.reason = refused.reason;
        self.delivered.message = refused.message;
    }
}

fn stamp() -> Stamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).into()
}

#[cfg(test)]
mod tests;
