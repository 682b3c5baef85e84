//! Several touchpoints of one page at once.

use std::borrow::Cow;

use attune_core::context::Context;
use attune_core::decide::{Decision, Taken};
use attune_core::ofrep::Success;
use axum::http::StatusCode;
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
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
    /// How much alike they may be; absent: as they are.
    #[serde(borrow, default)]
    diversity: Option<Diversity<'a>>,
}

/// At most so many modules with one value of a label.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Diversity<'a> {
    #[serde(borrow)]
    label: Cow<'a, str>,
    #[serde(default = "one", deserialize_with = "whole")]
    max: u32,
}

const fn one() -> u32 {
    1
}

/// A whole number; `3.0` is one in JSON, too.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_u64().and_then(|number| u32::try_from(number).ok());
    let from_double = || {
        let is_whole = |double: &f64| (0.0..=f64::from(u32::MAX)).contains(double) && double.fract() == 0.0;
        let double = number.as_f64().filter(is_whole)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within, as just checked"
        )]
        Some(double as u32)
    };
    let refused = || D::Error::custom(format!("`{number}` is no whole number up to {}", u32::MAX));
    whole.or_else(from_double).ok_or_else(refused)
}

impl Diversity<'_> {
    /// An empty page that is as diverse as asked for; without anything asked for, an empty page.
    pub(super) fn page<'e>(asked: Option<&Self>, loaded: &Loaded) -> Result<Taken<'e>, Problem> {
        let Some(asked) = asked else {
            return Ok(Taken::default());
        };
        if asked.max == 0 {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "`diversity.max` is 0, so that no module might be shown; ask for 1 or more",
            ));
        }
        let bundle = loaded.engine.bundle();
        let listed = &bundle.settings.diversity;
        let Some(label) = listed.iter().position(|known| *known == asked.label) else {
            let known = match listed.as_slice() {
                [] => "it lists none".to_owned(),
                listed => format!("it lists `{}`", listed.join("`, `")),
            };
            let detail = format!(
                "`diversity.label` is `{}`, which channel `{}` does not list in `diversity`; {known}",
                asked.label, bundle.channel
            );
            return Err(Problem::new(StatusCode::NOT_FOUND, detail));
        };
        Ok(Taken::diverse(
            label,
            usize::try_from(asked.max).unwrap_or(usize::MAX),
        ))
    }
}

/// `POST /v1/decide`: `{"touchpoints": ["...", ...], "context": {...}}`. Touchpoints are decided in their order, and no
/// module wins twice, nor more than `diversity` asks for with one value of a label: what is left goes to those further down.
/// Each counts as shown where its binding says so.
pub(super) fn decide(decider: &Decider, body: Result<Bytes, BodyError>, by: By<'_>) -> Answer {
    answer(decider, body, by).unwrap_or_else(|problem| problem.answer())
}

/// The touchpoints that are asked for and the page that they are for, where they can be decided.
pub(super) fn touchpoints<'b, 'e>(
    loaded: &'e Loaded,
    body: &'b [u8],
) -> Option<(Vec<Cow<'b, str>>, Taken<'e>)> {
    let page: Page<'b> = serde_json::from_slice(body).ok()?;
    page.check(loaded).ok()?;
    let empty = Diversity::page(page.diversity.as_ref(), loaded).ok()?;
    Some((page.touchpoints, empty))
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
                "`touchpoints` must be a list of names beside `context`, and `diversity` an object with a `label`: {error}"
            ))
        })?;
        page.check(loaded)?;
        let empty = Diversity::page(page.diversity.as_ref(), loaded)?;
        Ok(page.decide(decider, loaded, context, (empty, by)))
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

    fn decide<'e>(
        &self,
        decider: &Decider,
        loaded: &'e Loaded,
        context: &Context<'_>,
        (mut taken, by): (Taken<'e>, By<'_>),
    ) -> Vec<u8> {
        let now = decider.now();
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
            taken.take(&loaded.engine, &decision);
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
