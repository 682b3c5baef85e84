//! One module in the form that each touchpoint shows.

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_core::bundle::{Bundle, Effect, ExperimentMode};
use attune_core::engine::Engine;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{answer, bundle, compile, compile_over, findings, published, stands};

const HERO: &str = "hero";

/// The example with a text in Markdown and a link in every variant, and a locale's own link in the core.
fn written() -> Strategy {
    Strategy::example().change(Kind::ContentModule, HERO, |spec| {
        let slots = spec["slots"].as_array_mut().unwrap();
        slots.push(json!({"name": "body", "type": "Markdown"}));
        slots.push(json!({"name": "link", "type": "Url"}));
        spec["labels"] = json!({"topic": "shoes", "season": "spring"});
        spec["core"]["link"] = "/sale?a=1#top".into();
        spec["localizedCore"]["de"]["link"] = "/angebot".into();
        for variant in spec["variants"].as_array_mut().unwrap() {
            variant["content"]["body"] = "*New* & [here](/shop)".into();
        }
    })
}

/// A touchpoint of a Channel shows a slot in a format.
fn format(strategy: Strategy, channel: &str, slot: &str, format: &str) -> Strategy {
    strategy.change(Kind::Channel, channel, |spec| {
        let slots = spec["touchpoints"][0]["slots"].as_array_mut().unwrap();
        slots.push(json!({"name": slot, "format": format}));
    })
}

fn links(strategy: Strategy, channel: &str, links: Value) -> Strategy {
    strategy.change(Kind::Channel, channel, |spec| {
        spec["touchpoints"][0]["links"] = links;
    })
}

fn gold() -> Value {
    json!({"targetingKey": "ada", "consent": ["personalization"], "user": {"tier": "gold", "spend90d": 300}})
}

fn value(bundle: &Bundle, touchpoint: &str, context: &Value) -> Value {
    answer(bundle, touchpoint, context)["value"].clone()
}

#[test]
fn shows_each_touchpoint_its_own_form_of_the_same_words() {
    let strategy = format(written(), "web", "body", "Html");
    let strategy = format(strategy, "email", "body", "Text");
    assert_eq!(findings(&strategy), Vec::<String>::new());
    let compiled = compile(&strategy);
    let web = value(bundle(&compiled, "web"), "home-hero", &gold());
    assert_eq!(web["body"], "<em>New</em> &amp; <a href=\"/shop\">here</a>");
    assert_eq!(web["headline"], "Early access for you", "a slot without a format");
    assert_eq!(
        web["link"], "/sale?a=1#top",
        "a slot that the touchpoint does not list"
    );
    let email = value(bundle(&compiled, "email"), "newsletter", &gold());
    assert_eq!(email["body"], "New & here (/shop)");
    let as_written = compile(&written());
    let web = value(bundle(&as_written, "web"), "home-hero", &gold());
    assert_eq!(web["body"], "*New* & [here](/shop)");
}

/// As [`written`], where the Channel `web` has a second touchpoint, which the second binding leads to.
fn two_places() -> Strategy {
    let strategy = written().change(Kind::Channel, "web", |spec| {
        let slots = json!([{"name": "body", "format": "Text"}]);
        let side = json!({"name": "side", "slots": slots, "baseline": {"moduleRef": {"name": HERO}}});
        spec["touchpoints"].as_array_mut().unwrap().push(side);
    });
    let strategy = format(strategy, "web", "body", "Html");
    strategy
        .copy(Kind::ChannelBinding, "retention-home-hero", "side")
        .edit(Kind::ChannelBinding, "side", json!({"touchpoint": "side"}))
}

#[test]
fn keeps_forms_of_one_module_side_by_side() {
    let compiled = compile(&two_places());
    let web = bundle(&compiled, "web");
    let shown = |touchpoint: &str| value(web, touchpoint, &gold())["body"].clone();
    assert_eq!(
        shown("home-hero"),
        "<em>New</em> &amp; <a href=\"/shop\">here</a>"
    );
    assert_eq!(shown("side"), "New & here (/shop)");
    let names: Vec<_> = web.modules.values().map(|module| module.name.as_str()).collect();
    assert_eq!(names, [HERO, HERO]);
}

