//! Which bundles stand in ConfigMaps, by what their metadata say.

use attune_api::Kind;
use attune_api::labels::{OWNER_NAME, REVISION, bundle_config_map};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Client, ResourceExt};

use super::{Publisher, selector};
use crate::watch::{Told, each};

/// A ConfigMap as far as it tells whether it is the one that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The revision that it holds.
    pub revision: Option<String>,
    /// The UID of the Channel that it goes with.
    pub owner: Option<String>,
}

/// Tells a publisher of every change to a ConfigMap with a bundle, in one namespace or (`None`) in all.
pub async fn watch(client: Client, namespace: Option<String>, publisher: &Publisher) {
    let config = watcher::Config::default().labels(&selector());
    let place = (client, namespace.as_deref());
    each(place, config, "bundles", read, |told| match told {
        Told::All(listed) => publisher.observe_all(namespace.as_deref(), listed),
        Told::Is(object) => {
            if let Some((key, standing)) = read(object) {
                publisher.observe(key, Some(standing));
            }
        }
        Told::Gone(object) => {
            if let Some((key, _)) = read(object) {
                publisher.observe(key, None);
            }
        }
    })
    .await;
}

/// The namespace and name of the Channel, and what stands for it. A copy under another name is none of ours.
fn read(object: &PartialObjectMeta<ConfigMap>) -> Option<((String, String), Standing)> {
    let channel = object.labels().get(OWNER_NAME)?.clone();
    if object.name_any() != bundle_config_map(&channel) {
        return None;
    }
    let owners = object.owner_references().iter();
    let owner = owners.filter(|owner| owner.kind == Kind::Channel.name() && owner.name == channel);
    let standing = Standing {
        revision: object.annotations().get(REVISION).cloned(),
        owner: owner.map(|owner| owner.uid.clone()).next(),
    };
    Some(((object.namespace()?, channel), standing))
}
