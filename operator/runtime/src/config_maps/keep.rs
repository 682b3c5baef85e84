//! Effects on one ConfigMap: read it, compare it, write it, remove it.

use attune_api::labels::{FIELD_MANAGER_RULES, OWNER_KIND};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};

use super::document::{Document, OWNER, is_of, print};
use super::{Established, KeepError};

/// Lets a ConfigMap be as a document says; writes only where that changes something.
pub(super) async fn establish(
    client: &Client,
    namespace: &str,
    channel: &str,
    document: &Document,
) -> Result<Established, KeepError> {
    let name = document.name();
    let failed = |done: &'static str| {
        move |source| KeepError {
            name: name.to_owned(),
            done,
            source,
        }
    };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let wanted = print(&document.0);
    let Some(live) = api.get_opt(name).await.map_err(failed("read"))? else {
        // Without force: whatever somebody else puts there meanwhile is not taken over.
        let params = PatchParams::apply(FIELD_MANAGER_RULES);
        let written = api.patch(name, &params, &Patch::Apply(&document.0)).await;
        let written = written.map_err(failed("written"))?;
        return Ok(Established::Written(print(&written)));
    };
    if !is_of(&live, channel) {
        return Ok(Established::Foreign);
    }
    if print(&live) == wanted {
        return Ok(Established::Unchanged(wanted));
    }
    // The UID: should it be replaced by somebody else's meanwhile, the API server refuses.
    let mut document = document.0.clone();
    document.metadata.uid = live.uid();
    let params = PatchParams::apply(FIELD_MANAGER_RULES).force();
    let written = api.patch(name, &params, &Patch::Apply(&document)).await;
    let written = written.map_err(failed("written"))?;
    Ok(Established::Written(print(&written)))
}

/// Removes a ConfigMap, if it goes with the Channel and carries our labels; gives whether it was there.
pub(super) async fn remove(
    client: &Client,
    namespace: &str,
    name: &str,
    channel: &str,
) -> Result<bool, KeepError> {
    let failed = |done: &'static str| {
        move |source| KeepError {
            name: name.to_owned(),
            done,
            source,
        }
    };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let live = api.get_opt(name).await.map_err(failed("read"))?;
    let is_ours = |live: &ConfigMap| {
        is_of(live, channel) && live.labels().get(OWNER_KIND).is_some_and(|kind| kind == OWNER)
    };
    let Some(live) = live.filter(|live| is_ours(live) && live.metadata.deletion_timestamp.is_none()) else {
        return Ok(false);
    };
    let params = DeleteParams::background().preconditions(Preconditions {
        uid: live.uid(),
        resource_version: live.resource_version(),
    });
    match api.delete(name, &params).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(false),
        Err(source) => Err(failed("removed")(source)),
    }
}
