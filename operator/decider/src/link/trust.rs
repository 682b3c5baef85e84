//! Whom a client trusts.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};

use crate::clock::Clock;

/// The CAs that a client trusts.
pub(crate) enum Roots {
    /// These and no other.
    Listed(RootCertStore),
    /// Those of the system, if it has any; an image from scratch has none.
    System,
}

/// Why there is no client that trusts them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("there is no certificate in it")]
    FindCertificate,
    #[error("it is not PEM")]
    ParsePem(#[source] pem::Error),
    #[error("one of its certificates is of no use")]
    AddCertificate(#[source] rustls::Error),
    #[error("TLS cannot be set up")]
    ConfigureTls(#[source] rustls::Error),
    #[error("the HTTP client cannot be set up; without `ATTUNE_CA_FILE` it trusts the CAs of the system")]
    BuildClient(#[source] reqwest::Error),
}

impl Roots {
    /// Nobody: for plain HTTP.
    pub(super) fn none() -> Self {
        Self::Listed(RootCertStore::empty())
    }

    /// Every certificate of a PEM file.
    pub(crate) fn parse(pem: &[u8]) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(TrustError::ParsePem)?;
            store.add(certificate).map_err(TrustError::AddCertificate)?;
        }
        if store.is_empty() {
            return Err(TrustError::FindCertificate);
        }
        Ok(Self::Listed(store))
    }

    /// TLS with whom they signed for; those of the system are for HTTP only.
    pub(crate) fn config(self, clock: &Clock) -> Result<ClientConfig, TrustError> {
        match self {
            Self::Listed(store) => configure(store, clock),
            Self::System => Err(TrustError::FindCertificate),
        }
    }

    /// A client that trusts them.
    pub(super) fn client(self, builder: ClientBuilder, clock: &Clock) -> Result<Client, TrustError> {
        let builder = match self {
            Self::Listed(store) => builder.tls_backend_preconfigured(configure(store, clock)?),
            Self::System => {
                // The client asks for the process' provider there; a second installation changes nothing.
                let _ = ring::default_provider().install_default();
                builder
            }
        };
        builder.build().map_err(TrustError::BuildClient)
    }
}

/// No look at the system's CAs, which an image from scratch does not have.
fn configure(roots: RootCertStore, clock: &Clock) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(Watch(clock.clone())))
        .with_safe_default_protocol_versions()
        .map_err(TrustError::ConfigureTls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Certificates are checked by the clock that decisions are made by.
#[derive(Debug)]
struct Watch(Clock);

impl TimeProvider for Watch {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
