//! The certificate that a port answers with, from files that are mounted and change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use crate::complaint::Complaint;
use crate::file::Watched;

/// Largest file of a certificate or a key, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The certificate in force; clones share it.
#[derive(Clone)]
pub(crate) struct Certificate(Arc<ArcSwap<ServerConfig>>);

/// Where a certificate and its key stand.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The certificate and those that signed it, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is not PEM, or not what it should be", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("there is no certificate in `{}`", path.display())]
    FindCertificate { path: PathBuf },
    #[error("the certificate and the key do not go together")]
    Configure(#[source] rustls::Error),
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read or do not go together.
    pub(crate) fn load(files: &Files) -> Result<Self, CertificateError> {
        let config = configure(files)?;
        Ok(Self(Arc::new(ArcSwap::from_pointee(config))))
    }

    /// Takes what the files hold now.
    ///
    /// # Errors
    /// As [`Certificate::load`]; then the one before stays.
    pub(super) fn reload(&self, files: &Files) -> Result<(), CertificateError> {
        self.0.store(Arc::new(configure(files)?));
        Ok(())
    }

    /// Keeps to what the files hold, for as long as the process runs. What is of no use, as a certificate that is there
    /// before its key, leaves the one before in force.
    pub(crate) async fn follow(self, files: Files) {
        let mut watched = [&files.certificate, &files.key].map(|path| Watched::new(path, MAX_BYTES));
        // What they hold now is in force.
        for file in &mut watched {
            let _ = file.look();
        }
        let mut complaint = Complaint::default();
        loop {
            tokio::time::sleep(LOOK).await;
            let is_same = |file: &mut Watched| file.look().is_ok_and(|content| content.is_none());
            // Both are looked at, whatever the first says.
            let [certificate, key] = &mut watched;
            let (certificate, key) = (is_same(certificate), is_same(key));
            if certificate && key {
                continue;
            }
            match self.reload(&files) {
                Ok(()) => {
                    info!(path = %files.certificate.display(), "answering with this certificate from now on");
                    complaint.settle();
                }
                Err(error) => {
                    watched.iter_mut().for_each(Watched::forget);
                    if complaint.is_news(&error) {
                        let error = &error as &dyn std::error::Error;
                        warn!(error, "answering with the certificate as it was");
                    }
                }
            }
        }
    }

    /// Shakes hands.
    pub(super) async fn accept<S>(self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.0.load_full()).accept(stream).await
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

fn configure(files: &Files) -> Result<ServerConfig, CertificateError> {
    let parse = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::Parse { path, source }
    };
    let pem = read(&files.certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(parse(&files.certificate))?;
    if chain.is_empty() {
        let path = files.certificate.clone();
        return Err(CertificateError::FindCertificate { path });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(parse(&files.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(CertificateError::Configure)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(CertificateError::Configure)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let content = Watched::new(path, MAX_BYTES).look();
    let content = content.map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })?;
    // INVARIANT: the first look at a file gives its content or an error.
    Ok(content.unwrap_or_default())
}
