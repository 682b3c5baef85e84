//! Bundles in ConfigMaps: what outlives the operator.
//!
//! They serve deciders that start while no operator runs, and tell the next operator what was published before it, so
//! that a binding that no longer compiles keeps its last form across restarts.
//!
//! [`Publisher`] keeps them as they should be: one that somebody deletes or changes is written again.

mod publisher;
mod standing;

use std::collections::BTreeMap;
use std::io::{Read, Write};

use attune_api::labels::{
    BUNDLE_KEY, FIELD_MANAGER_PUBLISH, MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME, REVISION,
    bundle_config_map,
};
use attune_api::{API_VERSION, Kind};
use attune_compile::Publication;
use attune_core::bundle::Bundle;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use tracing::warn;

pub use publisher::Publisher;
pub use standing::{Standing, watch};

/// The largest compressed bundle that a ConfigMap is trusted with, in bytes.
const MAX_BYTES: usize = 900 * 1024;

/// The largest bundle that is unpacked, in bytes.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The API server did not take or give it.
    #[error("the ConfigMap of channel `{channel}` cannot be written: {source}")]
    Write {
        /// The Channel.
        channel: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// What was published cannot be listed.
    #[error("published bundles cannot be listed: {0}")]
    List(#[source] kube::Error),
    /// Somebody else's ConfigMap has its name.
    #[error(
        "ConfigMap `{}` is not of this operator (it has no label `{MANAGED_BY}: {MANAGER}`): remove or rename it",
        bundle_config_map(.channel)
    )]
    Foreign {
        /// The Channel.
        channel: String,
    },
    /// It cannot be compressed.
    #[error("the bundle of channel `{channel}` cannot be compressed: {source}")]
    Compress {
        /// The Channel.
        channel: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What was published for a Channel, as it is read back.
#[derive(Debug)]
pub struct Restored {
    /// The Channel's namespace.
    pub namespace: String,
    /// The Channel's name.
    pub channel: String,
    /// What was found.
    pub found: Found,
}

/// What stands in a Channel's ConfigMap.
#[derive(Debug)]
pub enum Found {
    /// A bundle.
    Bundle(Box<Bundle>),
    /// Something that cannot be read, with why: nothing may be published over it.
    Unreadable(String),
    /// There is no such ConfigMap.
    Nothing,
}

/// Whether a bundle is in its ConfigMap now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    /// It is too large for one, and so there is none.
    TooLarge,
}

/// Writes a Channel's bundle to its ConfigMap; one that is too large is not written. `is_known` says that what is there,
/// if anything, is ours.
///
/// # Errors
/// When it cannot be compressed, the API server does not take it, or its place is taken.
async fn write(
    client: &Client,
    (namespace, channel): (&str, &str),
    uid: Option<&str>,
    publication: &Publication,
    is_known: bool,
) -> Result<Written, PublishError> {
    let packed = pack(&publication.canonical).map_err(|source| PublishError::Compress {
        channel: channel.to_owned(),
        source,
    })?;
    if packed.len() > MAX_BYTES {
        warn!(
            namespace,
            channel,
            bytes = packed.len(),
            "bundle is too large for its ConfigMap"
        );
        remove(client, namespace, channel).await?;
        return Ok(Written::TooLarge);
    }
    if !is_known && matches!(look(client, namespace, channel).await?, Place::Foreign) {
        let channel = channel.to_owned();
        return Err(PublishError::Foreign { channel });
    }
    let config_map = config_map(channel, uid, &publication.revision, packed);
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams::apply(FIELD_MANAGER_PUBLISH).force();
    let result = api
        .patch(&bundle_config_map(channel), &params, &Patch::Apply(&config_map))
        .await;
    match result {
        Ok(_) => Ok(Written::Whole),
        // The namespace is on its way out, and everything in it goes too: there is nobody to publish for.
        Err(kube::Error::Api(answer)) if is_terminating(&answer) => Ok(Written::Whole),
        Err(source) => Err(PublishError::Write {
            channel: channel.to_owned(),
            source,
        }),
    }
}

/// Whether the API server takes nothing new in this namespace because it is gone or going.
fn is_terminating(answer: &kube::core::Status) -> bool {
    let causes = answer.details.iter().flat_map(|details| &details.causes);
    let is_cause = |reason: &str| reason == "NamespaceTerminating";
    answer.is_not_found() || causes.into_iter().any(|cause| is_cause(&cause.reason))
}

