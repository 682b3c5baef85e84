//! What happens on the API server, as observations.
//!
//! Objects are read as untyped documents and then decoded, so that one bad object is an observation like any other and
//! never stops a stream.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use attune_api::channel::BatchFigures;
use attune_api::{GROUP, Kind, Resource, VERSION};
use attune_compile::ObjectId;
use attune_compile::access::{Answer, Question};
use attune_compile::snapshot::Labels;
use attune_index::Undecodable;
use futures::{Stream, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DynamicObject};
use kube::core::GroupVersionKind;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::metrics::Metrics;

/// One thing that happened.
#[derive(Debug)]
pub enum Observation {
    /// An object is there as it is.
    Applied(Box<Resource>),
    /// An object is there and cannot be read.
    Undecodable(Undecodable),
    /// An object is gone.
    Deleted(ObjectId),
    /// A kind was listed anew: these objects are there and no others.
    Listed {
        /// The kind.
        kind: Kind,
        /// The namespace that was listed; `None` for all.
        namespace: Option<String>,
        /// Objects that can be read.
        resources: Vec<Resource>,
        /// Objects that cannot.
        undecodable: Vec<Undecodable>,
    },
    /// Namespaces were listed anew, with their labels.
    NamespacesListed(BTreeMap<String, Labels>),
    /// A namespace has these labels, or is gone.
    Namespace {
        /// The namespace.
        name: String,
        /// Its labels; `None` where it is gone.
        labels: Option<Labels>,
    },
    /// Who may change what in a namespace, as far as somebody could tell.
    Access {
        /// The namespace.
        namespace: String,
        /// Answers to what the policies ask.
        answers: BTreeMap<Question, Answer>,
    },
    /// A run of a Channel's batch has ended, after all others that are known.
    Batch {
        /// The namespace.
        namespace: String,
        /// The Channel.
        channel: String,
        /// What came of it.
        run: Box<BatchFigures>,
    },
}

/// By how much the pauses of a watch that fails are shorter than the library's.
const PART: u32 = 10;

/// The pauses of a watch that fails: from a tenth of a second to six. The library's own grow to a minute with their jitter,
/// and stay so long for two more: an API server that is back should be heard within seconds, and our few watches are no
/// burden to it.
#[derive(Default)]
pub struct Pauses(DefaultBackoff);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next().map(|pause| pause / PART)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Watches one kind in one namespace (`None`: all) for as long as somebody listens.
pub async fn watch(
    client: Client,
    kind: Kind,
    namespace: Option<String>,
    observations: mpsc::Sender<Observation>,
    metrics: Arc<Metrics>,
) {
    let resource = kind.api_resource();
    let api: Api<DynamicObject> = match &namespace {
        Some(namespace) if kind.is_namespaced() => Api::namespaced_with(client, namespace, &resource),
        _ => Api::all_with(client, &resource),
    };
    let config = watcher::Config::default().page_size(500);
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    let mut listing = Listing::new(kind, namespace);
    while let Some(event) = next(&mut events, kind, &metrics).await {
        if let Some(observation) = listing.take(event)
            && observations.send(observation).await.is_err()
        {
            return;
        }
    }
}

/// What is told of objects that are watched.
#[derive(Debug)]
pub enum Told<'o, K, T> {
    /// What was read of all that are there.
    All(Vec<T>),
    /// One is there as it is.
    Is(&'o K),
    /// One is gone.
    Gone(&'o K),
}

/// Tells of all objects of a type in one namespace or (`None`) in all, then of each that changes, for as long as it is polled.
/// `what` they are is said where that fails.
pub async fn each<K, T>(
    (client, namespace): (Client, Option<&str>),
    config: watcher::Config,
    what: &str,
    read: impl Fn(&K) -> Option<T>,
    tell: impl Fn(Told<'_, K, T>),
) where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + DeserializeOwned + Debug + Send + 'static,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    let mut listed = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => listed.extend(read(&object)),
            Ok(watcher::Event::InitDone) => tell(Told::All(std::mem::take(&mut listed))),
            Ok(watcher::Event::Apply(object)) => tell(Told::Is(&object)),
            Ok(watcher::Event::Delete(object)) => tell(Told::Gone(&object)),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "watch of {what} failed, trying again");
            }
        }
    }
}

/// The group, version and kind of a kind.
pub fn group_version_kind(kind: Kind) -> GroupVersionKind {
    GroupVersionKind::gvk(GROUP, VERSION, kind.name())
}

/// The next event; failures are logged and waited out by the stream's own backoff.
async fn next(
    events: &mut (impl Stream<Item = watcher::Result<watcher::Event<DynamicObject>>> + Unpin),
    kind: Kind,
    metrics: &Metrics,
) -> Option<watcher::Event<DynamicObject>> {
    loop {
        match events.next().await? {
            Ok(event) => return Some(event),
            Err(error) => {
                metrics.watch_failed(kind);
                // A definition that is not installed yet, an API server that restarts: both come back by themselves.
                warn!(
                    kind = kind.name(),
                    error = &error as &dyn std::error::Error,
                    "watch failed, trying again"
                );
            }
        }
    }
}

/// Collects the objects of a list until it is whole.
struct Listing {
    kind: Kind,
    namespace: Option<String>,
    resources: Vec<Resource>,
    undecodable: Vec<Undecodable>,
}

impl Listing {
    fn new(kind: Kind, namespace: Option<String>) -> Self {
        Self {
            kind,
            namespace,
            resources: Vec::new(),
            undecodable: Vec::new(),
        }
    }

    fn take(&mut self, event: watcher::Event<DynamicObject>) -> Option<Observation> {
        match event {
            watcher::Event::Init => {
                self.resources.clear();
                self.undecodable.clear();
                None
            }
            watcher::Event::InitApply(object) => {
                match decode(self.kind, object) {
                    Ok(resource) => self.resources.push(resource),
                    Err(object) => self.undecodable.push(*object),
                }
                None
            }
            watcher::Event::InitDone => Some(Observation::Listed {
                kind: self.kind,
                namespace: self.namespace.clone(),
                resources: std::mem::take(&mut self.resources),
                undecodable: std::mem::take(&mut self.undecodable),
            }),
            watcher::Event::Apply(object) => Some(match decode(self.kind, object) {
                Ok(resource) => Observation::Applied(Box::new(resource)),
                Err(object) => Observation::Undecodable(*object),
            }),
            watcher::Event::Delete(object) => Some(Observation::Deleted(id(self.kind, &object))),
        }
    }
}

fn id(kind: Kind, object: &DynamicObject) -> ObjectId {
    ObjectId {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn decode(kind: Kind, object: DynamicObject) -> Result<Resource, Box<Undecodable>> {
    let id = id(kind, &object);
    let generation = object.metadata.generation;
    let status = object.data.get("status").cloned().unwrap_or_default();
    Resource::from_object(kind, object).map_err(|error| {
        debug!(object = %id, %error, "object cannot be read");
        Box::new(Undecodable {
            id,
            message: error.to_string(),
            generation,
            status,
        })
    })
}

#[cfg(test)]
mod tests;
