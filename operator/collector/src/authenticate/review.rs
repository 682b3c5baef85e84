//! `TokenReview`s, by plain HTTPS.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};

use super::AUDIENCE;
use super::verdicts::{Caller, Verdict};

/// How long a review may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Where the API server is, whom to trust there, and how to prove who asks.
#[derive(Debug, Clone)]
pub struct ApiServer {
    /// Base URL.
    pub url: Url,
    /// The CAs that sign for it, in PEM.
    pub ca_file: PathBuf,
    /// The token of our own account, which may create tokenreviews.
    pub token_file: PathBuf,
}

/// Has tokens reviewed.
#[derive(Debug)]
pub struct Reviewer {
    server: ApiServer,
    url: Url,
    /// The client for the CAs that were read last.
    client: Mutex<Option<(Vec<u8>, Client)>>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The URL takes no path.
    #[error("the API server's URL `{url}` takes no path; give one like `https://10.96.0.1`")]
    ExtendUrl {
        /// The URL given.
        url: Url,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The CAs are no PEM.
    #[error("the CAs in `{}` are not PEM", path.display())]
    ParseCa {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A certificate is of no use, or TLS cannot be set up.
    #[error("cannot trust the CAs of the API server")]
    Trust(#[source] rustls::Error),
    /// Our own token cannot be sent.
    #[error("`{}` holds no token", path.display())]
    ParseToken {
        /// The file.
        path: PathBuf,
    },
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client")]
    BuildClient(#[source] reqwest::Error),
    /// The API server cannot be reached.
    #[error("the API server cannot be reached")]
    Ask(#[source] reqwest::Error),
    /// The API server does not review.
    #[error(
        "the API server answered {status}; the collector's account must be allowed to create tokenreviews"
    )]
    Answer {
        /// The status.
        status: StatusCode,
    },
    /// The answer is no `TokenReview`.
    #[error("the API server's answer is no TokenReview")]
    ParseAnswer(#[source] serde_json::Error),
    /// The answer has no end.
    #[error("the API server's answer is larger than {MAX_ANSWER_BYTES} bytes")]
    Bound,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    api_version: &'static str,
    kind: &'static str,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    token: &'a str,
    audiences: [&'static str; 1],
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    user: User,
    audiences: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
}

impl Reviewer {
    /// A reviewer at an API server. Its files are read when they are needed.
    ///
    /// # Errors
    /// When the URL takes no path.
    pub fn new(server: ApiServer) -> Result<Self, ReviewError> {
        let mut url = server.url.clone();
        url.path_segments_mut()
            .map_err(|()| ReviewError::ExtendUrl {
                url: server.url.clone(),
            })?
            .pop_if_empty()
            .extend(["apis", "authentication.k8s.io", "v1", "tokenreviews"]);
        Ok(Self {
            server,
            url,
            client: Mutex::default(),
        })
    }

    /// What the API server says of a token.
    pub(super) async fn review(&self, token: &str) -> Result<Verdict, ReviewError> {
        let client = self.client().await?;
        let question = Question {
            api_version: "authentication.k8s.io/v1",
            kind: "TokenReview",
            spec: Spec {
                token,
                audiences: [AUDIENCE],
            },
        };
        let request = client
            .post(self.url.clone())
            .header(AUTHORIZATION, self.own_token().await?)
            .json(&question);
        let mut response = request.send().await.map_err(ReviewError::Ask)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ReviewError::Answer { status });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ReviewError::Ask)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ReviewError::Bound);
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(ReviewError::ParseAnswer)?;
        Ok(answer.status.verdict())
    }

    /// The client for the CAs as they are now; they change with the cluster's.
    async fn client(&self) -> Result<Client, ReviewError> {
        let pem = read(&self.server.ca_file).await?;
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((trusted, client)) = &*known
            && *trusted == pem
        {
            return Ok(client.clone());
        }
        let client = client(&self.server.ca_file, &pem)?;
        *known = Some((pem, client.clone()));
        Ok(client)
    }

    /// Our own token, which the kubelet renews.
    async fn own_token(&self) -> Result<HeaderValue, ReviewError> {
        let path = &self.server.token_file;
        let content = read(path).await?;
        let no_token = || ReviewError::ParseToken { path: path.clone() };
        let token = std::str::from_utf8(&content).map_err(|_| no_token())?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| no_token())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Status {
    /// INVARIANT: an API server that knows nothing of audiences names none, and vouches for no token of ours.
    fn verdict(self) -> Verdict {
        let audiences = self.audiences.unwrap_or_default();
        let is_for_us = audiences.iter().any(|audience| audience == AUDIENCE);
        if self.authenticated && is_for_us && !self.user.username.is_empty() {
            Verdict::Known(Caller::new(&self.user.username))
        } else {
            Verdict::Unknown
        }
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ReviewError> {
    tokio::fs::read(path)
        .await
        .map_err(|source| ReviewError::ReadFile {
            path: path.to_owned(),
            source,
        })
}

fn client(path: &Path, pem: &[u8]) -> Result<Client, ReviewError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|source| ReviewError::ParseCa {
            path: path.to_owned(),
            source,
        })?;
        roots.add(certificate).map_err(ReviewError::Trust)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ReviewError::Trust)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .user_agent(concat!("attune-collector/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(config)
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .map_err(ReviewError::BuildClient)
}
