//! The routes of one decider.

use std::sync::Arc;

use attune_core::bundle::Metadata;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use prometheus_client::registry::Registry;

use crate::decider::{Decider, Introspection, Loaded};
use problem::Problem;

mod explain;
mod health;
mod membership;
mod ofrep;
mod problem;
#[cfg(test)]
mod tests;
mod units;

/// The routes of a decider: OFREP, the native API, health and metrics. It keeps no global state, so that any number of
/// them can be nested under prefixes in one process.
///
/// A decider without a bundle answers every touchpoint with the client's code default (200 without `value`,
/// `attune.reason` = `NO_BUNDLE`), and `/readyz` with 503.
pub fn router(decider: Decider) -> Router {
    assemble(
        decisions().merge(health::probes()).merge(metrics(&decider)),
        decider,
    )
}

/// As [`router`], without metrics: those are on the port of [`probes`].
pub fn public(decider: Decider) -> Router {
    assemble(decisions().merge(health::probes()), decider)
}

/// Health and metrics alone, for a port that only the cluster reaches.
pub fn probes(decider: Decider) -> Router {
    assemble(health::probes().merge(metrics(&decider)), decider)
}

/// OFREP and the native API.
fn decisions() -> Router<Decider> {
    let ofrep = Router::new()
        .route("/ofrep/v1/evaluate/flags", post(ofrep::evaluate_all))
        .route("/ofrep/v1/evaluate/flags/{touchpoint}", post(ofrep::evaluate))
        .method_not_allowed_fallback(ofrep::refuse_method);
    let native = Router::new()
        .route("/v1/explain", post(explain::explain))
        .route("/v1/membership", get(membership::places))
        .route("/v1/units/{unit}", delete(units::forget))
        .method_not_allowed_fallback(problem::refuse_method);
    ofrep.merge(native)
}

fn assemble(routes: Router<Decider>, decider: Decider) -> Router {
    routes
        .fallback(problem::refuse_path)
        .layer(DefaultBodyLimit::max(decider.body_limit()))
        .layer(map_response_with_state(decider.clone(), health::say_goodbye))
        .with_state(decider)
}

/// Serializes straight into the body of the response.
fn json(status: StatusCode, content_type: &'static str, value: &impl serde::Serialize) -> Response {
    let mut body = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => bytes(status, content_type, body),
        // INVARIANT: only maps with keys that are no strings fail to serialize, and no answer has one.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
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
fn metrics(decider: &Decider) -> Router<Decider> {
    let mut registry = Registry::default();
    decider.register(&mut registry);
    decider.state().register(&mut registry);
    let registry = Arc::new(registry);
    Router::new()
        .route("/metrics", get(async move || encode(&registry)))
        .method_not_allowed_fallback(problem::refuse_method)
}

fn encode(registry: &Registry) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => bytes(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text.into_bytes(),
        ),
        // INVARIANT: writing to a String cannot fail.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
