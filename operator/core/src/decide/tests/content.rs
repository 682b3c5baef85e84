//! Steps 10 and 11: content and baseline.

use super::*;
use crate::bundle::Variant;

/// The variant that a German unit of audience `cart` gets of these, each named by what it is specific in.
fn chosen(variants: Vec<Variant>) -> String {
    let strategy = shop().module("hero", |hero| hero.variants = variants);
    strategy
        .ask(with(cart("u1"), "locale", json!("de-DE")))
        .variant()
        .to_owned()
}

fn named(name: &str) -> Variant {
    variant(name, json!({"headline": name}))
}

#[test]
fn prefers_the_audience_to_the_channel_to_the_locale_to_the_order() {
    let audience = || named("audience").audience("cart");
    let channel = || named("channel").channel();
    let locale = || named("locale").locale("de");
    let everyone = || named("everyone");
    assert_eq!(
        chosen(vec![everyone(), locale(), channel(), audience()]),
        "hero/audience"
    );
    assert_eq!(
        chosen(vec![everyone(), locale().channel(), audience()]),
        "hero/audience"
    );
    assert_eq!(chosen(vec![everyone(), locale(), channel()]), "hero/channel");
    assert_eq!(chosen(vec![everyone(), locale()]), "hero/locale");
    assert_eq!(chosen(vec![audience(), audience().channel()]), "hero/audience");
    assert_eq!(
        chosen(vec![named("first").audience("cart"), audience()]),
        "hero/first"
    );
    assert_eq!(chosen(vec![named("second"), everyone()]), "hero/second");
    assert_eq!(
        chosen(vec![everyone(), named("gold").audience("gold")]),
        "hero/everyone",
        "another audience's"
    );
}

#[test]
fn prefers_the_longest_locale() {
    let strategy = shop().settings(|settings| settings.locales = vec!["en".into(), "de-AT".into()]);
    let strategy = strategy.module("hero", |hero| {
        hero.variants = vec![
            named("everyone"),
            named("de").locale("de"),
            named("de-AT").locale("fr").locale("DE-at"),
        ];
    });
    assert_eq!(
        strategy.ask(with(cart("u1"), "locale", json!("de-AT"))).variant(),
        "hero/de-AT"
    );
    let without = strategy.module("hero", |hero| _ = hero.variants.pop());
    assert_eq!(
        without
            .ask(with(cart("u1"), "locale", json!("de-AT-1996")))
            .variant(),
        "hero/de"
    );
    assert_eq!(
        without.ask(with(cart("u1"), "locale", json!("en"))).variant(),
        "hero/everyone"
    );
}

#[test]
fn falls_back_to_the_first_locale_of_the_channel() {
    let strategy = shop().module("hero", |hero| {
        hero.variants = vec![
            named("everyone"),
            named("en").locale("en"),
            named("de").locale("de"),
        ];
    });
    for (locale, expected) in [
        (json!("de"), "hero/de"),
        (json!("de-CH"), "hero/de"),
        (json!("DE"), "hero/de"),
        (json!("fr"), "hero/en"),
        (json!(""), "hero/en"),
        (json!(null), "hero/en"),
        (json!(7), "hero/en"),
    ] {
        assert_eq!(
            strategy.ask(with(cart("u1"), "locale", locale.clone())).variant(),
            expected,
            "{locale}"
        );
    }
}

#[test]
fn speaks_no_locale_where_the_channel_lists_none() {
    let strategy = shop()
        .settings(|settings| settings.locales.clear())
        .module("hero", |hero| {
            hero.variants.insert(0, named("de").locale("de"));
        });
    assert_eq!(
        strategy.ask(with(nobody("u1"), "locale", json!("de"))).variant(),
        "hero/everyone"
    );
}

#[test]
fn fills_the_slots_from_the_core_its_locale_and_the_variant() {
    let english = shop().ask(cart("u1")).value;
    assert_eq!(
        english,
        json!({"headline": "Your cart", "legal": "While stocks last."})
    );
    let german = shop().ask(with(cart("u1"), "locale", json!("de"))).value;
    assert_eq!(
        german,
        json!({"headline": "Your cart", "legal": "Solange der Vorrat reicht."})
    );
}

#[test]
fn lays_the_cores_longer_locale_over_the_shorter() {
    let strategy = shop()
        .settings(|settings| settings.locales = vec!["de-AT".into()])
        .module("hero", |hero| {
            hero.core = slots(json!({"a": "core", "b": "core", "c": "core"}));
            hero.localized_core = [
                ("de-AT".into(), slots(json!({"c": "de-AT"}))),
                ("de".into(), slots(json!({"b": "de", "c": "de"}))),
            ]
            .into();
            hero.variants = vec![named("everyone")];
        });
    let value = strategy.ask(nobody("u1")).value;
    assert_eq!(
        value,
        json!({"a": "core", "b": "de", "c": "de-AT", "headline": "everyone"})
    );
}

