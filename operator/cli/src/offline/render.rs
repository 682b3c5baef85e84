//! Answers for a person and for a program.

use attune_collector::Answer;
use attune_collector::analysis::{Finding, MetricResult};
use attune_core::measure::MetricRole;
use attune_core::measure::holdout::{HoldoutAnswer, HoldoutResult};

use super::Told;
use crate::table::align;

/// One answer a line, as a collector gives it.
pub(crate) fn json(answers: &[Told]) -> serde_json::Result<String> {
    let mut text = String::new();
    for answer in answers {
        text.push_str(&serde_json::to_string(answer)?);
        text.push('\n');
    }
    Ok(text)
}

/// A line for every metric and arm, or scope of a holdout.
pub(crate) fn table(answers: &[Told]) -> String {
    let header = [
        "NAMESPACE",
        "NAME",
        "METRIC",
        "ROLE",
        "ARM",
        "VERDICT",
        "LIFT",
        "INTERVAL",
        "N",
        "WHY",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for answer in answers {
        match answer {
            Told::Experiment(answer) => experiment(answer, &mut rows),
            Told::Holdout(answer) => holdout(answer, &mut rows),
        }
    }
    if rows.len() == 1 {
        return "No experiment has left Draft, and no holdout has a program.\n".to_owned();
    }
    align(&rows)
}

fn experiment(answer: &Answer, rows: &mut Vec<Vec<String>>) {
    rows.extend(answer.results.iter().map(|result| row(answer, result)));
    for unavailable in &answer.unavailable {
        let mut row = vec![
            answer.namespace.clone(),
            answer.experiment.clone(),
            unavailable.metric.clone(),
        ];
        row.extend(["", "", "Unavailable", "", "", "", unavailable.message.as_str()].map(str::to_owned));
        rows.push(row);
    }
}

/// The programmes as they ran, against the held units.
fn holdout(answer: &HoldoutAnswer, rows: &mut Vec<Vec<String>>) {
    for scope in &answer.scopes {
        let program = scope.program.clone().unwrap_or_default();
        rows.extend(scope.results.iter().map(|result| held(answer, &program, result)));
    }
}

fn held(answer: &HoldoutAnswer, program: &str, result: &HoldoutResult) -> Vec<String> {
    let figures = result.relative;
    let interval = figures.and_then(|lift| Some((lift.low?, lift.high?)));
    vec![
        answer.namespace.clone(),
        answer.holdout.clone(),
        result.metric.clone(),
        role(result.role).to_owned(),
        program.to_owned(),
        format!("{:?}", result.verdict),
        figures.map_or_else(String::new, |lift| percent(lift.estimate)),
        interval.map_or_else(String::new, |(low, high)| between(low, high)),
        result.n.to_string(),
        result.message.clone(),
    ]
}

const fn role(role: MetricRole) -> &'static str {
    match role {
        MetricRole::Primary => "primary",
        MetricRole::Guardrail { .. } => "guardrail",
        MetricRole::Secondary => "secondary",
    }
}

fn row(answer: &Answer, result: &MetricResult) -> Vec<String> {
    let verdict = match result.finding {
        Finding::Verdict(verdict) => verdict.as_str(),
        Finding::Standing(standing) => standing.as_str(),
    };
    let lift = result
        .relative
        .map_or_else(String::new, |lift| percent(lift.estimate));
    let interval = result
        .relative
        .map_or_else(String::new, |lift| between(lift.low, lift.high));
    vec![
        answer.namespace.clone(),
        answer.experiment.clone(),
        result.metric.clone(),
        role(result.role).to_owned(),
        result.arm.clone(),
        verdict.to_owned(),
        lift,
        interval,
        result.n.to_string(),
        result.message.clone(),
    ]
}

fn between(low: f64, high: f64) -> String {
    format!("{} to {}", percent(low), percent(high))
}

fn percent(share: f64) -> String {
    format!("{:+.2} %", share * 100.0)
}
