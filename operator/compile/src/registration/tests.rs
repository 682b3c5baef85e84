use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_testkit::{AT, Strategy, instant};
use serde_json::json;

use crate::facts::ExperimentFacts;
use crate::{Compiled, Previous, Snapshot, compile};

fn snapshot(strategy: &Strategy) -> Snapshot {
    let mut snapshot = Snapshot::new("shop");
    strategy
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    snapshot
}

/// The example as registered, then as `strategy` says.
fn after(strategy: &Strategy) -> Compiled {
    let before = compile(&snapshot(&Strategy::example()), &Previous::new(), AT);
    let mut snapshot = snapshot(strategy);
    snapshot.note_experiment(
        "cart-hero",
        ExperimentFacts {
            registration: before.registrations.get("cart-hero").cloned(),
            ..ExperimentFacts::default()
        },
    );
    compile(&snapshot, &Previous::new(), instant("2026-12-02T00:00:00Z"))
}

/// Fields and messages of what is frozen.
fn frozen(strategy: &Strategy) -> Vec<(String, String)> {
    let findings = after(strategy).findings.into_iter();
    findings
        .filter(|finding| finding.reason == Reason::Frozen)
        .map(|finding| (finding.field, finding.message))
        .collect()
}

fn example(kind: Kind, name: &str, patch: serde_json::Value) -> Strategy {
    Strategy::example().edit(kind, name, patch)
}

#[test]
fn registers_what_has_left_draft_and_nothing_else() {
    let compiled = compile(&snapshot(&Strategy::example()), &Previous::new(), AT);
    let registration = &compiled.registrations["cart-hero"];
    assert_eq!(registration.at.as_str(), "2026-12-01T00:00:00Z");
    assert!(registration.parts.contains_key("metric/repeat-purchase"));
    assert!(registration.parts.contains_key("margin/unsubscribe"));
    let draft = example(Kind::Experiment, "cart-hero", json!({"state": "Draft"}));
    assert!(
        compile(&snapshot(&draft), &Previous::new(), AT)
            .registrations
            .is_empty()
    );
}

#[test]
fn keeps_what_was_registered_over_time() {
    let compiled = after(&Strategy::example());
    assert_eq!(
        compiled.registrations["cart-hero"].at.as_str(),
        "2026-12-01T00:00:00Z"
    );
    assert_eq!(frozen(&Strategy::example()), []);
}

#[test]
fn asks_with_the_hash_of_what_is_registered() {
    let compiled = after(&Strategy::example());
    let question = compiled.question("cart-hero").unwrap();
    assert_eq!(question.registration, compiled.registrations["cart-hero"].hash);
}

#[test]
fn refuses_a_metric_that_counts_otherwise() {
    for patch in [
        json!({"direction": "Decrease"}),
        json!({"window": "72h"}),
        json!({"event": {"where": "value > 10.0"}}),
    ] {
        let found = frozen(&example(Kind::Metric, "repeat-purchase", patch));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "spec.analysis");
        assert_eq!(
            found[0].1,
            "how metric `repeat-purchase` is counted changed since it was registered on 2026-12-01T00:00:00Z: restore it, \
             or start a new experiment under another name"
        );
    }
}

#[test]
fn lets_a_metric_change_hands() {
    let owner = json!({"owner": {"group": "crm", "contact": "crm@shop.example"}});
    assert_eq!(frozen(&example(Kind::Metric, "repeat-purchase", owner)), []);
}

#[test]
fn refuses_another_minimum_lift_and_another_margin() {
    let lift = json!({"kpi": {"minimumLiftBp": 500}});
    let found = frozen(&example(Kind::Program, "spring-retention", lift));
    assert_eq!(found[0].0, "spec.programRef");
    let margin = json!({"guardrails": [{"metricRef": {"name": "unsubscribe"}, "marginBp": 100}]});
    let found = frozen(&example(Kind::Program, "spring-retention", margin));
    assert!(
        found[0].1.starts_with("the margin of guardrail `unsubscribe`"),
        "{found:?}"
    );
}

#[test]
fn refuses_other_arms_and_no_way_back_to_draft() {
    let arms = Strategy::example().change(Kind::Experiment, "cart-hero", |spec| {
        spec["arms"][1]["effect"] = json!({"type": "Baseline"});
    });
    assert_eq!(frozen(&arms)[0].0, "spec.arms");
    let draft = example(Kind::Experiment, "cart-hero", json!({"state": "Draft"}));
    assert_eq!(frozen(&draft)[0].0, "spec.state");
}

#[test]
fn lets_the_split_change_with_the_phase_alone() {
    let weights = |phase: i64| {
        let phase = json!({"phase": phase});
        let raised = example(Kind::Experiment, "cart-hero", phase);
        raised.change(Kind::Experiment, "cart-hero", |spec| {
            spec["arms"][1]["weight"] = json!(10);
        })
    };
    assert_eq!(frozen(&weights(1))[0].0, "spec.arms");
    assert_eq!(frozen(&weights(2)), []);
    assert_eq!(after(&weights(2)).registrations["cart-hero"].phase, 2);
}

#[test]
fn does_not_judge_what_cannot_be_looked_up() {
    let without = Strategy::example().without(Kind::Metric, "unsubscribe");
    assert_eq!(frozen(&without), []);
    assert!(
        after(&without).registrations.contains_key("cart-hero"),
        "it stays registered"
    );
}
