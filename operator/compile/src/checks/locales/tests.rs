use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{compile, finding, findings, ruled, stands};

#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn ruling(forbidden: Value) -> Strategy {
    ruled(json!({"locales": {"enforcement": "Warn", "forbidden": forbidden}}))
}

#[test]
fn what_a_policy_keeps_from_a_locale_is_not_shown_there() {
    assert_eq!(
        findings(&ruling(json!({"fr": {"tactics": ["Reminder"]}}))),
        [""; 0],
        "nobody is served in it"
    );
    let told = findings(&ruling(json!({"de": {"tactics": ["Reminder"]}})));
    assert_eq!(
        told,
        [
            "warning ContentModule hero spec.variants[3].tactics LocaleForbidden: variant `cart` uses the tactic `Reminder`, which \
             nobody may be shown in `de`: leave it out, or give that locale a variant of its own (policy `default`)"
        ],
        "a variant of no locale may be shown in any"
    );
    let complete = stands(
        &compile(&ruling(json!({"de": {"tactics": ["Reminder"]}}))),
        Kind::ContentModule,
        "hero",
        ConditionType::Complete,
    );
    assert_eq!(complete, "False/LocaleForbidden");
}

#[test]
fn keeps_phrases_and_labels_from_a_locale() {
    let told = finding(&ruling(json!({"de": {"phrases": ["zur kasse"]}})));
    assert!(
        told.contains("spec.variants[4].content.cta LocaleForbidden: variant `cart-de` says `zur kasse`"),
        "{told}"
    );
    let labelled =
        ruling(json!({"de": {"labels": {"topic": "alcohol"}}})).change(Kind::ContentModule, "hero", |spec| {
            spec["labels"] = json!({"topic": "alcohol"});
        });
    let told = findings(&labelled);
    assert_eq!(told.len(), 5, "every variant: {told:#?}");
    assert!(
        told[0].contains("is of a module labelled `topic: alcohol`"),
        "{told:#?}"
    );
}

#[test]
fn a_listed_locale_is_written_in_or_waived() {
    let listed = |locales: Value| ruling(json!({})).edit(Kind::Channel, "web", json!({"locales": locales}));
    assert_eq!(findings(&listed(json!(["en", "de-AT"]))), [""; 0]);
    let french = listed(json!(["en", "fr", "de"]));
    assert_eq!(
        finding(&french),
        "warning Channel web spec.locales[1] LocaleUnserved: nothing that is shown here is written in `fr`: write it, waive it in \
         a program, or do not list the locale (policy `default`)"
    );
    let waived = |until: &str| {
        french.clone().change(Kind::Program, "spring-retention", |spec| {
            spec["coverage"]["waivers"].as_array_mut().unwrap().push(json!({
                "audience": "lapsed", "channel": "web", "touchpoint": "home-hero", "locale": "fr", "reason": "later",
                "until": until,
            }));
        })
    };
    assert_eq!(findings(&waived("2027-01-31")), [""; 0]);
    assert!(
        findings(&waived("2026-11-30"))
            .iter()
            .any(|line| line.contains("LocaleUnserved"))
    );
}

#[test]
fn what_an_arm_alone_shows_is_shown_too() {
    let forbidding = ruling(json!({"de": {"tactics": ["Reminder"]}}));
    let module = |strategy: Strategy| strategy.copy(Kind::ContentModule, "hero", "spare");
    let spare = |strategy: &Strategy| {
        let told = findings(strategy);
        told.into_iter()
            .filter(|line| line.contains("ContentModule spare"))
            .count()
    };
    assert_eq!(spare(&module(forbidding.clone())), 0, "nobody is shown it");
    let tested = module(forbidding).change(Kind::Experiment, "cart-hero", |spec| {
        let arm = spec["arms"].as_array_mut().unwrap().last_mut().unwrap();
        arm["effect"] = json!({"type": "Module", "moduleRef": {"name": "spare"}});
    });
    assert_eq!(spare(&tested), 1, "{:#?}", findings(&tested));
}

#[test]
fn knows_what_a_locale_falls_back_on() {
    let channel = |fallback: Value| json!({"locales": ["en", "de", "gsw"], "localeFallback": fallback});
    let unserved = |fallback: Value| {
        let strategy = ruled(json!({"locales": {"enforcement": "Warn"}}));
        findings(&strategy.edit(Kind::Channel, "web", channel(fallback)))
    };
    let told = unserved(json!({}));
    assert!(
        told[0].contains("LocaleUnserved") && told[0].contains("`gsw`"),
        "{told:#?}"
    );
    assert_eq!(unserved(json!({"gsw": ["de"]})), [""; 0]);
    let forbidden = |fallback: Value| {
        let strategy = ruling(json!({"gsw": {"phrases": ["zur kasse"]}}));
        findings(&strategy.edit(Kind::Channel, "web", channel(fallback)))
    };
    let told = forbidden(json!({"gsw": ["de"]}));
    assert!(
        told[0].contains("LocaleForbidden") && told[0].contains("`cart-de`"),
        "{told:#?}"
    );
    assert!(
        !forbidden(json!({}))
            .iter()
            .any(|line| line.contains("LocaleForbidden"))
    );
    let shared = |fallback: Value| {
        let strategy = ruling(json!({"gsw": {"phrases": ["vorrat"]}}));
        findings(&strategy.edit(Kind::Channel, "web", channel(fallback)))
    };
    let told = shared(json!({"gsw": ["de"]}));
    assert!(
        told.iter()
            .any(|line| line.contains("LocaleForbidden") && line.contains("says `vorrat`")),
        "what every variant shows there: {told:#?}"
    );
    assert!(
        !shared(json!({}))
            .iter()
            .any(|line| line.contains("LocaleForbidden"))
    );
}
