//! Whom deciders trust: the ConfigMap `attune-ca` in every namespace that has a Channel.
//!
//! The leader keeps it, puts it back when somebody changes or deletes it, and removes it where no Channel is left. A
//! ConfigMap of that name that is not ours is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use attune_api::EventReason;
use attune_api::labels::{CA_CONFIG_MAP, CA_KEY, FIELD_MANAGER_TRUST, MANAGED_BY, MANAGER};
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, Preconditions};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::events::Events;
use crate::leadership::Leadership;
use crate::queue::Queue;
use crate::watch::{Told, each};

/// What stands in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Ours, with this content.
    Ours { content: String, uid: Option<String> },
    /// Somebody else's.
    Foreign,
}

/// What is to be done in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    Write(String),
    Remove(Option<String>),
    /// Somebody else's is in the way.
    Complain,
}

/// What should stand, and what does.
#[derive(Debug, Default)]
struct Keeper {
    state: Mutex<State>,
    changed: Queue<String, ()>,
}

#[derive(Debug, Default)]
struct State {
    /// Namespaces that have a Channel; `None` until that is known, and then nothing is removed.
    namespaces: Option<BTreeSet<String>>,
    /// Certificates as PEM; empty while nothing is known.
    ca: String,
    standing: BTreeMap<String, Standing>,
    /// Namespaces (or `None` for all) whose ConfigMaps are known.
    listed: BTreeSet<Option<String>>,
    /// Namespaces in which somebody was told that the name is taken.
    complained: BTreeSet<String>,
}

/// Keeps the ConfigMaps while this replica leads, until cancelled. `namespaces` are those that have a Channel, `ca` the
/// certificates to trust; while either is not known, nothing is written or removed.
pub async fn run(
    client: Client,
    scopes: Vec<Option<String>>,
    namespaces: watch::Receiver<Option<BTreeSet<String>>>,
    ca: watch::Receiver<String>,
    leadership: Leadership,
    events: Events,
) {
    let keeper = Keeper::default();
    let watches = scopes
        .into_iter()
        .map(|scope| keeper.watch(client.clone(), scope));
    tokio::select! {
        () = keeper.follow(namespaces, ca) => {}
        _ = futures::future::join_all(watches) => {}
        () = keeper.work(&client, leadership, &events) => {}
    }
}

impl State {
    fn is_listed(&self, namespace: &str) -> bool {
        self.listed.contains(&None) || self.listed.contains(&Some(namespace.to_owned()))
    }

    /// What is to be done in a namespace, if anything.
    fn task(&self, namespace: &str) -> Option<Task> {
        if !self.is_listed(namespace) {
            return None;
        }
        let is_wanted = self.namespaces.as_ref()?.contains(namespace);
        match self.standing.get(namespace) {
            Some(Standing::Foreign) => {
                (is_wanted && !self.complained.contains(namespace)).then_some(Task::Complain)
            }
            Some(Standing::Ours { uid, .. }) if !is_wanted => Some(Task::Remove(uid.clone())),
            Some(Standing::Ours { content, .. }) if *content == self.ca => None,
            _ => (is_wanted && !self.ca.is_empty()).then(|| Task::Write(self.ca.clone())),
        }
    }
}

impl Keeper {
    /// Takes over what should stand.
    async fn follow(
        &self,
        mut namespaces: watch::Receiver<Option<BTreeSet<String>>>,
        mut ca: watch::Receiver<String>,
    ) {
        // A sender that is gone says nothing more, and what it said last holds.
        let (mut named, mut known) = (true, true);
        loop {
            let now = (
                namespaces.borrow_and_update().clone(),
                ca.borrow_and_update().clone(),
            );
            self.want(now.0, now.1);
            tokio::select! {
                changed = namespaces.changed(), if named => named = changed.is_ok(),
                changed = ca.changed(), if known => known = changed.is_ok(),
                () = std::future::pending() => {}
            }
        }
    }

    fn want(&self, namespaces: Option<BTreeSet<String>>, ca: String) {
        let mut state = self.lock();
        if let Some(namespaces) = &namespaces {
            state.complained.retain(|one| namespaces.contains(one));
        }
        state.namespaces = namespaces;
        state.ca = ca;
        drop(state);
        self.compare_all();
    }

    fn compare_all(&self) {
        let state = self.lock();
        let namespaces = state.namespaces.iter().flatten().chain(state.standing.keys());
        for namespace in namespaces.collect::<BTreeSet<_>>() {
            self.compare(&state, namespace);
        }
    }

    fn compare(&self, state: &State, namespace: &str) {
        if state.task(namespace).is_some() {
            self.changed.put(namespace.to_owned(), ());
        }
    }

    fn observe(&self, namespace: &str, standing: Option<Standing>) {
        let mut state = self.lock();
        if standing != Some(Standing::Foreign) {
            state.complained.remove(namespace);
        }
        match standing {
            Some(standing) => state.standing.insert(namespace.to_owned(), standing),
            None => state.standing.remove(namespace),
        };
        self.compare(&state, namespace);
    }

