//! Broken neighbours: what serves on, what is dropped, and how repair brings everything back.

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_core::bundle::{Bundle, ExperimentMode};
use attune_core::engine::Engine;
use attune_core::value::AttributeType;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use super::{answer, bundle, compile, compile_over, published, snapshot, stands, verdict};
use crate::verdict::Programmed;
use crate::{Compiled, Previous};

const BINDING: &str = "retention-home-hero";

fn example() -> Strategy {
    Strategy::example()
}

/// What the example publishes.
fn before() -> Previous {
    published(&compile(&example()))
}

/// Compiles over what the example published; every bundle loads.
fn after(strategy: &Strategy) -> Compiled {
    let compiled = compile_over(strategy, &before());
    for publication in compiled.channels.values() {
        Engine::load(publication.bundle.as_ref().clone()).unwrap();
    }
    compiled
}

fn gold() -> Value {
    json!({"targetingKey": "ada", "consent": ["personalization"], "user": {"tier": "gold", "spend90d": 300}})
}

fn serves_loyal(bundle: &Bundle) -> bool {
    answer(bundle, "home-hero", &gold())["variant"] == "hero/loyal"
}

/// The binding serves its last form and says so, and repair gives what a fresh compilation gives.
fn is_carried(broken: &Strategy) -> Compiled {
    let compiled = after(broken);
    assert_eq!(
        bundle(&compiled, "web").bindings[BINDING],
        before().get("web").unwrap().bindings[BINDING],
        "the form that was published"
    );
    assert!(
        matches!(
            verdict(&compiled, Kind::ChannelBinding, BINDING).programmed,
            Some(Programmed::Previous { .. })
        ),
        "{:?}",
        verdict(&compiled, Kind::ChannelBinding, BINDING).programmed
    );
    assert!(serves_loyal(bundle(&compiled, "web")));
    let repaired = compile_over(&example(), &published(&compiled));
    assert_eq!(repaired.channels, compile(&example()).channels);
    assert!(matches!(
        verdict(&repaired, Kind::ChannelBinding, BINDING).programmed,
        Some(Programmed::Live { .. })
    ));
    compiled
}

#[test]
fn carries_a_binding_whose_audience_is_missing_or_invalid() {
    is_carried(&example().without(Kind::Audience, "loyal-high-value"));
    is_carried(&example().edit(
        Kind::Audience,
        "loyal-high-value",
        json!({"match": "user.tier =="}),
    ));
    is_carried(&example().edit(
        Kind::Audience,
        "loyal-high-value",
        json!({"match": "user.teir == \"gold\""}),
    ));
}

#[test]
fn carries_a_binding_whose_module_is_missing_or_invalid() {
    let compiled = is_carried(&example().without(Kind::ContentModule, "hero"));
    assert_eq!(
        bundle(&compiled, "web"),
        before().get("web").unwrap().as_ref(),
        "its baseline too"
    );
    is_carried(&example().edit(Kind::ContentModule, "hero", json!({"baseline": "nobody"})));
    is_carried(&example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][1]["content"]["cta"] = "far too long for the button of the hero".into();
    }));
}

#[test]
fn carries_a_binding_whose_attributes_are_missing_or_of_another_type() {
    let compiled = is_carried(&example().without(Kind::DataContract, "shopper"));
    assert_eq!(
        bundle(&compiled, "web").attributes,
        before().get("web").unwrap().attributes
    );

    let retyped = example().change(Kind::DataContract, "shopper", |spec| {
        spec["attributes"][1]["type"] = "String".into();
        spec["attributes"][1]["purpose"] = "service".into();
    });
    let compiled = is_carried(&retyped);
    let spend = &bundle(&compiled, "web").attributes["user.spend90d"];
    assert_eq!(
        spend.ty,
        AttributeType::Double,
        "the type that the carried rule was checked against"
    );
    assert_eq!(
        spend.purpose, "service",
        "what it may be used for is what the contract says now"
    );
}

#[test]
fn carries_a_binding_with_an_error_of_its_own() {
    let broken = example().change(Kind::ChannelBinding, BINDING, |spec| {
        spec["candidates"][0]["when"] = "session.cartValue".into();
        spec["priority"] = 7.into();
    });
    is_carried(&broken);
    is_carried(&example().edit(Kind::ChannelBinding, BINDING, json!({"touchpoint": "home-heros"})));
    let renamed = example().change(Kind::Channel, "web", |spec| {
        spec["touchpoints"][0]["name"] = "home".into();
    });
    let compiled = is_carried(&renamed);
    let touchpoints: Vec<_> = bundle(&compiled, "web").touchpoints.keys().collect();
    assert_eq!(
        touchpoints,
        ["home", "home-hero"],
        "the old touchpoint lives as long as its binding"
    );
}

