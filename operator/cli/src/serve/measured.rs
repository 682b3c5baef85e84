//! What the collector knows, onto the statuses.

use std::fmt::Write as _;

use anyhow::Context;
use attune_api::Resource;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::metric::MetricStatus;
use attune_collector::source::Credentials;
use attune_compile::verdict::{Judged, Truth};
use attune_compile::{results, status};
use attune_core::measure::Question;
use attune_core::measure::answer::Answer;
use serde_json::Value;

use super::Server;

/// A question's answer, or why there is none.
pub(super) type Answered = Answer;

/// Asks the collector; the answer takes the way that it takes in a cluster.
pub(super) async fn answer(server: &Server, question: Question) -> anyhow::Result<Answered> {
    let name = question.experiment.clone();
    // No Secret is read here: what has its figures in a database is unavailable.
    let answer = server
        .collector
        .answer_with(question, &Credentials::default(), server.now())
        .await;
    let answer = answer.with_context(|| format!("experiment `{name}` cannot be analysed"))?;
    let document = serde_json::to_value(answer).context("the answer cannot be written")?;
    serde_json::from_value(document).context("the answer cannot be read")
}

/// Adds the results of an experiment to its status.
pub(super) fn add_results(server: &Server, resource: &Resource, status: &mut Value, answers: &[Answered]) {
    let is_its = |answer: &&Answered| {
        answer.experiment == resource.name() && Some(answer.namespace.as_str()) == resource.namespace()
    };
    let Some(answer) = answers.iter().find(is_its) else {
        return;
    };
    let rendered = results::render(answer, resource.generation(), status, server.now());
    merge(status, rendered);
}

/// Adds to a metric's status whether its events come in.
pub(super) fn add_activity(server: &Server, resource: &Resource, status: &mut Value) {
    let Resource::Metric(metric) = resource else {
        return;
    };
    let snapshot = server.collector.store().snapshot();
    let namespace = resource.namespace().unwrap_or_default();
    let activity = snapshot.and_then(|snapshot| {
        snapshot.outcome_activity(namespace, metric.spec.event.name.as_str(), server.now())
    });
    let type_ = ConditionType::Receiving;
    let (judged, figures) = match activity {
        Ok(Some(activity)) => {
            let figures = MetricStatus {
                last_event: activity.last.to_string().parse().ok(),
                events_per_hour: Some(activity.per_hour),
                ..MetricStatus::default()
            };
            (Judged::new(type_, true, Reason::Receiving, ""), figures)
        }
        Ok(None) => (
            Judged::new(
                type_,
                false,
                Reason::NoEvents,
                "no event of this name came in yet",
            ),
            MetricStatus::default(),
        ),
        Err(error) => {
            let message = format!("the event store cannot be read: {error}");
            (
                Judged::new(type_, Truth::Unknown, Reason::SourceUnavailable, message),
                MetricStatus::default(),
            )
        }
    };
    let rendered = status::with_figures(&[judged], &figures, resource.generation(), status, server.now());
    merge(status, rendered);
}

/// Lays results beside verdicts, as server-side apply does: conditions and arms by their names, everything else whole.
fn merge(status: &mut Value, results: Value) {
    let (Some(status), Value::Object(results)) = (status.as_object_mut(), results) else {
        return;
    };
    for (field, value) in results {
        let key = match field.as_str() {
            "conditions" => "type",
            "arms" => "name",
            _ => {
                status.insert(field, value);
                continue;
            }
        };
        let list = status.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let (Some(list), Value::Array(entries)) = (list.as_array_mut(), value) {
            for entry in entries {
                merge_entry(list, key, entry);
            }
        }
    }
}

fn merge_entry(list: &mut Vec<Value>, key: &str, entry: Value) {
    match list.iter_mut().find(|known| known.get(key) == entry.get(key)) {
        Some(known) => {
            if let (Some(known), Value::Object(fields)) = (known.as_object_mut(), entry) {
                known.extend(fields);
            }
        }
        None => list.push(entry),
    }
}

/// Events taken and refused, as Prometheus reads them; each Channel has its own under its path.
pub(super) fn metrics(server: &Server) -> String {
    let counts = server.collector.counts().unwrap_or_default();
    let rows = [
        ("attune_events_stored", "Events stored", counts.totals.stored),
        (
            "attune_events_duplicate",
            "Events that came again",
            counts.totals.duplicates,
        ),
        (
            "attune_events_refused",
            "Events refused since the start",
            counts.refused,
        ),
        (
            "attune_events_deferred",
            "Events turned away since the start",
            counts.deferred,
        ),
    ];
    let mut text = String::new();
    for (name, help, value) in rows {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n"
        );
    }
    text.push_str("# EOF\n");
    text
}
