//! What measurement says of an experiment, as the part of its status that results own.

use attune_api::conditions::{ConditionType, Reason};
use attune_api::experiment::Headline;
use attune_api::results::{AnalysisMethod, Interval, MetricResult, MetricRole, Standing, Verdict};
use attune_api::{Instant, ItemName, Kind, ObjectName};
use attune_core::measure::answer::{self, Answer};
use attune_core::measure::{self, Method};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::status::stamp_all;
use crate::verdict::{Judged, Truth, is_result};

#[cfg(test)]
mod tests;

/// Renders results onto an Experiment's status: arms with their counts, results, the headline and three conditions.
///
/// Counts are for arms that stand on `old` already: see [`have_a_place`].
/// A condition keeps the transition time of `old` unless its status changed.
pub fn render(answer: &Answer, generation: Option<i64>, old: &Value, now: Timestamp) -> Value {
    let as_of: Option<Instant> = answer.as_of.to_string().parse().ok();
    let results: Vec<_> = answer
        .results
        .iter()
        .filter_map(|result| metric_result(answer, result, as_of.as_ref()))
        .collect();
    let mut status = Map::new();
    let standing = answer.arms.iter().filter(|arm| stands(old, arm));
    status.insert("arms".to_owned(), standing.map(arm_counts).collect());
    status.insert("results".to_owned(), json!(results));
    status.extend(headline(answer, &results).map(|headline| ("headline".to_owned(), json!(headline))));
    status.insert("analysisHash".to_owned(), Value::from(answer.question.as_str()));
    let conditions = [sample_ratio(answer), guardrails(answer), conclusive(answer)];
    status.insert(
        "conditions".to_owned(),
        json!(stamp_all(&conditions, generation, old, now)),
    );
    Value::Object(status)
}

/// Whether results that stand on a resource say what `rendered` says, whatever the time.
pub fn says_the_same(standing: &Value, rendered: &Value) -> bool {
    timeless(standing) == timeless(rendered)
}

/// The part of a status that results own, without instants.
fn timeless(status: &Value) -> Value {
    let conditions = status
        .get("conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_own = |condition: &Value| {
        let name = condition.get("type").and_then(Value::as_str);
        ConditionType::ALL
            .iter()
            .any(|type_| Some(type_.as_str()) == name && is_result(Kind::Experiment, *type_))
    };
    let mut conditions: Vec<_> = conditions.into_iter().filter(is_own).collect();
    let mut results = status
        .get("results")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (list, field) in [(&mut conditions, "lastTransitionTime"), (&mut results, "asOf")] {
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove(field);
        }
    }
    conditions.sort_by_key(|condition| condition.get("type").map(ToString::to_string));
    let arms = status
        .get("arms")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let counts: Vec<_> = arms
        .iter()
        .map(|arm| ["name", "exposed", "crossedOver"].map(|field| arm.get(field).cloned()))
        .collect();
    json!([
        conditions,
        results,
        counts,
        status.get("headline"),
        status.get("analysisHash")
    ])
}

/// Whether the arms of an answer stand on a status already, so that their counts have a place beside their weights.
pub fn have_a_place(answer: &Answer, status: &Value) -> bool {
    answer.arms.iter().all(|arm| stands(status, arm))
}

fn stands(status: &Value, arm: &answer::ArmCount) -> bool {
    let arms = status.get("arms").and_then(Value::as_array);
    arms.is_some_and(|arms| {
        arms.iter()
            .any(|known| known.get("name").and_then(Value::as_str) == Some(arm.name.as_str()))
    })
}

/// The counts of an arm. Its weight is not among them: verdicts write it, and one that two write is one that they fight
/// over.
fn arm_counts(arm: &answer::ArmCount) -> Value {
    json!({"name": arm.name, "exposed": count(arm.exposed), "crossedOver": count(arm.crossed_over)})
}

fn metric_result(
    answer: &Answer,
    result: &answer::MetricResult,
    as_of: Option<&Instant>,
) -> Option<MetricResult> {
    let arm = answer.arms.iter().find(|arm| arm.name == result.arm);
    let percent = |value: Option<f64>| value.map(percent);
    let relative = result.relative.map(interval);
    Some(MetricResult {
        metric: result.metric.parse::<ObjectName>().ok()?,
        role: match result.role {
            measure::MetricRole::Primary => MetricRole::Primary,
            measure::MetricRole::Guardrail { .. } => MetricRole::Guardrail,
            measure::MetricRole::Secondary => MetricRole::Secondary,
        },
        arm: result.arm.parse::<ItemName>().ok()?,
        method: match result.method {
            Method::Fixed => AnalysisMethod::Fixed,
            Method::Planned => AnalysisMethod::Planned,
            Method::Continuous => AnalysisMethod::Continuous,
        },
        verdict: result.verdict.map(verdict),
        standing: result.standing.map(standing),
        reason: Some(result.message.clone()).filter(|message| !message.is_empty()),
        control_units: count(result.control.n),
        arm_units: count(result.treatment.n),
        control_mean: shown(result).then_some(result.control.mean),
        arm_mean: shown(result).then_some(result.treatment.mean),
        absolute: result.absolute.map(interval),
        relative,
        lift_percent: percent(relative.map(|interval| interval.estimate)),
        low_percent: percent(relative.and_then(|interval| interval.low)),
        high_percent: percent(relative.and_then(|interval| interval.high)),
        matured_bp: arm.map(|arm| share(arm.matured, arm.exposed)),
        analysis_hash: Some(answer.question.clone()),
        as_of: as_of.cloned(),
    })
}

