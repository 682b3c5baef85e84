//! What a decider of its own finds in its pod about who may ask it.

use attune_api::delivery::ServiceAccess;
use k8s_openapi::api::core::v1::{EnvVar, KeyToPath, SecretVolumeSource, Volume, VolumeMount};

use super::{mount, variable};

pub(super) const KEYS: &str = "attune-keys";
pub(super) const CERTIFICATE: &str = "attune-certificate";

const KEYS_DIRECTORY: &str = "/etc/attune/keys";
/// What the key of the Secret is called there, whatever it is called in the Secret.
const KEYS_FILE: &str = "keys";
const CERTIFICATE_DIRECTORY: &str = "/etc/attune/certificate";

/// The Secrets. One with keys may be missing, and lets nobody in; without a certificate nobody could be answered.
pub(super) fn volumes(access: &ServiceAccess) -> Vec<Volume> {
    let secret = |volume: &str, source: SecretVolumeSource| Volume {
        name: volume.to_owned(),
        secret: Some(source),
        ..Volume::default()
    };
    let keys = access.keys_ref.as_ref().map(|keys| {
        let item = KeyToPath {
            key: keys.key.clone(),
            path: KEYS_FILE.to_owned(),
            ..KeyToPath::default()
        };
        let source = SecretVolumeSource {
            secret_name: Some(keys.name.as_str().to_owned()),
            items: Some(vec![item]),
            optional: Some(true),
            ..SecretVolumeSource::default()
        };
        secret(KEYS, source)
    });
    let certificate = access.certificate_ref.as_ref().map(|certificate| {
        let source = SecretVolumeSource {
            secret_name: Some(certificate.name.as_str().to_owned()),
            ..SecretVolumeSource::default()
        };
        secret(CERTIFICATE, source)
    });
    keys.into_iter().chain(certificate).collect()
}

pub(super) fn mounts(access: &ServiceAccess) -> Vec<VolumeMount> {
    let keys = access.keys_ref.as_ref();
    let keys = keys.map(|_| mount(KEYS, KEYS_DIRECTORY, Some(true)));
    let certificate = access.certificate_ref.as_ref();
    let certificate = certificate.map(|_| mount(CERTIFICATE, CERTIFICATE_DIRECTORY, Some(true)));
    keys.into_iter().chain(certificate).collect()
}

pub(super) fn environment(access: &ServiceAccess) -> Vec<EnvVar> {
    let origins: Vec<&str> = access
        .allow_origins
        .iter()
        .map(attune_api::delivery::AllowedOrigin::as_str)
        .collect();
    let origins = (!origins.is_empty()).then(|| variable("ATTUNE_ALLOW_ORIGINS", &origins.join(",")));
    let keys = access.keys_ref.as_ref();
    let keys = keys.map(|_| variable("ATTUNE_KEYS_FILE", &format!("{KEYS_DIRECTORY}/{KEYS_FILE}")));
    let pair = access.certificate_ref.iter().flat_map(|_| {
        [
            variable(
                "ATTUNE_TLS_CERT_FILE",
                &format!("{CERTIFICATE_DIRECTORY}/tls.crt"),
            ),
            variable("ATTUNE_TLS_KEY_FILE", &format!("{CERTIFICATE_DIRECTORY}/tls.key")),
        ]
    });
    origins.into_iter().chain(keys).chain(pair).collect()
}
