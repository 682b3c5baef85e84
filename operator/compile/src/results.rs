//! What measurement says of resources, as the part of their status that results own.

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_api::results::{Interval, Verdict};
use attune_core::measure::answer;
use serde_json::Value;

use crate::verdict::is_result;

mod experiment;
pub mod holdout;
pub mod metric;
mod turns;

pub use experiment::{About, have_a_place, render, says_the_same};
pub use turns::told;

/// A value with every number as the float it is.
///
/// The API server keeps `0.0` as `0`, which to JSON is the same number and to [`Value`] is another.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), Value::from),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, plain(field)))
            .collect(),
        other => other,
    }
}

/// The conditions of a status that results own, without the times at which they turned, by type.
fn timeless_conditions(kind: Kind, status: &Value) -> Vec<Value> {
    let is_own = |condition: &Value| {
        let name = condition.get("type").and_then(Value::as_str);
        ConditionType::ALL
            .iter()
            .any(|type_| Some(type_.as_str()) == name && is_result(kind, *type_))
    };
    let mut conditions = without(status.get("conditions"), "lastTransitionTime");
    conditions.retain(is_own);
    conditions.sort_by_key(|condition| condition.get("type").map(ToString::to_string));
    conditions
}

/// The objects of a list without one of their fields.
fn without(list: Option<&Value>, field: &str) -> Vec<Value> {
    let mut list = list.and_then(Value::as_array).cloned().unwrap_or_default();
    for entry in list.iter_mut().filter_map(Value::as_object_mut) {
        entry.remove(field);
    }
    list
}

const fn verdict(verdict: answer::Verdict) -> Verdict {
    match verdict {
        answer::Verdict::NotStarted => Verdict::NotStarted,
        answer::Verdict::Collecting => Verdict::Collecting,
        answer::Verdict::Invalid => Verdict::Invalid,
        answer::Verdict::Harm => Verdict::Harm,
        answer::Verdict::NoWorthwhileLift => Verdict::NoWorthwhileLift,
        answer::Verdict::WorthwhileLift => Verdict::WorthwhileLift,
        answer::Verdict::Lift => Verdict::Lift,
        answer::Verdict::Unproven => Verdict::Unproven,
    }
}

fn interval(figures: answer::Figures) -> Interval {
    let answer::Figures {
        estimate,
        low,
        high,
        p,
    } = figures;
    Interval {
        estimate,
        low,
        high,
        p,
    }
}

/// A fraction as tables show it: `+50.0%`.
fn percent(fraction: f64) -> String {
    format!("{:+.1}%", fraction * 100.0)
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