#[test]
fn shows_an_arm_in_the_form_of_each_binding() {
    let strategy = two_places().change(Kind::Experiment, "cart-hero", |spec| {
        spec["bindings"] = json!(["retention-home-hero", "side"]);
        spec["arms"][1]["effect"] = json!({"type": "Variant", "moduleRef": {"name": HERO}, "name": "loyal"});
    });
    let compiled = compile(&strategy);
    let mut web = bundle(&compiled, "web").clone();
    let experiment = web.experiments.get_mut("cart-hero").unwrap();
    let Effect::Variant { forms, .. } = &experiment.arms[1].effect else {
        panic!("{experiment:?}")
    };
    assert_eq!(forms.keys().collect::<Vec<_>>(), ["side"]);
    experiment.mode = ExperimentMode::Promoted {
        arm: "reminder".into(),
    };
    let cart = json!({
        "targetingKey": "ada", "consent": ["personalization"], "session": {"cartValue": 80, "itemCount": 2}
    });
    for (touchpoint, body) in [
        ("home-hero", "<em>New</em> &amp; <a href=\"/shop\">here</a>"),
        ("side", "New & here (/shop)"),
    ] {
        let answer = answer(&web, touchpoint, &cart);
        assert_eq!(answer["variant"], "hero/loyal", "{answer}");
        assert_eq!(answer["value"]["body"], body);
    }
}

#[test]
fn tells_in_links_which_words_led_there() {
    let campaign = json!({"campaign": [
        {"name": "utm_source", "value": "{channel}-{touchpoint}"},
        {"name": "utm_campaign", "value": "{program}"},
        {"name": "utm_content", "value": "{variant}"},
    ]});
    let strategy = links(format(written(), "web", "link", "Url"), "web", campaign);
    assert_eq!(findings(&strategy), Vec::<String>::new());
    let compiled = compile(&strategy);
    let link = |context: &Value| value(bundle(&compiled, "web"), "home-hero", context)["link"].clone();
    assert_eq!(
        link(&gold()),
        "/sale?a=1&utm_source=web-home-hero&utm_campaign=spring-retention&utm_content=loyal#top"
    );
    let mut german = gold();
    german["locale"] = "de".into();
    assert_eq!(
        link(&german),
        "/angebot?utm_source=web-home-hero&utm_campaign=spring-retention&utm_content=loyal"
    );
    assert_eq!(
        link(&json!({"targetingKey": "ada"})),
        "/sale?a=1&utm_source=web-home-hero&utm_content=everyone#top",
        "a baseline is of no program"
    );
}

#[test]
fn refuses_words_that_have_no_safe_form_and_serves_none_of_them() {
    let unsafe_words = |strategy: Strategy| {
        strategy.change(Kind::ContentModule, HERO, |spec| {
            spec["variants"][1]["content"]["body"] = "<script>alert(1)</script>".into();
        })
    };
    let strategy = unsafe_words(format(written(), "web", "body", "Html"));
    assert_eq!(
        findings(&strategy)[0],
        "error ContentModule hero spec.variants[1].content.body UnsafeContent: `hero/loyal` has the HTML `<script>alert(1)</script>` \
         in its Markdown in slot `body` at touchpoint `home-hero` of channel `web` in locale `en`: say it in Markdown, or put it into a \
         code span"
    );
    let compiled = compile(&strategy);
    assert_eq!(
        stands(&compiled, Kind::ContentModule, HERO, ConditionType::Complete),
        "False/UnsafeContent"
    );
    assert_eq!(
        stands(
            &compiled,
            Kind::ChannelBinding,
            "retention-home-hero",
            ConditionType::Accepted
        ),
        "False/UnsafeContent"
    );
    let web = bundle(&compiled, "web");
    assert!(!web.bindings.contains_key("retention-home-hero"));
    assert!(!serde_json::to_string(web).unwrap().contains("<script>"));
    let untouched = unsafe_words(written());
    assert_eq!(
        findings(&untouched),
        Vec::<String>::new(),
        "as written is as written"
    );
}

#[test]
fn serves_the_last_form_on_only_while_the_touchpoint_shows_that_format() {
    let html = || format(written(), "web", "body", "Html");
    let broken = |strategy: Strategy| {
        strategy.change(Kind::ContentModule, HERO, |spec| {
            for variant in spec["variants"].as_array_mut().unwrap() {
                variant["content"]["body"] = "<b>new</b>".into();
            }
        })
    };
    let serves = |strategy: &Strategy, before: &Strategy| {
        let compiled = compile_over(strategy, &published(&compile(before)));
        let web = bundle(&compiled, "web").clone();
        Engine::load(web.clone()).unwrap();
        answer(&web, "home-hero", &gold())
    };
    let carried = serves(&broken(html()), &html());
    assert_eq!(
        carried["value"]["body"],
        "<em>New</em> &amp; <a href=\"/shop\">here</a>"
    );
    assert_eq!(carried["variant"], "hero/loyal");
    // What was published as written would be read as HTML now.
    let raw = broken(written());
    let nothing = serves(&broken(html()), &raw);
    assert_eq!(
        nothing["variant"],
        Value::Null,
        "neither a binding nor a baseline: {nothing}"
    );
    assert!(
        serves(&html(), &raw)["value"]["body"]
            .as_str()
            .unwrap()
            .starts_with("<em>")
    );
}