/// Means are shown where the difference is: a withheld figure cannot be read off its parts.
fn shown(result: &answer::MetricResult) -> bool {
    result.absolute.is_some()
}

/// The primary metric of the best arm: the highest lift shown, else the first arm.
fn headline(answer: &Answer, results: &[MetricResult]) -> Option<Headline> {
    let primary = results.iter().filter(|result| result.role == MetricRole::Primary);
    let lift = |result: &&MetricResult| {
        result
            .relative
            .map_or(f64::NEG_INFINITY, |interval| interval.estimate)
    };
    let mut best: Option<&MetricResult> = None;
    for result in primary {
        if best.is_none_or(|best| lift(&result) > lift(&best)) {
            best = Some(result);
        }
    }
    let best = best?;
    let bounds = |result: &MetricResult| {
        let (low, high) = (result.low_percent.as_deref()?, result.high_percent.as_deref()?);
        Some(format!("{} [{low}, {high}]", result.lift_percent.as_deref()?))
    };
    Some(Headline {
        arm: best.arm.clone(),
        verdict: best.verdict?,
        lift: bounds(best),
        units: answer
            .arms
            .iter()
            .map(|arm| count(arm.exposed))
            .fold(0, i64::saturating_add),
    })
}

fn sample_ratio(answer: &Answer) -> Judged {
    let type_ = ConditionType::SampleRatioHealthy;
    match &answer.sample_ratio {
        Some(ratio) if ratio.blocked => {
            Judged::new(type_, false, Reason::SampleRatioMismatch, ratio.message.clone())
        }
        Some(_) => Judged::new(type_, true, Reason::SampleRatioHealthy, ""),
        None => Judged::new(
            type_,
            Truth::Unknown,
            Reason::NotStarted,
            "no unit was exposed yet",
        ),
    }
}

fn guardrails(answer: &Answer) -> Judged {
    let type_ = ConditionType::GuardrailsHealthy;
    let mut guardrails = answer
        .results
        .iter()
        .filter(|result| is_guardrail(result))
        .peekable();
    if guardrails.peek().is_none() {
        return Judged::new(
            type_,
            true,
            Reason::GuardrailsHealthy,
            "the experiment has no guardrails",
        );
    }
    let broken: Vec<_> = guardrails
        .filter(|result| result.standing == Some(answer::Standing::Breached))
        .collect();
    if broken.is_empty() {
        return Judged::new(type_, true, Reason::GuardrailsHealthy, "");
    }
    let names: Vec<_> = broken
        .iter()
        .map(|result| format!("`{}` in arm `{}`", result.metric, result.arm))
        .collect();
    Judged::new(
        type_,
        false,
        Reason::GuardrailBroken,
        format!("worse than allowed: {}", names.join(", ")),
    )
}

fn is_guardrail(result: &answer::MetricResult) -> bool {
    matches!(result.role, measure::MetricRole::Guardrail { .. })
}

/// Conclusive when the primary metric of every arm has a verdict that more data will not be asked for.
fn conclusive(answer: &Answer) -> Judged {
    use answer::Verdict as V;

    let type_ = ConditionType::Conclusive;
    let primary = answer
        .results
        .iter()
        .filter(|result| result.role == measure::MetricRole::Primary);
    let primary: Vec<_> = primary
        .filter_map(|result| Some((result.verdict?, result)))
        .collect();
    let is_open = |verdict| matches!(verdict, V::NotStarted | V::Collecting | V::Invalid);
    let open = primary.iter().find(|(verdict, _)| is_open(*verdict));
    let Some((verdict, result)) = open.or_else(|| primary.first()) else {
        return Judged::new(type_, Truth::Unknown, Reason::Pending, "no metric was analysed");
    };
    let reason = match verdict {
        V::NotStarted => Reason::NotStarted,
        V::Collecting => Reason::Collecting,
        V::Invalid => Reason::Invalid,
        V::Harm => Reason::Harm,
        V::NoWorthwhileLift => Reason::NoWorthwhileLift,
        V::WorthwhileLift => Reason::WorthwhileLift,
        V::Lift => Reason::Lift,
        V::Unproven => Reason::Unproven,
    };
    Judged::new(type_, open.is_none(), reason, result.message.clone())
}

const fn standing(standing: answer::Standing) -> Standing {
    match standing {
        answer::Standing::Safe => Standing::Safe,
        answer::Standing::Breached => Standing::Breached,
        answer::Standing::Open => Standing::Open,
    }
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

fn share(part: u64, whole: u64) -> i32 {
    let share = part.saturating_mul(10_000).checked_div(whole).unwrap_or(0);
    i32::try_from(share).unwrap_or(i32::MAX)
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