#[test]
fn carries_nothing_where_nothing_was_published() {
    let broken = example().without(Kind::Audience, "loyal-high-value");
    let compiled = compile(&broken);
    assert!(bundle(&compiled, "web").bindings.is_empty());
    assert!(bundle(&compiled, "web").audiences.is_empty());
}

#[test]
fn does_not_carry_a_binding_to_another_program() {
    let moved = example()
        .copy(Kind::Program, "spring-retention", "autumn")
        .edit(
            Kind::ChannelBinding,
            BINDING,
            json!({"programRef": {"name": "autumn"}}),
        )
        .without(Kind::Audience, "loyal-high-value");
    assert!(!bundle(&after(&moved), "web").bindings.contains_key(BINDING));
}

#[test]
fn drops_a_deleted_program_channel_or_binding() {
    let compiled = after(&example().without(Kind::Program, "spring-retention"));
    let web = bundle(&compiled, "web");
    assert!(web.bindings.is_empty() && web.programs.is_empty() && web.experiments.is_empty());
    assert!(matches!(
        verdict(&compiled, Kind::ChannelBinding, BINDING).programmed,
        Some(Programmed::Not { .. })
    ));

    let compiled = after(&example().without(Kind::Channel, "web"));
    assert_eq!(compiled.channels.keys().collect::<Vec<_>>(), ["email"]);

    let compiled = after(&example().without(Kind::ChannelBinding, BINDING));
    assert!(bundle(&compiled, "web").bindings.is_empty());
    assert!(bundle(&compiled, "web").experiments.is_empty());
}

#[test]
fn keeps_a_missing_holdout_enforced() {
    let broken = example().without(Kind::Holdout, "always-baseline");
    let compiled = after(&broken);
    assert_eq!(bundle(&compiled, "web"), before().get("web").unwrap().as_ref());
    assert_eq!(
        stands(
            &compiled,
            Kind::Program,
            "spring-retention",
            ConditionType::ResolvedRefs
        ),
        "False/RefNotFound"
    );
    assert!(
        bundle(&compile(&broken), "web").holdouts.is_empty(),
        "one that never was holds nobody"
    );
    let gone = broken.edit(Kind::Program, "spring-retention", json!({"holdoutRef": null}));
    assert!(
        bundle(&after(&gone), "web").holdouts.is_empty(),
        "nobody means it any more"
    );
}

#[test]
fn keeps_a_holdout_enforced_that_is_no_longer_sound() {
    let second = example().copy(Kind::Holdout, "always-baseline", "a-first").edit(
        Kind::Holdout,
        "a-first",
        json!({"salt": "a-first"}),
    );
    let compiled = after(&second);
    let program = &bundle(&compiled, "web").programs["spring-retention"];
    assert_eq!(
        program.holdouts,
        ["a-first", "always-baseline"],
        "who is held stays held"
    );
}

#[test]
fn ends_a_deleted_experiment() {
    let compiled = after(&example().without(Kind::Experiment, "cart-hero"));
    assert!(bundle(&compiled, "web").experiments.is_empty());
    assert!(bundle(&compiled, "web").bindings.contains_key(BINDING));
}

#[test]
fn keeps_the_arms_of_an_experiment_that_no_longer_compiles() {
    for broken in [
        example().without(Kind::Metric, "repeat-purchase"),
        example().edit(
            Kind::Metric,
            "repeat-purchase",
            json!({"event": {"where": "value >"}}),
        ),
        example().edit(Kind::Experiment, "cart-hero", json!({"unit": "device.id"})),
        example().without(Kind::Audience, "cart-abandoner"),
    ] {
        let compiled = after(&broken);
        assert_eq!(
            bundle(&compiled, "web").experiments,
            before().get("web").unwrap().experiments,
            "units stay in their arms"
        );
        assert_eq!(compiled.question("cart-hero"), None);
        let repaired = compile_over(&example(), &published(&compiled));
        assert_eq!(repaired.channels, compile(&example()).channels);
    }
}

#[test]
fn stops_an_experiment_that_no_longer_compiles_when_a_person_does() {
    for state in ["Paused", "Stopped"] {
        let broken = example().without(Kind::Metric, "repeat-purchase").edit(
            Kind::Experiment,
            "cart-hero",
            json!({"state": state}),
        );
        let compiled = after(&broken);
        assert_eq!(
            bundle(&compiled, "web").experiments["cart-hero"].mode,
            ExperimentMode::Control
        );
    }
}

