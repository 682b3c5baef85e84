//! Which pods should have a decider, and which have one.
//!
//! Only metadata is watched, and of that only names are kept, of pods that name a Channel or carry a decider.

mod count;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub use count::{Expected, count};
pub use watch::{watch_namespaces, watch_pods};

/// How long a decider that may still be remembered by its last call is known to be gone with its pod.
const DEPARTED_FOR: Duration = Duration::from_mins(2);

/// The most pods that are remembered as gone.
const MAX_DEPARTED: usize = 20_000;

/// Namespace and name of a Channel.
type Key = (String, String);

/// Pods by namespace.
#[derive(Debug, Default)]
pub struct Pods {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    pods: BTreeMap<String, BTreeMap<String, Pod>>,
    /// Namespaces whose pods ask for a decider unless they say otherwise.
    injecting: BTreeSet<String>,
    /// Namespaces (or `None` for all) whose pods are known.
    listed: BTreeSet<Option<String>>,
    are_namespaces_listed: bool,
    /// Pods with a decider that are gone or on their way out.
    departed: BTreeMap<(String, String), Instant>,
}

/// A pod, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its UID, as long as it might have to be told something.
    uid: Option<String>,
    /// The Channel that it names.
    channel: Option<String>,
    /// Whether it asks for a decider itself, or asks for none.
    inject: Option<bool>,
    /// The Channel that its decider serves.
    decider: Option<String>,
    is_leaving: bool,
}

/// A pod without the decider that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarePod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: Option<String>,
}

/// The pods of one Channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Pods with a decider, by name.
    pub injected: BTreeSet<String>,
    /// Pods that should have one and have none, in the order of their names.
    pub bare: Vec<BarePod>,
}

impl Pod {
    /// The Channel whose decider it should have and has not.
    fn lacks(&self, is_injecting: bool) -> Option<&str> {
        let asks = self.inject.unwrap_or(is_injecting);
        let channel = self.channel.as_deref()?;
        (asks && self.decider.is_none() && !self.is_leaving).then_some(channel)
    }
}

impl Pods {
    /// Waits until other pods should have a decider, or have one. For one listener.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether it is known which pods there are in a namespace, and which ask.
    pub fn is_listed(&self, namespace: &str) -> bool {
        let state = self.lock();
        let listed = &state.listed;
        state.are_namespaces_listed
            && (listed.contains(&None) || listed.contains(&Some(namespace.to_owned())))
    }

    /// The pods of every Channel that some pod names.
    pub fn census(&self) -> BTreeMap<Key, Census> {
        let state = self.lock();
        let mut censuses: BTreeMap<Key, Census> = BTreeMap::new();
        for (namespace, pods) in &state.pods {
            let is_injecting = state.injecting.contains(namespace);
            for (name, pod) in pods {
                let key = |channel: &str| (namespace.clone(), channel.to_owned());
                if let Some(channel) = pod.lacks(is_injecting) {
                    censuses.entry(key(channel)).or_default().bare.push(BarePod {
                        name: name.clone(),
                        uid: pod.uid.clone(),
                    });
                } else if let Some(channel) = pod.decider.as_deref().filter(|_| !pod.is_leaving) {
                    censuses
                        .entry(key(channel))
                        .or_default()
                        .injected
                        .insert(name.clone());
                }
            }
        }
        censuses
    }

    /// Whether a decider's pod is gone or on its way out, so that what it said last no longer counts.
    pub fn has_departed(&self, namespace: &str, pod: &str) -> bool {
        let state = self.lock();
        let key = (namespace.to_owned(), pod.to_owned());
        state
            .departed
            .get(&key)
            .is_some_and(|since| since.elapsed() < DEPARTED_FOR)
    }

    /// Notes a pod; `None` where it is gone or no longer matters.
    fn observe(&self, namespace: &str, name: &str, pod: Option<Pod>) {
        let mut state = self.lock();
        let is_news = state.put(namespace, name, pod);
        drop(state);
        if is_news {
            self.changed.notify_one();
        }
    }

    /// Notes all pods of a namespace, or (`None`) of all.
    fn observe_all(&self, scope: Option<&str>, listed: Vec<(String, String, Pod)>) {
        let mut state = self.lock();
        let is_inside = |namespace: &str| scope.is_none_or(|scope| scope == namespace);
        let mut gone = BTreeSet::new();
        for (namespace, pods) in state.pods.iter().filter(|(namespace, _)| is_inside(namespace)) {
            gone.extend(pods.keys().map(|name| (namespace.clone(), name.clone())));
        }
        for (namespace, name, pod) in listed {
            gone.remove(&(namespace.clone(), name.clone()));
            state.put(&namespace, &name, Some(pod));
        }
        for (namespace, name) in gone {
            state.put(&namespace, &name, None);
        }
        state.listed.insert(scope.map(str::to_owned));
        drop(state);
        self.changed.notify_one();
    }

    /// Notes whether a namespace's pods ask for a decider.
    fn observe_namespace(&self, namespace: &str, injects: bool) {
        let mut state = self.lock();
        let is_news = if injects {
            state.injecting.insert(namespace.to_owned())
        } else {
            state.injecting.remove(namespace)
        };
        drop(state);
        if is_news {
            self.changed.notify_one();
        }
    }

    /// Notes all namespaces whose pods ask for a decider.
    fn observe_namespaces(&self, injecting: BTreeSet<String>) {
        let mut state = self.lock();
        state.injecting = injecting;
        state.are_namespaces_listed = true;
        drop(state);
        self.changed.notify_one();
    }

    /// Everything was listed, and there is nothing, for tests.
    #[cfg(test)]
    pub(crate) fn know_nothing(&self) {
        self.observe_namespaces(BTreeSet::new());
        self.observe_all(None, Vec::new());
    }

    /// Sees a pod's metadata, for tests.
    #[cfg(test)]
    pub(crate) fn see(&self, metadata: &serde_json::Value) {
        let object = serde_json::from_value(metadata.clone()).unwrap();
        let name = metadata["metadata"]["name"].as_str().unwrap();
        self.observe("shop", name, watch::read(&object));
    }

    /// Sees that a pod is gone, for tests.
    #[cfg(test)]
    pub(crate) fn lose(&self, namespace: &str, name: &str) {
        self.observe(namespace, name, None);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives whether that is news.
    fn put(&mut self, namespace: &str, name: &str, pod: Option<Pod>) -> bool {
        let key = || (namespace.to_owned(), name.to_owned());
        let before = self.pods.get(namespace).and_then(|pods| pods.get(name));
        if before == pod.as_ref() {
            return false;
        }
        let had_decider = before.is_some_and(|before| before.decider.is_some());
        match &pod {
            Some(now) if !now.is_leaving => drop(self.departed.remove(&key())),
            Some(now) if now.decider.is_some() => self.depart(key()),
            None if had_decider => self.depart(key()),
            _ => {}
        }
        match pod {
            Some(pod) => {
                let pods = self.pods.entry(namespace.to_owned()).or_default();
                pods.insert(name.to_owned(), pod);
            }
            None => {
                if let Some(pods) = self.pods.get_mut(namespace) {
                    pods.remove(name);
                    if pods.is_empty() {
                        self.pods.remove(namespace);
                    }
                }
            }
        }
        true
    }

    fn depart(&mut self, key: (String, String)) {
        self.departed.retain(|_, since| since.elapsed() < DEPARTED_FOR);
        if self.departed.len() < MAX_DEPARTED {
            self.departed.insert(key, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
