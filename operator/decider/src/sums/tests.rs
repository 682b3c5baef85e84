use allocation_counter::measure;
use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::history::NoHistory;
use attune_core::measure::counts::{AttributeCounts, Counts};
use attune_core::trace::Trace;
use serde_json::{Value, json};

use super::{EACH, ONE_IN};
use crate::decider::Decider;
use crate::fixture::{Place, builder, bundle_with, evaluate, now, post, unit_in};

/// The shop, whose hero is for gold; browsers may say a tier and no age.
fn shop() -> Decider {
    let decider = builder().build();
    decider.adopt_bundle(bundle_with(with_rules)).unwrap();
    decider
}

fn with_rules(bundle: &mut Value) {
    bundle["settings"]["clientAttributes"] = json!(["user.tier"]);
    bundle["attributes"] = json!({
        "user.tier": {"type": "String", "purpose": "marketing", "values": ["gold", "silver"]},
        "user.age": {"type": "Int", "purpose": "service"},
    });
}

async fn ask(decider: &Decider, context: &Value) {
    let body = json!({"context": context}).to_string();
    post(decider, "/ofrep/v1/evaluate/flags", body).await;
}

fn tier(counts: &Counts) -> AttributeCounts {
    counts.attributes["user.tier"]
}

#[tokio::test]
async fn counts_what_requests_carry_and_keeps_no_value() {
    let decider = shop();
    for tier in [json!("gold"), json!("bronze"), json!(7), Value::Null] {
        let context = json!({"targetingKey": "u1", "consent": ["marketing"], "user": {"tier": tier}});
        ask(&decider, &context).await;
    }
    // Without consent it is of no use, and no fault of whoever sends it.
    ask(&decider, &json!({"targetingKey": "u1", "user": {"tier": "gold"}})).await;
    let counts = decider.account().take();
    let expected = AttributeCounts {
        requests: 5,
        present: 3,
        type_clashes: 1,
        outside_values: 1,
    };
    assert_eq!(tier(&counts), expected);
    assert!(
        !counts.attributes.contains_key("user.age"),
        "clients may not supply it, so that its absence says nothing"
    );
    let told = serde_json::to_string(&counts).unwrap();
    assert!(!told.contains("gold") && !told.contains("bronze"), "{told}");
}

