//! The metadata of pods and namespaces.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::labels::{CHANNEL, DECIDER, INJECT};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Pod as KubePod};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;
use tracing::warn;

use super::{Pod, Pods};
use crate::watch::{Observation, Pauses, Told, each};

/// Pods that are over need no decider.
const ALIVE: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Objects of a list that are read at a time.
const PAGE: u32 = 500;

/// Tells of every pod with or without a decider in one namespace or (`None`) in all, for as long as it is polled.
pub async fn watch_pods(client: Client, namespace: Option<String>, pods: &Pods) {
    let config = watcher::Config::default().fields(ALIVE).page_size(PAGE);
    let listed = |object: &PartialObjectMeta<KubePod>| {
        let pod = read(object)?;
        Some((object.namespace()?, object.name_any(), pod))
    };
    let observe = |object: &PartialObjectMeta<KubePod>, pod| {
        pods.observe(&object.namespace().unwrap_or_default(), &object.name_any(), pod);
    };
    let place = (client, namespace.as_deref());
    each(place, config, "pods", listed, |told| match told {
        Told::All(listed) => pods.observe_all(namespace.as_deref(), listed),
        Told::Is(object) => observe(object, read(object)),
        Told::Gone(object) => observe(object, None),
    })
    .await;
}

/// Tells which namespaces ask for deciders, and what labels they have, for as long as it is polled.
pub async fn watch_namespaces(client: Client, pods: &Pods, observations: &mpsc::Sender<Observation>) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let config = watcher::Config::default().page_size(PAGE);
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    let (mut listed, mut labels) = (BTreeSet::new(), BTreeMap::new());
    while let Some(event) = events.next().await {
        let observation = match event {
            Ok(watcher::Event::Init) => {
                listed.clear();
                labels.clear();
                continue;
            }
            Ok(watcher::Event::InitApply(object)) => {
                if injects(&object) == Some(true) {
                    listed.insert(object.name_any());
                }
                labels.insert(object.name_any(), object.labels().clone());
                continue;
            }
            Ok(watcher::Event::InitDone) => {
                pods.observe_namespaces(std::mem::take(&mut listed));
                Observation::NamespacesListed(std::mem::take(&mut labels))
            }
            Ok(watcher::Event::Apply(object)) => {
                pods.observe_namespace(&object.name_any(), injects(&object) == Some(true));
                Observation::Namespace {
                    name: object.name_any(),
                    labels: Some(object.labels().clone()),
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                pods.observe_namespace(&object.name_any(), false);
                Observation::Namespace {
                    name: object.name_any(),
                    labels: None,
                }
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "watch of namespaces failed, trying again"
                );
                continue;
            }
        };
        // Nobody hears it where everything ends.
        let _ = observations.send(observation).await;
    }
}

/// What matters of a pod, if anything does: whoever names no Channel, or several, gets no decider.
pub(super) fn read(object: &PartialObjectMeta<KubePod>) -> Option<Pod> {
    let decider = object.labels().get(DECIDER).cloned();
    let annotation = object
        .annotations()
        .get(CHANNEL)
        .map(String::as_str)
        .unwrap_or_default();
    let mut names = annotation
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|name| !name.is_empty());
    let channel = names.next().filter(|_| names.next().is_none()).map(str::to_owned);
    let inject = injects(object);
    let is_bare = decider.is_none() && channel.is_some() && inject != Some(false);
    (is_bare || decider.is_some()).then(|| Pod {
        uid: object.uid().filter(|_| is_bare),
        channel: channel.filter(|_| is_bare),
        inject,
        decider,
        is_leaving: object.metadata.deletion_timestamp.is_some(),
    })
}

fn injects<K>(object: &PartialObjectMeta<K>) -> Option<bool>
where
    PartialObjectMeta<K>: ResourceExt,
{
    match object.labels().get(INJECT).map(String::as_str) {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    }
}
