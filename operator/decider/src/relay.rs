//! Events of clients, passed on to the collector while they wait.
//!
//! An event is acknowledged only once the collector has it, which is when it is durable: nothing is kept here that could
//! be lost. What the collector took is charged to the units' history at once, each event once.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use attune_core::event::Event;
use axum::http::HeaderValue;
use bytes::Bytes;
use hashlink::LruCache;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::exposure::report::{ReportError, below};
use crate::link::{Credentials, Link, LinkError};

/// Requests to the collector at once; more are told to ask again.
const AT_ONCE: usize = 256;

/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Events remembered as charged: about 1 MB when full.
const REMEMBERED: usize = 65_536;

/// Most of a refusal that is handed on, in bytes.
const MAX_WORDS: usize = 16 * 1024;

/// The way of events to the collector.
#[derive(Debug)]
pub struct Relay {
    link: tokio::sync::Mutex<Link>,
    url: Url,
    places: Semaphore,
    charged: Mutex<LruCache<u64, ()>>,
    hasher: RandomState,
}

/// What the collector said.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It has them all.
    Taken,
    /// It wants none of them, and says why.
    Refused(StatusCode, Bytes),
}

/// Why nobody has the events.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("too many events are on their way")]
    Busy,
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the collector cannot be reached")]
    Send(#[source] reqwest::Error),
    #[error("the collector answered {status}")]
    Answer { status: StatusCode },
}

impl Relay {
    /// To the collector at `collector`.
    ///
    /// # Errors
    /// When the URL takes no path.
    pub fn new(collector: &Url, credentials: &Credentials) -> Result<Self, ReportError> {
        Ok(Self {
            link: tokio::sync::Mutex::new(Link::new(credentials, collector, PATIENCE)),
            url: below(collector, &["v1", "events"])?,
            places: Semaphore::new(AT_ONCE),
            charged: Mutex::new(LruCache::new(REMEMBERED)),
            hasher: RandomState::new(),
        })
    }

    /// Hands a body on as it came and waits until the collector has it.
    pub(crate) async fn pass_on(
        &self,
        content_type: HeaderValue,
        body: Bytes,
    ) -> Result<Verdict, RelayError> {
        let _place = self.places.try_acquire().map_err(|_| RelayError::Busy)?;
        let request = self.link.lock().await.request(Method::POST, &self.url)?;
        let request = request.header(CONTENT_TYPE, content_type).body(body);
        let mut response = request.send().await.map_err(RelayError::Send)?;
        let status = response.status();
        if status.is_success() {
            return Ok(Verdict::Taken);
        }
        // What is about the decider and not about the events is the operator's to mend, and passes.
        let is_about_events = status.is_client_error()
            && !matches!(
                status,
                StatusCode::UNAUTHORIZED
                    | StatusCode::NOT_FOUND
                    | StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_MANY_REQUESTS
            );
        if !is_about_events {
            return Err(RelayError::Answer { status });
        }
        let mut words = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(RelayError::Send)? {
            let left = MAX_WORDS.saturating_sub(words.len());
            words.extend(piece.iter().take(left));
            if left <= piece.len() {
                break;
            }
        }
        Ok(Verdict::Refused(status, words.into()))
    }

    /// Whether the event was not charged yet; it counts as charged from now on.
    pub(crate) fn is_new(&self, event: &Event) -> bool {
        let key = self.hasher.hash_one((&event.source, &event.id));
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        charged.insert(key, ()).is_none()
    }
}
