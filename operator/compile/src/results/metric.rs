//! Whether the events of a Metric come in.

use attune_api::conditions::{ConditionType, Reason};
use attune_api::metric::MetricStatus;
use attune_api::{Kind, Metric};
use attune_core::measure::activity::ActivityAnswer;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::timeless_conditions;
use crate::status::with_figures;
use crate::verdict::{Judged, Truth};

#[cfg(test)]
mod tests;

/// After this long without an event, events have stopped.
const SILENCE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Renders what the collector knows of a metric's events onto its status, or why it could not be asked.
pub fn render(
    metric: &Metric,
    activity: Result<ActivityAnswer, String>,
    old: &Value,
    now: Timestamp,
) -> Value {
    let type_ = ConditionType::Receiving;
    let name = &metric.spec.event.name;
    let (judged, figures) = match activity {
        Ok(ActivityAnswer {
            last: Some(last),
            per_hour,
        }) => {
            let is_over = now.duration_since(last) > SILENCE;
            let message = if is_over {
                format!("the last event `{name}` happened on {last}")
            } else {
                String::new()
            };
            let reason = if is_over {
                Reason::EventsStale
            } else {
                Reason::Receiving
            };
            let figures = MetricStatus {
                last_event: Some(last.into()),
                events_per_hour: Some(rounded(per_hour)),
                ..MetricStatus::default()
            };
            (Judged::new(type_, !is_over, reason, message), figures)
        }
        Ok(ActivityAnswer { last: None, .. }) => {
            let message = format!("no event `{name}` came in yet");
            (
                Judged::new(type_, false, Reason::NoEvents, message),
                MetricStatus::default(),
            )
        }
        // What was known stays, with the date that it has by itself.
        Err(message) => (
            Judged::new(type_, Truth::Unknown, Reason::SourceUnavailable, message),
            MetricStatus::deserialize(old).unwrap_or_default(),
        ),
    };
    with_figures(&[judged], &figures, metric.metadata.generation, old, now)
}

/// Whether what stands on a Metric says what `rendered` says, as closely as people look at it: events come all the time,
/// and the hour of the last one and their rate to a tenth are news, while every event is not.
pub fn says_the_same(standing: &Value, rendered: &Value) -> bool {
    let own = |status: &Value| {
        let last = status.get("lastEvent").and_then(Value::as_str);
        let hour = last.and_then(|last| last.split(':').next().map(str::to_owned));
        (timeless_conditions(Kind::Metric, status), hour)
    };
    let rate = |status: &Value| status.get("eventsPerHour").and_then(Value::as_f64);
    let same_rate = match (rate(standing), rate(rendered)) {
        (Some(before), Some(now)) => (before - now).abs() <= before.abs() / 10.0,
        (before, now) => before == now,
    };
    same_rate && own(standing) == own(rendered)
}

/// Two significant decimals: more than that is noise, and every digit that changes is a write.
fn rounded(per_hour: f64) -> f64 {
    (per_hour * 100.0).round() / 100.0
}
