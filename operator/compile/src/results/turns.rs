//! What has turned from one set of results to the next, for people to be told.

use attune_api::conditions::{ConditionType, Reason};
use attune_api::experiment::{Decision, Outcome};
use attune_api::{EventReason, Kind};
use serde_json::Value;

use crate::facts::ExperimentFacts;
use crate::status::kept;
use crate::verdict::{Judged, Truth};

#[cfg(test)]
mod tests;

/// What to tell of new results: each turn once, with what stands behind it.
pub fn told(kind: Kind, old: &Value, new: &Value) -> Vec<(EventReason, String)> {
    let mut told = Vec::new();
    if kind == Kind::Experiment {
        told.extend(decided(old, new));
    }
    let conditions = [
        ConditionType::SampleRatioHealthy,
        ConditionType::GuardrailsHealthy,
        ConditionType::Conclusive,
        ConditionType::Intact,
        ConditionType::Receiving,
    ];
    for type_ in conditions {
        let (before, now) = (kept(type_, old), kept(type_, new));
        // A broken split has a condition of its own.
        let told_already = type_ == ConditionType::Conclusive && is_invalid_split(new);
        if let Some(now) = now
            && !told_already
            && before.is_none_or(|before| before.reason != now.reason && !is_back(&before, &now, old, new))
            && let Some(reason) = reason_of(&now)
        {
            let message = match now.message.as_str() {
                "" => now.reason.doc(),
                message => message,
            };
            told.push((reason, message.to_owned()));
        }
    }
    told
}

/// Whether a source that was away gives what it gave before, which was told then.
fn is_back(before: &Judged, now: &Judged, old: &Value, new: &Value) -> bool {
    let same = |pointer: &str| old.pointer(pointer).is_some() && old.pointer(pointer) == new.pointer(pointer);
    before.reason == Reason::SourceUnavailable
        && match now.type_ {
            ConditionType::Conclusive => same("/headline/verdict"),
            ConditionType::Receiving => same("/lastEvent"),
            _ => false,
        }
}

fn is_invalid_split(status: &Value) -> bool {
    let split = kept(ConditionType::SampleRatioHealthy, status);
    let verdict = kept(ConditionType::Conclusive, status);
    split.is_some_and(|split| split.reason == Reason::SampleRatioMismatch)
        && verdict.is_some_and(|verdict| verdict.reason == Reason::Invalid)
}

fn decided(old: &Value, new: &Value) -> Option<(EventReason, String)> {
    let decision = |status: &Value| ExperimentFacts::of_status(status).decision;
    let now: Decision = decision(new)?;
    if decision(old).as_ref() == Some(&now) {
        return None;
    }
    let reason = match now.outcome {
        Outcome::Promoted => EventReason::Promoted,
        Outcome::Retired => EventReason::Retired,
        Outcome::HarmStopped => EventReason::HarmStopped,
    };
    Some((reason, now.reason))
}

/// The Event of a condition with this reason; what is no news has none.
fn reason_of(now: &Judged) -> Option<EventReason> {
    match (now.type_, now.truth, now.reason) {
        (_, _, Reason::SampleRatioMismatch | Reason::Invalid) => Some(EventReason::Invalid),
        (_, _, Reason::GuardrailBroken) => Some(EventReason::GuardrailBroken),
        (_, _, Reason::Contaminated) => Some(EventReason::Contaminated),
        (_, _, Reason::EventsStale) => Some(EventReason::EventsStale),
        (ConditionType::Conclusive, Truth::True, _) => Some(EventReason::Concluded),
        _ => None,
    }
}
