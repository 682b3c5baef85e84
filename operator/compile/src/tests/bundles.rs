//! What is in a bundle, and what is not.

use attune_api::Kind;
use attune_core::bundle::{Bundle, OnFailure};
use attune_core::engine::Engine;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{bundle, compile};

#[test]
fn publishes_what_the_web_channel_needs_and_nothing_more() {
    let compiled = compile(&Strategy::example());
    let canonical: Value = serde_json::from_slice(&compiled.channels["web"].canonical).unwrap();
    insta::assert_json_snapshot!("web", canonical);
}

#[test]
fn names_a_bundle_by_its_canonical_bytes() {
    for publication in compile(&Strategy::example()).channels.values() {
        assert_eq!(
            publication.canonical.as_ref(),
            publication.bundle.canonical().unwrap()
        );
        assert_eq!(publication.revision, Bundle::revision(&publication.canonical));
        let read = Bundle::parse(&publication.canonical).unwrap();
        assert_eq!(&read, publication.bundle.as_ref(), "reading back loses nothing");
        assert_eq!(
            Engine::parse(&publication.canonical).unwrap().revision(),
            publication.revision
        );
    }
}

#[test]
fn keeps_other_channels_owners_and_prose_out() {
    let compiled = compile(&Strategy::example());
    let text = |channel: &str| String::from_utf8(compiled.channels[channel].canonical.to_vec()).unwrap();
    let (web, email) = (text("web"), text("email"));
    for (bundle, foreign) in [
        (&web, "retention-newsletter"),
        (&web, "newsletter"),
        (&web, "Europe/Berlin"),
        (&email, "retention-home-hero"),
        (&email, "cart-abandoner"),
        (&email, "Your cart is waiting"),
        (&email, "cart-hero"),
        (&email, "session.cartValue"),
    ] {
        assert!(!bundle.contains(foreign), "{foreign}");
    }
    for bundle in [&web, &email] {
        for private in [
            "shop.example",
            "content-studio",
            "Raise repeat",
            "The shop knows me",
            "unsubscribe",
            "approval",
        ] {
            assert!(!bundle.contains(private), "{private}");
        }
        assert!(!bundle.contains("user.interests"), "no rule reads it");
    }
}

#[test]
fn tells_a_decider_that_keeps_decisions_which_parts_of_the_identity_are_sensitive() {
    let attributes = |replay: bool, sensitivity: &str| {
        let strategy = Strategy::example()
            .change(Kind::DataContract, "shopper", |spec| {
                let attribute = json!({
                    "name": "locale", "type": "String", "source": "web", "sensitivity": sensitivity,
                    "purpose": "personalization",
                });
                spec["attributes"].as_array_mut().unwrap().push(attribute);
            })
            .change(Kind::Channel, "web", |spec| {
                if replay {
                    spec["replay"] = json!({"retention": "720h"});
                }
            });
        let compiled = compile(&strategy);
        bundle(&compiled, "web").attributes.clone()
    };
    assert!(attributes(true, "Sensitive")["locale"].sensitive);
    assert!(
        !attributes(true, "Personal").contains_key("locale"),
        "no rule reads it"
    );
    assert!(
        !attributes(false, "Sensitive").contains_key("locale"),
        "and nothing is kept"
    );
}

#[test]
fn keeps_the_variant_that_an_arm_names() {
    let strategy = Strategy::example()
        .change(Kind::ChannelBinding, "retention-home-hero", |spec| {
            spec["candidates"].as_array_mut().unwrap().truncate(1);
        })
        .change(Kind::Experiment, "cart-hero", |spec| {
            spec["arms"][1]["effect"] =
                json!({"type": "Variant", "moduleRef": {"name": "hero"}, "name": "loyal"});
        });
    let compiled = compile(&strategy);
    let modules = bundle(&compiled, "web").modules.values();
    let names: Vec<_> = modules
        .flat_map(|module| &module.variants)
        .map(|variant| &variant.name)
        .collect();
    assert_eq!(
        names,
        ["everyone", "loyal", "cart", "cart-de"],
        "nobody here is in `lapsed`"
    );
}

