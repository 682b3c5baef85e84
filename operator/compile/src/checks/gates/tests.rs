use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{bundle, compile, compile_over, published, ruled, stands, verdict};
use crate::verdict::Programmed;

fn insights(enforcement: &str) -> Strategy {
    ruled(json!({"insight": {"enforcement": enforcement}}))
}

/// A strategy with one audience that breaks the rule.
fn broken(enforcement: &str) -> Strategy {
    insights(enforcement).edit(Kind::Audience, "lapsed", json!({"insight": null}))
}

#[test]
fn a_gate_keeps_new_forms_out_until_it_is_mended_and_what_serves_stays() {
    let before = published(&compile(&insights("Enforce")));
    let newer = broken("Enforce").edit(
        Kind::ChannelBinding,
        "retention-newsletter",
        json!({"priority": 7}),
    );
    let gated = compile_over(&newer, &before);
    assert_eq!(
        bundle(&gated, "email").bindings["retention-newsletter"].priority,
        100
    );
    let Some(Programmed::Previous { message }) =
        &verdict(&gated, Kind::ChannelBinding, "retention-newsletter").programmed
    else {
        panic!("its last form serves");
    };
    assert!(
        message.contains("Audience `lapsed` breaks a rule that a policy enforces: see its findings"),
        "{message}"
    );
    for type_ in [ConditionType::Accepted, ConditionType::ResolvedRefs] {
        let stands = stands(&gated, Kind::ChannelBinding, "retention-newsletter", type_);
        assert!(stands.starts_with("True/"), "{stands}");
    }
    assert_eq!(
        gated.findings.len(),
        1,
        "one mistake is reported once: {:#?}",
        gated.findings
    );
    let mended = insights("Enforce").edit(
        Kind::ChannelBinding,
        "retention-newsletter",
        json!({"priority": 7}),
    );
    let after = compile_over(&mended, &published(&gated));
    assert_eq!(
        bundle(&after, "email").bindings["retention-newsletter"].priority,
        7
    );
}

#[test]
fn a_warning_never_changes_a_bundle_and_ignoring_says_nothing() {
    let sound = compile(&insights("Warn"));
    let warned = compile(&broken("Warn"));
    let ignored = compile(&broken("Ignore"));
    for channel in ["web", "email"] {
        assert_eq!(bundle(&warned, channel), bundle(&sound, channel));
        assert_eq!(bundle(&ignored, channel), bundle(&sound, channel));
    }
    assert_eq!((warned.findings.len(), ignored.findings.len()), (1, 0));
}

#[test]
fn strategy_conditions_leave_ready_alone() {
    let gated = compile(&broken("Enforce"));
    let of = |type_| stands(&gated, Kind::Audience, "lapsed", type_);
    assert_eq!(of(ConditionType::Actionable), "False/InsightMissing");
    assert_eq!(of(ConditionType::Accepted), "True/Accepted");
    assert_eq!(of(ConditionType::ResolvedRefs), "True/ResolvedRefs");
}

#[test]
fn what_is_gated_is_measured_on() {
    let strategy = Strategy::example().edit(
        Kind::Program,
        "spring-retention",
        json!({"owners": {"rules": {"group": "nobody"}}}),
    );
    let compiled = compile(&strategy);
    assert!(
        bundle(&compiled, "web").experiments.is_empty(),
        "it is not programmed"
    );
    assert!(compiled.questions.contains_key("cart-hero"));
}

#[test]
fn bindings_that_need_nothing_gated_are_programmed() {
    let apart = broken("Enforce").edit(
        Kind::ChannelBinding,
        "retention-home-hero",
        json!({"candidates": [
            {"moduleRef": {"name": "hero"}, "audiences": ["cart-abandoner"]},
        ]}),
    );
    let compiled = compile(&apart);
    assert_eq!(bundle(&compiled, "web").bindings.len(), 1);
    assert!(bundle(&compiled, "email").bindings.is_empty());
}
