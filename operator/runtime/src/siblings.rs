//! Calls to other parts of the release: over TLS by our own authorities, and with this replica's token.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Certificate, Client, RequestBuilder};
use tokio::sync::watch;

use crate::certificates::reader::Serving;

/// How other parts of the release are called; clones share one client.
#[derive(Debug, Clone)]
pub struct Siblings {
    proof: Option<Arc<Proof>>,
}

/// What makes a call one of ours.
#[derive(Debug)]
struct Proof {
    serving: watch::Receiver<Serving>,
    token: PathBuf,
    line: Mutex<Option<Line>>,
}

/// A client, for as long as what it was made with is so.
#[derive(Debug)]
struct Line {
    trusted: String,
    at: Option<(String, SocketAddr)>,
    client: Client,
}

/// Why a call could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SiblingError {
    /// This replica's token cannot be read.
    #[error("the own token `{path}` cannot be read: {source}")]
    ReadToken {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no HTTP client.
    #[error("the HTTP client cannot be built: {0}")]
    Build(#[from] reqwest::Error),
}

impl Siblings {
    /// Calls without proof, for development: only what is served without TLS can be reached.
    pub const fn unproven() -> Self {
        Self { proof: None }
    }

    /// Calls that trust whom `serving` says and carry the token in a file.
    pub fn proven(serving: watch::Receiver<Serving>, token: PathBuf) -> Self {
        let line = Mutex::default();
        Self {
            proof: Some(Arc::new(Proof { serving, token, line })),
        }
    }

    /// Makes a request; `at` says where the name in its URL is to be found, if not where DNS says.
    ///
    /// # Errors
    /// When there is no token or no client.
    pub async fn request(
        &self,
        at: Option<(&str, SocketAddr)>,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<RequestBuilder, SiblingError> {
        let Some(proof) = &self.proof else {
            let client = Client::builder().tls_certs_only([]).no_proxy().build()?;
            return Ok(request(&client));
        };
        let token =
            tokio::fs::read_to_string(&proof.token)
                .await
                .map_err(|source| SiblingError::ReadToken {
                    path: proof.token.clone(),
                    source,
                })?;
        let client = proof.client(at.map(|(name, address)| (name.to_owned(), address)))?;
        Ok(request(&client).bearer_auth(token.trim()))
    }
}

impl Proof {
    fn client(&self, at: Option<(String, SocketAddr)>) -> Result<Client, reqwest::Error> {
        let trusted = self.serving.borrow().trusted.clone();
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_usable = |line: &&Line| line.trusted == trusted && line.at == at;
        if let Some(line) = line.as_ref().filter(is_usable) {
            return Ok(line.client.clone());
        }
        let mut builder = Client::builder()
            .tls_certs_only(Certificate::from_pem_bundle(trusted.as_bytes())?)
            .no_proxy();
        if let Some((name, address)) = &at {
            builder = builder.resolve(name, *address);
        }
        let client = builder.build()?;
        *line = Some(Line {
            trusted,
            at,
            client: client.clone(),
        });
        Ok(client)
    }
}
