//! Keeps ConfigMaps as they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use attune_compile::Publication;
use kube::Client;
use tracing::warn;

use super::{PublishError, Standing, Written, remove, write};
use crate::queue::Queue;

/// Namespace and name of a Channel.
type Key = (String, String);

/// What should stand, what does, and the Channels for which they may differ.
#[derive(Debug, Default)]
pub struct Publisher {
    state: Mutex<State>,
    changed: Queue<Key, ()>,
}

#[derive(Debug, Default)]
struct State {
    wanted: BTreeMap<Key, Wanted>,
    standing: BTreeMap<Key, Standing>,
    /// Namespaces (or `None` for all) whose ConfigMaps are known: nothing is written before, lest what is there be written
    /// again.
    listed: BTreeSet<Option<String>>,
}

/// A bundle that should stand.
#[derive(Debug, Clone)]
struct Wanted {
    publication: Publication,
    /// The Channel's UID: its ConfigMap goes with it.
    owner: Option<String>,
    /// It was found too large for a ConfigMap.
    is_too_large: bool,
}

impl Publisher {
    /// Lets a Channel's bundle stand in its ConfigMap.
    pub fn want(&self, namespace: &str, channel: &str, publication: &Publication, owner: Option<String>) {
        let key = (namespace.to_owned(), channel.to_owned());
        let mut state = self.lock();
        let same =
            |wanted: &Wanted| wanted.publication.revision == publication.revision && wanted.owner == owner;
        if state.wanted.get(&key).is_some_and(same) {
            return;
        }
        let wanted = Wanted {
            publication: publication.clone(),
            owner,
            is_too_large: false,
        };
        state.wanted.insert(key.clone(), wanted);
        self.compare(&state, key);
    }

    /// Lets a Channel's ConfigMap be removed.
    pub fn withdraw(&self, namespace: &str, channel: &str) {
        let key = (namespace.to_owned(), channel.to_owned());
        self.lock().wanted.remove(&key);
        self.changed.put(key, ());
    }

    /// Notes what stands for one Channel.
    pub fn observe(&self, key: Key, standing: Option<Standing>) {
        let mut state = self.lock();
        match standing {
            Some(standing) => state.standing.insert(key.clone(), standing),
            None => state.standing.remove(&key),
        };
        self.compare(&state, key);
    }

    /// Notes what stands in one namespace, or (`None`) in all, and nothing else does.
    pub fn observe_all(&self, namespace: Option<&str>, listed: Vec<(Key, Standing)>) {
        let mut state = self.lock();
        let is_inside = |key: &Key| namespace.is_none_or(|namespace| key.0 == namespace);
        state.standing.retain(|key, _| !is_inside(key));
        state.standing.extend(listed);
        state.listed.insert(namespace.map(str::to_owned));
        let wanted = state.wanted.keys().filter(|key| is_inside(key));
        for key in wanted.cloned().collect::<Vec<_>>() {
            self.compare(&state, key);
        }
    }

    /// Writes until cancelled; what cannot be written is tried again with a growing pause.
    pub async fn run(&self, client: &Client) {
        loop {
            let task = self.changed.next().await;
            if let Err(error) = self.establish(client, &task.key).await {
                let (namespace, channel) = &task.key;
                warn!(
                    namespace,
                    channel,
                    error = &error as &dyn std::error::Error,
                    "bundle not written, trying again"
                );
                self.changed.put_back(task);
            }
        }
    }

    async fn establish(&self, client: &Client, key: &Key) -> Result<(), PublishError> {
        let (namespace, channel) = key;
        // Not in the `match`, where the lock would be held while waiting.
        let wanted = self.lock().wanted.get(key).cloned();
        let Some(wanted) = wanted else {
            return remove(client, namespace, channel).await;
        };
        let publication = &wanted.publication;
        let written = write(client, namespace, channel, wanted.owner.as_deref(), publication).await?;
        let mut state = self.lock();
        match written {
            Written::Whole => {
                let standing = Standing {
                    revision: Some(publication.revision.clone()),
                    owner: wanted.owner,
                };
                state.standing.insert(key.clone(), standing);
            }
            Written::TooLarge => {
                let now = state.wanted.get_mut(key);
                if let Some(now) = now.filter(|now| now.publication.revision == publication.revision) {
                    now.is_too_large = true;
                }
            }
        }
        Ok(())
    }

    /// Lets a Channel's ConfigMap be written if it is not as it should be.
    fn compare(&self, state: &State, key: Key) {
        let is_known = state.listed.contains(&None) || state.listed.contains(&Some(key.0.clone()));
        let Some(wanted) = state.wanted.get(&key).filter(|_| is_known) else {
            return;
        };
        let stands = match state.standing.get(&key) {
            None => wanted.is_too_large,
            Some(standing) => {
                standing.revision.as_ref() == Some(&wanted.publication.revision)
                    && standing.owner == wanted.owner
            }
        };
        if !stands {
            self.changed.put(key, ());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
