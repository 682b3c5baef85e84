//! What is said about each kind.

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use super::{bundle, compile, condition, findings, ruled, snapshot, stands, verdict};
use crate::Previous;
use crate::facts::ExperimentFacts;
use crate::verdict::Programmed;

#[test]
fn has_a_condition_for_every_type_of_every_kind() {
    let compiled = compile(&Strategy::example());
    assert_eq!(findings(&Strategy::example()), [""; 0]);
    let mut lines = Vec::new();
    for (id, verdict) in &compiled.verdicts {
        for judged in &verdict.conditions {
            assert!(
                id.kind.conditions().contains(&judged.type_),
                "{id} {}",
                judged.type_
            );
            lines.push(format!(
                "{id} {} {}/{}",
                judged.type_,
                judged.truth.as_str(),
                judged.reason
            ));
        }
    }
    insta::assert_snapshot!("conditions", lines.join("\n"));
}

#[test]
fn counts_what_owners_ask_for() {
    let compiled = compile(&Strategy::example());
    let figures: Vec<_> = compiled
        .verdicts
        .iter()
        .filter(|(id, _)| id.kind != Kind::Channel && id.kind != Kind::ChannelBinding)
        .filter(|(_, verdict)| !verdict.figures.is_empty())
        .map(|(id, verdict)| json!([id.to_string(), verdict.figures]))
        .collect();
    insta::assert_json_snapshot!("figures", figures);
    let web = verdict(&compiled, Kind::Channel, "web");
    assert_eq!(web.figures["liveRules"], 2);
    assert_eq!(web.figures["revision"], compiled.channels["web"].revision);
    let binding = verdict(&compiled, Kind::ChannelBinding, "retention-home-hero");
    assert_eq!(
        binding.figures["effectiveTrafficBp"], 9500,
        "the holdout takes five per cent"
    );
}

#[test]
fn shows_the_share_that_each_arm_has_by_what_deciders_do() {
    let shares = |strategy: &Strategy, decision: Value| {
        let mut snapshot = snapshot(strategy);
        let mut facts = ExperimentFacts::of_status(&json!({"decision": decision}));
        facts.registration = None;
        snapshot.note_experiment("cart-hero", facts);
        let compiled = crate::compile(&snapshot, &Previous::new(), AT);
        let arms = verdict(&compiled, Kind::Experiment, "cart-hero").figures["arms"].clone();
        let arms = arms.as_array().unwrap().iter();
        arms.map(|arm| arm["effectiveTrafficBp"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let example = Strategy::example();
    assert_eq!(shares(&example, Value::Null), [4750, 4750]);
    let promoted = json!({
        "outcome": "Promoted", "arm": "reminder", "verdict": "WorthwhileLift", "reason": "it pays",
        "at": "2026-11-20T00:00:00Z", "units": 40_000, "registration": "0123",
    });
    assert_eq!(shares(&example, promoted), [0, 9500], "everybody but the held");
    let paused = Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"state": "Paused"}));
    assert_eq!(shares(&paused, Value::Null), [9500, 0]);
}

#[test]
fn says_where_a_binding_is_live() {
    let compiled = compile(&Strategy::example());
    let live = Programmed::Live {
        channel: "web".to_owned(),
        revision: compiled.channels["web"].revision.clone(),
        note: None,
    };
    assert_eq!(
        verdict(&compiled, Kind::ChannelBinding, "retention-home-hero").programmed,
        Some(live.clone())
    );
    assert_eq!(verdict(&compiled, Kind::Channel, "web").programmed, Some(live));
    assert_eq!(verdict(&compiled, Kind::Audience, "lapsed").programmed, None);
}

#[test]
fn says_why_a_new_binding_is_not_live() {
    let compiled = compile(&Strategy::example().without(Kind::Audience, "lapsed"));
    let expected = "spec.candidates[1].audiences[1]: namespace `shop` has no audience `lapsed`: create it or correct the name";
    let not = Some(Programmed::Not {
        message: expected.to_owned(),
    });
    assert_eq!(
        verdict(&compiled, Kind::ChannelBinding, "retention-home-hero").programmed,
        not
    );
    assert!(bundle(&compiled, "web").bindings.is_empty());
    assert!(
        matches!(
            verdict(&compiled, Kind::Channel, "web").programmed,
            Some(Programmed::Live { .. })
        ),
        "the Channel serves its baselines"
    );
}

