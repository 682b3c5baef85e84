//! Every replica serves by what stands in the Secret, and learns of every change.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::authority::validity;
use super::chain::Data;
use super::keeper::data;
use super::{TLS_CERTIFICATE, TLS_KEY, TRUSTED};
use crate::metrics::Metrics;
use crate::watch::Pauses;

/// What stands, as far as it is of use to whoever serves.
#[derive(Debug, Clone, Default)]
pub struct Serving {
    /// What to serve with; `None` until there is a certificate.
    pub config: Option<Arc<ServerConfig>>,
    /// Whom to trust, as PEM; empty until it is known.
    pub trusted: String,
}

/// Why what stands is of no use.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the Secret has no `{key}`")]
    Find { key: &'static str },
    #[error("`{key}` is no PEM: {source}")]
    Decode {
        key: &'static str,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("the certificate and its key cannot be served: {0}")]
    Serve(#[from] rustls::Error),
}

/// Follows a Secret for as long as it is polled. `disturbed` is told of every change: the leader may have to mend it.
pub async fn follow(
    client: Client,
    namespace: &str,
    secret: &str,
    serving: watch::Sender<Serving>,
    disturbed: Arc<Notify>,
    metrics: Arc<Metrics>,
) {
    let api: Api<Secret> = Api::namespaced(client, namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={secret}"));
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(found) | watcher::Event::InitApply(found)) => {
                take(&data(Some(&found)), &serving, &metrics);
                disturbed.notify_one();
            }
            // What was served goes on being served: the leader makes the Secret again.
            Ok(watcher::Event::Delete(_)) => {
                warn!(secret, "the Secret with the certificate was deleted");
                disturbed.notify_one();
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => warn!(
                secret,
                error = &error as &dyn std::error::Error,
                "watch of the certificate failed, trying again"
            ),
        }
    }
}

fn take(data: &Data, serving: &watch::Sender<Serving>, metrics: &Metrics) {
    match read(data) {
        Ok(new) => {
            if let Some(validity) = data.get(TLS_CERTIFICATE).and_then(|pem| validity(pem).ok()) {
                metrics.certificate_expires("serving", validity.until.as_second());
                info!(until = %validity.until, "serving with the certificate of the Secret");
            }
            serving.send_replace(new);
        }
        Err(error) => warn!(
            error = &error as &dyn std::error::Error,
            "what stands in the Secret is of no use; what was served before serves on"
        ),
    }
}

fn read(data: &Data) -> Result<Serving, ReadError> {
    let find = |key: &'static str| data.get(key).ok_or(ReadError::Find { key });
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(find(TLS_CERTIFICATE)?.as_bytes()).collect();
    let certificates = certificates.map_err(|source| ReadError::Decode {
        key: TLS_CERTIFICATE,
        source,
    })?;
    let key = PrivateKeyDer::from_pem_slice(find(TLS_KEY)?.as_bytes())
        .map_err(|source| ReadError::Decode { key: TLS_KEY, source })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Serving {
        config: Some(Arc::new(config)),
        trusted: find(TRUSTED)?.clone(),
    })
}
