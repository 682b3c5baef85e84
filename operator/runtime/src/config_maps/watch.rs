//! Which ConfigMaps with rules stand, and whether they are as they were written.

use attune_api::labels::{MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME};
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tracing::warn;

use super::document::{OWNER, print};
use super::{ConfigMaps, Seen};
use crate::watch::Pauses;

/// ConfigMaps of a page: each may be a mebibyte.
const PAGE: u32 = 50;

/// Tells of every change to a ConfigMap with rules, in one namespace or (`None`) in all. Of each, a hash is kept.
pub async fn watch(client: Client, namespace: Option<String>, config_maps: &ConfigMaps) {
    let api: Api<ConfigMap> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let labels = format!("{MANAGED_BY}={MANAGER},{OWNER_KIND}={OWNER}");
    let config = watcher::Config::default().labels(&labels).page_size(PAGE);
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    let mut listed = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => listed.extend(read(&object)),
            Ok(watcher::Event::InitDone) => {
                config_maps.observe_all(namespace.as_deref(), std::mem::take(&mut listed));
            }
            Ok(watcher::Event::Apply(object)) => {
                if let Some((place, seen)) = read(&object) {
                    config_maps.observe(place, Some(seen));
                }
            }
            Ok(watcher::Event::Delete(object)) => {
                if let Some((place, _)) = read(&object) {
                    config_maps.observe(place, None);
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "watch of rules in ConfigMaps failed, trying again");
            }
        }
    }
}

fn read(object: &ConfigMap) -> Option<((String, String), Seen)> {
    let seen = Seen {
        channel: object.labels().get(OWNER_NAME)?.clone(),
        print: print(object),
    };
    Some(((object.namespace()?, object.name_any()), seen))
}