#[test]
fn counts_the_characters_that_a_person_sees() {
    let strategy = |most: u32| {
        written().change(Kind::Channel, "web", |spec| {
            let slots = spec["touchpoints"][0]["slots"].as_array_mut().unwrap();
            slots.push(json!({"name": "body", "format": "Html", "maxLength": most}));
        })
    };
    let seen = u32::try_from("New & here".len()).unwrap();
    assert_eq!(findings(&strategy(seen)), Vec::<String>::new());
    let told = &findings(&strategy(seen - 1))[0];
    assert!(
        told.contains("SlotContract")
            && told.contains("has 10 characters in slot `body`, 1 more than the 9 allowed"),
        "{told}"
    );
}

#[test]
fn tells_what_is_no_address_where_one_is_shown() {
    let told = findings(&format(written(), "web", "body", "Url"));
    assert!(
        told[0].contains("SlotContract")
            && told[0].contains("has Markdown where an address is shown in slot `body`"),
        "{}",
        told[0]
    );
    let leads_out = format(written(), "web", "link", "Url").change(Kind::ContentModule, HERO, |spec| {
        spec["localizedCore"]["de"]["link"] = "javascript:alert(1)".into();
    });
    let told = findings(&leads_out);
    assert!(
        told[0].contains("spec.localizedCore.de.link UnsafeContent")
            && told[0].contains("the scheme `javascript`"),
        "{}",
        told[0]
    );
}

#[test]
fn leaves_out_what_nobody_here_can_see_and_nothing_else() {
    let shows = |locale: &str, link: &str| {
        let strategy = format(written(), "web", "link", "Url")
            .edit(Kind::Channel, "web", json!({"locales": [locale]}))
            .change(Kind::ContentModule, HERO, |spec| {
                spec["core"]["link"] = "ftp://old.example/".into();
                spec["localizedCore"]["de"] = json!({"legal": "AGB", "link": link});
                spec["localizedCore"]["de-AT"] = json!({"link": "/at"});
            });
        assert_eq!(
            findings(&strategy),
            Vec::<String>::new(),
            "nobody here is shown it"
        );
        let compiled = compile(&strategy);
        value(bundle(&compiled, "web"), "home-hero", &gold())
    };
    let de = shows("de", "/de");
    assert_eq!((&de["legal"], &de["link"]), (&json!("AGB"), &json!("/de")));
    let at = shows("de-AT", "ftp://old.example/");
    assert_eq!((&at["legal"], &at["link"]), (&json!("AGB"), &json!("/at")));
}

#[test]
fn carries_the_labels_that_the_channel_lists_and_no_others() {
    let strategy = written().edit(Kind::Channel, "web", json!({"diversity": ["topic", "brand"]}));
    let compiled = compile(&strategy);
    let labels = |channel: &str| {
        let modules = bundle(&compiled, channel).modules.values();
        modules.map(|module| json!(module.labels)).collect::<Vec<_>>()
    };
    assert_eq!(labels("web"), [json!({"topic": "shoes"})]);
    assert_eq!(labels("email"), [json!({})]);
    assert_eq!(bundle(&compiled, "web").settings.diversity, ["topic", "brand"]);
}

#[test]
fn falls_back_on_the_words_of_another_locale() {
    let strategy = Strategy::example().edit(
        Kind::Channel,
        "web",
        json!({"locales": ["en", "de", "gsw"], "localeFallback": {"gsw": ["de"], "lb": ["de"]}}),
    );
    assert_eq!(findings(&strategy), Vec::<String>::new());
    let compiled = compile(&strategy);
    for (locale, headline) in [
        ("gsw", "Ihr Warenkorb wartet"),
        ("lb", "Ihr Warenkorb wartet"),
        ("fr", "Your cart is waiting"),
    ] {
        let cart = json!({
            "targetingKey": "u2", "consent": ["personalization"], "locale": locale,
            "session": {"cartValue": 80, "itemCount": 2}
        });
        let mut web = bundle(&compiled, "web").clone();
        web.experiments.clear();
        web.holdouts.clear();
        web.programs
            .values_mut()
            .for_each(|program| program.holdouts.clear());
        assert_eq!(value(&web, "home-hero", &cart)["headline"], headline, "{locale}");
    }
}