    fn observe_all(&self, scope: Option<&str>, listed: Vec<(String, Standing)>) {
        let mut state = self.lock();
        state
            .standing
            .retain(|namespace, _| scope.is_some_and(|scope| scope != namespace));
        state.standing.extend(listed);
        state.listed.insert(scope.map(str::to_owned));
        drop(state);
        self.compare_all();
    }

    async fn watch(&self, client: Client, scope: Option<String>) {
        let config = watcher::Config::default().fields(&format!("metadata.name={CA_CONFIG_MAP}"));
        let listed = |object: &ConfigMap| Some((object.namespace().unwrap_or_default(), read(object)));
        let observe = |object: &ConfigMap, standing| {
            self.observe(&object.namespace().unwrap_or_default(), standing);
        };
        let place = (client, scope.as_deref());
        each(place, config, "trusted certificates", listed, |told| match told {
            Told::All(listed) => self.observe_all(scope.as_deref(), listed),
            Told::Is(object) => observe(object, Some(read(object))),
            Told::Gone(object) => observe(object, None),
        })
        .await;
    }

    /// Does what is to be done while this replica leads.
    async fn work(&self, client: &Client, mut leadership: Leadership, events: &Events) {
        loop {
            leadership.gained().await;
            self.compare_all();
            let mut lost = leadership.clone();
            tokio::select! {
                () = lost.lost() => {}
                () = self.work_on(client, events) => {}
            }
            self.changed.clear();
        }
    }

    async fn work_on(&self, client: &Client, events: &Events) {
        loop {
            let task = self.changed.next().await;
            if let Err(error) = self.establish(client, &task.key, events).await {
                warn!(
                    namespace = task.key,
                    error = &error as &dyn std::error::Error,
                    "trusted certificates not written, trying again"
                );
                self.changed.put_back(task);
            }
        }
    }

    async fn establish(&self, client: &Client, namespace: &str, events: &Events) -> Result<(), kube::Error> {
        // Not in the `match`, where the lock would be held while waiting.
        let task = self.lock().task(namespace);
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        match task {
            None => Ok(()),
            Some(Task::Complain) => {
                self.lock().complained.insert(namespace.to_owned());
                warn!(
                    namespace,
                    "`{CA_CONFIG_MAP}` is not this operator's: it is left alone"
                );
                events.tell(regarding(namespace), EventReason::NameTaken, TAKEN);
                Ok(())
            }
            Some(Task::Write(ca)) => self.write(&api, namespace, ca).await,
            Some(Task::Remove(uid)) => {
                let params = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid,
                        resource_version: None,
                    }),
                    ..DeleteParams::default()
                };
                info!(namespace, "removing trusted certificates: no channel is left");
                match api.delete(CA_CONFIG_MAP, &params).await {
                    Ok(_) => {}
                    Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => {}
                    Err(error) => return Err(error),
                }
                self.lock().standing.remove(namespace);
                Ok(())
            }
        }
    }

    async fn write(&self, api: &Api<ConfigMap>, namespace: &str, ca: String) -> Result<(), kube::Error> {
        let params = PatchParams::apply(FIELD_MANAGER_TRUST).force();
        let patch = Patch::Apply(config_map(&ca));
        match api.patch(CA_CONFIG_MAP, &params, &patch).await {
            Ok(written) => {
                debug!(namespace, "trusted certificates written");
                self.lock().standing.insert(namespace.to_owned(), read(&written));
                Ok(())
            }
            // The namespace is gone or going: there is nobody to trust anybody.
            Err(kube::Error::Api(answer))
                if answer.is_not_found() || answer.is_forbidden() && is_going(&answer) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so that a panic elsewhere does not make it unusable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What people are told where the name is taken.
const TAKEN: &str = "this ConfigMap is not the operator's (it has no label `app.kubernetes.io/managed-by: attune`): deciders \
                     of the namespace trust what it holds, if anything; remove or rename it";

fn read(object: &ConfigMap) -> Standing {
    if object.labels().get(MANAGED_BY).is_none_or(|by| by != MANAGER) {
        return Standing::Foreign;
    }
    let content = object.data.as_ref().and_then(|data| data.get(CA_KEY));
    Standing::Ours {
        content: content.cloned().unwrap_or_default(),
        uid: object.uid(),
    }
}

fn config_map(ca: &str) -> ConfigMap {
    let labels = BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())]);
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(CA_CONFIG_MAP.to_owned()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(CA_KEY.to_owned(), ca.to_owned())])),
        ..ConfigMap::default()
    }
}

fn regarding(namespace: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("ConfigMap".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(CA_CONFIG_MAP.to_owned()),
        ..ObjectReference::default()
    }
}

fn is_going(answer: &kube::core::Status) -> bool {
    let mut causes = answer.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

#[cfg(test)]
mod tests;
