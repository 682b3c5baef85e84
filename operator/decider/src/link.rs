//! The way to the operator and the collector: whom to trust, and how to prove who asks.
//!
//! The file with CAs and the file with the token may come, change and go. A request is made with what they hold then.
//! The token goes to the peer that the link is for, never along a redirect, and over plain HTTP to this machine only.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Url, redirect};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::complaint::Complaint;
use crate::file::Watched;

#[cfg(test)]
mod tests;
mod trust;

pub(crate) use trust::{Roots, TrustError};

/// Largest file with CAs, in bytes.
const MAX_CA_BYTES: u64 = 1024 * 1024;

/// Largest token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Which files to trust and to prove oneself by.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The CAs that sign for the operator and the collector, in PEM; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// A bearer token; without it, requests carry none.
    pub token_file: Option<PathBuf>,
    /// Tells when certificates are checked.
    pub clock: Clock,
}

/// Why no request can be made now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("cannot read the CAs in `{}`; waiting for the file", path.display())]
    ReadCa {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the CAs in `{}` are of no use; waiting for others", path.display())]
    Trust {
        path: PathBuf,
        #[source]
        source: TrustError,
    },
    #[error("cannot set up the HTTP client")]
    BuildClient(#[source] TrustError),
    #[error("cannot read the token in `{}`; waiting for the file", path.display())]
    ReadToken {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` holds no bearer token; waiting for another", path.display())]
    ParseToken { path: PathBuf },
}

/// Makes requests to one peer.
#[derive(Debug)]
pub(crate) struct Link {
    timeout: Duration,
    clock: Clock,
    is_tls: bool,
    ca: Option<Watched>,
    client: Option<Client>,
    token: Option<Watched>,
    bearer: Option<HeaderValue>,
    complaint: Complaint,
}

impl Link {
    /// To the peer at `base`, whose answers take `timeout` at most.
    pub(crate) fn new(credentials: &Credentials, base: &Url, timeout: Duration) -> Self {
        let is_tls = base.scheme() == "https";
        let token = credentials.token_file.as_deref();
        if token.is_some() && !is_private(base) {
            warn!(url = %base, "the token is not sent over plain HTTP");
        }
        let ca = credentials.ca_file.as_deref().filter(|_| is_tls);
        Self {
            timeout,
            clock: credentials.clock.clone(),
            is_tls,
            ca: ca.map(|path| Watched::new(path, MAX_CA_BYTES)),
            client: None,
            token: token
                .filter(|_| is_private(base))
                .map(|path| Watched::new(path, MAX_TOKEN_BYTES)),
            bearer: None,
            complaint: Complaint::default(),
        }
    }

    /// A request by what the files hold now. Costs two looks at files, and reads them only where they changed.
    pub(crate) fn request(&mut self, method: Method, url: &Url) -> Result<RequestBuilder, LinkError> {
        let client = self.client()?;
        let mut request = client.request(method, url.clone());
        if let Some(bearer) = self.bearer()? {
            request = request.header(AUTHORIZATION, bearer);
        }
        Ok(request)
    }

    fn client(&mut self) -> Result<Client, LinkError> {
        let renewed = self.renew();
        match (renewed, &self.client) {
            (Ok(()), Some(client)) => {
                self.complaint.settle();
                Ok(client.clone())
            }
            // Whoever was trusted is trusted until there is somebody else to trust.
            (Err(error), Some(client)) => {
                if self.complaint.is_news(&error) {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "trusting the CAs as they were"
                    );
                }
                Ok(client.clone())
            }
            (Err(error), None) => Err(error),
            // INVARIANT: the first look at a file gives content or an error.
            (Ok(()), None) => self.build(Roots::none()).cloned(),
        }
    }

    /// Sets up the client for the first time, or anew where the CAs changed.
    fn renew(&mut self) -> Result<(), LinkError> {
        let Some(file) = &mut self.ca else {
            if self.client.is_none() {
                let roots = if self.is_tls { Roots::System } else { Roots::none() };
                self.build(roots)?;
            }
            return Ok(());
        };
        let read = file.look().map_err(|source| LinkError::ReadCa {
            path: file.path().to_owned(),
            source,
        })?;
        let Some(pem) = read else { return Ok(()) };
        match Roots::parse(&pem) {
            Ok(roots) => {
                info!(path = %file.path().display(), "trusting these CAs from now on");
                self.build(roots).map(drop)
            }
            Err(source) => {
                file.forget();
                let path = file.path().to_owned();
                Err(LinkError::Trust { path, source })
            }
        }
    }

    fn build(&mut self, roots: Roots) -> Result<&Client, LinkError> {
        let client = roots.client(self.builder(), &self.clock);
        Ok(self.client.insert(client.map_err(LinkError::BuildClient)?))
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("attune-decider/", env!("CARGO_PKG_VERSION")))
            // A replica that has died may still be forwarded to: another attempt is likely to meet one that lives.
            .connect_timeout(Duration::from_secs(2))
            .timeout(self.timeout)
            // A proxy for the outside world would only be in the way to a neighbour in the cluster.
            .no_proxy()
            .redirect(redirect::Policy::none())
    }

    fn bearer(&mut self) -> Result<Option<HeaderValue>, LinkError> {
        let Some(file) = &mut self.token else {
            return Ok(None);
        };
        match file.look() {
            Ok(None) => {}
            Ok(Some(content)) => {
                self.bearer = bearer(&content);
                if self.bearer.is_none() {
                    file.forget();
                    let path = file.path().to_owned();
                    return Err(LinkError::ParseToken { path });
                }
            }
            Err(source) => {
                let path = file.path().to_owned();
                return Err(LinkError::ReadToken { path, source });
            }
        }
        Ok(self.bearer.clone())
    }
}

fn bearer(content: &[u8]) -> Option<HeaderValue> {
    let token = std::str::from_utf8(content).ok()?.trim();
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    // Whatever prints headers hides this one.
    value.set_sensitive(true);
    Some(value)
}

/// Whether nobody on the way can read what is sent.
fn is_private(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    base.scheme() == "https" || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
