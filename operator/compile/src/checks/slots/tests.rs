use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{bundle, compile, condition, finding, findings, stands};

fn hero(change: impl FnOnce(&mut Value)) -> Strategy {
    Strategy::example().change(Kind::ContentModule, "hero", change)
}

#[test]
fn refuses_an_empty_required_slot() {
    let strategy = hero(|spec| spec["variants"][1]["content"] = json!({"headline": "Hello"}));
    assert_eq!(
        findings(&strategy),
        [
            "error ContentModule hero spec.variants[1].content SlotContract: `hero/loyal` leaves the required slot `cta` empty \
             at touchpoint `home-hero` of channel `web` in locale `en`: fill it",
            "error ContentModule hero spec.variants[1].content SlotContract: `hero/loyal` leaves the required slot `cta` empty \
             at touchpoint `home-hero` of channel `web` in locale `de`: fill it",
        ],
        "the newsletter has no slot `cta`"
    );
    let compiled = compile(&strategy);
    assert_eq!(
        stands(&compiled, Kind::ContentModule, "hero", ConditionType::Complete),
        "False/SlotContract"
    );
    assert_eq!(
        stands(
            &compiled,
            Kind::ChannelBinding,
            "retention-home-hero",
            ConditionType::Accepted
        ),
        "False/SlotContract"
    );
    assert!(
        !bundle(&compiled, "web")
            .bindings
            .contains_key("retention-home-hero")
    );
    assert!(
        bundle(&compiled, "email")
            .bindings
            .contains_key("retention-newsletter")
    );
    assert!(
        bundle(&compiled, "web").touchpoints["home-hero"]
            .baseline
            .is_some(),
        "the baseline does not show the variant"
    );
}

#[test]
fn counts_code_points() {
    let of = |letters: usize| hero(|spec| spec["variants"][1]["content"]["cta"] = "ü".repeat(letters).into());
    assert_eq!(findings(&of(20)), Vec::<String>::new());
    assert_eq!(
        findings(&of(21))[0],
        "error ContentModule hero spec.variants[1].content.cta SlotContract: `hero/loyal` has 21 characters in slot `cta`, 1 \
         more than the 20 allowed at touchpoint `home-hero` of channel `web` in locale `en`: shorten it"
    );
}

/// Findings about slots alone: a variant that reaches no touchpoint is told as that too.
fn contracts(strategy: &Strategy) -> Vec<String> {
    let findings = findings(strategy).into_iter();
    findings.filter(|line| line.contains("SlotContract")).collect()
}

#[test]
fn looks_only_at_locales_that_reach_the_touchpoint() {
    let german =
        |letters: usize| hero(|spec| spec["variants"][4]["content"]["headline"] = "x".repeat(letters).into());
    let told = finding(&german(41));
    assert!(told.contains("spec.variants[4].content.headline"), "{told}");
    assert!(told.contains("in locale `de`"), "{told}");
    let french = german(41).change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][4]["locales"] = json!(["fr"]);
    });
    assert_eq!(contracts(&french), Vec::<String>::new());
}

#[test]
fn looks_only_at_variants_that_reach_the_touchpoint() {
    let long = || hero(|spec| spec["variants"][3]["content"]["headline"] = "x".repeat(61).into());
    assert!(!findings(&long()).is_empty());
    let elsewhere = long().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][3]["audiences"] = json!(["lapsed"]);
        spec["variants"][3]["channels"] = json!(["email"]);
    });
    let told = finding(&elsewhere);
    assert!(
        told.contains("at touchpoint `newsletter` of channel `email` in locale `en`"),
        "{told}"
    );
    let expired = long().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][3]["validity"] = json!({"until": "2026-12-01T00:00:00Z"});
    });
    assert!(finding(&expired).contains("Expired"));
    let unread = long().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        spec["candidates"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(
        contracts(&unread),
        Vec::<String>::new(),
        "no candidate is for its audience"
    );
}

