//! Bundles to deciders: entity tags, long polls, and what deciders say about themselves.
//!
//! - [`gate`]: who may have which bundle.
//! - [`slot`]: one Channel's bundle, its last revisions, and whoever waits for the next.

pub mod gate;
mod slot;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use attune_compile::Publication;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::watch;

use crate::certificates::reader::Serving;
use crate::counted::{Counted, Inbox};
use crate::deciders::{Call, Refusal, Table};
use crate::metrics::Metrics;
use crate::peers::Telling;
pub use gate::Gate;
use slot::Slot;

/// The longest that a poll waits.
const MAX_WAIT: Duration = Duration::from_secs(55);

/// The most characters of what a decider says about itself.
const MAX_TEXT: usize = 512;

/// The most bytes of what a decider counted: some ten thousand rules and attributes.
const MAX_COUNTS: usize = 4 * 1024 * 1024;

/// The most bytes of what another replica tells: some hundred thousand deciders.
const MAX_TELLING: usize = 32 * 1024 * 1024;

/// What is published, for whoever asks.
#[derive(Debug)]
pub struct Shelf {
    channels: RwLock<BTreeMap<(String, String), Slot>>,
    /// Who asked.
    pub deciders: Table,
    /// What they counted.
    pub counted: Inbox,
    ready: watch::Sender<bool>,
    /// Whether this process is about to end: then no poll waits any more.
    ending: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl Shelf {
    /// An empty shelf.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            channels: RwLock::default(),
            deciders: Table::default(),
            counted: Inbox::default(),
            ready: watch::Sender::new(false),
            ending: watch::Sender::new(false),
            metrics,
        }
    }

    /// Puts a Channel's bundle out; whoever waits for it gets it. `None` withdraws it.
    pub fn put(&self, namespace: &str, channel: &str, publication: Option<&Publication>) {
        self.slot(namespace, channel).put(publication);
    }

    /// Says that everything was listed and compiled; gives whether that is news.
    pub fn set_ready(&self) -> bool {
        !self.ready.send_replace(true)
    }

    /// Whether everything was listed and compiled.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Lets every poll that waits be answered now, so that its decider asks another replica.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// The revision that is out for a Channel.
    pub fn revision(&self, namespace: &str, channel: &str) -> Option<String> {
        let publication = self.find(namespace, channel)?.current()?;
        Some(publication.revision)
    }

    fn find(&self, namespace: &str, channel: &str) -> Option<Slot> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.get(&(namespace.to_owned(), channel.to_owned())).cloned()
    }

    fn slot(&self, namespace: &str, channel: &str) -> Slot {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let slot = channels.entry((namespace.to_owned(), channel.to_owned()));
        slot.or_default().clone()
    }

    /// Waits for a bundle of another revision than `known`, at most as long as `wait`.
    async fn take(
        &self,
        namespace: &str,
        channel: &str,
        known: Option<&str>,
        wait: Duration,
    ) -> Option<Publication> {
        let slot = self.find(namespace, channel)?;
        let mut ending = self.ending.subscribe();
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => slot.current(),
            publication = slot.take(known, wait) => publication,
        }
    }
}

/// The routes: `/v1/bundles/{namespace}/{channel}`, its revisions and what is counted of it, for whoever may pass the gate.
pub fn router(shelf: Arc<Shelf>, gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/v1/bundles/{namespace}/{channel}", get(bundle))
        .route(
            "/v1/bundles/{namespace}/{channel}/revisions/{revision}",
            get(revision),
        )
        .route("/v1/bundles/{namespace}/{channel}/counts", post(hear_counts))
        .route("/v1/peers/deciders", post(hear_peer))
        .layer(DefaultBodyLimit::max(MAX_TELLING))
        .with_state(Desk { shelf, gate })
}

/// The routes for those who look after this process: probes and metrics.
pub fn probes(readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(readiness)
}

/// What must be there before anybody is sent here.
#[derive(Clone)]
pub struct Readiness {
    shelf: Arc<Shelf>,
    serving: Option<watch::Receiver<Serving>>,
}

impl Readiness {
    /// Every kind was listed and compiled, and there is a certificate where one is needed.
    pub fn new(shelf: Arc<Shelf>, serving: Option<watch::Receiver<Serving>>) -> Self {
        Self { shelf, serving }
    }

    /// What is still missing, if anything.
    fn missing(&self) -> Option<&'static str> {
        let has_certificate = |serving: &watch::Receiver<Serving>| serving.borrow().config.is_some();
        if !self.shelf.is_ready() {
            Some("waiting for the first list of every kind\n")
        } else if !self.serving.as_ref().is_none_or(has_certificate) {
            Some("waiting for a certificate: the leader makes it, or whoever keeps the Secret\n")
        } else {
            None
        }
    }
}

/// Where bundles are handed out.
#[derive(Clone)]
struct Desk {
    shelf: Arc<Shelf>,
    gate: Arc<Gate>,
}

#[derive(Debug, Deserialize)]
struct Poll {
    #[serde(default)]
    wait: String,
    #[serde(default)]
    decider: String,
}