/// Whose the ConfigMap of a Channel's bundle is.
enum Place {
    Free,
    /// With its UID.
    Ours(Option<String>),
    Foreign,
}

async fn look(client: &Client, namespace: &str, channel: &str) -> Result<Place, PublishError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api.get_metadata_opt(&bundle_config_map(channel)).await;
    let found = found.map_err(|source| PublishError::Write {
        channel: channel.to_owned(),
        source,
    })?;
    Ok(match found {
        None => Place::Free,
        Some(found) if found.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER) => {
            Place::Ours(found.uid())
        }
        Some(_) => Place::Foreign,
    })
}

/// Removes a Channel's ConfigMap; somebody else's of that name is left alone.
///
/// # Errors
/// When the API server does not remove it; one that is not there is removed.
async fn remove(client: &Client, namespace: &str, channel: &str) -> Result<(), PublishError> {
    let Place::Ours(uid) = look(client, namespace, channel).await? else {
        return Ok(());
    };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid,
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match api.delete(&bundle_config_map(channel), &params).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(source) => Err(PublishError::Write {
            channel: channel.to_owned(),
            source,
        }),
    }
}

/// Reads back what is published for one Channel.
///
/// # Errors
/// When the API server does not give it.
async fn reread(client: &Client, namespace: &str, channel: &str) -> Result<Restored, PublishError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let config_map = api.get_opt(&bundle_config_map(channel)).await;
    let config_map = config_map.map_err(PublishError::List)?;
    let nothing = || Restored {
        namespace: namespace.to_owned(),
        channel: channel.to_owned(),
        found: Found::Nothing,
    };
    Ok(config_map.and_then(restored).unwrap_or_else(nothing))
}

/// Reads back everything that was published, in one namespace or in all.
///
/// # Errors
/// When the API server does not list them: then nothing may be published, or what was carried would be lost.
pub async fn restore(client: &Client, namespace: Option<&str>) -> Result<Vec<Restored>, PublishError> {
    let api: Api<ConfigMap> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let listed = api
        .list(&ListParams::default().labels(&selector()))
        .await
        .map_err(PublishError::List)?;
    Ok(listed.into_iter().filter_map(restored).collect())
}

/// What a ConfigMap holds, if it is a Channel's; a copy under another name is none.
fn restored(config_map: ConfigMap) -> Option<Restored> {
    let namespace = config_map.namespace()?;
    let channel = config_map.labels().get(OWNER_NAME)?.clone();
    if config_map.name_any() != bundle_config_map(&channel) {
        return None;
    }
    let packed = config_map.binary_data.unwrap_or_default().remove(BUNDLE_KEY);
    let found = match packed.ok_or_else(|| format!("it has no `{BUNDLE_KEY}`")) {
        Ok(packed) => unpack(&packed.0)
            .map_err(|error| error.to_string())
            .and_then(|bytes| parse(&bytes)),
        Err(error) => Err(error),
    };
    let found = match found {
        Ok(bundle) => Found::Bundle(Box::new(bundle)),
        Err(error) => {
            warn!(namespace, channel, error, "published bundle cannot be read");
            Found::Unreadable(error)
        }
    };
    Some(Restored {
        namespace,
        channel,
        found,
    })
}

fn parse(bytes: &[u8]) -> Result<Bundle, String> {
    Bundle::parse(bytes).map_err(|error| error.to_string())
}

fn config_map(channel: &str, uid: Option<&str>, revision: &str, packed: Vec<u8>) -> ConfigMap {
    let owner = uid.map(|uid| OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: Kind::Channel.name().to_owned(),
        name: channel.to_owned(),
        uid: uid.to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    });
    let labels = [
        (MANAGED_BY, MANAGER),
        (OWNER_KIND, owner_kind()),
        (OWNER_NAME, channel),
    ];
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(bundle_config_map(channel)),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            annotations: Some(BTreeMap::from([(REVISION.to_owned(), revision.to_owned())])),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        binary_data: Some(BTreeMap::from([(BUNDLE_KEY.to_owned(), ByteString(packed))])),
        ..ConfigMap::default()
    }
}

/// Selects every ConfigMap that holds a bundle of ours.
fn selector() -> String {
    format!("{MANAGED_BY}={MANAGER},{OWNER_KIND}={}", owner_kind())
}

const fn owner_kind() -> &'static str {
    "channel"
}

fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed)
        .take(MAX_UNPACKED)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
