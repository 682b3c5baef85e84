use serde_json::json;

use super::*;
use crate::bundle::{Attribute, Cap, CapScope, StopOn};
use crate::decide::Reason;
use crate::event::{Decided, Event, EventData};
use crate::strategy::*;
use crate::value::AttributeType;

/// The shop with a sensitive attribute, caps, stops and a split.
fn strict() -> Engine {
    shop()
        .attribute_with(
            "health.condition",
            AttributeType::String,
            "personalization",
            |attribute| attribute.sensitive = true,
        )
        .attribute("device.id", AttributeType::String, "service")
        .audience("ill", r#"health.condition == "flu" || device.id == "d9""#)
        .open_binding("care", "hero", Some(r#"health.condition == "flu""#), None)
        .binding("care", |care| care.priority = 200)
        .binding("hero-home", |binding| {
            binding.caps = vec![Cap {
                per: CapScope::Unit,
                max: 2,
                window_seconds: 3600,
            }];
            binding.stop_on = vec![StopOn {
                event: "purchase".into(),
                window_seconds: 86_400,
            }];
        })
        .experiment("split", |_| {})
        .holdout("calm", 1000, window(None, None))
        .engine()
}

/// What is kept of a decision, after a way over the wire, and the trace that it had.
fn kept(engine: &Engine, context: &Json, past: &Past) -> (Inputs, Reason, String) {
    let json = context.to_string();
    let context = Context::decode(engine, json.as_bytes()).unwrap();
    let request = Request {
        touchpoint: "home",
        context: &context,
        history: past,
        now: instant(NOW),
    };
    let (decision, inputs) = Inputs::watch(engine, request, &Taken::default()).unwrap();
    let mut trace = Trace::on();
    assert_eq!(
        crate::decide::decide(engine, request, &mut trace).unwrap(),
        decision
    );
    let inputs = wired(inputs.expect("somebody"));
    (inputs, decision.reason, said(&trace))
}

fn wired(inputs: Inputs) -> Inputs {
    let event = Event {
        id: "d1".into(),
        source: "/attune/shop/web".into(),
        time: instant(NOW),
        namespace: None,
        data: EventData::Decision(Box::new(Decided {
            unit: "u1".into(),
            channel: "web".into(),
            touchpoint: "home".into(),
            revision: "abc".into(),
            reason: "TARGETED".into(),
            variant: None,
            binding: None,
            audience: None,
            retention_seconds: 3600,
            inputs,
        })),
    };
    let text = serde_json::to_vec(&event).unwrap();
    let read = Event::from_json(&text).unwrap();
    assert_eq!(read, event);
    match read.data {
        EventData::Decision(decided) => decided.inputs,
        other => panic!("{other:?}"),
    }
}

fn again(engine: &Engine, inputs: &Inputs, unit: &str, given: &Json) -> (Reason, String) {
    let given = given.as_object().unwrap();
    let replay = Replay {
        touchpoint: "home",
        unit,
        given,
    };
    let mut trace = Trace::on();
    let decision = inputs.decide(engine, replay, &mut trace).unwrap();
    (decision.reason, said(&trace))
}

fn said(trace: &Trace) -> String {
    let steps: Vec<_> = trace.steps().iter().map(ToString::to_string).collect();
    steps.join("\n")
}

#[test]
fn makes_a_decision_again_as_it_was() {
    let engine = strict();
    let pasts = [
        Past::default(),
        Past::default().shown("hero-home", "2026-11-30T23:30:00Z"),
        Past::default()
            .shown("hero-home", "2026-11-30T23:30:00Z")
            .shown("hero-home", "2026-11-30T23:40:00Z"),
        Past::default().did("purchase", "2026-11-30T12:00:00Z"),
    ];
    let mut reasons = std::collections::BTreeSet::new();
    for number in 0..200 {
        let unit = format!("u{number}");
        let contexts = [
            json!({"targetingKey": unit, "consent": granted(), "session": {"cartValue": 80.5}, "locale": "de"}),
            json!({"targetingKey": unit, "consent": {"personalization": "Implied"}, "user": {"tier": "gold"}}),
            json!({"targetingKey": unit, "user": {"tier": "gold"}, "timeZone": "Asia/Tokyo", "device": {"id": 7}}),
        ];
        for (context, past) in contexts.iter().zip(pasts.iter().cycle().skip(number % 4)) {
            let (inputs, reason, trace) = kept(&engine, context, past);
            let (replayed, retraced) = again(&engine, &inputs, &unit, &json!({}));
            assert_eq!((replayed, retraced), (reason, trace), "{context}");
            reasons.insert(reason.as_str());
        }
    }
    let seen: Vec<_> = reasons.into_iter().collect();
    assert_eq!(
        seen,
        [
            "CAPPED",
            "EXPERIMENT",
            "HELD_OUT",
            "NO_CONSENT",
            "NOT_ELIGIBLE",
            "STOPPED"
        ]
        .into_iter()
        .filter(|reason| seen.contains(reason))
        .collect::<Vec<_>>()
    );
    assert!(seen.len() >= 5, "{seen:?}");
}

#[test]
fn makes_a_decision_by_what_was_shown_again() {
    let plan = shop()
        .audience(
            "fresh",
            r#"now - history.lastShown("Program/retention") < duration("24h")"#,
        )
        .audience(
            "seldom",
            r#"history.shown("ContentModule/hero", duration("168h")) < 2"#,
        )
        .binding("hero-home", |binding| {
            binding.candidates = vec![candidate("hero", &["fresh"]), candidate("hero", &["seldom"])];
        });
    let engine = plan.engine();
    let context = json!({"targetingKey": "u1", "consent": granted()});
    for past in [
        Past::default(),
        Past::default().shown("hero-home", "2026-11-30T23:30:00Z"),
        Past::default()
            .shown("hero-home", "2026-11-26T00:00:00Z")
            .shown("hero-home", "2026-11-27T00:00:00Z"),
    ] {
        let (inputs, reason, trace) = kept(&engine, &context, &past);
        assert_eq!(
            again(&engine, &inputs, "u1", &json!({})),
            (reason, trace),
            "{inputs:?}"
        );
    }
}

#[test]
fn reads_records_of_before_rules_could_ask_what_was_shown() {
    let old = json!({"of": "lastShown", "channel": "web", "at": "2026-11-30T23:30:00Z"});
    let new = json!({"of": "lastShown", "what": "channel", "name": "web", "at": "2026-11-30T23:30:00Z"});
    let [old, new]: [Heard; 2] = [old, new].map(|json| serde_json::from_value(json).unwrap());
    assert_eq!(old, new);
}

#[test]
fn keeps_neither_the_unit_nor_what_is_sensitive_nor_what_no_rule_reads() {
    let context = json!({
        "targetingKey": "ada@example.org", "device": {"id": "d9"}, "consent": granted(),
        "health": {"condition": "flu"}, "user": {"tier": "gold", "name": "Ada"},
    });
    let (inputs, ..) = kept(&strict(), &context, &Past::default());
    let text = serde_json::to_string(&inputs).unwrap();
    for secret in ["ada@example.org", "d9", "flu", "Ada"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(inputs.unit_from, UnitSource::Fallback);
    assert_eq!(inputs.withheld, ["device.id", "health.condition"]);
    assert_eq!(inputs.context["user.tier"], "gold");
}

#[test]
fn keeps_no_locale_and_no_time_zone_that_is_sensitive() {
    let plan = || {
        shop().settings(|settings| {
            settings.identity.locale = Some("locale".into());
            settings.identity.time_zone = Some("place.zone".into());
        })
    };
    let context = json!({
        "targetingKey": "u1", "consent": granted(), "locale": "he-IL", "place": {"zone": "Asia/Jerusalem"},
    });
    let (inputs, ..) = kept(&plan().engine(), &context, &Past::default());
    assert_eq!(inputs.context["locale"], "he-IL");
    assert_eq!(inputs.context["place.zone"], "Asia/Jerusalem");
    let sensitive = |attribute: &mut Attribute| attribute.sensitive = true;
    let engine = plan()
        .attribute_with("locale", AttributeType::String, "service", sensitive)
        .attribute_with("place.zone", AttributeType::String, "personalization", sensitive)
        .engine();
    // Without consent the attribute has no value, and is read as the locale all the same.
    let without = json!({"targetingKey": "u1", "locale": "he-IL", "place": {"zone": "Asia/Jerusalem"}});
    for context in [&context, &without] {
        let (inputs, ..) = kept(&engine, context, &Past::default());
        assert_eq!(inputs.withheld, ["locale", "place.zone"]);
        let text = serde_json::to_string(&inputs).unwrap();
        assert!(!text.contains("he-IL") && !text.contains("Jerusalem"), "{text}");
    }
}

#[test]
fn keeps_the_unit_s_id_nowhere_else_either() {
    let engine = shop()
        .settings(|settings| {
            settings.identity.fallback = Some("device.id".into());
            settings.identity.locale = Some("locale".into());
        })
        .attribute("user.mail", AttributeType::String, "service")
        .attribute("user.number", AttributeType::Int, "service")
        .attribute("user.aliases", AttributeType::StringList, "service")
        .attribute("user.name", AttributeType::String, "service")
        .engine();
    let user = json!({"mail": "48213", "number": 48_213, "aliases": ["x", "d9"], "name": "48213x"});
    let context = json!({"targetingKey": "48213", "device": {"id": "d9"}, "user": user, "locale": "d9"});
    let (inputs, ..) = kept(&engine, &context, &Past::default());
    let mut withheld = inputs.withheld.clone();
    withheld.sort_unstable();
    assert_eq!(withheld, ["locale", "user.aliases", "user.mail", "user.number"]);
    assert_eq!(inputs.context["user.name"], "48213x");
    let text = serde_json::to_string(&inputs).unwrap();
    assert!(!text.contains("\"48213\"") && !text.contains("d9"), "{text}");
}

#[test]
fn takes_what_was_not_kept_from_whoever_asks() {
    let engine = strict();
    let context = json!({
        "targetingKey": "u1", "consent": granted(), "health": {"condition": "flu"},
    });
    let (inputs, reason, trace) = kept(&engine, &context, &Past::default());
    assert!(trace.contains("care"), "{trace}");
    let without = again(&engine, &inputs, "u1", &json!({}));
    assert_ne!(without.1, trace);
    let with = again(&engine, &inputs, "u1", &json!({"health": {"condition": "flu"}}));
    assert_eq!(with, (reason, trace));
}

#[test]
fn keeps_nothing_of_a_decision_about_nobody() {
    let engine = strict();
    let context = Context::decode(&engine, br#"{"user": {"tier": "gold"}}"#).unwrap();
    let request = Request {
        touchpoint: "home",
        context: &context,
        history: &Past::default(),
        now: instant(NOW),
    };
    let (decision, inputs) = Inputs::watch(&engine, request, &Taken::default()).unwrap();
    assert_eq!(decision.reason, Reason::NoConsent);
    assert_eq!(inputs, None);
}

#[test]
fn remembers_the_rest_of_the_page() {
    let engine = strict();
    let json = cart("u1").to_string();
    let context = Context::decode(&engine, json.as_bytes()).unwrap();
    let request = Request {
        touchpoint: "home",
        context: &context,
        history: &Past::default(),
        now: instant(NOW),
    };
    let won = Taken::default().with(&engine, ["hero", "gone"].into_iter());
    let by_arms = Taken::default().with_arms(&engine, ["hero", "gone"].into_iter());
    for (taken, kept) in [(won, [vec!["hero"], vec![]]), (by_arms, [vec![], vec!["hero"]])] {
        let (decision, inputs) = Inputs::watch(&engine, request, &taken).unwrap();
        assert_eq!(decision.reason, Reason::NotEligible);
        let inputs = wired(inputs.unwrap());
        assert_eq!(
            [&inputs.taken, &inputs.taken_by_arms].map(|names| names.join(" ")),
            kept.map(|names| names.join(" "))
        );
        assert_eq!(again(&engine, &inputs, "u1", &json!({})).0, Reason::NotEligible);
    }
}

#[test]
fn refuses_inputs_that_are_not_a_deciders() {
    let event = |inputs: Json| {
        Event::from_value(json!({
            "specversion": "1.0", "type": crate::event::DECISION_TYPE, "id": "d1", "source": "/s", "time": NOW,
            "data": {
                "unit": "u1", "channel": "web", "touchpoint": "home", "revision": "abc", "reason": "TARGETED",
                "retentionSeconds": 60, "inputs": inputs,
            },
        }))
    };
    let good = json!({"now": NOW, "unitFrom": "unit", "context": {}});
    assert!(event(good.clone()).is_ok());
    let mut unknown = good.clone();
    unknown["secrets"] = json!({});
    let mut large = good;
    large["context"]["text"] = "x".repeat(20_000).into();
    for (inputs, part) in [
        (json!("text"), "data.inputs"),
        (unknown, "secrets"),
        (large, "bytes"),
    ] {
        let error = event(inputs).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