#[test]
fn says_whether_an_experiment_runs() {
    let running = |patch| {
        let compiled = compile(&Strategy::example().edit(Kind::Experiment, "cart-hero", patch));
        stands(&compiled, Kind::Experiment, "cart-hero", ConditionType::Running)
    };
    assert_eq!(running(json!({})), "True/Running");
    assert_eq!(running(json!({"state": "Draft"})), "False/Draft");
    assert_eq!(running(json!({"state": "Paused"})), "False/Paused");
    assert_eq!(running(json!({"state": "Stopped"})), "False/Stopped");
    assert_eq!(
        running(json!({"schedule": {"start": "2026-12-01T00:00:01Z"}})),
        "False/Scheduled"
    );
    assert_eq!(
        running(json!({"schedule": {"end": "2026-12-01T00:00:00Z"}})),
        "False/Ended"
    );
    assert_eq!(
        running(json!({"bindings": ["gone"]})),
        "False/Running",
        "it does not run as written"
    );
}

#[test]
fn says_whether_a_holdout_is_enforced() {
    let enforced = |strategy: Strategy| {
        stands(
            &compile(&strategy),
            Kind::Holdout,
            "always-baseline",
            ConditionType::Enforced,
        )
    };
    let example = Strategy::example();
    assert_eq!(enforced(example.clone()), "True/Enforced");
    let later = json!({"period": {"from": "2026-12-02T00:00:00Z"}});
    assert_eq!(
        enforced(example.clone().edit(Kind::Holdout, "always-baseline", later)),
        "False/NotYetValid"
    );
    let without = example
        .without(Kind::ChannelBinding, "retention-home-hero")
        .without(Kind::ChannelBinding, "retention-newsletter");
    assert_eq!(enforced(without), "False/NoPrograms");
}

#[test]
fn bounds_messages_and_counts_what_they_leave_out() {
    let names: Vec<_> = (0..60).map(|number| format!("nobody-{number}")).collect();
    let strategy = Strategy::example().edit(Kind::Program, "spring-retention", json!({"audiences": names}));
    let compiled = compile(&strategy);
    let refs = condition(
        &compiled,
        Kind::Program,
        "spring-retention",
        ConditionType::ResolvedRefs,
    );
    let start = "spec.audiences[0]: namespace `shop` has no audience `nobody-0`: create it or correct the name; spec.audiences[1]";
    assert!(refs.message.starts_with(start), "{}", refs.message);
    assert!(refs.message.ends_with(" more"), "{}", refs.message);
    assert!(
        refs.message.chars().count() < 1100,
        "{}",
        refs.message.chars().count()
    );
}

#[test]
fn what_no_policy_judges_is_not_called_true() {
    let program = |condition| (Kind::Program, "spring-retention", condition);
    for (rule, beside, (kind, name, condition)) in [
        ("ownerRoles", "objective", program(ConditionType::OwnersResolved)),
        ("coverage", "capacity", program(ConditionType::Covered)),
        (
            "funnelBalance",
            "audienceBudget",
            program(ConditionType::Balanced),
        ),
        ("holdout", "primaryMetric", program(ConditionType::Measured)),
        (
            "dataAudit",
            "purpose",
            (Kind::DataContract, "shopper", ConditionType::Audited),
        ),
        (
            "review",
            "insight",
            (Kind::Audience, "lapsed", ConditionType::Fresh),
        ),
    ] {
        let rules = |enforcement: &str| {
            ruled(json!({rule: {"enforcement": enforcement}, beside: {"enforcement": "Warn"}}))
        };
        let compiled = compile(&rules("Ignore"));
        assert_eq!(
            stands(&compiled, kind, name, condition),
            "Unknown/NotJudged",
            "{rule}"
        );
        let judged = stands(&compile(&rules("Warn")), kind, name, condition);
        assert!(!judged.starts_with("Unknown"), "{rule}: {judged}");
    }
}