#[test]
fn never_serves_what_has_expired_or_not_begun() {
    let cart_variant = |from, until| {
        shop().module("hero", |hero| {
            hero.variants = vec![
                named("everyone"),
                named("cart").audience("cart").valid(from, until),
            ];
        })
    };
    for (from, until, expected) in [
        (None, Some(NOW), "hero/everyone"),
        (Some("2026-12-01T00:00:01Z"), None, "hero/everyone"),
        (Some(NOW), Some("2026-12-01T00:00:01Z"), "hero/cart"),
    ] {
        assert_eq!(cart_variant(from, until).ask(cart("u1")).variant(), expected);
    }
    let expired = shop().module("hero", |hero| {
        hero.variants = vec![named("everyone").valid(None, Some(NOW))];
    });
    assert_eq!(
        expired.ask(cart("u1")).reason_and_variant(),
        (NotEligible, "code default"),
        "nor as baseline"
    );
}

#[test]
fn takes_the_most_specific_variant_without_audiences_as_baseline() {
    let strategy = shop().module("hero", |hero| {
        hero.variants = vec![
            named("everyone"),
            named("de").locale("de"),
            named("web").channel(),
            named("cart").audience("cart").channel(),
        ];
    });
    assert_eq!(strategy.ask(nobody("u1")).variant(), "hero/web");
    let without = strategy.module("hero", |hero| _ = hero.variants.remove(2));
    assert_eq!(
        without.ask(with(nobody("u1"), "locale", json!("de"))).variant(),
        "hero/de"
    );
    assert_eq!(without.ask(nobody("u1")).variant(), "hero/everyone");
}

#[test]
fn serves_the_declared_baseline_where_no_variant_speaks_the_locale() {
    let strategy = shop().module("hero", |hero| {
        hero.variants = vec![named("everyone").locale("en"), named("english").locale("en")];
    });
    let answer = strategy.ask(with(nobody("u1"), "locale", json!("de")));
    assert_eq!(answer.variant(), "hero/everyone");
    assert_eq!(
        answer.value,
        json!({"headline": "everyone", "legal": "Solange der Vorrat reicht."})
    );
    assert_eq!(
        strategy.ask(with(cart("u1"), "locale", json!("de"))).reason,
        NotEligible,
        "but wins nothing"
    );
}

#[test]
fn serves_the_touchpoints_baseline_and_not_the_winners() {
    let strategy = shop().module("other", |_| {}).baseline("home", "other");
    assert_eq!(strategy.ask(nobody("u1")).variant(), "other/everyone");
    let held = strategy.holdout("never", 5_000, window(None, None));
    let unit = held.unit_with(HeldOut);
    assert_eq!(held.ask(cart(&unit)).variant(), "other/everyone");
}

#[test]
fn shows_a_locale_what_it_falls_back_on_before_words_of_no_locale() {
    let strategy = shop()
        .settings(|settings| {
            settings.locales = vec!["en".into(), "de".into(), "gsw".into()];
            settings.locale_fallback = [("gsw".into(), vec!["de".into()])].into();
        })
        .module("hero", |hero| {
            hero.variants = vec![named("everyone"), named("german").locale("de")];
        });
    let swiss = |strategy: &Plan| strategy.ask(with(cart("u1"), "locale", json!("gsw-CH")));
    assert_eq!(swiss(&strategy).variant(), "hero/german");
    assert_eq!(swiss(&strategy).value["legal"], "Solange der Vorrat reicht.");
    let own = strategy.module("hero", |hero| hero.variants.push(named("swiss").locale("gsw")));
    assert_eq!(swiss(&own).variant(), "hero/swiss");
    let without = own.settings(|settings| settings.locale_fallback.clear());
    let without = without.module("hero", |hero| _ = hero.variants.pop());
    assert_eq!(swiss(&without).variant(), "hero/everyone");
    assert_eq!(swiss(&without).value["legal"], "While stocks last.");
}

#[test]
fn lays_the_words_of_a_variant_in_a_locale_over_its_own() {
    let strategy = shop().module("hero", |hero| {
        let mut everyone = variant(
            "everyone",
            json!({"headline": "hello", "link": "/en?by=everyone"}),
        );
        let german = slots(json!({"link": "/de?by=everyone"}));
        everyone.localized_content = [("de".into(), german)].into();
        hero.variants = vec![everyone];
    });
    let link = |locale: &str| strategy.ask(with(cart("u1"), "locale", json!(locale))).value["link"].clone();
    assert_eq!(link("de"), "/de?by=everyone");
    assert_eq!(link("en"), "/en?by=everyone");
}
