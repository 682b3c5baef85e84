//! A verdict and what only a cluster knows, as the `status` of a resource.

use attune_api::Kind;
use attune_api::conditions::{Condition, ConditionType, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value};

use crate::verdict::{Judged, Truth, Verdict, is_result};

mod batch;
mod deciders;
mod receiver;
mod turns;

pub use deciders::{Bare, Deciders, Fallback, Heard, Outside};
pub use receiver::{Delivered, Receiver};
pub use turns::{counts, differ_in_counts_only, turns};

#[cfg(test)]
mod tests;

/// Renders the status of an object: `conditions`, `observedGeneration` and figures.
///
/// A condition keeps the transition time of `old` unless its status changed.
pub fn render(
    kind: Kind,
    verdict: &Verdict,
    outside: Option<Outside<'_>>,
    old: &Value,
    now: Timestamp,
) -> Value {
    let mut conditions: Vec<Judged> = verdict
        .conditions
        .iter()
        .map(|judged| known_before(judged, old))
        .collect();
    let mut figures = verdict.figures.clone();
    if let Some(programmed) = &verdict.programmed {
        let live = deciders::judge_programmed(programmed, outside, old);
        match outside.filter(|_| kind == Kind::Channel) {
            Some(outside) => {
                conditions.push(deciders::with_fallback(live, outside.fallback, old));
                let revision = figures.get("revision").and_then(Value::as_str);
                let delivered = batch::judge(outside, revision, old)
                    .unwrap_or_else(|| deciders::judge_delivery(outside, old));
                conditions.push(delivered);
                let run = batch::figures(outside, old);
                figures.extend(run.map(|figures| ("batch".to_owned(), figures)));
                let counted = deciders::figures(outside.deciders, old);
                figures.extend(counted.map(|figures| ("deciders".to_owned(), figures)));
                if receiver::has_receiver(outside.delivery) {
                    let synced = receiver::sync_figures(outside.receiver, old);
                    figures.extend(synced.map(|figures| ("sync".to_owned(), figures)));
                }
            }
            None => conditions.push(live),
        }
    }
    with_conditions(kind, conditions, figures, verdict.generation, old, now)
}

/// A condition that rests on what others have still to be asked says what it said before: after a restart nobody has been
/// asked yet, and nothing has changed.
fn known_before(judged: &Judged, old: &Value) -> Judged {
    let waits = judged.reason == Reason::AccessUnknown;
    let kept = waits.then(|| kept(judged.type_, old)).flatten();
    kept.unwrap_or_else(|| judged.clone())
}

/// The status of an object that cannot even be read.
pub fn undecodable(kind: Kind, message: &str, generation: Option<i64>, old: &Value, now: Timestamp) -> Value {
    let mut conditions = vec![Judged::new(
        ConditionType::Accepted,
        false,
        Reason::Undecodable,
        message,
    )];
    let others = kind
        .conditions()
        .iter()
        .filter(|type_| **type_ != ConditionType::Accepted);
    conditions.extend(others.map(|type_| Judged::new(*type_, Truth::Unknown, Reason::Undecodable, "")));
    // What cannot be derived again, from an object that can be read later, stays: who registered what, and what is cited.
    let kept = ["registration", "shown", "evidence"].map(|field| (field, old.get(field)));
    let kept = kept
        .into_iter()
        .filter_map(|(field, value)| Some((field.to_owned(), value?.clone())));
    let kept = kept.filter(|(field, _)| owned_figures(kind).contains(&field.as_str()));
    with_conditions(kind, conditions, kept.collect(), generation, old, now)
}

/// Whether a status that stands on a resource says what `rendered` says, whatever the time.
///
/// Only what the writer of verdicts owns is compared: results stand beside it and are written by another.
pub fn says_the_same(kind: Kind, standing: &Value, rendered: &Value) -> bool {
    let figures = owned_figures(kind);
    let same = |field: &&str| standing.get(*field) == rendered.get(*field);
    let own = |status: &Value| -> Vec<Value> {
        let conditions = status
            .get("conditions")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut own: Vec<_> = conditions
            .into_iter()
            .filter(|condition| owns_condition(kind, condition))
            .collect();
        for condition in own.iter_mut().filter_map(Value::as_object_mut) {
            condition.remove("lastTransitionTime");
        }
        own.sort_by_key(|condition| condition.get("type").map(Value::to_string));
        own
    };
    figures.iter().all(same) && own(standing) == own(rendered) && same_arms(standing, rendered)
}

/// Fields of a status that the writer of verdicts owns, besides conditions and an Experiment's arms.
pub const fn owned_figures(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Program => &[
            "observedGeneration",
            "declaredRules",
            "liveRules",
            "firedRules",
            "coverage",
            "contentDebt",
        ],
        Kind::Audience => &["observedGeneration", "usedBy", "ruleHash"],
        Kind::ContentModule => &["observedGeneration", "variants", "touchpoints"],
        Kind::Channel => &[
            "observedGeneration",
            "endpoint",
            "revision",
            "declaredRules",
            "liveRules",
            "firedRules",
            "deciders",
            "sync",
            "batch",
        ],
        Kind::ChannelBinding => &[
            "observedGeneration",
            "revision",
            "declaredRules",
            "liveRules",
            "firedRules",
            "decisions",
            "effectiveTrafficBp",
            "evidence",
        ],
        Kind::Holdout => &["observedGeneration", "programs"],
        Kind::Experiment => &["observedGeneration", "registration", "shown"],
        Kind::GovernancePolicy => &["observedGeneration", "namespaces"],
        Kind::DataContract => &["observedGeneration", "attributes"],
        Kind::Metric => &["observedGeneration"],
    }
}

