//! Bundles that load and contexts that a client might send.

use std::collections::BTreeMap;

use attune_core::bundle::{
    Bundle, Cap, CapScope, Effect, Exclusion, Experiment, ExperimentMode, QuietHours, StopOn, Variant, Window,
};
use attune_core::value::AttributeType;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::strategy::*;

/// Any JSON; every second key is one that the bundles read.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-200..200).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["gold", "Explicit", "Implied", "de", "Asia/Tokyo", NOW])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = [
        "targetingKey",
        "user",
        "user.tier",
        "tier",
        "session",
        "cartValue",
        "session.cartValue",
        "tags",
    ];
    let more = [
        "consent",
        "personalization",
        "locale",
        "timeZone",
        "device",
        "id",
        "device.id",
        "seen",
        "user.seen",
    ];
    prop_oneof![
        prop::sample::select([known.as_slice(), more.as_slice()].concat()).prop_map(str::to_owned),
        ".{0,6}",
    ]
}

/// A context object, usually one that consents and is somebody.
pub(crate) fn context() -> impl Strategy<Value = Value> {
    let members = prop::collection::vec((key(), json()), 0..8);
    let usual = prop::option::weighted(0.8, (any::<u16>(), prop::bool::weighted(0.9)));
    (members, usual).prop_map(|(members, usual)| {
        let mut context: Map<String, Value> = members.into_iter().collect();
        if let Some((number, is_somebody)) = usual {
            let key = if is_somebody {
                json!(format!("u{number}"))
            } else {
                Value::Null
            };
            context.insert("targetingKey".into(), key);
            context.insert("consent".into(), granted());
            context.insert("session.cartValue".into(), json!(number % 100));
            if number % 2 == 0 {
                context.insert(
                    "user.tier".into(),
                    json!(["gold", "silver"][usize::from(number / 2 % 2)]),
                );
            }
        }
        Value::Object(context)
    })
}

pub(crate) fn now() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (0_i64..400).prop_map(|days| Timestamp::from_second(1_796_083_200 + days * 86_400).unwrap()),
        1 => prop::sample::select(vec![Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH]),
    ]
}

pub(crate) fn past() -> impl Strategy<Value = Past> {
    let show = prop::sample::select(vec!["hero-home", "second"]);
    prop::collection::vec((show, any::<bool>()), 0..4).prop_map(|shows| {
        shows
            .into_iter()
            .fold(Past::default(), |past, (binding, bought)| {
                let past = past.shown(binding, "2026-11-30T22:00:00Z");
                if bought {
                    past.did("purchase", "2026-11-30T23:00:00Z")
                } else {
                    past
                }
            })
    })
}

fn validity() -> impl Strategy<Value = Window> {
    let bound = prop::option::weighted(
        0.3,
        (-40_i64..40).prop_map(|days| Timestamp::from_second(1_796_083_200 + days * 86_400).unwrap()),
    );
    (bound.clone(), bound).prop_map(|(from, until)| Window { from, until })
}