#[test]
fn names_the_core_that_a_value_comes_from() {
    let legal = |spec: &mut Value| {
        let slots = spec["touchpoints"][0]["slots"].as_array_mut().unwrap();
        slots.push(json!({"name": "legal", "maxLength": 25}));
    };
    let strategy = Strategy::example().change(Kind::Channel, "web", legal);
    let findings = findings(&strategy);
    assert!(!findings.is_empty());
    for told in &findings {
        assert!(
            told.contains("ContentModule hero spec.localizedCore.de.legal SlotContract"),
            "{told}"
        );
    }
}

#[test]
fn holds_the_baseline_of_a_touchpoint_to_its_slots() {
    let strategy = hero(|spec| spec["variants"][0]["content"]["cta"] = "".into());
    let compiled = compile(&strategy);
    let accepted = condition(&compiled, Kind::Channel, "web", ConditionType::Accepted);
    assert_eq!(accepted.reason.as_str(), "SlotContract");
    assert!(
        accepted.message.starts_with(
            "spec.touchpoints[0].baseline: `hero/everyone` leaves the required slot `cta` empty"
        ),
        "{}",
        accepted.message
    );
    assert_eq!(bundle(&compiled, "web").touchpoints["home-hero"].baseline, None);
    assert!(
        bundle(&compiled, "email").touchpoints["newsletter"]
            .baseline
            .is_some()
    );
}

#[test]
fn holds_every_arm_to_the_slots() {
    let arm = |effect: Value| {
        Strategy::example()
            .with(
                "{apiVersion: attune.dev/v1alpha1, kind: ContentModule, metadata: {name: bare, namespace: shop}, spec: {owner: \
                 {group: crm, contact: crm@shop.example}, slots: [{name: headline, type: Text}], baseline: all, variants: \
                 [{name: all, content: {headline: Hi}}]}}",
            )
            .change(Kind::Experiment, "cart-hero", |spec| spec["arms"][1]["effect"] = effect)
    };
    for effect in [
        json!({"type": "Module", "moduleRef": {"name": "bare"}}),
        json!({"type": "Variant", "moduleRef": {"name": "bare"}, "name": "all"}),
    ] {
        let strategy = arm(effect);
        let told = &findings(&strategy)[0];
        assert!(
            told.contains("ContentModule bare spec.variants[0].content SlotContract"),
            "{told}"
        );
        let compiled = compile(&strategy);
        let accepted = condition(&compiled, Kind::Experiment, "cart-hero", ConditionType::Accepted);
        assert!(
            accepted
                .message
                .starts_with("spec.arms[1].effect: `bare/all` leaves"),
            "{}",
            accepted.message
        );
        assert!(bundle(&compiled, "web").experiments.is_empty());
        assert!(
            bundle(&compiled, "web")
                .bindings
                .contains_key("retention-home-hero")
        );
    }
}

#[test]
fn refuses_an_arm_whose_variant_is_for_another_channel() {
    let strategy = Strategy::example()
        .change(Kind::ContentModule, "hero", |spec| {
            spec["variants"][1]["channels"] = json!(["email"]);
        })
        .change(Kind::Experiment, "cart-hero", |spec| {
            spec["arms"][1]["effect"] =
                json!({"type": "Variant", "moduleRef": {"name": "hero"}, "name": "loyal"});
        });
    assert_eq!(
        finding(&strategy),
        "error Experiment cart-hero spec.arms[1].effect.name Unreachable: `hero/loyal` is not for channel `web`, so that the \
         arm would show the baseline there: name another variant, or add the channel to its channels"
    );
}

#[test]
fn tells_a_fault_once_however_many_touchpoints_it_reaches() {
    let strategy = hero(|spec| spec["variants"][1]["content"]["headline"] = "".into())
        .copy(Kind::ChannelBinding, "retention-newsletter", "second")
        .edit(Kind::ChannelBinding, "second", json!({"priority": 1}));
    let newsletter = findings(&strategy)
        .into_iter()
        .filter(|told| told.contains("newsletter"));
    assert_eq!(newsletter.count(), 1);
}
