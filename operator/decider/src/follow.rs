//! The way of rules from the operator: a long poll over HTTP, with the last good bundle on disk.
//!
//! `GET {operator}/v1/bundles/{namespace}/{channel}?wait=30s&decider={id}` with `If-None-Match: "<revision>"` waits until
//! there is another revision. The revision that a decider names there is the one that it decides by, which is how the
//! operator learns that a bundle has arrived. One that cannot be used is named in `Attune-Refused`, with the reason in
//! `Attune-Refused-Reason`; the old one decides on.
//!
//! Nothing here ends the process: without the operator it decides by the last good bundle, and without that by none.

use std::time::{Duration, Instant};

use attune_core::bundle::Bundle;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, StatusCode};
use reqwest::{Client, Response, Url};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::decider::Decider;

mod backoff;
mod name;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use backoff::Backoff;
pub use name::{Name, NameError};
pub use store::{Store, StoreError};

/// Largest bundle taken from anywhere, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024 * 1024;

/// Longest reason that is reported, in bytes.
const MAX_REASON_BYTES: usize = 512;

/// Which bundle to follow, and how.
#[derive(Debug)]
pub struct Config {
    /// Base URL of the operator.
    pub operator: Url,
    /// The Channel's namespace.
    pub namespace: Name,
    /// The Channel.
    pub channel: Name,
    /// How this decider is called in the Channel's status; the pod's name.
    pub id: Name,
    /// Where the last good bundle is kept; `None` keeps none.
    pub store: Option<Store>,
    /// How often to ask.
    pub pace: Pace,
}

/// How often the operator is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long the operator may hold a question until there is news.
    pub wait: Duration,
    /// Least time from one question to the next where the operator answers at once.
    pub spacing: Duration,
    /// The first pause after a failure; it doubles up to `longest_pause`.
    pub first_pause: Duration,
    /// The longest pause after failures.
    pub longest_pause: Duration,
    /// The pause while the operator offers nothing but a bundle that was refused: it answers such a question at once.
    pub refused_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(30),
            spacing: Duration::from_millis(250),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            refused_pause: Duration::from_secs(2),
        }
    }
}

/// Keeps a decider at the newest bundle of its Channel.
#[derive(Debug)]
pub struct Follower {
    decider: Decider,
    config: Config,
    client: Client,
    url: Url,
    refused: Option<Refusal>,
}

/// A bundle that could not be used, until another one is adopted.
#[derive(Debug)]
struct Refusal {
    revision: String,
    reason: String,
    /// Whether the bytes are what the operator published, so that asking for them again is of no use.
    is_intact: bool,
}

/// What a question came to.
enum News {
    /// Nothing is newer than what decides.
    None,
    /// Only the bundle that was refused before.
    Refused,
    /// Another bundle.
    Published(Published),
}

/// A bundle as the operator published it.
struct Published {
    revision: String,
    json: Vec<u8>,
}

/// Why a follower cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client: {0}")]
    BuildClient(#[source] reqwest::Error),
    /// The URL takes no path.
    #[error("the operator's URL `{url}` takes no path; give one like `http://attune-operator:8080`")]
    ExtendUrl {
        /// The URL given.
        url: Url,
    },
}

