//! One question to the operator.

use std::time::Duration;

use attune_core::bundle::{Bundle, MAX_BUNDLE_BYTES};
use attune_core::measure::counts::Counts;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, Method, StatusCode};
use reqwest::{Response, Url};

use super::{Config, FollowError, Name};
use crate::link::{Link, LinkError};
use crate::metrics::Poll;

/// Longest reason that is reported, in bytes.
const MAX_REASON_BYTES: usize = 512;

/// How long the operator may take to hear counts: the next bundle waits meanwhile.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

/// Asks for the bundle of one Channel.
#[derive(Debug)]
pub(super) struct Poller {
    link: Link,
    url: Url,
    counts_url: Url,
    namespace: Name,
    channel: Name,
    id: Name,
}

/// A bundle that could not be used, until another one is adopted.
#[derive(Debug)]
pub(super) struct Refusal {
    pub revision: String,
    pub reason: String,
    /// Whether the bytes are what the operator published, so that asking for them again is of no use.
    pub is_intact: bool,
}

/// What a question came to.
pub(super) enum News {
    /// Nothing is newer than what decides.
    None,
    /// Only the bundle that was refused before.
    Refused,
    /// Another bundle.
    Published(Published),
}

/// A bundle as the operator published it.
pub(super) struct Published {
    pub revision: String,
    pub json: Vec<u8>,
}

/// Why a question got no usable answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PollError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the operator cannot be reached")]
    Ask(#[source] reqwest::Error),
    #[error(
        "the operator does not know who asks (401); the token must be this pod's, of audience `attune.dev`, see \
         `ATTUNE_TOKEN_FILE`"
    )]
    Authenticate,
    #[error(
        "the operator does not give `{namespace}/{channel}` to this pod (403); a pod gets bundles of its own namespace"
    )]
    Authorize { namespace: Name, channel: Name },
    #[error("the operator knows no channel `{namespace}/{channel}`; what was served before serves on")]
    FindChannel { namespace: Name, channel: Name },
    #[error("the operator answered {status}")]
    Answer { status: StatusCode },
    #[error("the operator's answer names no revision in `ETag`")]
    ReadRevision,
    #[error("the bundle broke off")]
    Read(#[source] reqwest::Error),
    #[error("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")]
    Bound,
}

impl PollError {
    pub(super) fn kind(&self) -> Poll {
        match self {
            Self::Authenticate | Self::Authorize { .. } => Poll::Denied,
            _ => Poll::Failed,
        }
    }
}

impl Published {
    /// Whether the content is what its name says.
    pub(super) fn is_intact(&self) -> bool {
        Bundle::revision(&self.json) == self.revision
    }
}

impl Poller {
    pub(super) fn new(config: &Config) -> Result<Self, FollowError> {
        // The operator holds a question as long as it is asked to, and answers then.
        let timeout = config.pace.wait + Duration::from_secs(15);
        let url = bundle_url(config)?;
        Ok(Self {
            link: Link::new(&config.credentials, &config.operator, timeout),
            counts_url: counts_url(&url),
            url,
            namespace: config.namespace.clone(),
            channel: config.channel.clone(),
            id: config.id.clone(),
        })
    }

    /// Asks for another bundle than `known`, telling which one was of no use.
    pub(super) async fn ask(
        &mut self,
        known: Option<&str>,
        refused: Option<&Refusal>,
    ) -> Result<News, PollError> {
        let response = self.send(known, refused).await?;
        let (namespace, channel) = (self.namespace.clone(), self.channel.clone());
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(News::None),
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(PollError::Authenticate),
            StatusCode::FORBIDDEN => return Err(PollError::Authorize { namespace, channel }),
            StatusCode::NOT_FOUND => return Err(PollError::FindChannel { namespace, channel }),
            status => return Err(PollError::Answer { status }),
        }
        let revision = named_revision(&response).ok_or(PollError::ReadRevision)?;
        let is_known_bad = |refusal: &Refusal| refusal.is_intact && refusal.revision == revision;
        if refused.is_some_and(is_known_bad) {
            return Ok(News::Refused);
        }
        let json = read(response).await?;
        Ok(News::Published(Published { revision, json }))
    }

    /// Tells what was counted.
    pub(super) async fn report(&mut self, counts: &Counts) -> Result<(), PollError> {
        let request = self
            .link
            .request(Method::POST, &self.counts_url)?
            .timeout(REPORT_PATIENCE)
            .json(counts);
        let response = request.send().await.map_err(PollError::Ask)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(PollError::Answer { status })
    }

    async fn send(&mut self, known: Option<&str>, refused: Option<&Refusal>) -> Result<Response, PollError> {
        let mut request = self
            .link
            .request(Method::GET, &self.url)?
            .header("attune-decider", self.id.as_str());
        if let Some(revision) = known {
            request = request.header(IF_NONE_MATCH, format!("\"{revision}\""));
        }
        if let Some(refused) = refused {
            request = request
                .header("attune-refused", header_text(&refused.revision))
                .header("attune-refused-reason", header_text(&refused.reason));
        }
        request.send().await.map_err(PollError::Ask)
    }
}

fn bundle_url(config: &Config) -> Result<Url, FollowError> {
    let mut url = config.operator.clone();
    let base = url.clone();
    url.path_segments_mut()
        .map_err(|()| FollowError::ExtendUrl { url: base })?
        .pop_if_empty()
        .extend([
            "v1",
            "bundles",
            config.namespace.as_str(),
            config.channel.as_str(),
        ]);
    // The operator takes whole seconds.
    let seconds = config.pace.wait.as_millis().div_ceil(1000);
    url.query_pairs_mut()
        .append_pair("wait", &format!("{seconds}s"))
        .append_pair("decider", config.id.as_str());
    Ok(url)
}

/// Where counts go: beside the bundle that they are about.
fn counts_url(bundle: &Url) -> Url {
    let mut url = bundle.clone();
    url.set_query(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push("counts");
    }
    url
}

fn named_revision(response: &Response) -> Option<String> {
    let tag = response.headers().get(ETAG)?.to_str().ok()?.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let revision = tag.strip_prefix('"')?.strip_suffix('"')?;
    (!revision.is_empty()).then(|| revision.to_owned())
}

async fn read(mut response: Response) -> Result<Vec<u8>, PollError> {
    let mut json = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(PollError::Read)? {
        if json.len() + chunk.len() > MAX_BUNDLE_BYTES {
            return Err(PollError::Bound);
        }
        json.extend_from_slice(&chunk);
    }
    Ok(json)
}

/// What a header may carry of a text: printable ASCII on one line.
fn header_text(text: &str) -> HeaderValue {
    let printable = |c: char| if c.is_ascii_graphic() { c } else { ' ' };
    let text: String = text.chars().take(MAX_REASON_BYTES).map(printable).collect();
    HeaderValue::from_str(text.trim()).unwrap_or(HeaderValue::from_static("unprintable"))
}