#[tokio::test]
async fn decides_with_half_a_pair_or_a_number_out_of_range_and_counts_a_wrong_type() {
    let decider = shop();
    for value in [r#""gold\ud83d""#, "1e309", r#"["\udc00"]"#] {
        let context = format!(
            r#"{{"targetingKey": "u1", "consent": ["marketing"], "user": {{"tier": {value}}}, "x": {value}, "\ud83d": 1}}"#
        );
        for (path, more) in [
            ("/ofrep/v1/evaluate/flags/hero", ""),
            ("/ofrep/v1/evaluate/flags", ""),
            ("/v1/decide", r#""touchpoints": ["hero", "letter"], "#),
            ("/v1/explain", r#""touchpoint": "hero", "#),
        ] {
            let answer = post(&decider, path, format!(r#"{{{more}"context": {context}}}"#)).await;
            assert_eq!(answer.status.as_u16(), 200, "{path} {value}");
        }
    }
    let tier = tier(&decider.account().take());
    assert!(tier.requests > 0);
    assert_eq!((tier.present, tier.type_clashes), (0, tier.requests));
    // Nobody is named by half a pair, and the client can mend that.
    let answer = post(
        &decider,
        "/ofrep/v1/evaluate/flags/hero",
        r#"{"context": {"targetingKey": "u\ud83d"}}"#,
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["errorCode"]),
        (400, &json!("INVALID_CONTEXT"))
    );
}

#[tokio::test]
async fn a_page_is_one_request_however_many_touchpoints_it_asks_for() {
    let decider = shop();
    let body = json!({"touchpoints": ["hero", "letter", "bare"], "context": {"targetingKey": "u1"}});
    post(&decider, "/v1/decide", body.to_string()).await;
    let counts = decider.account().take();
    assert_eq!(tier(&counts).requests, 1);
    let without = &counts.touchpoints;
    assert_eq!(without["letter"]["NO_CONSENT"], 1);
    assert_eq!(without["bare"]["NOT_ELIGIBLE"], 1);
}

#[tokio::test]
async fn counts_decisions_by_rule_and_reason_whoever_asks_how() {
    let decider = shop();
    for place in [
        Place::HeldOut,
        Place::OutsideTraffic,
        Place::Control,
        Place::Treatment,
    ] {
        evaluate(&decider, "hero", &unit_in(place, 0)).await;
    }
    ask(&decider, &json!({"targetingKey": unit_in(Place::Treatment, 1)})).await;
    let counts = decider.account().take();
    let hero = &counts.bindings["hero"];
    let reasons: Vec<_> = hero
        .reasons
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!(reasons, [("EXPERIMENT", 3), ("HELD_OUT", 1), ("NOT_ENROLLED", 1)]);
    assert_eq!(
        hero.rules.values().collect::<Vec<_>>(),
        [&5],
        "one rule won all of them"
    );
    assert_eq!(
        counts.touchpoints["bare"]["NOT_ELIGIBLE"], 1,
        "the bulk answer has it too"
    );
    assert_eq!(
        decider.account().take(),
        Counts::default(),
        "nothing is counted twice"
    );
}

#[tokio::test]
async fn what_was_counted_by_a_bundle_outlives_it() {
    let decider = shop();
    evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    let change = |bundle: &mut Value| {
        with_rules(bundle);
        bundle["bindings"]["hero"]["priority"] = json!(11);
    };
    decider.adopt_bundle(bundle_with(change)).unwrap();
    evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    let counts = decider.account().take();
    let wins: Vec<_> = counts.bindings["hero"].rules.values().copied().collect();
    assert_eq!(wins, [2], "the same rule under the same name");
    assert_eq!(decider.account().take(), Counts::default());
    decider.account().give_back(&counts);
    assert_eq!(decider.account().take(), counts);
}

#[tokio::test]
async fn a_busy_decider_looks_at_some_requests_for_all() {
    let decider = shop();
    let requests = EACH + 64 * ONE_IN;
    let context = json!({"targetingKey": "u1", "consent": ["marketing"], "user": {"tier": "gold"}});
    for _ in 0..requests {
        ask(&decider, &context).await;
    }
    let counts = decider.account().take();
    let seen = tier(&counts);
    assert_eq!((seen.requests, seen.present), (requests, requests));
    let won: u64 = counts.bindings["hero"].rules.values().sum();
    assert_eq!(won, requests, "of bulk answers too");
    assert_eq!(counts.touchpoints["bare"]["NOT_ELIGIBLE"], requests);
}

#[tokio::test]
async fn a_busy_decider_tells_of_every_rule_that_wins_somebody() {
    let decider = shop();
    for _ in 0..=EACH {
        ask(&decider, &json!({})).await;
    }
    // Another request stands for this one.
    ask(&decider, &json!({"targetingKey": "u1", "consent": ["marketing"]})).await;
    let counts = decider.account().take();
    assert_eq!(counts.bindings["hero"].rules.values().collect::<Vec<_>>(), [&0]);
    assert!(decider.account().take().bindings.is_empty(), "it is told once");
}

#[test]
fn counting_allocates_nothing() {
    let decider = shop();
    let loaded = decider.loaded();
    let loaded = loaded.as_deref().unwrap();
    let body =
        br#"{"context": {"targetingKey": "u1", "consent": ["marketing"], "user": {"tier": "bronze"}}}"#;
    let context = Context::decode_request(&loaded.engine, body).unwrap();
    let decisions: Vec<_> = ["hero", "bare"]
        .map(|touchpoint| {
            let request = Request {
                touchpoint,
                context: &context,
                history: &NoHistory,
                now: now(),
            };
            decide(&loaded.engine, request, &mut Trace::off()).unwrap()
        })
        .into();
    let counted = measure(|| {
        for _ in 0..2 * EACH {
            loaded.sums.read(&loaded.engine, &context);
            for decision in &decisions {
                loaded.sums.decided(decision);
            }
        }
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(tier(&decider.account().take()).outside_values, 2 * EACH);
}