async fn bundle(
    State(Desk { shelf, gate }): State<Desk>,
    Path((namespace, channel)): Path<(String, String)>,
    Query(poll): Query<Poll>,
    headers: HeaderMap,
) -> Response {
    shelf.metrics.polled();
    if let Err(refused) = gate.admit(&namespace, &channel, &headers).await {
        return refused;
    }
    let wait = match parse_wait(&poll.wait) {
        Ok(wait) => wait,
        Err(detail) => return problem(StatusCode::BAD_REQUEST, &detail),
    };
    let known = header(&headers, IF_NONE_MATCH.as_str()).map(|tag| tag.trim_matches('"').to_owned());
    // A decider that calls for a Channel that is not there leaves no trace.
    let exists = shelf.revision(&namespace, &channel).is_some();
    let _waiting = call(poll.decider, known.clone(), &headers)
        .filter(|_| exists)
        .map(|call| shelf.deciders.note(&namespace, &channel, call));
    match shelf.take(&namespace, &channel, known.as_deref(), wait).await {
        None => absent(&shelf, &namespace, &channel),
        Some(publication) if Some(&publication.revision) == known.as_ref() => {
            (StatusCode::NOT_MODIFIED, [(ETAG, tag(&publication.revision))]).into_response()
        }
        Some(publication) => handed_out(&publication),
    }
}

/// What a decider says about itself, if it says who it is.
fn call(named: String, known: Option<String>, headers: &HeaderMap) -> Option<Call> {
    let decider = Some(named)
        .filter(|name| !name.is_empty())
        .or_else(|| header(headers, "attune-decider"))?;
    let refused = header(headers, "attune-refused").map(|revision| Refusal {
        revision: revision.chars().take(MAX_TEXT).collect(),
        reason: header(headers, "attune-refused-reason")
            .map(|why| why.chars().take(MAX_TEXT).collect())
            .unwrap_or_default(),
    });
    Some(Call {
        decider: decider.chars().take(MAX_TEXT).collect(),
        revision: known.map(|revision| revision.chars().take(MAX_TEXT).collect()),
        refused,
    })
}

/// One of the last revisions, to see what was served by it.
async fn revision(
    State(Desk { shelf, gate }): State<Desk>,
    Path((namespace, channel, revision)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = gate.admit(&namespace, &channel, &headers).await {
        return refused;
    }
    let Some(slot) = shelf.find(&namespace, &channel) else {
        return absent(&shelf, &namespace, &channel);
    };
    match slot.past(&revision) {
        Some(publication) => handed_out(&publication),
        None => problem(
            StatusCode::NOT_FOUND,
            &format!(
                "revision `{revision}` of channel `{namespace}/{channel}` is not among the last that were published here"
            ),
        ),
    }
}

/// A decider tells what it counted since it last did.
async fn hear_counts(
    State(Desk { shelf, gate }): State<Desk>,
    Path((namespace, channel)): Path<(String, String)>,
    request: Request,
) -> Response {
    // Before anything of the body is read.
    if let Err(refused) = gate.admit(&namespace, &channel, request.headers()).await {
        return refused;
    }
    if shelf.revision(&namespace, &channel).is_none() {
        return absent(&shelf, &namespace, &channel);
    }
    let Ok(body) = to_bytes(request.into_body(), MAX_COUNTS).await else {
        let detail = format!("counts are {MAX_COUNTS} bytes at the most");
        return problem(StatusCode::PAYLOAD_TOO_LARGE, &detail);
    };
    match serde_json::from_slice(&body) {
        Ok(counts) => shelf.counted.put(Counted {
            namespace,
            channel,
            counts,
        }),
        Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("these are no counts: {error}")),
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Another replica tells what its deciders said and counted.
async fn hear_peer(State(Desk { shelf, gate }): State<Desk>, request: Request) -> Response {
    // Before anything of the body is read: it may be large.
    if let Err(refused) = gate.admit_replica(request.headers()).await {
        return refused;
    }
    let telling = match Json::<Telling>::from_request(request, &()).await {
        Ok(Json(telling)) => telling,
        Err(unreadable) => return problem(unreadable.status(), &unreadable.body_text()),
    };
    shelf.deciders.hear_peer(&telling.replica, telling.deciders);
    // Where this replica leads no more, it passes them on itself.
    for counted in telling.counted {
        shelf.counted.put(counted);
    }
    StatusCode::NO_CONTENT.into_response()
}

fn handed_out(publication: &Publication) -> Response {
    let headers = [
        (ETAG, tag(&publication.revision)),
        (CONTENT_TYPE, "application/json".to_owned()),
    ];
    (headers, publication.canonical.to_vec()).into_response()
}

fn absent(shelf: &Shelf, namespace: &str, channel: &str) -> Response {
    if shelf.is_ready() {
        return problem(
            StatusCode::NOT_FOUND,
            &format!("nothing is published for channel `{namespace}/{channel}`"),
        );
    }
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "the resources were not all listed yet: it is not known what is published",
    )
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    match readiness.missing() {
        None => "ok\n".into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}

async fn metrics(State(readiness): State<Readiness>) -> Response {
    let headers = [(
        CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (headers, readiness.shelf.metrics.encode()).into_response()
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
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
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
