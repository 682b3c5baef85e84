use attune_api::{EventReason, Kind};
use serde_json::{Value, json};

use super::told;

fn status(conditions: &[(&str, &str, &str)], more: Value) -> Value {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(type_, status, reason)| {
            json!({
                "type": type_, "status": status, "reason": reason, "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-12-01T00:00:00Z",
            })
        })
        .collect();
    let mut status = more;
    status["conditions"] = json!(conditions);
    status
}

fn reasons(kind: Kind, old: &Value, new: &Value) -> Vec<EventReason> {
    told(kind, old, new)
        .into_iter()
        .map(|(reason, _)| reason)
        .collect()
}

#[test]
fn tells_a_broken_split_once() {
    let broken = status(
        &[
            ("SampleRatioHealthy", "False", "SampleRatioMismatch"),
            ("Conclusive", "False", "Invalid"),
        ],
        json!({}),
    );
    assert_eq!(
        reasons(Kind::Experiment, &json!({}), &broken),
        [EventReason::Invalid]
    );
    let otherwise = status(&[("Conclusive", "False", "Invalid")], json!({}));
    assert_eq!(
        reasons(Kind::Experiment, &json!({}), &otherwise),
        [EventReason::Invalid]
    );
}

#[test]
fn tells_nothing_again_when_a_source_is_back() {
    let verdict = |reason: &str| {
        let truth = if reason == "Lift" { "True" } else { "Unknown" };
        status(
            &[("Conclusive", truth, reason)],
            json!({"headline": {"verdict": "Lift"}}),
        )
    };
    let (lift, away) = (verdict("Lift"), verdict("SourceUnavailable"));
    assert_eq!(
        reasons(Kind::Experiment, &json!({}), &lift),
        [EventReason::Concluded]
    );
    assert_eq!(reasons(Kind::Experiment, &away, &lift), []);
    let collecting = status(
        &[("Conclusive", "Unknown", "SourceUnavailable")],
        json!({"headline": {"verdict": "Collecting"}}),
    );
    assert_eq!(
        reasons(Kind::Experiment, &collecting, &lift),
        [EventReason::Concluded]
    );

    let events =
        |reason: &str, last: &str| status(&[("Receiving", "False", reason)], json!({"lastEvent": last}));
    let stale = events("EventsStale", "2026-11-01T00:00:00Z");
    let unknown = events("SourceUnavailable", "2026-11-01T00:00:00Z");
    assert_eq!(reasons(Kind::Metric, &unknown, &stale), []);
    let before = events("SourceUnavailable", "2026-10-01T00:00:00Z");
    assert_eq!(reasons(Kind::Metric, &before, &stale), [EventReason::EventsStale]);
}
