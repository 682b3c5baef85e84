use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy, instant};
use serde_json::{Value, json};

use crate::evidence::{Evidence, Outcome};
use crate::facts::ExperimentFacts;
use crate::tests::{bundle, compile, finding, findings, ruled, snapshot, stands, told};
use crate::{Compiled, Previous};

const BINDING: &str = "retention-newsletter";

/// The example under an evidence rule, with one binding that is open to all and names its evidence.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn rolled_out(rule: Value) -> Strategy {
    ruled(json!({"evidence": rule}))
        .edit(
            Kind::ChannelBinding,
            "retention-home-hero",
            json!({"rollout": {"shareBp": 1000}}),
        )
        .edit(
            Kind::ChannelBinding,
            BINDING,
            json!({"rollout": {"evidence": {"experimentRef": {"name": "cart-hero"}}}}),
        )
}

fn warn() -> Strategy {
    rolled_out(json!({"enforcement": "Warn"}))
}

fn lift() -> Evidence {
    Evidence {
        outcome: Outcome::Lift,
        concluded_at: instant("2026-11-01T00:00:00Z"),
        audiences: ["loyal-high-value".to_owned(), "lapsed".to_owned()].into(),
        modules: ["hero".to_owned()].into(),
        metric: "repeat-purchase".to_owned(),
    }
}

fn compiled(strategy: &Strategy, evidence: Option<Evidence>) -> Compiled {
    let mut snapshot = snapshot(strategy);
    let known = evidence.map(|evidence| ("cart-hero".to_owned(), evidence));
    snapshot.evidence = Some(known.into_iter().collect::<BTreeMap<_, _>>());
    crate::compile(&snapshot, &Previous::new(), AT)
}

fn lines(strategy: &Strategy, evidence: Option<Evidence>) -> Vec<String> {
    compiled(strategy, evidence).findings.iter().map(told).collect()
}

