//! Which ConfigMaps with rules stand, and whether they are as they were written.

use attune_api::labels::{MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher;
use kube::{Client, ResourceExt};

use super::document::{OWNER, print};
use super::{ConfigMaps, Seen};
use crate::watch::{Told, each};

/// ConfigMaps of a page: each may be a mebibyte.
const PAGE: u32 = 50;

/// Tells of every change to a ConfigMap with rules, in one namespace or (`None`) in all. Of each, a hash is kept.
pub async fn watch(client: Client, namespace: Option<String>, config_maps: &ConfigMaps) {
    let labels = format!("{MANAGED_BY}={MANAGER},{OWNER_KIND}={OWNER}");
    let config = watcher::Config::default().labels(&labels).page_size(PAGE);
    let place = (client, namespace.as_deref());
    each(place, config, "rules in ConfigMaps", read, |told| match told {
        Told::All(listed) => config_maps.observe_all(namespace.as_deref(), listed),
        Told::Is(object) => {
            if let Some((place, seen)) = read(object) {
                config_maps.observe(place, Some(seen));
            }
        }
        Told::Gone(object) => {
            if let Some((place, _)) = read(object) {
                config_maps.observe(place, None);
            }
        }
    })
    .await;
}

fn read(object: &ConfigMap) -> Option<((String, String), Seen)> {
    let seen = Seen {
        channel: object.labels().get(OWNER_NAME)?.clone(),
        print: print(object),
    };
    Some(((object.namespace()?, object.name_any()), seen))
}
