use std::collections::BTreeSet;
use std::sync::Arc;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_core::engine::Engine;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use super::{Actionable, all};
use crate::coverage::{self, Engines};
use crate::tests::{compile, snapshot};

fn judged(strategy: &Strategy, audience: &str) -> Actionable {
    let compiled = compile(strategy);
    let engines: Engines = compiled
        .channels
        .iter()
        .map(|(name, one)| {
            (
                name.clone(),
                Arc::new(Engine::load(Arc::clone(&one.bundle)).unwrap()),
            )
        })
        .collect();
    let snapshot = snapshot(strategy);
    let coverages = coverage::all(&snapshot, &engines, AT);
    all(&snapshot, &engines, &coverages, &BTreeSet::new(), AT)
        .remove(audience)
        .unwrap()
}

fn reasons(strategy: &Strategy, audience: &str) -> Vec<Reason> {
    judged(strategy, audience)
        .failing
        .into_iter()
        .map(|failing| failing.reason)
        .collect()
}

#[test]
fn an_audience_that_is_met_addressed_and_compared_is_actionable() {
    let lapsed = judged(&Strategy::example(), "lapsed");
    assert!(lapsed.holds(), "{:?}", lapsed.failing);
    assert_eq!(lapsed.channels.iter().collect::<Vec<_>>(), ["email", "web"]);
    assert!(
        lapsed
            .because
            .starts_with("holdout `always-baseline` compares 18000 of its 180000 units"),
        "{}",
        lapsed.because
    );
    let cart = judged(&Strategy::example(), "cart-abandoner");
    assert!(
        cart.because.starts_with("experiment `cart-hero` compares 90000"),
        "{}",
        cart.because
    );
}

#[test]
fn nobody_is_reached_without_a_live_rule_or_a_reach() {
    let unnamed = Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        spec["candidates"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(reasons(&unnamed, "cart-abandoner")[0], Reason::NotReachable);
    let suspended = Strategy::example().edit(Kind::Channel, "web", json!({"suspend": true}));
    assert_eq!(reasons(&suspended, "cart-abandoner")[0], Reason::NotReachable);
    assert!(
        !reasons(&suspended, "lapsed").contains(&Reason::NotReachable),
        "it has the newsletter"
    );
    let unknown = Strategy::example().edit(Kind::Audience, "lapsed", json!({"reach": null}));
    assert_eq!(
        reasons(&unknown, "lapsed"),
        [Reason::NotReachable, Reason::NotMeasurable]
    );
    let nobody = Strategy::example().edit(Kind::Audience, "lapsed", json!({"reach": {"estimate": 0}}));
    assert_eq!(
        reasons(&nobody, "lapsed"),
        [Reason::NotReachable, Reason::NotMeasurable]
    );
}

#[test]
fn an_audience_with_everybodys_words_is_a_label() {
    let generic = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"]
            .as_array_mut()
            .unwrap()
            .retain(|variant| variant["name"] != "lapsed");
    });
    let lapsed = judged(&generic, "lapsed");
    assert_eq!(lapsed.failing[0].reason, Reason::NotDifferentiated);
    assert!(
        lapsed.failing[0].why.contains("a label, not a strategy"),
        "{:?}",
        lapsed.failing
    );
    let alone = Strategy::example().copy(Kind::Audience, "lapsed", "alone");
    assert_eq!(
        reasons(&alone, "alone"),
        [
            Reason::NotReachable,
            Reason::NotDifferentiated,
            Reason::NotMeasurable
        ]
    );
}

#[test]
fn a_reach_too_small_for_the_lift_is_not_measurable() {
    let reach = |estimate: Value| {
        Strategy::example().edit(Kind::Audience, "lapsed", json!({"reach": {"estimate": estimate}}))
    };
    assert_eq!(reasons(&reach(json!(1000)), "lapsed"), [Reason::NotMeasurable]);
    assert!(judged(&reach(json!(1_000_000)), "lapsed").holds());
    let ambitious = reach(json!(20_000)).edit(
        Kind::Program,
        "spring-retention",
        json!({"kpi": {"minimumLiftBp": 5000}}),
    );
    assert!(
        judged(&ambitious, "lapsed").holds(),
        "half as much again shows in fewer"
    );
}

#[test]
fn without_a_comparison_nothing_is_measurable() {
    let bare = Strategy::example()
        .without(Kind::Holdout, "always-baseline")
        .without(Kind::Experiment, "cart-hero")
        .edit(Kind::Program, "spring-retention", json!({"holdoutRef": null}));
    let why = judged(&bare, "lapsed").failing;
    assert_eq!(why.len(), 1, "{why:?}");
    assert!(
        why[0]
            .why
            .contains("no holdout and no running experiment covers it"),
        "{why:?}"
    );
    let over = Strategy::example().edit(
        Kind::Holdout,
        "always-baseline",
        json!({"period": {"until": "2026-12-01T00:00:00Z"}}),
    );
    assert_eq!(reasons(&over, "lapsed"), [Reason::NotMeasurable]);
    assert!(judged(&over, "cart-abandoner").holds(), "its experiment runs");
}