fn owns_condition(kind: Kind, condition: &Value) -> bool {
    let name = condition.get("type").and_then(Value::as_str);
    let type_ = ConditionType::ALL
        .iter()
        .find(|type_| Some(type_.as_str()) == name);
    type_.is_none_or(|type_| !is_result(kind, *type_))
}

/// Arms have their names, weights and shares from here, their counts from results.
fn same_arms(standing: &Value, rendered: &Value) -> bool {
    let own = |status: &Value| -> Vec<[Option<Value>; 3]> {
        let arms = status
            .get("arms")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let arms = arms
            .iter()
            .map(|arm| ["name", "weight", "effectiveTrafficBp"].map(|field| arm.get(field).cloned()));
        // Of an arm that has nothing but its name from this writer, another tells its counts.
        arms.filter(|[_, weight, traffic]| weight.is_some() || traffic.is_some())
            .collect()
    };
    own(standing) == own(rendered)
}

fn with_conditions(
    kind: Kind,
    mut conditions: Vec<Judged>,
    mut status: Map<String, Value>,
    generation: Option<i64>,
    old: &Value,
    now: Timestamp,
) -> Value {
    conditions.extend(summarize(kind, &conditions));
    conditions.sort_by_key(|judged| judged.type_.as_str());
    let conditions = stamp_all(&conditions, generation, old, now);
    status.extend(generation.map(|generation| ("observedGeneration".to_owned(), Value::from(generation))));
    status.extend(serde_json::to_value(conditions).map(|conditions| ("conditions".to_owned(), conditions)));
    Value::Object(status)
}

/// `Ready`, `Reconciling` and `Stalled`, so that kstatus and `GitOps` tools see the truth.
///
/// A missing reference may still come, in whatever order things are applied: that is reconciling. What is wrong with the
/// object itself waits for a person: that is stalled.
fn summarize(kind: Kind, conditions: &[Judged]) -> [Judged; 3] {
    let legs = [
        ConditionType::Accepted,
        ConditionType::ResolvedRefs,
        ConditionType::Programmed,
    ];
    let legs = legs.into_iter().filter(|leg| kind.conditions().contains(leg));
    let legs: Vec<_> = legs
        .filter_map(|leg| conditions.iter().find(|judged| judged.type_ == leg))
        .collect();
    let failing = legs.iter().find(|judged| judged.truth == Truth::False);
    let failing = failing.or_else(|| legs.iter().find(|judged| judged.truth == Truth::Unknown));
    let Some(leg) = failing else {
        return [
            Judged::new(ConditionType::Ready, true, Reason::Ready, ""),
            Judged::new(ConditionType::Reconciling, false, Reason::Settled, ""),
            Judged::new(ConditionType::Stalled, false, Reason::Settled, ""),
        ];
    };
    let stalled = leg.type_ == ConditionType::Accepted && leg.truth == Truth::False;
    let under_way = |way: bool| {
        if way {
            (leg.reason, leg.message.clone())
        } else {
            (Reason::Settled, String::new())
        }
    };
    let (reconciling, stalling) = (under_way(!stalled), under_way(stalled));
    [
        Judged::new(ConditionType::Ready, leg.truth, leg.reason, leg.message.clone()),
        Judged::new(ConditionType::Reconciling, !stalled, reconciling.0, reconciling.1),
        Judged::new(ConditionType::Stalled, stalled, stalling.0, stalling.1),
    ]
}

/// A condition as it stands on the resource.
pub(crate) fn kept(type_: ConditionType, old: &Value) -> Option<Judged> {
    let condition = find(old, type_)?;
    let truth = match condition.get("status")?.as_str()? {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    let reason = condition.get("reason")?.as_str()?;
    let reason = Reason::ALL.iter().find(|known| known.as_str() == reason)?;
    let message = condition
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some(Judged::new(type_, truth, *reason, message))
}

/// Conditions beside the figures of a status struct, without the generation: what results write.
pub fn with_figures(
    conditions: &[Judged],
    figures: &impl serde::Serialize,
    generation: Option<i64>,
    old: &Value,
    now: Timestamp,
) -> Value {
    let mut status = crate::figures::fields(figures);
    let conditions = stamp_all(conditions, generation, old, now);
    status.extend(serde_json::to_value(conditions).map(|conditions| ("conditions".to_owned(), conditions)));
    Value::Object(status)
}

/// Conditions with their times, by type.
pub(crate) fn stamp_all(
    conditions: &[Judged],
    generation: Option<i64>,
    old: &Value,
    now: Timestamp,
) -> Vec<Condition> {
    conditions
        .iter()
        .map(|judged| stamp(judged, generation, old, now))
        .collect()
}

fn stamp(judged: &Judged, generation: Option<i64>, old: &Value, now: Timestamp) -> Condition {
    let status = judged.truth.as_str();
    let before =
        find(old, judged.type_).filter(|before| before.get("status").and_then(Value::as_str) == Some(status));
    let since = before.and_then(|before| before.get("lastTransitionTime")?.as_str()?.parse().ok());
    Condition {
        type_: judged.type_.as_str().to_owned(),
        status: status.to_owned(),
        reason: judged.reason.as_str().to_owned(),
        message: judged.message.clone(),
        observed_generation: generation,
        last_transition_time: Time(since.unwrap_or(now)),
    }
}

fn find(status: &Value, type_: ConditionType) -> Option<&Value> {
    let conditions = status.get("conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(type_.as_str()))
}
