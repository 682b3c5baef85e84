//! What measurement says of an experiment, as the part of its status that results own.

use attune_api::conditions::{ConditionType, Reason};
use attune_api::experiment::{Decision, Headline, PowerFigures};
use attune_api::results::{AnalysisMethod, MetricResult, MetricRole, Standing};
use attune_api::{Experiment, Instant, ItemName, Kind, ObjectName};
use attune_core::measure::answer::{self, Answer, ThresholdState};
use attune_core::measure::{self, Method, Question};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{count, interval, percent, plain, timeless_conditions, verdict, without};
use crate::decision::{self, Advice, Rules, advise};
use crate::facts::ExperimentFacts;
use crate::status::stamp_all;
use crate::verdict::{Judged, Truth};

#[cfg(test)]
mod tests;

/// The Experiment that an answer is laid onto.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// As it is written.
    pub experiment: &'a Experiment,
    /// What was asked.
    pub question: &'a Question,
    /// The status that stands on it.
    pub old: &'a Value,
}

/// Renders results onto an Experiment's status: arms with their counts, results, the headline, what follows from them and
/// four conditions.
///
/// Counts are for arms that stand on the old status already: see [`have_a_place`].
/// A condition keeps the transition time of the old status unless its status changed.
pub fn render(answer: &Answer, about: About<'_>, now: Timestamp) -> Value {
    let (old, generation) = (about.old, about.experiment.metadata.generation);
    let as_of: Option<Instant> = answer.as_of.to_string().parse().ok();
    let mut results: Vec<_> = answer
        .results
        .iter()
        .filter_map(|result| metric_result(&answer.question, result, as_of.as_ref()))
        .collect();
    results.extend(kept_results(answer, old));
    let mut status = Map::new();
    let standing = answer.arms.iter().filter(|arm| stands(old, arm));
    status.insert("arms".to_owned(), standing.map(arm_counts).collect());
    status.insert("results".to_owned(), json!(results));
    let followed = follow(answer, about);
    let needed = needed(answer, about.question).filter(|_| followed.decision.is_none());
    let headline = headline(answer, &results, needed);
    status.extend(headline.map(|headline| ("headline".to_owned(), json!(headline))));
    let power = answer.power.map(power_figures);
    status.extend(power.map(|power| ("power".to_owned(), json!(power))));
    let Followed {
        decision,
        recommendation,
    } = followed;
    status.extend(recommendation.map(|text| ("recommendation".to_owned(), Value::from(text))));
    status.extend(decision.map(|decision| ("decision".to_owned(), json!(decision))));
    status.insert("analysisHash".to_owned(), Value::from(answer.question.as_str()));
    let conditions = [
        sample_ratio(answer),
        guardrails(answer, about.question),
        powered(answer, about.question),
        conclusive(answer, about),
    ];
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
    let conditions = timeless_conditions(Kind::Experiment, status);
    let results = without(status.get("results"), "asOf");
    let arms = status
        .get("arms")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let counts: Vec<_> = arms
        .iter()
        .map(|arm| ["name", "exposed", "crossedOver"].map(|field| arm.get(field).cloned()))
        .collect();
    let figures = ["headline", "analysisHash", "power", "recommendation", "decision"];
    let figures = figures.map(|field| status.get(field));
    plain(json!([conditions, results, counts, figures]))
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

fn metric_result(hash: &str, result: &answer::MetricResult, as_of: Option<&Instant>) -> Option<MetricResult> {
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
        matured_bp: (result.exposed > 0).then(|| share(result.n, result.exposed)),
        analysis_hash: Some(hash.to_owned()),
        as_of: as_of.cloned(),
    })
}

/// What stands of metrics whose source gave nothing now: it stays, with its date.
fn kept_results(answer: &Answer, old: &Value) -> Vec<MetricResult> {
    let standing = old.get("results").and_then(Value::as_array);
    let standing = standing.into_iter().flatten();
    let standing = standing.filter_map(|result| serde::Deserialize::deserialize(result).ok());
    standing
        .filter(|result: &MetricResult| {
            let mut unavailable = answer.unavailable.iter();
            unavailable.any(|metric| metric.metric == result.metric.as_str())
        })
        .collect()
}

/// Why metrics in a role have no figures: what their sources gave instead.
fn unavailable<'a>(
    answer: &'a Answer,
    question: &'a Question,
    is_it: impl Fn(&measure::MetricRole) -> bool,
) -> impl Iterator<Item = &'a str> {
    let metrics = question.metrics.iter().filter(move |metric| is_it(&metric.role));
    metrics.filter_map(|metric| {
        let mut unavailable = answer.unavailable.iter();
        let found = unavailable.find(|one| one.metric == metric.name)?;
        Some(found.message.as_str())
    })
}

/// Means are shown where the difference is: a withheld figure cannot be read off its parts.
fn shown(result: &answer::MetricResult) -> bool {
    result.absolute.is_some()
}

/// What follows from an answer.
struct Followed {
    /// A decision that stands, or falls now.
    decision: Option<Decision>,
    recommendation: Option<String>,
}

