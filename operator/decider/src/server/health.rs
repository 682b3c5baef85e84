//! Whether it lives, has started and is ready, and how it takes its leave.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem;
use crate::decider::Decider;

/// `/healthz`, `/startupz` and `/readyz`.
pub(super) fn probes() -> Router<Decider> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/startupz", get(started))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(problem::refuse_method)
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn started(State(decider): State<Decider>) -> Response {
    if decider.is_started() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting: no bundle yet\n").into_response()
    }
}

async fn ready(State(decider): State<Decider>) -> Response {
    let why = if decider.is_draining() {
        "draining\n"
    } else {
        "no bundle yet: every touchpoint answers the code default\n"
    };
    if decider.is_ready() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
    }
}

/// Asks clients to close their connections while it drains, so that none is closed under a request that is on its way.
pub(super) async fn say_goodbye(State(decider): State<Decider>, mut response: Response) -> Response {
    if decider.is_draining() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
