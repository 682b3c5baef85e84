//! Decisions by a memory that several deciders share.
//!
//! A request that no rule asks the memory for is decided as it ever was. One that does is decided by what the memory says,
//! and counts only once the memory has taken what was shown: if another decider came before, it is decided again. While the
//! memory does not answer, it is decided by the decider's own memory or by none, as the Channel says.

use std::sync::Arc;

use attune_core::bundle::OnFailure;
use attune_core::context::Context;
use attune_core::decide::{Decision, Request, Taken};
use attune_core::history::{History, UnknownHistory};
use attune_core::replay::Inputs;
use axum::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::answer::Answer;
use super::body::BodyError;
use super::{decide, explain, ofrep};
use crate::decider::{Decider, Loaded, decision_id, is_shown, with_context};
use crate::shared::{Instead, Past, Shared};
use crate::state::Snapshot;

/// What a request is decided by.
#[derive(Clone, Copy)]
pub(super) enum By<'p> {
    /// The decider's own memory.
    Own,
    /// No memory: what needs one is suppressed.
    Nothing,
    /// What deciders agree on.
    Agreed(&'p Past),
}

impl By<'_> {
    /// Whether nothing is known of any unit.
    pub(super) fn is_blind(self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// As explanations spell it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Own => "Own",
            Self::Nothing => "Unknown",
            Self::Agreed(_) => "Shared",
        }
    }

    /// Asks something about the past of the unit.
    pub(super) fn ask<T>(
        self,
        decider: &Decider,
        context: &Context<'_>,
        question: impl FnOnce(&dyn History) -> T,
    ) -> T {
        match self {
            Self::Own => {
                let unit = context.unit().map(|(unit, _)| unit);
                let own: Snapshot<'_> = decider.state().snapshot(unit);
                question(&own)
            }
            Self::Nothing => question(&UnknownHistory),
            Self::Agreed(past) => question(past),
        }
    }
}

/// What the memory said before the decision.
enum Reading {
    /// Nothing in the request needs it.
    Unneeded,
    Agreed(Box<Agreed>),
    /// It did not answer.
    Without(By<'static>),
}

/// A request that the memory has answered.
struct Agreed {
    loaded: Arc<Loaded>,
    unit: String,
    past: Past,
    deadline: Instant,
}

/// What was decided of one touchpoint, and is not true yet.
struct Drafted<'e> {
    decision: Decision<'e>,
    /// What it depended on, where that is kept.
    inputs: Option<Inputs>,
    id: Uuid,
}

/// As [`ofrep::evaluate`].
pub(super) async fn evaluate(
    decider: &Decider,
    shared: &Shared,
    path: &str,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let touchpoint = ofrep::touchpoint(path);
    let asks = |loaded: &Loaded, _: &[u8]| loaded.engine.asks_history(&touchpoint);
    let by = match (read(decider, shared, &body, asks).await, &body) {
        (Reading::Agreed(agreed), Ok(bytes)) => {
            let names = [touchpoint.as_ref()];
            match agreed
                .decide(decider, shared, bytes, (&names, None), ofrep::write_one)
                .await
            {
                Ok(answer) => return answer,
                Err(by) => by,
            }
        }
        (Reading::Without(by), _) => by,
        _ => By::Own,
    };
    ofrep::evaluate(decider, path, body, by)
}

/// As [`decide::decide`].
pub(super) async fn decide_page(
    decider: &Decider,
    shared: &Shared,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let asks = |loaded: &Loaded, body: &[u8]| {
        let names = decide::touchpoints(loaded, body);
        names.is_some_and(|(names, _)| names.iter().any(|name| loaded.engine.asks_history(name)))
    };
    let by = match (read(decider, shared, &body, asks).await, &body) {
        (Reading::Agreed(agreed), Ok(bytes)) => {
            let (names, diversity) = match decide::touchpoints(&agreed.loaded, bytes) {
                Some((names, empty)) => (names, empty.diversity()),
                None => (Vec::new(), None),
            };
            let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            let page = (names.as_slice(), diversity);
            match agreed.decide(decider, shared, bytes, page, decide::write).await {
                Ok(answer) => return answer,
                Err(by) => by,
            }
        }
        (Reading::Without(by), _) => by,
        _ => By::Own,
    };
    decide::decide(decider, body, by)
}

/// As [`ofrep::evaluate_all`]: nothing is shown, so that nothing is to be agreed on.
pub(super) async fn evaluate_all(
    decider: &Decider,
    shared: &Shared,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let asks = |loaded: &Loaded, _: &[u8]| {
        let engine = &loaded.engine;
        engine.touchpoints().any(|name| engine.asks_history(name))
    };
    match read(decider, shared, &body, asks).await {
        Reading::Unneeded => ofrep::evaluate_all(decider, headers, body, By::Own),
        Reading::Without(by) => ofrep::evaluate_all(decider, headers, body, by),
        Reading::Agreed(agreed) => ofrep::evaluate_all(decider, headers, body, By::Agreed(&agreed.past)),
    }
}