#[test]
fn ignores_drafts_and_the_splits_of_others() {
    for edit in [json!({"state": "Draft"}), json!({"assignment": "Imported"})] {
        let compiled = compile(&Strategy::example().edit(Kind::Experiment, "cart-hero", edit));
        assert!(bundle(&compiled, "web").experiments.is_empty());
    }
    let paused =
        compile(&Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"state": "Paused"})));
    let mode = serde_json::to_value(&bundle(&paused, "web").experiments["cart-hero"].mode).unwrap();
    assert_eq!(mode, json!({"type": "control"}));
}

#[test]
fn writes_salts_as_the_table_of_buckets_says() {
    let strategy = Strategy::example()
        .edit(Kind::Experiment, "cart-hero", json!({"phase": 3}))
        .edit(Kind::Holdout, "always-baseline", json!({"salt": null}));
    let compiled = compile(&strategy);
    let web = bundle(&compiled, "web");
    assert_eq!(
        web.experiments["cart-hero"].salt, "shop/cart-hero",
        "the engine appends the phase to the arms' salt"
    );
    assert_eq!(web.experiments["cart-hero"].phase, 3);
    assert_eq!(
        web.experiments["cart-hero"].exclusion.as_ref().unwrap().salt,
        "shop/home-page:exclusion"
    );
    assert_eq!(
        web.holdouts["always-baseline"].salt,
        "shop/always-baseline:holdout"
    );
}

#[test]
fn tests_the_holdout_of_the_namespace_before_that_of_the_program() {
    let strategy = Strategy::example()
        .copy(Kind::Holdout, "always-baseline", "a-of-the-program")
        .edit(
            Kind::Holdout,
            "a-of-the-program",
            json!({"scope": "Program", "salt": null}),
        )
        .edit(
            Kind::Program,
            "spring-retention",
            json!({"holdoutRef": {"name": "a-of-the-program"}}),
        );
    let compiled = compile(&strategy);
    let program = &bundle(&compiled, "web").programs["spring-retention"];
    assert_eq!(program.holdouts, ["always-baseline", "a-of-the-program"]);
}

#[test]
fn asks_the_collector_what_was_registered() {
    let compiled = compile(&Strategy::example());
    let question = serde_json::to_value(compiled.question("cart-hero").unwrap()).unwrap();
    insta::assert_json_snapshot!("question", question);
    let draft = compile(&Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"state": "Draft"})));
    assert_eq!(draft.question("cart-hero"), None);
}

#[test]
fn says_how_deciders_agree_and_keeps_the_secret_out() {
    let state =
        |failure: &str| json!({"redis": {"secretRef": {"name": "warehouse-9"}, "onFailure": failure}});
    let strategy = Strategy::example()
        .edit(Kind::Channel, "web", json!({"state": state("Closed")}))
        .edit(
            Kind::Channel,
            "email",
            json!({"state": {"redis": {"secretRef": {"name": "warehouse-9"}, "timeoutMilliseconds": 5}}}),
        );
    let shared = |strategy: &Strategy, channel: &str| {
        let compiled = compile(strategy);
        let publication = &compiled.channels[channel];
        assert!(!String::from_utf8_lossy(&publication.canonical).contains("warehouse-9"));
        publication.bundle.settings.state.clone()
    };
    let (web, email) = (
        shared(&strategy, "web").unwrap(),
        shared(&strategy, "email").unwrap(),
    );
    assert_eq!((web.on_failure, web.timeout_millis), (OnFailure::Closed, 20));
    assert_eq!((email.on_failure, email.timeout_millis), (OnFailure::Open, 5));
    // What one shows is kept for as long as the other looks back.
    assert!(web.window_seconds > 0);
    assert_eq!(web.window_seconds, email.window_seconds);
    let compiled = compile(&strategy);
    let windows = ["web", "email"].map(|name| compiled.channels[name].bundle.history_window().as_secs());
    assert_eq!(web.window_seconds, windows.into_iter().max().unwrap());
    assert_eq!(shared(&Strategy::example(), "web"), None);
}
