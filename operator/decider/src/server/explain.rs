//! Why a decision comes out as it does.

use std::borrow::Cow;

use attune_core::bundle::Metadata;
use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::ofrep::Success;
use attune_core::trace::{Step, Trace};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{json, may_introspect};
use crate::decider::Decider;

#[derive(Deserialize)]
struct Explain<'a> {
    #[serde(borrow)]
    touchpoint: Cow<'a, str>,
}

/// The decision as OFREP spells it, without an id because nothing was shown, and the steps that led there.
#[derive(Serialize)]
struct Explanation<'a> {
    decision: Success<'a>,
    trace: &'a [Step],
}

/// `POST /v1/explain`: `{"touchpoint": "...", "context": {...}}`. It records and charges nothing.
pub(super) async fn explain(State(decider): State<Decider>, body: Result<Bytes, BytesRejection>) -> Response {
    answer(&decider, body).unwrap_or_else(IntoResponse::into_response)
}

fn answer(decider: &Decider, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let loaded = decider.loaded();
    let loaded = loaded.as_deref().ok_or_else(Problem::no_bundle)?;
    may_introspect(decider, loaded)?;
    let context = Context::decode_request(&loaded.engine, &body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let asked: Explain<'_> = serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("`touchpoint` must be a string beside `context`: {error}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let history = decider.state().snapshot(context.unit().map(|(unit, _)| unit));
    let request = Request {
        touchpoint: &asked.touchpoint,
        context: &context,
        history: &history,
        now: decider.now(),
    };
    let mut trace = Trace::on();
    let decision = decide(&loaded.engine, request, &mut trace)
        .map_err(|unknown| Problem::new(StatusCode::NOT_FOUND, unknown.to_string()))?;
    let explanation = Explanation {
        decision: Success::new(&decision, Metadata::Full, None),
        trace: trace.steps(),
    };
    Ok(json(StatusCode::OK, "application/json", &explanation))
}