/// As [`explain::explain`].
pub(super) async fn explain_one(
    decider: &Decider,
    shared: &Shared,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let asks = |loaded: &Loaded, body: &[u8]| {
        let names = explain::touchpoints(body);
        names.iter().any(|name| loaded.engine.asks_history(name))
    };
    match read(decider, shared, &body, asks).await {
        Reading::Unneeded => explain::explain(decider, body, By::Own),
        Reading::Without(by) => explain::explain(decider, body, by),
        Reading::Agreed(agreed) => explain::explain(decider, body, By::Agreed(&agreed.past)),
    }
}

/// Asks the memory where a rule would ask it. What is wrong with a request is found out by whoever decides it.
async fn read(
    decider: &Decider,
    shared: &Shared,
    body: &Result<Bytes, BodyError>,
    asks: impl FnOnce(&Loaded, &[u8]) -> bool,
) -> Reading {
    let Some((loaded, unit)) = peek(decider, body, asks) else {
        return Reading::Unneeded;
    };
    let Some(state) = &loaded.engine.bundle().settings.state else {
        return Reading::Unneeded;
    };
    let deadline = Instant::now() + std::time::Duration::from_millis(state.timeout_millis.into());
    match shared.read(&unit, deadline).await {
        Ok(past) => Reading::Agreed(Box::new(Agreed {
            loaded: Arc::clone(&loaded),
            unit,
            past,
            deadline,
        })),
        Err(_) => Reading::Without(without(shared, &loaded)),
    }
}

/// The rules, and the unit, where both have to do with the memory.
fn peek(
    decider: &Decider,
    body: &Result<Bytes, BodyError>,
    asks: impl FnOnce(&Loaded, &[u8]) -> bool,
) -> Option<(Arc<Loaded>, String)> {
    let body = body.as_ref().ok()?;
    let loaded = decider.loaded().clone()?;
    loaded.engine.bundle().settings.state.as_ref()?;
    decider.limits().shape.check(body).ok()?;
    if !asks(&loaded, body) {
        return None;
    }
    let context = Context::decode_request(&loaded.engine, body).ok()?;
    let (unit, _) = context.unit()?;
    let unit = unit.to_owned();
    Some((loaded, unit))
}

/// What decides instead.
fn without(shared: &Shared, loaded: &Loaded) -> By<'static> {
    let state = loaded.engine.bundle().settings.state.as_ref();
    if state.is_some_and(|state| state.on_failure == OnFailure::Closed) {
        shared.count_instead(Instead::Nothing);
        By::Nothing
    } else {
        shared.count_instead(Instead::Own);
        By::Own
    }
}

impl Agreed {
    /// Decides the touchpoints in their order, and again for as long as others come before; what was decided counts once
    /// the memory has it.
    async fn decide(
        self: Box<Self>,
        decider: &Decider,
        shared: &Shared,
        body: &[u8],
        (touchpoints, diversity): (&[&str], Option<(usize, usize)>),
        write: impl FnOnce(&Loaded, &[(&Decision<'_>, Uuid)]) -> Answer,
    ) -> Result<Answer, By<'static>> {
        let Self {
            loaded,
            unit,
            mut past,
            deadline,
        } = *self;
        let loaded: &Loaded = &loaded;
        let now = decider.now();
        let mut drafted = loop {
            let empty = diversity.map_or_else(Taken::default, |(label, most)| Taken::diverse(label, most));
            let drafted = draft(loaded, body, (touchpoints, empty), &mut past, now);
            if !past.is_changed() {
                break drafted;
            }
            match shared.charge(&past, deadline).await {
                Ok(None) => break drafted,
                Ok(Some(newer)) => past = newer,
                Err(_) => return Err(without(shared, loaded)),
            }
        };
        // INVARIANT: the body was read by the same rules before.
        let _ = with_context(loaded, body, |_| ());
        let mut buffer = [0; Hyphenated::LENGTH];
        for Drafted { decision, inputs, id } in &mut drafted {
            let id: &str = id.hyphenated().encode_lower(&mut buffer);
            decider.record_agreed(loaded, &unit, (decision, inputs.take()), now, id);
            decider.metrics().single.inc(decision.reason);
        }
        let decisions: Vec<_> = drafted.iter().map(|one| (&one.decision, one.id)).collect();
        Ok(write(loaded, &decisions))
    }
}

/// Decides the touchpoints by what is known of the unit, to which it adds what they show.
fn draft<'e>(
    loaded: &'e Loaded,
    body: &[u8],
    (touchpoints, mut taken): (&[&str], Taken<'e>),
    past: &mut Past,
    now: Timestamp,
) -> Vec<Drafted<'e>> {
    let mut drafted = Vec::with_capacity(touchpoints.len());
    let Ok(context) = Context::decode_request(&loaded.engine, body) else {
        return drafted;
    };
    for touchpoint in touchpoints {
        let request = Request {
            touchpoint,
            context: &context,
            history: past,
            now,
        };
        let Ok((decision, inputs)) = loaded.decide(request, &taken) else {
            continue;
        };
        let id = decision_id(now);
        if let Some(winner) = decision.winner.filter(is_shown) {
            let mut buffer = [0; Hyphenated::LENGTH];
            let id: &str = id.hyphenated().encode_lower(&mut buffer);
            past.charge(&winner, &loaded.engine.bundle().channel, now, id);
        }
        taken.take(&loaded.engine, &decision);
        drafted.push(Drafted { decision, inputs, id });
    }
    drafted
}