fn only(strategy: &Strategy, evidence: Option<Evidence>) -> String {
    let lines = lines(strategy, evidence);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

#[test]
fn a_concluded_lift_of_the_same_thing_is_evidence() {
    assert_eq!(lines(&warn(), Some(lift())), [""; 0]);
    let any_audience = Evidence {
        audiences: [].into(),
        outcome: Outcome::WorthwhileLift,
        ..lift()
    };
    assert_eq!(lines(&warn(), Some(any_audience)), [""; 0]);
}

#[test]
fn beyond_the_test_share_a_rollout_needs_evidence() {
    let none = warn().change(Kind::ChannelBinding, BINDING, |spec| {
        spec["rollout"] = json!({"shareBp": 1001});
    });
    assert_eq!(
        only(&none, None),
        "warning ChannelBinding retention-newsletter spec.rollout EvidenceMissing: no experiment shows that it works; test it, and \
         name the experiment in `rollout.evidence`: without, a rollout is for 10 % of units at most (policy `default`)"
    );
    let tested = none.change(Kind::ChannelBinding, BINDING, |spec| {
        spec["rollout"] = json!({"shareBp": 1000});
    });
    assert_eq!(lines(&tested, None), [""; 0]);
    let waiting = only(&warn(), None);
    assert!(
        waiting.contains("EvidenceMissing: experiment `cart-hero` has not concluded; wait for it"),
        "{waiting}"
    );
    let harmful = only(
        &warn(),
        Some(Evidence {
            outcome: Outcome::Harm,
            ..lift()
        }),
    );
    assert!(
        harmful.contains("EvidenceMissing: experiment `cart-hero` concluded with harm; retire the binding"),
        "{harmful}"
    );
}

#[test]
fn evidence_of_something_else_is_none() {
    let about = |evidence| only(&warn(), Some(evidence));
    let told = about(Evidence {
        audiences: ["lapsed".to_owned()].into(),
        ..lift()
    });
    assert!(told.contains("EvidenceMismatch: experiment `cart-hero` is about something else: audience `loyal-high-value` did not"));
    let told = about(Evidence {
        modules: ["other".to_owned()].into(),
        ..lift()
    });
    assert!(told.contains("it did not show module `hero`"), "{told}");
    let told = about(Evidence {
        metric: "clicks".to_owned(),
        ..lift()
    });
    assert!(
        told.contains("metric `clicks` decided it, and the KPI is `repeat-purchase`"),
        "{told}"
    );
}

#[test]
fn evidence_ages() {
    let aged = |max_age: &str| rolled_out(json!({"enforcement": "Warn", "maxAge": max_age}));
    assert_eq!(lines(&aged("721h"), Some(lift())), [""; 0]);
    let told = only(&aged("720h"), Some(lift()));
    assert!(
        told.contains(
            "EvidenceAged: experiment `cart-hero` concluded at 2026-11-01T00:00:00Z, more than 720h ago"
        ),
        "{told}"
    );
    assert_eq!(
        compiled(&aged("721h"), Some(lift())).next_change,
        Some(instant("2026-12-01T01:00:00Z"))
    );
}

#[test]
fn an_enforced_rule_caps_the_compiled_share_and_the_status_says_so() {
    let enforced = rolled_out(json!({"enforcement": "Enforce", "testShareBp": 500})).edit(
        Kind::ChannelBinding,
        "retention-home-hero",
        json!({"rollout": {"shareBp": 500}}),
    );
    let open = compiled(&enforced, Some(lift()));
    assert_eq!(bundle(&open, "email").bindings[BINDING].rollout_bp, 10_000);
    let capped = compiled(&enforced, None);
    assert_eq!(bundle(&capped, "email").bindings[BINDING].rollout_bp, 500);
    let told = told(&capped.findings[0]);
    assert!(
        told.starts_with("error ChannelBinding retention-newsletter"),
        "{told}"
    );
    assert!(
        told.contains("a rollout is for 5 % of units at most, and is until then"),
        "{told}"
    );
    let accepted = stands(&capped, Kind::ChannelBinding, BINDING, ConditionType::Accepted);
    assert_eq!(accepted, "True/Accepted");
    let verdict = crate::tests::verdict(&capped, Kind::ChannelBinding, BINDING);
    assert_eq!(
        verdict.figures["effectiveTrafficBp"], 475,
        "five per cent less the holdout"
    );
    let live = format!("{:?}", verdict.programmed);
    assert!(
        live.contains("Live") && live.contains("5 % of units at most"),
        "{live}"
    );
}

#[test]
fn without_knowing_what_has_concluded_only_what_is_enforced_is_asked_for() {
    let none = |enforcement: &str| ruled(json!({"evidence": {"enforcement": enforcement}}));
    assert_eq!(findings(&none("Warn")), [""; 0]);
    assert_eq!(findings(&none("Enforce")).len(), 2);
    let named = rolled_out(json!({"enforcement": "Enforce"}));
    assert_eq!(
        findings(&named),
        [""; 0],
        "whether it has concluded, the cluster knows"
    );
    assert_eq!(
        bundle(&compile(&named), "email").bindings[BINDING].rollout_bp,
        10_000
    );
}

#[test]
fn bindings_cannot_be_evidence_of_each_other() {
    let by = |experiment: &str| json!({"rollout": {"shareBp": 10_000, "evidence": {"experimentRef": {"name": experiment}}}});
    let circular = warn()
        .copy(Kind::Experiment, "cart-hero", "news")
        .edit(
            Kind::Experiment,
            "news",
            json!({"bindings": [BINDING], "audiences": ["lapsed"]}),
        )
        .edit(Kind::ChannelBinding, "retention-home-hero", by("news"))
        .edit(Kind::ChannelBinding, BINDING, by("cart-hero"));
    let told = lines(&circular, Some(lift()));
    assert_eq!(
        told.iter().filter(|line| line.contains("EvidenceCyclic")).count(),
        2,
        "{told:#?}"
    );
    let own = warn().edit(Kind::ChannelBinding, "retention-home-hero", by("cart-hero"));
    let told = lines(
        &own,
        Some(Evidence {
            audiences: [].into(),
            ..lift()
        }),
    );
    assert_eq!(
        told, [""; 0],
        "an experiment on the binding itself is what evidence should be"
    );
}

fn measured(strategy: &Strategy) -> String {
    stands(
        &compile(strategy),
        Kind::Program,
        "spring-retention",
        ConditionType::Measured,
    )
}

#[test]
fn a_program_is_measured_against_a_holdout_or_by_an_experiment() {
    let base = ruled(json!({"holdout": {"enforcement": "Warn", "minimumBp": 100}}));
    assert_eq!(measured(&base), "True/Measured");
    let experiment = base.clone().without(Kind::Holdout, "always-baseline").edit(
        Kind::Program,
        "spring-retention",
        json!({"holdoutRef": null}),
    );
    assert_eq!(measured(&experiment), "True/Measured");
    let nothing = experiment.without(Kind::Experiment, "cart-hero");
    assert_eq!(measured(&nothing), "False/HoldoutMissing");
    assert_eq!(
        finding(&nothing),
        "warning Program spring-retention spec.holdoutRef HoldoutMissing: nothing is held back and no experiment runs, so that \
         nobody can tell what the program brings: add a holdout (policy `default`)"
    );
}

#[test]
fn a_holdout_that_is_small_or_over_measures_nothing() {
    let small = ruled(json!({"holdout": {"enforcement": "Warn", "minimumBp": 501}}));
    assert!(
        finding(&small).contains("holdout `always-baseline` holds 5 % of units, less than 5.01 %"),
        "{}",
        finding(&small)
    );
    let over = ruled(json!({"holdout": {"enforcement": "Warn"}}))
        .edit(
            Kind::Holdout,
            "always-baseline",
            json!({"period": {"until": "2026-12-01T00:00:00Z"}}),
        )
        .without(Kind::Experiment, "cart-hero");
    assert_eq!(measured(&over), "False/HoldoutMissing");
}

#[test]
fn an_experiment_that_is_decided_measures_nothing_any_more() {
    let alone = ruled(json!({"holdout": {"enforcement": "Warn"}}))
        .without(Kind::Holdout, "always-baseline")
        .edit(Kind::Program, "spring-retention", json!({"holdoutRef": null}));
    let stands = |facts: ExperimentFacts| {
        let mut snapshot = snapshot(&alone);
        snapshot.note_experiment("cart-hero", facts);
        let compiled = crate::compile(&snapshot, &Previous::new(), AT);
        crate::tests::stands(
            &compiled,
            Kind::Program,
            "spring-retention",
            ConditionType::Measured,
        )
    };
    assert_eq!(stands(ExperimentFacts::default()), "True/Measured");
    let registration =
        crate::compile(&snapshot(&alone), &Previous::new(), AT).registrations["cart-hero"].clone();
    for outcome in ["Promoted", "Retired", "HarmStopped"] {
        let facts = ExperimentFacts::of_status(&json!({
            "registration": registration,
            "decision": {
                "outcome": outcome, "arm": "reminder", "verdict": "Lift", "reason": "it pays", "at": "2026-11-20T00:00:00Z",
                "units": 40000, "registration": registration.hash,
            },
        }));
        assert_eq!(stands(facts), "False/HoldoutMissing", "{outcome}");
    }
}
