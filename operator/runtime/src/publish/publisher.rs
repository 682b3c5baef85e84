//! Keeps ConfigMaps as they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attune_api::EventReason;
use attune_compile::Publication;
use attune_compile::status::Fallback;
use kube::Client;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;

use super::{Found, PublishError, Restored, Standing, Written, remove, reread, write};
use crate::events::{Events, channel_reference};
use crate::queue::Queue;

/// How long a replica that follows waits for its own bundle to become the one that the leader published.
const PATIENCE: Duration = Duration::from_secs(2);

/// Namespace and name of a Channel.
type Key = (String, String);

/// What should stand, what does, and the Channels for which they may differ.
///
/// While another replica leads, nothing is written; what that one published is read instead where it differs from this
/// one's own, so that both carry the same forms.
#[derive(Debug, Default)]
pub struct Publisher {
    state: Mutex<State>,
    changed: Queue<Key, ()>,
    unread: Queue<Key, ()>,
    /// Something was read back, or what became of a fallback is known.
    news: Notify,
    events: Events,
}

#[derive(Debug, Default)]
struct State {
    is_following: bool,
    wanted: BTreeMap<Key, Wanted>,
    standing: BTreeMap<Key, Standing>,
    /// Channels whose bundle stands and cannot be read: nothing is written over it.
    held: BTreeSet<Key>,
    /// Channels whose bundle is to go, if another replica has not removed it.
    withdrawn: BTreeSet<Key>,
    /// Channels whose bundle is to be read back or is being read.
    reading: BTreeSet<Key>,
    read: Vec<Restored>,
    /// Channels whose ConfigMap's name somebody else's has.
    taken: BTreeSet<Key>,
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

impl State {
    fn is_listed(&self, namespace: &str) -> bool {
        self.listed.contains(&None) || self.listed.contains(&Some(namespace.to_owned()))
    }

    /// Whether a Channel's ConfigMap is as it should be.
    fn stands(&self, key: &Key, wanted: &Wanted) -> bool {
        match self.standing.get(key) {
            None => wanted.is_too_large,
            Some(standing) => {
                standing.revision.as_ref() == Some(&wanted.publication.revision)
                    && standing.owner == wanted.owner
            }
        }
    }

    /// Whether another revision stands than this replica would publish.
    fn is_ahead_or_behind(&self, key: &Key) -> bool {
        let wanted = self.wanted.get(key).map(|wanted| &wanted.publication.revision);
        let standing = self.standing.get(key).filter(|_| !self.withdrawn.contains(key));
        standing.is_some_and(|standing| standing.revision.as_ref() != wanted)
    }
}

impl Publisher {
    /// A publisher that says when a place is taken.
    #[must_use]
    pub fn telling(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// From now on another replica writes.
    pub fn follow(&self) {
        self.lock().is_following = true;
        self.changed.clear();
    }

    /// Lets everything be read back that another replica published and this one would not, before this one writes.
    pub fn catch_up(&self) {
        let mut state = self.lock();
        let differing = state.standing.keys().filter(|key| state.is_ahead_or_behind(key));
        for key in differing.cloned().collect::<Vec<_>>() {
            state.reading.insert(key.clone());
            self.unread.put(key, ());
        }
    }

    /// Whether all that was to be read back was read.
    pub fn is_caught_up(&self) -> bool {
        self.lock().reading.is_empty()
    }

    /// From now on this replica writes, at once whatever is not as it should be.
    pub fn lead(&self) {
        let mut state = self.lock();
        state.is_following = false;
        let wanted: Vec<_> = state.wanted.keys().cloned().collect();
        for key in wanted {
            self.compare(&mut state, key);
        }
        for key in &state.withdrawn {
            self.changed.put(key.clone(), ());
        }
    }

    /// Waits until something was read back, or more is known of a fallback. For one listener.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// What was read back since it was last asked for.
    pub fn take_read(&self) -> Vec<Restored> {
        std::mem::take(&mut self.lock().read)
    }

    /// What became of a Channel's bundle that outlives the operator.
    pub fn fallback(&self, namespace: &str, channel: &str) -> Fallback {
        let key = (namespace.to_owned(), channel.to_owned());
        let state = self.lock();
        match state.wanted.get(&key) {
            Some(wanted) if wanted.is_too_large => Fallback::TooLarge,
            Some(wanted) if state.stands(&key, wanted) => Fallback::Stands,
            _ => Fallback::Unknown,
        }
    }

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
        state.held.remove(&key);
        state.withdrawn.remove(&key);
        state.wanted.insert(key.clone(), wanted);
        self.compare(&mut state, key);
    }

    /// Leaves a bundle that cannot be read where it is; it is read again when it changes.
    pub fn hold(&self, namespace: &str, channel: &str) {
        let key = (namespace.to_owned(), channel.to_owned());
        self.lock().held.insert(key);
    }

    /// Lets a Channel's ConfigMap be removed.
    pub fn withdraw(&self, namespace: &str, channel: &str) {
        let key = (namespace.to_owned(), channel.to_owned());
        let mut state = self.lock();
        state.wanted.remove(&key);
        state.held.remove(&key);
        state.withdrawn.insert(key.clone());
        if !state.is_following {
            self.changed.put(key, ());
        }
    }

