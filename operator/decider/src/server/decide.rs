//! Several touchpoints of one page at once.

use std::borrow::Cow;

use attune_core::context::Context;
use attune_core::decide::{Decision, Taken};
use attune_core::ofrep::Success;
use axum::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::agree::By;
use super::answer::{Answer, bytes};
use super::body::BodyError;
use super::native_body;
use super::problem::Problem;
use crate::decider::{Decider, Loaded, Question, decision_id, with_context};
use crate::limits::MAX_TOUCHPOINTS;

/// What is asked for, beside the context.
#[derive(Deserialize)]
struct Page<'a> {
    /// The most important first.
    #[serde(borrow)]
    touchpoints: Vec<Cow<'a, str>>,
}

/// `POST /v1/decide`: `{"touchpoints": ["...", ...], "context": {...}}`. Touchpoints are decided in their order, and no
/// module wins twice: what is left goes to those further down. Each counts as shown where its binding says so.
pub(super) fn decide(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Answer {
    answer(decider, body, by).unwrap_or_else(|problem| problem.answer())
}

/// The touchpoints that are asked for, where they can be decided.
pub(super) fn touchpoints<'b>(loaded: &Loaded, body: &'b [u8]) -> Option<Vec<Cow<'b, str>>> {
    let page: Page<'b> = serde_json::from_slice(body).ok()?;
    page.check(loaded).ok()?;
    Some(page.touchpoints)
}

fn answer(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Result<Answer, Problem> {
    let body = native_body(decider, body)?;
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    decider
        .limits()
        .shape
        .check(&body)
        .map_err(|error| bad(error.to_string()))?;
    let loaded = decider.loaded();
    let loaded = loaded.as_deref().ok_or_else(Problem::no_bundle)?;
    let written = with_context(loaded, &body, |context| {
        let page: Page<'_> = serde_json::from_slice(&body).map_err(|error| {
            bad(format!(
                "`touchpoints` must be a list of names beside `context`: {error}"
            ))
        })?;
        page.check(loaded)?;
        Ok(page.decide(decider, loaded, context, by))
    });
    let written = written.map_err(|error| bad(error.to_string()))??;
    Ok(bytes(StatusCode::OK, "application/json", written))
}

impl Page<'_> {
    fn check(&self, loaded: &Loaded) -> Result<(), Problem> {
        let names = &self.touchpoints;
        let (status, detail) = if names.is_empty() || names.len() > MAX_TOUCHPOINTS {
            let detail = format!(
                "`touchpoints` has {} names; list 1 to {MAX_TOUCHPOINTS}",
                names.len()
            );
            (StatusCode::BAD_REQUEST, detail)
        } else if let Some(twice) = (1..names.len()).find_map(|end| {
            let (before, rest) = names.split_at(end);
            rest.first().filter(|name| before.contains(name))
        }) {
            let detail = format!("`touchpoints` has `{twice}` twice; list each once");
            (StatusCode::BAD_REQUEST, detail)
        } else if let Some(unknown) = names.iter().find(|name| !loaded.engine.has_touchpoint(name)) {
            let channel = &loaded.engine.bundle().channel;
            let detail = format!("touchpoint `{unknown}` is not declared by channel `{channel}`");
            (StatusCode::NOT_FOUND, detail)
        } else {
            return Ok(());
        };
        Err(Problem::new(status, detail))
    }

    fn decide(&self, decider: &Decider, loaded: &Loaded, context: &Context<'_>, by: By<'_>) -> Vec<u8> {
        let now = decider.now();
        let mut taken = Taken::default();
        let mut written = Written::open(self.touchpoints.len());
        for touchpoint in &self.touchpoints {
            let mut buffer = [0; Hyphenated::LENGTH];
            let id: &str = decision_id(now).hyphenated().encode_lower(&mut buffer);
            let question = Question {
                touchpoint,
                context,
                now,
                taken: &taken,
                is_blind: by.is_blind(),
            };
            // INVARIANT: every name was checked against the same bundle.
            let Ok(decision) = decider.decide_and_record(loaded, question, id) else {
                continue;
            };
            decider.metrics().single.inc(decision.reason);
            written.add(loaded, &decision, id);
            taken.take(&decision);
        }
        written.close()
    }
}

/// The answer with the decisions that were made.
pub(super) fn write(loaded: &Loaded, decisions: &[(&Decision<'_>, Uuid)]) -> Answer {
    let mut written = Written::open(decisions.len());
    let mut buffer = [0; Hyphenated::LENGTH];
    for (decision, id) in decisions {
        written.add(loaded, decision, id.hyphenated().encode_lower(&mut buffer));
    }
    bytes(StatusCode::OK, "application/json", written.close())
}

/// An answer under way.
struct Written {
    json: Vec<u8>,
    first: usize,
}

impl Written {
    fn open(decisions: usize) -> Self {
        let mut json = Vec::with_capacity(512 * (1 + decisions));
        json.extend_from_slice(b"{\"decisions\":[");
        let first = json.len();
        Self { json, first }
    }

    fn add(&mut self, loaded: &Loaded, decision: &Decision<'_>, id: &str) {
        if self.json.len() > self.first {
            self.json.push(b',');
        }
        Success::new(decision, loaded.engine.metadata(), Some(id)).write(&mut self.json);
    }

    fn close(mut self) -> Vec<u8> {
        self.json.extend_from_slice(b"]}");
        self.json
    }
}
