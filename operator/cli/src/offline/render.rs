//! Answers for a person and for a program.

use attune_collector::Answer;
use attune_collector::analysis::{Figures, Finding, MetricResult};
use attune_core::measure::MetricRole;

use crate::table::align;

/// One answer a line, as `POST /v1/answers` gives it.
pub(crate) fn json(answers: &[Answer]) -> serde_json::Result<String> {
    let mut text = String::new();
    for answer in answers {
        text.push_str(&serde_json::to_string(answer)?);
        text.push('\n');
    }
    Ok(text)
}

/// A line for every metric and arm.
pub(crate) fn table(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return "No experiment has left Draft.\n".to_owned();
    }
    let header = [
        "NAMESPACE",
        "EXPERIMENT",
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
    align(&rows)
}

fn row(answer: &Answer, result: &MetricResult) -> Vec<String> {
    let role = match result.role {
        MetricRole::Primary => "primary",
        MetricRole::Guardrail { .. } => "guardrail",
        MetricRole::Secondary => "secondary",
    };
    let verdict = match result.finding {
        Finding::Verdict(verdict) => verdict.as_str(),
        Finding::Standing(standing) => standing.as_str(),
    };
    let lift = result
        .relative
        .map_or_else(String::new, |lift| percent(lift.estimate));
    let interval = result.relative.map_or_else(String::new, interval);
    vec![
        answer.namespace.clone(),
        answer.experiment.clone(),
        result.metric.clone(),
        role.to_owned(),
        result.arm.clone(),
        verdict.to_owned(),
        lift,
        interval,
        result.n.to_string(),
        result.message.clone(),
    ]
}

fn interval(lift: Figures) -> String {
    format!("{} to {}", percent(lift.low), percent(lift.high))
}

fn percent(share: f64) -> String {
    format!("{:+.2} %", share * 100.0)
}
