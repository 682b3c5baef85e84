//! The routes of one decider.

use std::sync::Arc;

use attune_core::bundle::Metadata;
use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::routing::any;
use bytes::Bytes;
use http_body::Body;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use crate::decider::{Decider, Introspection, Loaded};
use crate::limits::{MAX_HEADERS, MAX_HELD_BYTES};
use crate::metrics::{Metrics, Refusal, Shed};
use agree::By;
use answer::{Answer, ResponseBody, bytes, empty, text};
use body::{BodyError, Room};
use held::Held;
use problem::Problem;
use route::Route;

mod agree;
mod answer;
mod body;
mod changes;
mod cors;
mod decide;
mod events;
mod explain;
mod gzip;
mod health;
mod held;
mod membership;
mod ofrep;
mod openapi;
mod problem;
mod route;
#[cfg(test)]
mod tests;
mod units;

pub use openapi::document as openapi;

/// The routes of a decider: OFREP, the native API, health and metrics. It keeps no global state, so that any number of
/// them can be nested under prefixes in one process.
///
/// A decider without a bundle answers every touchpoint with the client's code default (200 without `value`,
/// `attune.reason` = `NO_BUNDLE`), and `/readyz` with 503.
pub fn router(decider: Decider) -> Router {
    let front = Front::new(decider, Serves::Everything);
    let serve = any(async move |request: AxumRequest| {
        let (parts, body) = front.answer(request).await.into_parts();
        axum::http::Response::from_parts(parts, axum::body::Body::new(body))
    });
    Router::new().route("/", serve.clone()).route("/{*path}", serve)
}

/// What a port serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// Decisions, probes and metrics.
    Everything,
    /// Decisions and probes: metrics are on another port.
    Decisions,
    /// Probes and metrics, on a port that only the cluster reaches.
    Probes,
}

/// Answers requests. One function of the request, without layers: what a deployment does not use costs a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Front(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    decider: Decider,
    serves: Serves,
    registry: Registry,
    /// For bodies that are not whole yet, in KiB.
    room: Room,
    /// Answers that are not sent yet.
    answers: Held,
}

impl Front {
    pub(crate) fn new(decider: Decider, serves: Serves) -> Self {
        let mut registry = Registry::default();
        decider.register(&mut registry);
        decider.state().register(&mut registry);
        if let Some(shared) = decider.shared() {
            shared.register(&mut registry);
        }
        Self(Arc::new(Inner {
            decider,
            serves,
            registry,
            room: Room(Semaphore::new(MAX_HELD_BYTES / 1024)),
            answers: Held::default(),
        }))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.0.decider.metrics()
    }

    /// Answers one request. A decision waits for nothing but the body; events wait for the collector.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Unpin + Send,
    {
        let (head, body) = request.into_parts();
        let route = Route::of(head.uri.path());
        let mut answer = match self.precheck(&head, route) {
            Some(answer) => answer,
            None => self.serve(&head, route, body).await,
        };
        gzip::compress(&head, &mut answer);
        let decider = &self.0.decider;
        if !self.0.answers.count(route, &mut answer) {
            answer = refuse_answer(decider, route);
        }
        cors::mark(&decider.access().origins, &head, &mut answer);
        health::say_goodbye(decider, &mut answer);
        answer
    }

    /// What is answered without looking at the body: too many headers, another method, nobody who may ask, no room for an
    /// answer.
    fn precheck(&self, head: &Parts, route: Route<'_>) -> Option<Answer> {
        let decider = &self.0.decider;
        if head.headers.len() > MAX_HEADERS {
            return Some(refuse_headers(route));
        }
        if !route.is_served(self.0.serves) {
            return Some(refuse_path(decider, head, route));
        }
        if head.method == Method::OPTIONS {
            return Some(cors::options(&decider.access().origins, head, route));
        }
        if !route.takes(&head.method) {
            decider.metrics().refusals.inc(Refusal::Method);
            let mut answer = refuse_method(head, route);
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(route.allows()));
            return Some(answer);
        }
        if let Some(keys) = decider.access().keys.as_ref()
            && route.is_guarded()
            && !route.admits(keys, head)
        {
            decider.metrics().refusals.inc(Refusal::Unauthorized);
            return Some(refuse_caller(route));
        }
        let is_admitted = self.0.answers.admits(route);
        (!is_admitted).then(|| refuse_answer(decider, route))
    }

    async fn serve<B>(&self, head: &Parts, route: Route<'_>, body: B) -> Answer
    where
        B: Body<Data = Bytes> + Unpin + Send,
    {
        let decider = &self.0.decider;
        let read = async || body::read(body, decider.limits(), &self.0.room).await;
        match route {
            Route::Flag(path) => self.evaluate(path, read().await).await,
            Route::Flags => self.evaluate_all(&head.headers, read().await).await,
            Route::Changes if head.method == Method::HEAD => changes::describe(),
            Route::Changes => changes::open(decider, &head.headers),
            Route::Decide => self.decide(read().await).await,
            Route::Events => events::take(decider, &head.headers, read().await).await,
            Route::Explain => self.explain(read().await).await,
            Route::Membership => membership::places(decider, &head.uri),
            Route::Unit(unit) => units::forget(decider, unit).await,
            Route::Healthz => text(StatusCode::OK, "ok\n"),
            Route::Startupz => health::started(decider),
            Route::Readyz => health::ready(decider),
            Route::Metrics => encode(&self.0.registry),
            Route::UnknownFlag | Route::Unknown => refuse_path(decider, head, route),
        }
    }
}