    /// Notes what stands for one Channel.
    pub fn observe(&self, key: Key, standing: Option<Standing>) {
        let mut state = self.lock();
        if let Some(standing) = standing {
            state.standing.insert(key.clone(), standing);
        } else {
            state.standing.remove(&key);
            state.withdrawn.remove(&key);
        }
        self.compare(&mut state, key);
    }

    /// Notes what stands in one namespace, or (`None`) in all, and nothing else does.
    pub fn observe_all(&self, namespace: Option<&str>, listed: Vec<(Key, Standing)>) {
        let mut state = self.lock();
        let is_inside = |key: &Key| namespace.is_none_or(|namespace| key.0 == namespace);
        state.standing.retain(|key, _| !is_inside(key));
        state.standing.extend(listed);
        state.listed.insert(namespace.map(str::to_owned));
        let keys = state
            .wanted
            .keys()
            .chain(state.standing.keys())
            .chain(&state.held);
        let keys: BTreeSet<Key> = keys.filter(|key| is_inside(key)).cloned().collect();
        for key in keys {
            self.compare(&mut state, key);
        }
    }

    /// Whether something is to be written or removed, for tests; it is taken for done.
    #[cfg(test)]
    pub(crate) fn is_at_work(&self) -> bool {
        self.changed.take_if_due().is_some()
    }

    /// Notes what stands for one Channel, for tests.
    #[cfg(test)]
    pub(crate) fn see(&self, namespace: &str, channel: &str, revision: &str, owner: &str) {
        let standing = Standing {
            revision: Some(revision.to_owned()),
            owner: Some(owner.to_owned()),
        };
        self.observe((namespace.to_owned(), channel.to_owned()), Some(standing));
    }

    /// Writes and reads until cancelled; what cannot be written or read is tried again with a growing pause.
    pub async fn run(&self, client: &Client) {
        loop {
            tokio::select! {
                task = self.changed.next() => {
                    if let Err(error) = self.establish(client, &task.key).await {
                        complain(&task.key, &error);
                        self.changed.put_back(task);
                    }
                }
                task = self.unread.next() => {
                    if let Err(error) = self.read_back(client, &task.key).await {
                        complain(&task.key, &error);
                        self.unread.put_back(task);
                    }
                }
            }
        }
    }

    async fn establish(&self, client: &Client, key: &Key) -> Result<(), PublishError> {
        let (namespace, channel) = key;
        // Not in the `match`, where the lock would be held while waiting.
        let (wanted, is_known) = {
            let state = self.lock();
            if state.is_following {
                return Ok(());
            }
            (state.wanted.get(key).cloned(), state.standing.contains_key(key))
        };
        let Some(wanted) = wanted else {
            remove(client, namespace, channel).await?;
            self.lock().withdrawn.remove(key);
            return Ok(());
        };
        let publication = &wanted.publication;
        let owner = wanted.owner.as_deref();
        let written = write(client, (namespace, channel), owner, publication, is_known).await;
        self.note_place(key, &written);
        let mut state = self.lock();
        match written? {
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
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Says once that somebody else's object is in the way.
    fn note_place(&self, key: &Key, written: &Result<Written, PublishError>) {
        let (namespace, channel) = key;
        match written {
            Err(error @ PublishError::Foreign { .. }) => {
                if self.lock().taken.insert(key.clone()) {
                    let regarding = channel_reference(namespace, channel, None);
                    self.events
                        .tell(regarding, EventReason::NameTaken, &error.to_string());
                }
            }
            Err(_) => {}
            Ok(_) => drop(self.lock().taken.remove(key)),
        }
    }

    async fn read_back(&self, client: &Client, key: &Key) -> Result<(), PublishError> {
        let (namespace, channel) = key;
        let is_wanted = {
            let state = self.lock();
            state.held.contains(key) || state.is_ahead_or_behind(key)
        };
        let read = if is_wanted {
            Some(reread(client, namespace, channel).await?)
        } else {
            None
        };
        let mut state = self.lock();
        state.reading.remove(key);
        if let Some(read) = read {
            let is_readable = matches!(read.found, Found::Bundle(_));
            if is_readable || !state.wanted.contains_key(key) {
                if matches!(read.found, Found::Unreadable(_)) {
                    state.held.insert(key.clone());
                }
                state.read.push(read);
            }
        }
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Lets a Channel's ConfigMap be written if it is not as it should be, or read if it is another's to write.
    fn compare(&self, state: &mut State, key: Key) {
        if !state.is_listed(&key.0) {
            return;
        }
        if state.held.contains(&key) {
            if state.standing.contains_key(&key) {
                self.unread.put(key, ());
            } else {
                state.held.remove(&key);
                let (namespace, channel) = key;
                let found = Found::Nothing;
                state.read.push(Restored {
                    namespace,
                    channel,
                    found,
                });
                self.news.notify_one();
            }
        } else if state.is_following {
            if state.is_ahead_or_behind(&key) {
                self.unread.put_at(key, (), Instant::now() + PATIENCE);
            }
        } else if state
            .wanted
            .get(&key)
            .is_some_and(|wanted| !state.stands(&key, wanted))
        {
            self.changed.put(key, ());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn complain((namespace, channel): &Key, error: &PublishError) {
    warn!(
        namespace,
        channel,
        error = error as &dyn std::error::Error,
        "bundle not written or read, trying again"
    );
}

#[cfg(test)]
mod tests;
