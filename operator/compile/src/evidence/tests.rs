use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::{Outcome, cited_on, known};
use crate::facts::ExperimentFacts;
use crate::tests::{snapshot, verdict};
use crate::{Previous, compile};

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
fn a_conclusion_that_nothing_follows_from_is_evidence_too() {
    let concluded = |status: &str| {
        ExperimentFacts::of_status(&json!({
            "headline": {"arm": "reminder", "verdict": "Unproven", "units": 40000},
            "conditions": [{
                "type": "Conclusive", "status": status, "reason": "Unproven", "message": "",
                "lastTransitionTime": "2026-11-20T00:00:00Z",
            }],
        }))
    };
    let mut snapshot = snapshot(&Strategy::example());
    snapshot.evidence = Some(BTreeMap::new());
    snapshot.note_experiment("cart-hero", concluded("True"));
    let known_now = known(&snapshot).unwrap();
    assert_eq!(known_now["cart-hero"].outcome, Outcome::Unproven);
    assert_eq!(
        known_now["cart-hero"].concluded_at.to_string(),
        "2026-11-20T00:00:00Z"
    );
    snapshot.note_experiment("cart-hero", concluded("False"));
    assert_eq!(known(&snapshot), Some(BTreeMap::new()));
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

#[test]
fn a_deleted_experiment_leaves_its_verdict_with_the_binding_that_cites_it() {
    let citing = Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        spec["rollout"]["evidence"] = json!({"experimentRef": {"name": "cart-hero"}});
    });
    let mut before = snapshot(&citing);
    before.evidence = Some(BTreeMap::new());
    before.note_experiment("cart-hero", decided("WorthwhileLift"));
    let compiled = compile(&before, &Previous::new(), AT);
    let figures = &verdict(&compiled, Kind::ChannelBinding, "retention-home-hero").figures;
    assert_eq!(figures["evidence"]["verdict"], "WorthwhileLift");
    let status = serde_json::Value::Object(figures.clone());

    let mut after = snapshot(&citing.without(Kind::Experiment, "cart-hero"));
    after.evidence = Some(BTreeMap::new());
    assert!(after.note_cited("retention-home-hero", cited_on(&status)));
    let compiled = compile(&after, &Previous::new(), AT);
    let stands = &verdict(&compiled, Kind::ChannelBinding, "retention-home-hero").figures["evidence"];
    assert_eq!(stands, &status["evidence"], "it goes on standing");
    let dangling = compiled
        .findings
        .iter()
        .any(|finding| finding.reason == Reason::RefNotFound);
    assert!(!dangling, "{:?}", compiled.findings);
    assert!(
        !after.note_cited("retention-home-hero", cited_on(&status)),
        "no news"
    );
}

#[test]
fn a_later_edit_does_not_borrow_evidence() {
    let example = Strategy::example();
    let mut running = snapshot(&example);
    running.evidence = Some(BTreeMap::new());
    let compiled = compile(&running, &Previous::new(), AT);
    let figures = &verdict(&compiled, Kind::Experiment, "cart-hero").figures;
    assert_eq!(
        figures["shown"],
        json!({"audiences": ["cart-abandoner"], "modules": ["hero"]})
    );
    // The verdict falls, and then somebody shows something else to others.
    let edited = example
        .copy(Kind::ContentModule, "hero", "untested")
        .change(Kind::ChannelBinding, "retention-home-hero", |spec| {
            spec["candidates"][0]["moduleRef"]["name"] = json!("untested");
            spec["rollout"]["evidence"] = json!({"experimentRef": {"name": "cart-hero"}});
        })
        .edit(Kind::Experiment, "cart-hero", json!({"audiences": ["lapsed"]}));
    let mut after = snapshot(&edited);
    after.evidence = Some(BTreeMap::new());
    let mut facts = decided("WorthwhileLift");
    facts.shown = crate::facts::shown_of(figures);
    after.note_experiment("cart-hero", facts);
    let evidence = &known(&after).unwrap()["cart-hero"];
    assert_eq!(evidence.modules, ["hero".to_owned()].into());
    assert_eq!(evidence.audiences, ["cart-abandoner".to_owned()].into());
    let compiled = compile(&after, &Previous::new(), AT);
    let told = compiled
        .findings
        .iter()
        .find(|finding| finding.reason == Reason::EvidenceMismatch);
    let told = &told.unwrap().message;
    assert!(told.contains("it did not show module `untested`"), "{told}");
    let stands = &verdict(&compiled, Kind::Experiment, "cart-hero").figures["shown"];
    assert_eq!(stands, &figures["shown"], "it goes on standing");
}