#[test]
fn ends_a_last_form_that_would_split_the_units_of_another_experiment() {
    let second = |strategy: Strategy| strategy.copy(Kind::Experiment, "cart-hero", "a-first");
    let compiled = after(&second(example()));
    let names: Vec<_> = bundle(&compiled, "web").experiments.keys().collect();
    assert_eq!(names, ["a-first"], "the first by name, whichever came first");
    let apart = second(example().edit(Kind::Experiment, "cart-hero", json!({"audiences": ["gone"]}))).edit(
        Kind::Experiment,
        "a-first",
        json!({"audiences": ["lapsed"]}),
    );
    let compiled = after(&apart);
    let names: Vec<_> = bundle(&compiled, "web").experiments.keys().collect();
    assert_eq!(names, ["a-first", "cart-hero"], "other audiences are no matter");
}

#[test]
fn suspends_carried_forms_too() {
    let broken = || example().without(Kind::Audience, "loyal-high-value");
    let suspended = json!({"suspend": true});
    for (kind, name) in [
        (Kind::ContentModule, "hero"),
        (Kind::Program, "spring-retention"),
        (Kind::ChannelBinding, BINDING),
        (Kind::Channel, "web"),
    ] {
        let compiled = after(&broken().edit(kind, name, suspended.clone()));
        let answer = answer(bundle(&compiled, "web"), "home-hero", &gold());
        assert_eq!(answer["metadata"]["attune.reason"], "SUSPENDED", "{kind}");
        assert_eq!(answer["variant"], "hero/everyone");
    }
}

#[test]
fn lets_old_and_new_forms_stand_side_by_side() {
    let edited = example()
        .copy(Kind::ChannelBinding, BINDING, "second")
        .edit(Kind::ChannelBinding, "second", json!({"priority": 1}))
        .change(Kind::ChannelBinding, BINDING, |spec| {
            spec["candidates"][0]["when"] = "nonsense".into();
        })
        .edit(
            Kind::Audience,
            "lapsed",
            json!({"match": "user.spend90d > 1000.0"}),
        )
        .change(Kind::ContentModule, "hero", |spec| {
            spec["variants"][1]["content"]["headline"] = "Welcome back".into();
        });
    let compiled = after(&edited);
    let web = bundle(&compiled, "web");
    let ids = |prefix: &str, ids: Vec<&String>| ids.into_iter().filter(|id| id.starts_with(prefix)).count();
    assert_eq!(ids("hero@", web.modules.keys().collect()), 2);
    assert_eq!(ids("lapsed@", web.audiences.keys().collect()), 2);
    assert_eq!(
        ids("loyal-high-value@", web.audiences.keys().collect()),
        1,
        "one form, one id"
    );
    let old = &web.bindings[BINDING].candidates[1].module;
    let new = &web.bindings["second"].candidates[1].module;
    assert_ne!(old, new);
    assert_eq!(
        answer(web, "home-hero", &gold())["value"]["headline"],
        "Early access for you"
    );
}

#[test]
fn keeps_what_is_there_and_cannot_be_read() {
    for (kind, name) in [
        (Kind::Channel, "web"),
        (Kind::ChannelBinding, BINDING),
        (Kind::Program, "spring-retention"),
        (Kind::Holdout, "always-baseline"),
        (Kind::Experiment, "cart-hero"),
        (Kind::Audience, "loyal-high-value"),
        (Kind::ContentModule, "hero"),
        (Kind::DataContract, "shopper"),
        (Kind::Metric, "repeat-purchase"),
    ] {
        let mut snapshot = snapshot(&example());
        snapshot.insert_unreadable(kind, name);
        let compiled = crate::compile(&snapshot, &before(), AT);
        assert_eq!(
            bundle(&compiled, "web"),
            before().get("web").unwrap().as_ref(),
            "{kind}"
        );
        assert!(snapshot.remove(kind, name));
        assert!(!snapshot.is_unreadable(kind, name));
    }
}

#[test]
fn suspends_what_a_channel_that_cannot_be_read_serves() {
    let strategy = example().edit(Kind::Program, "spring-retention", json!({"suspend": true}));
    let mut snapshot = snapshot(&strategy);
    snapshot.insert_unreadable(Kind::Channel, "web");
    let compiled = crate::compile(&snapshot, &before(), AT);
    let answer = answer(bundle(&compiled, "web"), "home-hero", &gold());
    assert_eq!(answer["metadata"]["attune.reason"], "SUSPENDED");
}