/// Why a question got no usable answer.
#[derive(Debug, thiserror::Error)]
enum PollError {
    #[error("the operator cannot be reached: {0}")]
    Ask(#[source] reqwest::Error),
    #[error("the operator knows no channel `{namespace}/{channel}`; what was served before serves on")]
    FindChannel { namespace: Name, channel: Name },
    #[error("the operator answered {status}")]
    Answer { status: StatusCode },
    #[error("the operator's answer names no revision in `ETag`")]
    ReadRevision,
    #[error("the bundle broke off: {0}")]
    Read(#[source] reqwest::Error),
    #[error("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")]
    Bound,
}

impl Follower {
    /// A follower of one Channel for one decider.
    ///
    /// # Errors
    /// When the URL takes no path or there is no HTTP client.
    pub fn new(decider: Decider, config: Config) -> Result<Self, FollowError> {
        let client = Client::builder()
            .user_agent(concat!("attune-decider/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .timeout(config.pace.wait + Duration::from_secs(15))
            // The operator is a neighbour in the cluster; a proxy for the outside world would only be in the way.
            .no_proxy()
            .build()
            .map_err(FollowError::BuildClient)?;
        let url = bundle_url(&config)?;
        Ok(Self {
            decider,
            config,
            client,
            url,
            refused: None,
        })
    }

    /// Adopts the last good bundle from disk, if there is one; a damaged one is ignored.
    pub async fn restore(&self) {
        if let Some(store) = self.config.store.clone() {
            let decider = self.decider.clone();
            // Reading and loading take their time, which requests shall not wait for.
            let restored = tokio::task::spawn_blocking(move || restore(&store, &decider)).await;
            if let Err(error) = restored {
                warn!(%error, "restoring the last good bundle failed");
            }
        }
        self.decider.mark_started();
    }

    /// Asks for news until `stop` turns true or its sender is gone. A bundle that has arrived is adopted and kept on disk
    /// before this ends.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut backoff = Backoff::new(self.config.pace.first_pause, self.config.pace.longest_pause);
        loop {
            let asked = Instant::now();
            let fetched = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                fetched = self.fetch() => fetched,
            };
            let pause = match fetched {
                Ok(news) => {
                    backoff.reset();
                    let least = match news {
                        News::Refused => self.config.pace.refused_pause,
                        News::Published(published) => {
                            self.take(published).await;
                            self.config.pace.spacing
                        }
                        News::None => self.config.pace.spacing,
                    };
                    least.saturating_sub(asked.elapsed())
                }
                Err(error) => {
                    let pause = backoff.next();
                    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                    warn!(%error, pause_ms, "no news from the operator");
                    pause
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One question.
    async fn fetch(&self) -> Result<News, PollError> {
        let response = self.ask().await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(News::None),
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(PollError::FindChannel {
                    namespace: self.config.namespace.clone(),
                    channel: self.config.channel.clone(),
                });
            }
            status => return Err(PollError::Answer { status }),
        }
        let revision = named_revision(&response).ok_or(PollError::ReadRevision)?;
        let is_known_bad = |refusal: &Refusal| refusal.is_intact && refusal.revision == revision;
        if self.refused.as_ref().is_some_and(is_known_bad) {
            return Ok(News::Refused);
        }
        let json = read(response).await?;
        Ok(News::Published(Published { revision, json }))
    }

    async fn ask(&self) -> Result<Response, PollError> {
        let mut request = self
            .client
            .get(self.url.clone())
            .header("attune-decider", self.config.id.as_str());
        if let Some(revision) = self.decider.revision() {
            request = request.header(IF_NONE_MATCH, format!("\"{revision}\""));
        }
        if let Some(refused) = &self.refused {
            request = request
                .header("attune-refused", header_text(&refused.revision))
                .header("attune-refused-reason", header_text(&refused.reason));
        }
        request.send().await.map_err(PollError::Ask)
    }

    /// Adopts a bundle and keeps it on disk, or remembers to report why not.
    async fn take(&mut self, published: Published) {
        let Published { revision, json } = published;
        let is_intact = Bundle::revision(&json) == revision;
        let taken = if is_intact {
            self.adopt(json).await
        } else {
            Err("its content does not hash to its revision".to_owned())
        };
        match taken {
            Ok(()) => {
                info!(revision, "adopted a bundle");
                self.refused = None;
            }
            Err(reason) => {
                warn!(revision, reason, "refused a bundle; the old one decides on");
                self.refused = Some(Refusal {
                    revision,
                    reason,
                    is_intact,
                });
            }
        }
    }

    async fn adopt(&self, json: Vec<u8>) -> Result<(), String> {
        let (decider, store) = (self.decider.clone(), self.config.store.clone());
        let adopt = move || {
            decider.adopt(&json).map_err(|error| error.to_string())?;
            if let Some(Err(error)) = store.map(|store| store.save(&json)) {
                warn!(%error, "the bundle decides but is not kept on disk");
            }
            Ok(())
        };
        let adopted = tokio::task::spawn_blocking(adopt).await;
        adopted.unwrap_or_else(|error| Err(error.to_string()))
    }
}

fn restore(store: &Store, decider: &Decider) {
    match store.load() {
        Ok(None) => info!("no bundle on disk"),
        Ok(Some(json)) => match decider.adopt(&json) {
            Ok(revision) => info!(revision, "adopted the last good bundle from disk"),
            Err(error) => warn!(%error, "the bundle on disk is of no use"),
        },
        Err(error) => warn!(%error, "the bundle on disk is of no use"),
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
