//! Why a decision comes out as it does.

use std::borrow::Cow;

use attune_core::bundle::Metadata;
use attune_core::context::Context;
use attune_core::decide::{Decision, Request, Taken, UnknownTouchpoint, decide_beside};
use attune_core::engine::Engine;
use attune_core::history::{History, Shown};
use attune_core::ofrep::Success;
use attune_core::trace::{Step, Trace};
use axum::http::StatusCode;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agree::By;
use super::answer::{Answer, json};
use super::body::BodyError;
use super::decide::Diversity;
use super::problem::Problem;
use super::{may_introspect, native_body};
use crate::decider::{Decider, is_shown};
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
    /// The places before it, as `after` names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    before: Vec<Before<'a>>,
}

/// A place before the one that is explained, and what it would add to the unit's past.
#[derive(Serialize)]
struct Before<'a> {
    touchpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    reason: &'static str,
    /// What caps and gaps further down count; absent where the decision does not count as shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    charged: Option<Charged<'a>>,
}

/// What a show is counted for.
#[derive(Clone, Copy, Serialize)]
struct Charged<'a> {
    binding: &'a str,
    module: &'a str,
    program: &'a str,
    channel: &'a str,
}

impl Charged<'_> {
    fn counts_as(&self, what: Shown<'_>) -> bool {
        match what {
            Shown::Binding(name) => name == self.binding,
            Shown::Module(name) => name == self.module,
            Shown::Program(name) => name == self.program,
            Shown::Channel(name) => name == self.channel,
        }
    }
}

/// What is known of a unit, with what the places before would add to it.
struct SoFar<'h, 'e> {
    known: &'h dyn History,
    now: Timestamp,
    charged: Vec<Charged<'e>>,
}

impl History for SoFar<'_, '_> {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let known = self.known.shown(what, since);
        let counted = self.charged.iter().filter(|charged| charged.counts_as(what));
        let added = if self.now > since { counted.count() } else { 0 };
        known.saturating_add(u32::try_from(added).unwrap_or(u32::MAX))
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        let is_shown = self.charged.iter().any(|charged| charged.counts_as(what));
        self.known.last_shown(what).max(is_shown.then_some(self.now))
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.known.last_outcome(event)
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        self.known.outcomes(event, since)
    }

    fn is_known(&self) -> bool {
        self.known.is_known()
    }
}

/// `POST /v1/explain`: `{"touchpoint": "...", "context": {...}}`; `after` and `diversity` put it on a page. It records and
/// charges nothing.
pub(super) fn explain(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Answer {
    answer(decider, body, by).unwrap_or_else(|problem| problem.answer())
}

/// The touchpoints that are decided for an answer: the one that is asked about, and those before it.
pub(super) fn touchpoints(body: &[u8]) -> Vec<Cow<'_, str>> {
    let asked: Option<Explain<'_>> = serde_json::from_slice(body).ok();
    asked.map_or_else(Vec::new, |asked| {
        let mut names = asked.after;
        names.push(asked.touchpoint);
        names
    })
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
    let taken = Diversity::page(asked.diversity.as_ref(), loaded)?;
    let mut trace = Trace::on();
    let answer = by.ask(decider, &context, |history| {
        let so_far = SoFar {
            known: history,
            now: decider.now(),
            charged: Vec::new(),
        };
        asked.decide(&loaded.engine, &context, (taken, so_far), &mut trace)
    });
    let unknown = |unknown: UnknownTouchpoint| Problem::new(StatusCode::NOT_FOUND, unknown.to_string());
    let (decision, before) = answer.map_err(unknown)?;
    let explanation = Explanation {
        decision: Success::new(&decision, Metadata::Full, None),
        trace: trace.steps(),
        history: by.as_str(),
        before,
    };
    Ok(json(StatusCode::OK, "application/json", &explanation))
}

impl Explain<'_> {
    /// Decides the places before the one that is asked about, each of which counts for those after it as on a page, then that
    /// one.
    fn decide<'a, 'e: 'a>(
        &'a self,
        engine: &'e Engine,
        context: &Context<'_>,
        (mut taken, mut so_far): (Taken<'e>, SoFar<'_, 'e>),
        trace: &mut Trace,
    ) -> Result<(Decision<'e>, Vec<Before<'a>>), UnknownTouchpoint> {
        let now = so_far.now;
        let mut before = Vec::with_capacity(self.after.len());
        for touchpoint in &self.after {
            let request = Request {
                touchpoint,
                context,
                history: &so_far,
                now,
            };
            let decision = decide_beside(engine, request, &taken, &mut Trace::off())?;
            taken.take(engine, &decision);
            let winner = decision
                .winner
                .filter(is_shown)
                .filter(|_| context.unit().is_some());
            let charged = winner.map(|winner| Charged {
                binding: winner.binding,
                module: winner.module,
                program: winner.program,
                channel: &engine.bundle().channel,
            });
            so_far.charged.extend(charged);
            before.push(Before {
                touchpoint,
                variant: decision.content.map(|content| content.variant),
                reason: decision.reason.as_str(),
                charged,
            });
        }
        let request = Request {
            touchpoint: &self.touchpoint,
            context,
            history: &so_far,
            now,
        };
        Ok((decide_beside(engine, request, &taken, trace)?, before))
    }
}