/// A decision that stands goes on standing, whatever is asked afterwards.
fn follow(answer: &Answer, about: About<'_>) -> Followed {
    let facts = ExperimentFacts::of_status(about.old);
    let Some(registration) = facts.registration else {
        return Followed {
            decision: None,
            recommendation: None,
        };
    };
    // What was asked about another of this name decides nothing about this one.
    let asked = &about.question.registration;
    if !asked.is_empty() && *asked != registration.hash {
        return Followed {
            decision: None,
            recommendation: None,
        };
    }
    let stands = facts.decision.filter(|one| one.registration == registration.hash);
    let rules = Rules {
        spec: &about.experiment.spec,
        registration: &registration,
        question: about.question,
    };
    let advice = stands.map(Advice::Decide).or_else(|| advise(&rules, answer));
    match advice {
        Some(Advice::Decide(decision)) => Followed {
            recommendation: Some(decision::make_it_the_rule(&decision)),
            decision: Some(decision),
        },
        Some(Advice::Say(text)) => Followed {
            decision: None,
            recommendation: Some(text),
        },
        None => Followed {
            decision: None,
            recommendation: None,
        },
    }
}

/// Units that are still to mature until the planned size is reached.
fn needed(answer: &Answer, question: &Question) -> Option<i64> {
    let matured = answer
        .arms
        .iter()
        .fold(0_u64, |units, arm| units.saturating_add(arm.matured));
    Some(count(question.planned_units?.saturating_sub(matured)))
}

fn power_figures(power: answer::Power) -> PowerFigures {
    PowerFigures {
        units: power.units.map(count),
        detectable_lift: power.detectable_lift,
        control_mean: power.control_mean,
        seen_units: count(power.seen_units),
    }
}

/// Whether the planned size can show the minimum worthwhile lift.
fn powered(answer: &Answer, question: &Question) -> Judged {
    let type_ = ConditionType::Powered;
    let Some(power) = answer.power else {
        let message =
            "the control has no figures yet to plan with; `attune plan-experiment` plans by an assumed one";
        return Judged::new(type_, Truth::Unknown, Reason::Pending, message);
    };
    let units = power.units.map_or_else(
        || "no number of units".to_owned(),
        |units| format!("{units} units"),
    );
    let detectable = power.detectable_lift.map(percent).unwrap_or_default();
    match (power.sufficient, question.planned_units) {
        (Some(true), _) => Judged::new(type_, true, Reason::Powered, ""),
        (Some(false), Some(planned)) => Judged::new(
            type_,
            false,
            Reason::Underpowered,
            format!(
                "{planned} planned units show a lift of {detectable}; the minimum worthwhile lift takes {units}"
            ),
        ),
        (_, None) => Judged::new(
            type_,
            Truth::Unknown,
            Reason::Pending,
            "no `analysis.plannedUnits` to judge: register a size with the next experiment",
        ),
        (None, Some(planned)) => Judged::new(
            type_,
            Truth::Unknown,
            Reason::Pending,
            format!(
                "{planned} planned units show a lift of {detectable}; no minimum lift is registered for the metric"
            ),
        ),
    }
}

/// The primary metric of the best arm: the highest lift shown, else the first arm.
fn headline(answer: &Answer, results: &[MetricResult], needed: Option<i64>) -> Option<Headline> {
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
        needed,
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

/// Whether no guardrail is broken, in any arm or beyond its threshold; unknown while the source of one gives nothing.
fn guardrails(answer: &Answer, question: &Question) -> Judged {
    let type_ = ConditionType::GuardrailsHealthy;
    let mut metrics = question.metrics.iter();
    if !metrics.any(|metric| metric.role.is_guardrail()) && question.thresholds.is_empty() {
        let message = "the experiment has no guardrails";
        return Judged::new(type_, true, Reason::GuardrailsHealthy, message);
    }
    let results = answer
        .results
        .iter()
        .filter(|result| result.role.is_guardrail() && result.standing == Some(answer::Standing::Breached));
    let in_arms = results.map(|result| format!("`{}` in arm `{}`", result.metric, result.arm));
    let in_state = |state| answer.thresholds.iter().filter(move |one| one.state == state);
    let beyond =
        in_state(ThresholdState::Breached).map(|one| format!("`{}`, beyond its threshold", one.metric));
    let broken: Vec<_> = in_arms.chain(beyond).collect();
    if !broken.is_empty() {
        let message = format!("worse than allowed: {}", broken.join(", "));
        return Judged::new(type_, false, Reason::GuardrailBroken, message);
    }
    let mut away = unavailable(answer, question, measure::MetricRole::is_guardrail)
        .chain(in_state(ThresholdState::Unavailable).map(|one| one.message.as_str()));
    match away.next() {
        Some(message) => Judged::new(type_, Truth::Unknown, Reason::SourceUnavailable, message),
        None => Judged::new(type_, true, Reason::GuardrailsHealthy, ""),
    }
}

/// Conclusive when the primary metric of every arm has a verdict that more data will not be asked for.
fn conclusive(answer: &Answer, about: About<'_>) -> Judged {
    use answer::Verdict as V;

    let type_ = ConditionType::Conclusive;
    let is_primary = |role: &measure::MetricRole| *role == measure::MetricRole::Primary;
    if let Some(message) = unavailable(answer, about.question, is_primary).next() {
        // The last verdict stays, dated, in the results.
        return Judged::new(type_, Truth::Unknown, Reason::SourceUnavailable, message);
    }
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

fn share(part: u64, whole: u64) -> i32 {
    let share = part.saturating_mul(10_000).checked_div(whole).unwrap_or(0);
    i32::try_from(share).unwrap_or(i32::MAX)
}
