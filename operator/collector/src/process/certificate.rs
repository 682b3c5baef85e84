//! The server's certificate, from files that come and change while it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{info, warn};

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is no PEM of certificates", path.display())]
    ParseCertificate {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("`{}` is no PEM of a private key", path.display())]
    ParseKey {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("`{}` and its key are of no use together", path.display())]
    Configure {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
}

/// What was read last, and what is served with.
#[derive(Debug)]
pub(super) struct Certificate {
    files: Files,
    read: Option<(Vec<u8>, Vec<u8>)>,
    trouble: Option<String>,
}

impl Certificate {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            read: None,
            trouble: None,
        }
    }

    /// Waits until the files hold a certificate and its key.
    pub(super) async fn wait(&mut self, pace: Duration) -> RustlsConfig {
        loop {
            if let Some(config) = self.try_renew() {
                return RustlsConfig::from_config(config);
            }
            tokio::time::sleep(pace).await;
        }
    }

    /// Changes the certificate of a running server whenever the files change; what is of no use changes nothing.
    pub(super) async fn follow(mut self, server: RustlsConfig, pace: Duration) {
        loop {
            tokio::time::sleep(pace).await;
            if let Some(config) = self.try_renew() {
                server.reload_from_config(config);
            }
        }
    }

    /// Another configuration, if the files have one; says what is wrong once.
    fn try_renew(&mut self) -> Option<Arc<ServerConfig>> {
        match self.renew() {
            Ok(None) => None,
            Ok(Some(config)) => {
                info!(path = %self.files.certificate.display(), "serving with this certificate from now on");
                self.trouble = None;
                Some(config)
            }
            Err(error) => {
                let text = error.to_string();
                if self.trouble.as_ref() != Some(&text) {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "waiting for a certificate");
                    self.trouble = Some(text);
                }
                None
            }
        }
    }

    fn renew(&mut self) -> Result<Option<Arc<ServerConfig>>, CertificateError> {
        let found = (read(&self.files.certificate)?, read(&self.files.key)?);
        if self.read.as_ref() == Some(&found) {
            return Ok(None);
        }
        // Between two reads both may have been replaced; such a pair does not match and is read again.
        let config = configure(&self.files, &found.0, &found.1)?;
        self.read = Some(found);
        Ok(Some(config))
    }
}

/// A few kilobytes, from the memory of the node.
fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn configure(files: &Files, certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, CertificateError> {
    let path = || files.certificate.clone();
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| CertificateError::ParseCertificate { path: path(), source })?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| CertificateError::ParseKey {
        path: files.key.clone(),
        source,
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| CertificateError::Configure { path: path(), source })?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| CertificateError::Configure { path: path(), source })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
