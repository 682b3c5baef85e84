//! What has turned from one status to the next: what an Event tells, and what may wait.

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};
use serde_json::Value;

use super::{kept, says_the_same};
use crate::finding::is_capped;
use crate::verdict::{Judged, Truth};

/// Conditions whose turns are told.
const TOLD: [ConditionType; 13] = [
    ConditionType::Programmed,
    ConditionType::Converged,
    ConditionType::Synced,
    ConditionType::Ready,
    ConditionType::OwnersResolved,
    ConditionType::Covered,
    ConditionType::Balanced,
    ConditionType::Measured,
    ConditionType::Audited,
    ConditionType::Observed,
    ConditionType::Actionable,
    ConditionType::Fresh,
    ConditionType::Complete,
];

/// Reasons that are told also where the condition was not true before.
const GRAVE: [Reason; 13] = [
    Reason::ServingPrevious,
    Reason::PreviousUnreadable,
    Reason::Refused,
    Reason::DecidersMissing,
    Reason::FallbackTooLarge,
    Reason::ReceiverUnreachable,
    Reason::Drifted,
    Reason::SecretMissing,
    Reason::EgressDenied,
    Reason::FormatUnsupported,
    Reason::TooLarge,
    Reason::NameTaken,
    Reason::BatchFailed,
];

/// The conditions that have turned, as they are now.
///
/// What has not settled yet on first sight turns nothing; neither does `Ready` where it follows `Programmed`.
pub fn turns(old: &Value, new: &Value) -> Vec<Judged> {
    let is_stalled = kept(ConditionType::Stalled, new).is_some_and(|judged| judged.truth == Truth::True);
    let mut turned: Vec<Judged> = Vec::new();
    for type_ in TOLD {
        let Some(now) = kept(type_, new) else { continue };
        let before = kept(type_, old);
        let follows = |leg: &Judged| {
            type_ == ConditionType::Ready
                && leg.type_ == ConditionType::Programmed
                && leg.truth == now.truth
                && (leg.reason == now.reason || now.truth == Truth::True)
        };
        if is_turn(before.as_ref(), &now, is_stalled) && !turned.iter().any(follows) {
            turned.push(now);
        }
    }
    turned
}

fn is_turn(before: Option<&Judged>, now: &Judged, is_stalled: bool) -> bool {
    let was = before.map(|before| before.truth);
    let is_grave = || GRAVE.contains(&now.reason) && before.is_none_or(|before| before.reason != now.reason);
    let was_capped = before.is_some_and(|before| is_capped(before.reason));
    match now.truth {
        // An edit is on its way, as every edit is.
        Truth::False if now.reason == Reason::SyncPending => false,
        // `Programmed` tells of an edit that has arrived.
        Truth::True if before.is_some_and(|before| before.reason == Reason::SyncPending) => false,
        Truth::True => was == Some(Truth::False) || is_capped(now.reason) != was_capped || is_grave(),
        Truth::False if was == Some(Truth::True) => true,
        // A mistake that waits for a person is worth a word also when it is the first thing seen.
        Truth::False if was != Some(Truth::False) && now.type_ == ConditionType::Ready => {
            is_stalled || is_grave()
        }
        Truth::False => is_grave(),
        Truth::Unknown => false,
    }
}

/// The counts of deciders, and of what they told, that a status of this kind has; the first is there whenever any is.
pub const fn counts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Channel => &["deciders", "firedRules", "sync"],
        Kind::ChannelBinding => &["decisions", "firedRules"],
        Kind::Program => &["firedRules"],
        Kind::DataContract => &["attributes"],
        _ => &[],
    }
}

/// Whether two statuses differ in nothing but how many deciders there are, which pods have none, and what deciders counted:
/// that may wait.
pub fn differ_in_counts_only(kind: Kind, standing: &Value, rendered: &Value) -> bool {
    // What was never counted is shown at once.
    let is_counted = counts(kind)
        .first()
        .is_some_and(|field| standing.get(*field).is_some());
    is_counted
        && says_the_same(
            kind,
            &without_counts(kind, standing),
            &without_counts(kind, rendered),
        )
}

fn without_counts(kind: Kind, status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        for field in counts(kind) {
            fields.remove(*field);
        }
    }
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let is_converged =
            condition.get("type").and_then(Value::as_str) == Some(ConditionType::Converged.as_str());
        if let Some(fields) = condition.as_object_mut().filter(|_| is_converged) {
            fields.remove("message");
        }
    }
    status
}

#[cfg(test)]
mod tests;
