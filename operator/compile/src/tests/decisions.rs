//! What the bundles of the example decide.

use attune_api::Kind;
use attune_core::bucket::{Salt, Weights};
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{answer, bundle, compile};

fn asking(unit: &str, context: &Value) -> Value {
    let mut asking = json!({"targetingKey": unit, "consent": ["personalization"]});
    asking
        .as_object_mut()
        .unwrap()
        .extend(context.as_object().unwrap().clone());
    asking
}

fn gold(unit: &str) -> Value {
    asking(unit, &json!({"user": {"tier": "gold", "spend90d": 300}}))
}

fn cart(unit: &str) -> Value {
    asking(unit, &json!({"session": {"cartValue": 80, "itemCount": 2}}))
}

/// A unit that is not held out.
const FREE: &str = "ada";

fn held(unit: &str) -> bool {
    Salt::new("shop-2026h2").bucket(unit, 10_000) < 500
}

#[test]
fn greets_a_gold_member_who_spent_300_as_a_regular() {
    assert!(!held(FREE));
    let compiled = compile(&Strategy::example());
    let answer = answer(bundle(&compiled, "web"), "home-hero", &gold(FREE));
    assert_eq!(
        answer,
        json!({
            "key": "home-hero",
            "reason": "TARGETING_MATCH",
            "variant": "hero/loyal",
            "value": {"headline": "Early access for you", "cta": "See it first", "legal": "Offers while stocks last."},
            "metadata": {
                "attune.reason": "TARGETED",
                "attune.program": "spring-retention",
                "attune.binding": "retention-home-hero",
                "attune.audience": "loyal-high-value",
                "attune.holdout": "always-baseline",
                "attune.held": false,
            },
        })
    );
}

#[test]
fn speaks_german_where_it_can() {
    let compiled = compile(&Strategy::example());
    let mut context = gold(FREE);
    context["locale"] = "de-AT".into();
    let answer = answer(bundle(&compiled, "web"), "home-hero", &context);
    assert_eq!(answer["value"]["legal"], "Solange der Vorrat reicht.");
    assert_eq!(answer["value"]["headline"], "Early access for you");
}

#[test]
fn gives_the_baseline_without_consent_or_while_suspended() {
    let suspended = json!({"suspend": true});
    let example = Strategy::example();
    let cases = [
        (
            example.clone(),
            json!({"targetingKey": FREE, "user": {"tier": "gold", "spend90d": 300}}),
            "NO_CONSENT",
        ),
        (
            example
                .clone()
                .edit(Kind::ContentModule, "hero", suspended.clone()),
            gold(FREE),
            "SUSPENDED",
        ),
        (
            example
                .clone()
                .edit(Kind::Program, "spring-retention", suspended.clone()),
            gold(FREE),
            "SUSPENDED",
        ),
        (
            example
                .clone()
                .edit(Kind::ChannelBinding, "retention-home-hero", suspended.clone()),
            gold(FREE),
            "SUSPENDED",
        ),
        (
            example.clone().edit(Kind::Channel, "web", suspended),
            gold(FREE),
            "SUSPENDED",
        ),
    ];
    for (strategy, context, reason) in cases {
        let compiled = compile(&strategy);
        let answer = answer(bundle(&compiled, "web"), "home-hero", &context);
        assert_eq!(answer["metadata"]["attune.reason"], reason);
        assert_eq!(answer["reason"], "STATIC");
        assert_eq!(answer["variant"], "hero/everyone");
        assert_eq!(answer["value"]["legal"], "Offers while stocks last.");
    }
}

#[test]
fn puts_every_unit_where_the_formula_says() {
    let compiled = compile(&Strategy::example());
    let web = bundle(&compiled, "web");
    let (arms, halves) = (Salt::new("shop/cart-hero"), Weights::new([50, 50]).unwrap());
    let mut seen = [0; 3];
    for number in 0..600 {
        let unit = format!("unit-{number}");
        let answer = answer(web, "home-hero", &cart(&unit));
        let metadata = &answer["metadata"];
        assert_eq!(metadata["attune.held"], held(&unit), "{unit}");
        if held(&unit) {
            seen[0] += 1;
            assert_eq!(metadata["attune.reason"], "HELD_OUT");
            assert_eq!(answer["variant"], "hero/everyone");
            assert!(metadata.get("attune.arm").is_none());
            continue;
        }
        let arm = halves.pick(&arms, &unit);
        seen[arm + 1] += 1;
        assert_eq!(metadata["attune.reason"], "EXPERIMENT");
        assert_eq!(metadata["attune.experiment"], "cart-hero");
        assert_eq!(metadata["attune.arm"], ["control", "reminder"][arm], "{unit}");
        assert_eq!(answer["variant"], ["hero/everyone", "hero/cart"][arm]);
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

#[test]
fn gives_everybody_the_control_while_an_experiment_is_paused_or_over() {
    for edit in [
        json!({"state": "Paused"}),
        json!({"state": "Stopped"}),
        json!({"schedule": {"end": "2026-12-01T00:00:00Z"}}),
    ] {
        let compiled = compile(&Strategy::example().edit(Kind::Experiment, "cart-hero", edit));
        let answer = answer(bundle(&compiled, "web"), "home-hero", &cart(FREE));
        assert_eq!(answer["metadata"]["attune.reason"], "NOT_ENROLLED");
        assert_eq!(answer["variant"], "hero/everyone");
    }
}