/// Where deciders share a memory, deciding waits for it; elsewhere it waits for nothing, and costs nothing for that.
impl Front {
    async fn evaluate(&self, path: &str, body: Result<Bytes, BodyError>) -> Answer {
        let decider = &self.0.decider;
        match decider.sharing() {
            None => ofrep::evaluate(decider, path, body, By::Own),
            Some(shared) => Box::pin(agree::evaluate(decider, shared, path, body)).await,
        }
    }

    async fn evaluate_all(&self, headers: &HeaderMap, body: Result<Bytes, BodyError>) -> Answer {
        let decider = &self.0.decider;
        match decider.sharing() {
            None => ofrep::evaluate_all(decider, headers, body, By::Own),
            Some(shared) => Box::pin(agree::evaluate_all(decider, shared, headers, body)).await,
        }
    }

    async fn decide(&self, body: Result<Bytes, BodyError>) -> Answer {
        let decider = &self.0.decider;
        match decider.sharing() {
            None => decide::decide(decider, body, By::Own),
            Some(shared) => Box::pin(agree::decide_page(decider, shared, body)).await,
        }
    }

    async fn explain(&self, body: Result<Bytes, BodyError>) -> Answer {
        let decider = &self.0.decider;
        match decider.sharing() {
            None => explain::explain(decider, body, By::Own),
            Some(shared) => Box::pin(agree::explain_one(decider, shared, body)).await,
        }
    }
}

/// A path that there is not, or not on this port.
fn refuse_path(decider: &Decider, head: &Parts, route: Route<'_>) -> Answer {
    if route.is_ofrep() {
        return ofrep::refuse_path(decider, head.uri.path());
    }
    problem::no_path(head.uri.path()).answer()
}

fn refuse_method(head: &Parts, route: Route<'_>) -> Answer {
    if route.is_ofrep() {
        return ofrep::refuse_method(&head.method, route.allows());
    }
    problem::refuse_method(&head.method, head.uri.path()).answer()
}

/// More headers than anybody needs.
fn refuse_headers(route: Route<'_>) -> Answer {
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let details = format!("the request has more than {MAX_HEADERS} headers; send only what is needed");
    if route.is_ofrep() {
        return ofrep::refuse(status, &details);
    }
    Problem::new(status, details).answer()
}

/// Somebody without a key.
fn refuse_caller(route: Route<'_>) -> Answer {
    let details = "show one of the decider's keys as `Authorization: Bearer <key>` or `X-API-Key: <key>`";
    let mut answer = if route.is_ofrep() {
        ofrep::refuse(StatusCode::UNAUTHORIZED, details)
    } else {
        Problem::new(StatusCode::UNAUTHORIZED, details).answer()
    };
    let challenge = HeaderValue::from_static("Bearer realm=\"attune\"");
    answer
        .headers_mut()
        .insert(axum::http::header::WWW_AUTHENTICATE, challenge);
    answer
}

/// Too many answers that nobody takes.
fn refuse_answer(decider: &Decider, route: Route<'_>) -> Answer {
    decider.metrics().refusals.inc(Refusal::Overloaded);
    decider.metrics().shed.inc(Shed::Answer);
    let details = "too many answers wait for clients to take them; ask again in a second";
    let answer = if route.is_ofrep() {
        ofrep::refuse(StatusCode::SERVICE_UNAVAILABLE, details)
    } else {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, details).answer()
    };
    with_retry(answer)
}

/// What is wrong with a body, in words; and the count of it.
fn complain(decider: &Decider, error: BodyError) -> (StatusCode, String) {
    let metrics = decider.metrics();
    match error {
        BodyError::TooLarge => {
            metrics.refusals.inc(Refusal::TooLarge);
            let limit = decider.limits().body;
            let details =
                format!("the body is larger than {limit} bytes; send only attributes that rules read");
            (StatusCode::PAYLOAD_TOO_LARGE, details)
        }
        BodyError::Broken => {
            metrics.refusals.inc(Refusal::Unreadable);
            let details = "the body broke off; send it whole".to_owned();
            (StatusCode::BAD_REQUEST, details)
        }
        BodyError::Busy => {
            metrics.refusals.inc(Refusal::Overloaded);
            metrics.shed.inc(Shed::Body);
            let details = "too many bodies are on their way; ask again in a second".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, details)
        }
    }
}

/// When to ask again, where the trouble is a passing one.
fn with_retry(mut answer: Answer) -> Answer {
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// The body of a native request, or what to answer without one.
fn native_body(decider: &Decider, body: Result<Bytes, BodyError>) -> Result<Bytes, Problem> {
    body.map_err(|error| {
        let (status, detail) = complain(decider, error);
        Problem::new(status, detail)
    })
}

/// Whether clients of the bundle's Channel may ask why.
fn may_introspect(decider: &Decider, loaded: &Loaded) -> Result<(), Problem> {
    let is_open = decider.introspection() == Introspection::Open;
    if is_open || loaded.engine.metadata() == Metadata::Full {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "the channel's `metadata` is `Reason`: its clients are not told audiences, holdouts and arms; ask `attune explain`",
    ))
}

/// `/metrics`, in the `OpenMetrics` text format.
fn encode(registry: &Registry) -> Answer {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => bytes(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text.into_bytes(),
        ),
        // INVARIANT: writing to a String cannot fail.
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl Default for ResponseBody {
    fn default() -> Self {
        Self::whole(Vec::new())
    }
}
