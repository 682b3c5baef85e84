//! Why a decision comes out as it does.

use std::borrow::Cow;

use attune_core::bundle::Metadata;
use attune_core::context::Context;
use attune_core::decide::{Request, UnknownTouchpoint, decide_beside};
use attune_core::ofrep::Success;
use attune_core::trace::{Step, Trace};
use axum::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::agree::By;
use super::answer::{Answer, json};
use super::body::BodyError;
use super::decide::Diversity;
use super::problem::Problem;
use super::{may_introspect, native_body};
use crate::decider::Decider;
use crate::limits::MAX_TOUCHPOINTS;

#[derive(Deserialize)]
struct Explain<'a> {
    #[serde(borrow)]
    touchpoint: Cow<'a, str>,
    /// Touchpoints of the same page that are decided before it, the most important first.
    #[serde(borrow, default)]
    after: Vec<Cow<'a, str>>,
    /// As for the page.
    #[serde(borrow, default)]
    diversity: Option<Diversity<'a>>,
}

/// The decision as OFREP spells it, without an id because nothing was shown, and the steps that led there.
#[derive(Serialize)]
struct Explanation<'a> {
    decision: Success<'a>,
    trace: &'a [Step],
    /// Whose memory of the unit it went by: `Own`, `Shared`, or `Unknown` where that did not answer.
    history: &'static str,
}

/// `POST /v1/explain`: `{"touchpoint": "...", "context": {...}}`; `after` and `diversity` put it on a page. It records and
/// charges nothing.
pub(super) fn explain(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Answer {
    answer(decider, body, by).unwrap_or_else(|problem| problem.answer())
}

/// The touchpoint that is asked about.
pub(super) fn touchpoint(body: &[u8]) -> Option<Cow<'_, str>> {
    let asked: Explain<'_> = serde_json::from_slice(body).ok()?;
    Some(asked.touchpoint)
}

fn answer(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Result<Answer, Problem> {
    let body = native_body(decider, body)?;
    let loaded = decider.loaded();
    let loaded = loaded.as_deref().ok_or_else(Problem::no_bundle)?;
    may_introspect(decider, loaded)?;
    let shape = decider.limits().shape.check(&body);
    let context = shape
        .and_then(|()| Context::decode_request(&loaded.engine, &body))
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let asked: Explain<'_> = serde_json::from_slice(&body).map_err(|error| {
        let detail =
            format!("`touchpoint` must be a string beside `context`, `after` a list of names: {error}");
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    if asked.after.len() > MAX_TOUCHPOINTS {
        let detail = format!(
            "`after` has {} names; list {MAX_TOUCHPOINTS} at most",
            asked.after.len()
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let mut taken = Diversity::page(asked.diversity.as_ref(), loaded)?;
    let mut trace = Trace::on();
    let answer = by.ask(decider, &context, |history| {
        let request = Request {
            touchpoint: &asked.touchpoint,
            context: &context,
            history,
            now: decider.now(),
        };
        for touchpoint in &asked.after {
            let before = Request {
                touchpoint,
                ..request
            };
            taken.take(&decide_beside(&loaded.engine, before, &taken, &mut Trace::off())?);
        }
        decide_beside(&loaded.engine, request, &taken, &mut trace)
    });
    let unknown = |unknown: UnknownTouchpoint| Problem::new(StatusCode::NOT_FOUND, unknown.to_string());
    let decision = answer.map_err(unknown)?;
    let explanation = Explanation {
        decision: Success::new(&decision, Metadata::Full, None),
        trace: trace.steps(),
        history: by.as_str(),
    };
    Ok(json(StatusCode::OK, "application/json", &explanation))
}
