//! Bundles in ConfigMaps: what outlives the operator.
//!
//! They serve deciders that start while no operator runs, and tell the next operator what was published before it, so
//! that a binding that no longer compiles keeps its last form across restarts.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attune_api::labels::{FIELD_MANAGER_PUBLISH, MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME, REVISION};
use attune_api::{API_VERSION, Kind};
use attune_compile::Publication;
use attune_core::bundle::Bundle;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Client, ResourceExt};
use tokio::sync::Notify;
use tracing::warn;

/// The key of the compressed bundle.
const KEY: &str = "bundle.json.gz";

/// The largest compressed bundle that a ConfigMap is trusted with, in bytes.
const MAX_BYTES: usize = 900 * 1024;

/// The largest bundle that is unpacked, in bytes.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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

/// A bundle as it was published.
#[derive(Debug)]
pub struct Restored {
    /// The Channel's namespace.
    pub namespace: String,
    /// The Channel's name.
    pub channel: String,
    /// The bundle.
    pub bundle: Bundle,
}

/// Writes a Channel's bundle to its ConfigMap; one that is too large is not written.
///
/// # Errors
/// When it cannot be compressed or the API server does not take it.
pub async fn write(
    client: &Client,
    namespace: &str,
    channel: &str,
    uid: Option<&str>,
    publication: &Publication,
) -> Result<(), PublishError> {
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
        return remove(client, namespace, channel).await;
    }
    let config_map = config_map(channel, uid, &publication.revision, packed);
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams::apply(FIELD_MANAGER_PUBLISH).force();
    let result = api
        .patch(&name(channel), &params, &Patch::Apply(&config_map))
        .await;
    result.map(drop).map_err(|source| PublishError::Write {
        channel: channel.to_owned(),
        source,
    })
}

/// Removes a Channel's ConfigMap.
///
/// # Errors
/// When the API server does not remove it; one that is not there is removed.
pub async fn remove(client: &Client, namespace: &str, channel: &str) -> Result<(), PublishError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    match api.delete(&name(channel), &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(source) => Err(PublishError::Write {
            channel: channel.to_owned(),
            source,
        }),
    }
}

/// Reads back everything that was published, in one namespace or in all.
///
/// A ConfigMap that holds no bundle is skipped with a warning.
///
/// # Errors
/// When the API server does not list them: then nothing may be published, or what was carried would be lost.
pub async fn restore(client: &Client, namespace: Option<&str>) -> Result<Vec<Restored>, PublishError> {
    let api: Api<ConfigMap> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let selector = format!("{MANAGED_BY}={MANAGER},{OWNER_KIND}={}", owner_kind());
    let listed = api
        .list(&ListParams::default().labels(&selector))
        .await
        .map_err(PublishError::List)?;
    Ok(listed.into_iter().filter_map(restored).collect())
}

fn restored(config_map: ConfigMap) -> Option<Restored> {
    let namespace = config_map.namespace()?;
    let channel = config_map.labels().get(OWNER_NAME)?.clone();
    let packed = config_map.binary_data?.remove(KEY)?;
    match unpack(&packed.0)
        .map_err(|error| error.to_string())
        .and_then(|bytes| parse(&bytes))
    {
        Ok(bundle) => Some(Restored {
            namespace,
            channel,
            bundle,
        }),
        Err(error) => {
            warn!(namespace, channel, error, "published bundle cannot be read");
            None
        }
    }
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
            name: Some(name(channel)),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            annotations: Some(BTreeMap::from([(REVISION.to_owned(), revision.to_owned())])),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        binary_data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(packed))])),
        ..ConfigMap::default()
    }
}

const fn owner_kind() -> &'static str {
    "channel"
}

fn name(channel: &str) -> String {
    format!("attune-bundle-{channel}")
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

/// Bundles that wait to be written to their ConfigMaps: of each Channel only the newest.
#[derive(Debug, Default)]
pub struct Publisher {
    waiting: Mutex<BTreeMap<(String, String), Option<Order>>>,
    arrived: Notify,
}

/// One bundle to write, and the UID of the Channel that owns it.
#[derive(Debug, Clone)]
struct Order {
    publication: Publication,
    uid: Option<String>,
}

impl Publisher {
    /// Lets a bundle be written.
    pub fn put(&self, namespace: &str, channel: &str, publication: Publication, uid: Option<String>) {
        self.enqueue(namespace, channel, Some(Order { publication, uid }));
    }

    /// Lets a Channel's ConfigMap be removed.
    pub fn withdraw(&self, namespace: &str, channel: &str) {
        self.enqueue(namespace, channel, None);
    }

    /// Writes until cancelled; what cannot be written is tried again with a growing pause.
    pub async fn run(&self, client: &Client) {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some(((namespace, channel), order)) = self.lock().pop_first() else {
                self.arrived.notified().await;
                continue;
            };
            let result = match &order {
                Some(order) => {
                    write(
                        client,
                        &namespace,
                        &channel,
                        order.uid.as_deref(),
                        &order.publication,
                    )
                    .await
                }
                None => remove(client, &namespace, &channel).await,
            };
            match result {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    warn!(
                        namespace,
                        channel,
                        error = &error as &dyn std::error::Error,
                        "bundle not written, trying again"
                    );
                    // A newer one that arrived meanwhile wins.
                    self.lock().entry((namespace, channel)).or_insert(order);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn enqueue(&self, namespace: &str, channel: &str, order: Option<Order>) {
        self.lock()
            .insert((namespace.to_owned(), channel.to_owned()), order);
        self.arrived.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Option<Order>>> {
        // Every change leaves the map whole, so that a panic elsewhere does not make it unusable.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
