//! Bundles to deciders: entity tags, long polls, and what deciders say about themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use attune_compile::Publication;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::sync::watch;

use crate::deciders::{Call, Refusal, Table};
use crate::metrics::Metrics;

/// The longest that a poll waits.
const MAX_WAIT: Duration = Duration::from_secs(55);

/// The most characters of what a decider says about itself.
const MAX_TEXT: usize = 512;

/// A Channel's bundle, if it has one, and whoever waits for the next.
type Slot = watch::Sender<Option<Publication>>;

/// What is published, for whoever asks.
#[derive(Debug)]
pub struct Shelf {
    channels: RwLock<BTreeMap<(String, String), Slot>>,
    /// Who asked.
    pub deciders: Table,
    ready: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Shelf {
    /// An empty shelf.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            channels: RwLock::default(),
            deciders: Table::default(),
            ready: watch::Sender::new(false),
            metrics,
        }
    }

    /// Puts a Channel's bundle out; whoever waits for it gets it. `None` withdraws it.
    pub fn put(&self, namespace: &str, channel: &str, publication: Option<&Publication>) {
        self.slot(namespace, channel).send_if_modified(|current| {
            let changed = current.as_ref().map(|one| &one.revision) != publication.map(|one| &one.revision);
            if changed {
                *current = publication.cloned();
            }
            changed
        });
    }

    /// Says that everything was listed and compiled; gives whether that is news.
    pub fn set_ready(&self) -> bool {
        !self.ready.send_replace(true)
    }

    /// The revision that is out for a Channel.
    pub fn revision(&self, namespace: &str, channel: &str) -> Option<String> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        let slot = channels.get(&(namespace.to_owned(), channel.to_owned()))?;
        slot.borrow()
            .as_ref()
            .map(|publication| publication.revision.clone())
    }

    fn slot(&self, namespace: &str, channel: &str) -> Slot {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let slot = channels.entry((namespace.to_owned(), channel.to_owned()));
        slot.or_insert_with(|| watch::Sender::new(None)).clone()
    }

    /// Waits for a bundle of another revision than `known`, at most as long as `wait`.
    async fn take(
        &self,
        namespace: &str,
        channel: &str,
        known: Option<&str>,
        wait: Duration,
    ) -> Option<Publication> {
        let mut slot = {
            let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
            channels
                .get(&(namespace.to_owned(), channel.to_owned()))?
                .subscribe()
        };
        let is_news = |current: &Option<Publication>| {
            current
                .as_ref()
                .is_some_and(|publication| Some(publication.revision.as_str()) != known)
        };
        if let Ok(Ok(publication)) = tokio::time::timeout(wait, slot.wait_for(is_news)).await {
            return publication.clone();
        }
        slot.borrow().clone()
    }
}

/// The routes: `/v1/bundles/{namespace}/{channel}`, probes and metrics.
pub fn router(shelf: Arc<Shelf>) -> Router {
    Router::new()
        .route("/v1/bundles/{namespace}/{channel}", get(bundle))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shelf)
}

#[derive(Debug, Deserialize)]
struct Poll {
    #[serde(default)]
    wait: String,
    #[serde(default)]
    decider: String,
}

async fn bundle(
    State(shelf): State<Arc<Shelf>>,
    Path((namespace, channel)): Path<(String, String)>,
    Query(poll): Query<Poll>,
    headers: HeaderMap,
) -> Response {
    shelf.metrics.polled();
    let wait = match parse_wait(&poll.wait) {
        Ok(wait) => wait,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    let known = header(&headers, IF_NONE_MATCH.as_str()).map(|tag| tag.trim_matches('"').to_owned());
    let decider = Some(poll.decider)
        .filter(|name| !name.is_empty())
        .or_else(|| header(&headers, "attune-decider"));
    let call = decider.map(|decider| Call {
        decider: decider.chars().take(MAX_TEXT).collect(),
        revision: known.clone(),
        refused: header(&headers, "attune-refused").map(|revision| Refusal {
            revision: revision.chars().take(MAX_TEXT).collect(),
            reason: header(&headers, "attune-refused-reason")
                .map(|why| why.chars().take(MAX_TEXT).collect())
                .unwrap_or_default(),
        }),
    });
    // A decider that calls for a Channel that is not there leaves no trace.
    let exists = shelf.revision(&namespace, &channel).is_some();
    let _waiting = call
        .filter(|_| exists)
        .map(|call| shelf.deciders.note(&namespace, &channel, call));
    match shelf.take(&namespace, &channel, known.as_deref(), wait).await {
        None if !*shelf.ready.borrow() => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "the resources were not all listed yet: it is not known what is published",
        ),
        None => problem(
            StatusCode::NOT_FOUND,
            &format!("nothing is published for channel `{namespace}/{channel}`"),
        ),
        Some(publication) if Some(&publication.revision) == known.as_ref() => {
            (StatusCode::NOT_MODIFIED, [(ETAG, tag(&publication.revision))]).into_response()
        }
        Some(publication) => {
            let headers = [
                (ETAG, tag(&publication.revision)),
                (CONTENT_TYPE, "application/json".to_owned()),
            ];
            (headers, publication.canonical.to_vec()).into_response()
        }
    }
}

async fn readyz(State(shelf): State<Arc<Shelf>>) -> Response {
    if *shelf.ready.borrow() {
        "ok\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "waiting for the first list of every kind\n",
        )
            .into_response()
    }
}

async fn metrics(State(shelf): State<Arc<Shelf>>) -> Response {
    let headers = [(
        CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (headers, shelf.metrics.encode()).into_response()
}

/// `30s`, or nothing for no wait.
fn parse_wait(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let seconds = text.strip_suffix('s').and_then(|digits| digits.parse().ok());
    let wait = seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`wait` is `{text}`: write seconds as `30s`"))?;
    Ok(wait.min(MAX_WAIT))
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn tag(revision: &str) -> String {
    format!("\"{revision}\"")
}

/// RFC 9457.
fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({"title": title, "status": status.as_u16(), "detail": detail});
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
