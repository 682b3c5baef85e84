use std::collections::BTreeMap;

use attune_testkit::Strategy;
use serde_json::json;

use super::{Outcome, known};
use crate::facts::ExperimentFacts;
use crate::tests::snapshot;

/// What stands on a status once a decision has fallen with a verdict.
fn decided(verdict: &str) -> ExperimentFacts {
    ExperimentFacts::of_status(&json!({"decision": {
        "outcome": "Promoted", "arm": "reminder", "verdict": verdict, "reason": "it pays", "at": "2026-11-20T00:00:00Z",
        "units": 40000, "registration": "0123",
    }}))
}

#[test]
fn a_decision_on_a_status_is_evidence_about_what_was_shown() {
    let mut snapshot = snapshot(&Strategy::example());
    snapshot.note_experiment("cart-hero", decided("WorthwhileLift"));
    assert_eq!(known(&snapshot), None, "nobody can tell what has concluded");
    snapshot.evidence = Some(BTreeMap::new());
    let known_now = known(&snapshot).unwrap();
    let evidence = &known_now["cart-hero"];
    assert_eq!(evidence.outcome, Outcome::WorthwhileLift);
    assert_eq!(evidence.concluded_at.to_string(), "2026-11-20T00:00:00Z");
    assert_eq!(evidence.audiences, ["cart-abandoner".to_owned()].into());
    assert_eq!(evidence.modules, ["hero".to_owned()].into());
    assert_eq!(evidence.metric, "repeat-purchase");
}

#[test]
fn a_verdict_that_concludes_nothing_is_no_evidence() {
    let mut snapshot = snapshot(&Strategy::example());
    snapshot.evidence = Some(BTreeMap::new());
    for verdict in ["Collecting", "Invalid", "NotStarted"] {
        snapshot.note_experiment("cart-hero", decided(verdict));
        assert_eq!(known(&snapshot), Some(BTreeMap::new()), "{verdict}");
    }
}
