//! A Channel's rules as a ConfigMap.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use attune_api::conditions::Reason;
use attune_api::delivery::{ConfigMapDelivery, RuleFormat};
use attune_api::labels::{
    CA_CONFIG_MAP, FORMAT, MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME, PACKED_RULES_KEY, REVISION,
    RULES_KEY, bundle_config_map,
};
use attune_api::{API_VERSION, Kind};
use attune_compile::formats::write;
use attune_core::bundle::content_hash;
use flate2::Compression;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::ObjectMeta;

use super::Delivery;

/// Above so many bytes rules are gzipped.
const PLAIN_BYTES: usize = 256 * 1024;

/// The most bytes that a ConfigMap holds, with some left for its metadata.
const MAX_BYTES: usize = 1024 * 1024 - 16 * 1024;

/// Value of [`OWNER_KIND`] on a ConfigMap with rules.
pub(super) const OWNER: &str = "channel-rules";

/// Why there is nothing to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Refused {
    /// The name is somebody else's.
    pub(super) fn taken(name: &str) -> Self {
        let message =
            format!("ConfigMap `{name}` is not this channel's: remove or rename it, or name another");
        Self {
            reason: Reason::NameTaken,
            message,
        }
    }
}

/// A ConfigMap as it should be.
#[derive(Debug)]
pub(super) struct Document(pub(super) ConfigMap);

impl Document {
    pub(super) fn build(channel: &str, delivery: &Delivery) -> Result<Self, Refused> {
        let name = delivery.config_map.name.as_str();
        // The operator's own.
        if name == CA_CONFIG_MAP || name.starts_with(&bundle_config_map("")) {
            return Err(Refused::taken(name));
        }
        let format = delivery.config_map.format.unwrap_or(RuleFormat::Attune);
        let written = write(&delivery.publication, format).map_err(|refusals| Refused {
            reason: Reason::FormatUnsupported,
            message: refusals.first().map(ToString::to_string).unwrap_or_default(),
        })?;
        let mut config_map = ConfigMap {
            metadata: metadata(channel, delivery, format),
            ..ConfigMap::default()
        };
        match std::str::from_utf8(&written.bytes) {
            Ok(text) if text.len() <= PLAIN_BYTES => {
                config_map.data = Some(BTreeMap::from([(RULES_KEY.to_owned(), text.to_owned())]));
            }
            _ => {
                let packed = pack(&written.bytes).unwrap_or_default();
                if packed.is_empty() || packed.len() > MAX_BYTES {
                    return Err(too_large(packed.len()));
                }
                let packed = BTreeMap::from([(PACKED_RULES_KEY.to_owned(), ByteString(packed))]);
                config_map.binary_data = Some(packed);
            }
        }
        Ok(Self(config_map))
    }

    pub(super) fn name(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }
}

fn too_large(bytes: usize) -> Refused {
    let message = format!(
        "the rules take {} KiB gzipped and a ConfigMap holds {}: use fewer or smaller modules on this channel, or \
         another delivery",
        bytes.div_ceil(1024),
        MAX_BYTES / 1024
    );
    Refused {
        reason: Reason::TooLarge,
        message,
    }
}

fn metadata(channel: &str, delivery: &Delivery, format: RuleFormat) -> ObjectMeta {
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let owner = delivery.owner.as_ref().map(|uid| OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: Kind::Channel.name().to_owned(),
        name: channel.to_owned(),
        uid: uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    });
    ObjectMeta {
        name: Some(delivery.config_map.name.as_str().to_owned()),
        labels: Some(texts(&[
            (MANAGED_BY, MANAGER),
            (OWNER_KIND, OWNER),
            (OWNER_NAME, channel),
        ])),
        annotations: Some(texts(&[
            (REVISION, delivery.publication.revision.as_str()),
            (FORMAT, format.as_str()),
        ])),
        owner_references: owner.map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Where and in which format it is written.
pub(super) fn target(delivery: &ConfigMapDelivery) -> String {
    let format = delivery.format.unwrap_or(RuleFormat::Attune).as_str();
    content_hash(
        format!("configMap\n{format}\n{}", delivery.name.as_str()).as_bytes(),
        16,
    )
}

/// Whether a ConfigMap goes with a Channel of this name: its controller says so.
pub(super) fn is_of(config_map: &ConfigMap, channel: &str) -> bool {
    config_map.owner_references().iter().any(|owner| {
        owner.controller == Some(true)
            && owner.api_version == API_VERSION
            && owner.kind == Kind::Channel.name()
            && owner.name == channel
    })
}

/// The hash of what of a ConfigMap is ours: its rules, its labels, whose it is. What others put beside stays theirs.
pub(super) fn print(config_map: &ConfigMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    let plain = config_map.data.as_ref().and_then(|data| data.get(RULES_KEY));
    let packed = config_map.binary_data.as_ref();
    let packed = packed
        .and_then(|data| data.get(PACKED_RULES_KEY))
        .map(|bytes| &bytes.0);
    (plain, packed).hash(&mut hasher);
    let labels = [MANAGED_BY, OWNER_KIND, OWNER_NAME].map(|key| config_map.labels().get(key));
    let annotations = [REVISION, FORMAT].map(|key| config_map.annotations().get(key));
    let owners = config_map.owner_references().iter();
    let owners: Vec<_> = owners
        .filter(|owner| owner.controller == Some(true))
        .map(|owner| &owner.uid)
        .collect();
    (labels, annotations, owners).hash(&mut hasher);
    hasher.finish()
}