fn variants() -> impl Strategy<Value = Vec<Variant>> {
    let of = |names: &[&'static str]| prop::sample::subsequence(names.to_vec(), 0..=names.len());
    let shape = (
        of(&["cart", "gold"]),
        of(&["en", "de", "de-AT"]),
        any::<bool>(),
        validity(),
    );
    prop::collection::vec(shape, 0..4).prop_map(|shapes| {
        let named =
            shapes
                .into_iter()
                .enumerate()
                .map(|(index, (audiences, locales, names_channel, validity))| Variant {
                    audiences: audiences.into_iter().map(str::to_owned).collect(),
                    locales: locales.into_iter().map(str::to_owned).collect(),
                    names_channel,
                    validity,
                    ..variant(&format!("v{index}"), json!({"headline": index}))
                });
        std::iter::once(variant("everyone", json!({"headline": "Welcome"})))
            .chain(named)
            .collect()
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::Baseline),
        Just(Effect::Personalize),
        Just(Effect::Module {
            module: "other".into(),
            forms: BTreeMap::new(),
        }),
        prop::sample::select(vec!["everyone", "v0", "gone"]).prop_map(|name| Effect::Variant {
            module: "other".into(),
            forms: BTreeMap::new(),
            variant: name.into()
        }),
    ]
}

fn experiment() -> impl Strategy<Value = Experiment> {
    let mode = prop_oneof![
        3 => Just(ExperimentMode::Split),
        1 => Just(ExperimentMode::Control),
        1 => Just(ExperimentMode::Promoted { arm: "treatment".into() }),
    ];
    let audiences = prop::sample::subsequence(vec!["cart".to_owned(), "gold".to_owned()], 0..=2);
    let range = prop::option::of((0..10_000_u32, 0..10_000_u32));
    let arms = ((1..100_u32, effect()), (0..100_u32, effect()));
    (mode, validity(), 0..=10_000_u32, audiences, range, arms).prop_map(
        |(mode, schedule, traffic_bp, audiences, range, (control, treatment))| Experiment {
            mode,
            schedule,
            salt: "shop/random".into(),
            phase: 1,
            bindings: vec!["hero-home".into(), "second".into()],
            audiences,
            traffic_bp,
            exclusion: range.map(|(from_bp, to_bp)| Exclusion {
                salt: "shop/g:exclusion".into(),
                from_bp,
                to_bp,
            }),
            arms: vec![
                arm("control", control.0, control.1),
                arm("treatment", treatment.0, treatment.1),
            ],
        },
    )
}

/// A bundle around the [`shop`] that loads: other modules, priorities, scores, caps, experiments and switches.
pub(crate) fn bundle() -> impl Strategy<Value = Bundle> {
    let caps = prop::collection::vec((0..4_u32, 0..4_usize), 0..2).prop_map(|caps| {
        let scope = |index: usize| {
            [
                CapScope::Unit,
                CapScope::Module,
                CapScope::Program,
                CapScope::Channel,
            ][index]
        };
        caps.into_iter()
            .map(|(max, per)| Cap {
                per: scope(per),
                max,
                window_seconds: 86_400,
            })
            .collect::<Vec<_>>()
    });
    let quiet = prop::option::weighted(0.3, (0..1_440_u16, 0..1_440_u16)).prop_map(|hours| {
        hours.map(|(from_minute, to_minute)| QuietHours {
            from_minute,
            to_minute,
            time_zone: "Europe/Berlin".into(),
        })
    });
    let switches = prop::array::uniform4(prop::bool::weighted(0.1));
    let score = prop::option::of(prop::sample::select(vec![
        "session.cartValue",
        "-1",
        "session.cartValue / 0.0",
    ]));
    // What begins a rule, or stands anywhere in it, may rule it out before it is asked.
    let gold = prop::sample::select(vec![
        r#"user.tier == "gold""#,
        r#"user.tier == "gold" && session.cartValue < 30.0"#,
        r#"session.cartValue / 10.0 < 3.0 && user.tier in ["gold", "silver"] && !("x" in tags)"#,
        r#"user.tier in ["gold"] && user.tier != "gold""#,
    ]);
    let binding = (-3..3_i64, 0..=10_000_u32, score, caps);
    (
        gold,
        variants(),
        variants(),
        binding,
        experiment(),
        quiet,
        switches,
        any::<bool>(),
    )
        .prop_map(
            |(
                gold,
                hero,
                other,
                (priority, rollout_bp, score, caps),
                experiment,
                quiet,
                switches,
                has_baseline,
            )| {
                let mut strategy = shop()
                    .attribute("user.seen", AttributeType::Timestamp, "personalization")
                    .attribute("tags", AttributeType::StringList, "service")
                    .audience("gold", gold)
                    .audience(
                        "recent",
                        r#"has(user.seen) && now - user.seen < duration("24h") || "x" in tags"#,
                    )
                    .module("other", |module| module.variants = other)
                    .open_binding("second", "other", None, score)
                    .experiment("random", |random| *random = experiment)
                    .holdout("some", 1_000, Window::default())
                    .settings(|settings| {
                        settings.quiet_hours = quiet;
                        settings.suspended = switches[0];
                    })
                    .module("hero", |module| {
                        module.variants = hero;
                        module.suspended = switches[1];
                    })
                    .binding("second", |second| {
                        (second.priority, second.rollout_bp, second.caps) = (priority, rollout_bp, caps);
                        second.suspended = switches[2];
                        second.stop_on = vec![StopOn {
                            event: "purchase".into(),
                            window_seconds: 7_200,
                        }];
                    })
                    .binding("hero-home", |home| {
                        home.priority = 0;
                        home.candidates.push(candidate("other", &["recent"]));
                    });
                strategy.0.programs.get_mut("retention").unwrap().suspended = switches[3];
                if !has_baseline {
                    strategy.0.touchpoints.get_mut("home").unwrap().baseline = None;
                }
                strategy.0
            },
        )
}
