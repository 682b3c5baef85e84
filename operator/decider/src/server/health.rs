//! Whether it has started and is ready, and how it takes its leave.

use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};

use super::answer::{Answer, text};
use crate::decider::Decider;

/// `/startupz`.
pub(super) fn started(decider: &Decider) -> Answer {
    if decider.is_started() {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "starting: no bundle yet\n")
    }
}

/// `/readyz`.
pub(super) fn ready(decider: &Decider) -> Answer {
    let why = if decider.is_draining() {
        "draining\n"
    } else {
        "no bundle yet: every touchpoint answers the code default\n"
    };
    if decider.is_ready() {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

/// Asks clients to close their connections while it drains and after a body that was not read to its end, so that none is
/// closed under a request that is on its way.
pub(super) fn say_goodbye(decider: &Decider, answer: &mut Answer) {
    if decider.is_draining() || answer.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
}
