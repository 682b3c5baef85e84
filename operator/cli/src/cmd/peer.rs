//! Asking a part of a running system.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Certificate, Client, Method, Url, redirect};
use serde_json::Value;

use crate::cli::PeerArgs;

/// One question may take so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest token and largest file of CAs, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Somebody to ask.
pub(super) struct Peer {
    client: Client,
    token: Option<String>,
    namespace: Option<String>,
}

impl Peer {
    /// Reads the files that say whom to trust and who asks.
    ///
    /// # Errors
    /// When a file cannot be read or is of no use.
    pub(super) fn new(args: &PeerArgs, servers: &[String]) -> anyhow::Result<Self> {
        let mut builder = Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none());
        if servers.iter().all(|server| server.starts_with("http://")) {
            // Nobody is to be trusted then, so that this works where there are no certificates, as in our image.
            builder = builder.tls_certs_only([]);
        } else if let Some(path) = &args.ca_file {
            let authorities = Certificate::from_pem_bundle(&read(path)?)
                .with_context(|| format!("{} holds no certificates in PEM", path.display()))?;
            builder = builder.tls_certs_only(authorities);
        }
        let token = match &args.token_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).trim().to_owned()),
            None => None,
        };
        Ok(Self {
            client: builder.build().context("cannot set up the HTTP client")?,
            token,
            namespace: args.namespace.clone(),
        })
    }

    /// Asks for a path below a server, with a query, and gives the answer.
    ///
    /// # Errors
    /// When there is no answer, or it is none of success.
    pub(super) async fn ask(
        &self,
        method: Method,
        server: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let url = self.url(server, path, query)?;
        let mut request = self.client.request(method, url.clone());
        if let Some(token) = &self.token {
            if !is_private(&url) {
                bail!("the token is not sent to {server} over plain HTTP; use its https address");
            }
            request = request.bearer_auth(token);
        }
        // The URL may name a person.
        let response = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("{server} does not answer"))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("the answer of {server} broke off"))?;
        let answer = serde_json::from_slice::<Value>(&body);
        if status.is_success() {
            return answer.with_context(|| format!("the answer of {server} is no JSON"));
        }
        let answer = answer.unwrap_or_default();
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or_default();
        bail!("{server} answered {status} {detail}");
    }

    fn url(&self, server: &str, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Url> {
        let mut url: Url = server
            .parse()
            .with_context(|| format!("`{server}` is no address; give one like http://127.0.0.1:8086"))?;
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("`{server}` takes no path; give one like http://127.0.0.1:8086"))?
            .pop_if_empty()
            .extend(path);
        url.query_pairs_mut().extend_pairs(query);
        if let Some(namespace) = &self.namespace {
            url.query_pairs_mut().append_pair("namespace", namespace);
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        Ok(url)
    }
}

/// Whether nobody on the way can read what is sent.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || host == "localhost" || is_loopback
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if content.len() > MAX_FILE_BYTES {
        bail!("{} is larger than {MAX_FILE_BYTES} bytes", path.display());
    }
    Ok(content)
}
