//! Whatever happens to a strategy: nothing panics, every bundle loads, and other channels do not notice.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_core::engine::Engine;
use attune_testkit::{AT, Strategy};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use serde_json::{Value, json};

use super::{compile, compile_over, published, snapshot};
use crate::{Compiled, Snapshot};

const OBJECTS: [(Kind, &str); 12] = [
    (Kind::Program, "spring-retention"),
    (Kind::DataContract, "shopper"),
    (Kind::Audience, "loyal-high-value"),
    (Kind::Audience, "lapsed"),
    (Kind::Audience, "cart-abandoner"),
    (Kind::ContentModule, "hero"),
    (Kind::Channel, "web"),
    (Kind::ChannelBinding, "retention-home-hero"),
    (Kind::Metric, "repeat-purchase"),
    (Kind::Metric, "unsubscribe"),
    (Kind::Experiment, "cart-hero"),
    (Kind::Holdout, "always-baseline"),
];

/// What somebody may do to the web channel's strategy.
#[derive(Debug, Clone)]
enum Mishap {
    Drop(usize),
    Misread(usize),
    Suspend(usize),
    Replace(&'static str, Value),
}

/// A field that names something, now with another name.
fn renamed() -> impl Generator<Value = Mishap> {
    let place = prop_oneof![
        Just("/ChannelBinding/retention-home-hero/candidates/0/moduleRef/name"),
        Just("/ChannelBinding/retention-home-hero/candidates/1/audiences/0"),
        Just("/ChannelBinding/retention-home-hero/programRef/name"),
        Just("/ChannelBinding/retention-home-hero/channelRef/name"),
        Just("/ChannelBinding/retention-home-hero/touchpoint"),
        Just("/Program/spring-retention/holdoutRef/name"),
        Just("/Experiment/cart-hero/bindings/0"),
        Just("/Experiment/cart-hero/audiences/0"),
        Just("/Experiment/cart-hero/analysis/primary"),
        Just("/Channel/web/touchpoints/0/baseline/moduleRef/name"),
        Just("/Channel/web/touchpoints/0/name"),
        Just("/ContentModule/hero/baseline"),
        Just("/ContentModule/hero/variants/4/audiences/0"),
        Just("/ContentModule/hero/variants/4/content/cta"),
        Just("/ContentModule/hero/variants/0/content/headline"),
    ];
    let name = prop_oneof![
        Just("gone"),
        Just("hero"),
        Just("lapsed"),
        Just("web"),
        Just("always-baseline")
    ];
    (place, name).prop_map(|(place, name)| Mishap::Replace(place, name.into()))
}

/// A field that holds an expression, now with another one.
fn rewritten() -> impl Generator<Value = Mishap> {
    let rule = prop_oneof![
        Just("/Audience/lapsed/match"),
        Just("/Audience/cart-abandoner/match"),
        Just("/Metric/repeat-purchase/event/where"),
    ];
    let expression = prop_oneof![
        Just("true"),
        Just("user.tier =="),
        Just("user.teir == \"gold\""),
        Just("session.cartValue + 1"),
        Just("now - user.lastSeen > duration(\"1h\")"),
        Just("user.interests.exists(i, i == \"shoes\")"),
    ];
    (rule, expression).prop_map(|(place, text)| Mishap::Replace(place, text.into()))
}

/// Some other field.
fn edited() -> impl Generator<Value = Mishap> {
    let other = prop_oneof![
        Just(("/DataContract/shopper/attributes/1/type", json!("String"))),
        Just(("/DataContract/shopper/attributes/4/name", json!("session.cart"))),
        Just(("/Experiment/cart-hero/state", json!("Paused"))),
        Just(("/Experiment/cart-hero/state", json!("Draft"))),
        Just(("/Experiment/cart-hero/phase", json!(2))),
        Just((
            "/Experiment/cart-hero/arms/1/effect",
            json!({"type": "Module", "moduleRef": {"name": "hero"}})
        )),
        Just((
            "/Experiment/cart-hero/arms/1/effect",
            json!({"type": "Variant", "moduleRef": {"name": "hero"}, "name": "lapsed"})
        )),
        Just((
            "/Holdout/always-baseline/period/until",
            json!("2026-11-30T00:00:00Z")
        )),
        Just(("/Holdout/always-baseline/scope", json!("Program"))),
    ];
    other.prop_map(|(place, value)| Mishap::Replace(place, value))
}

fn mishap() -> impl Generator<Value = Mishap> {
    prop_oneof![
        (0..OBJECTS.len()).prop_map(Mishap::Drop),
        (0..OBJECTS.len()).prop_map(Mishap::Misread),
        (0..OBJECTS.len()).prop_map(Mishap::Suspend),
        renamed(),
        rewritten(),
        edited(),
    ]
}

fn suffer(mishaps: &[Mishap]) -> Snapshot {
    let mut strategy = Strategy::example();
    for mishap in mishaps {
        match mishap {
            Mishap::Replace(place, value) => {
                let mut path = place.splitn(4, '/').skip(1);
                let (kind, name) = (path.next().unwrap().parse().unwrap(), path.next().unwrap());
                let field = format!("/{}", path.next().unwrap());
                strategy = strategy.change(kind, name, |spec| {
                    *spec.pointer_mut(&field).unwrap() = value.clone();
                });
            }
            Mishap::Suspend(index) => {
                let (kind, name) = OBJECTS[*index];
                if matches!(
                    kind,
                    Kind::Program | Kind::ContentModule | Kind::Channel | Kind::ChannelBinding
                ) {
                    strategy = strategy.edit(kind, name, json!({"suspend": true}));
                }
            }
            Mishap::Drop(_) | Mishap::Misread(_) => {}
        }
    }
    let mut snapshot = snapshot(&strategy);
    for mishap in mishaps {
        match *mishap {
            Mishap::Drop(index) => drop(snapshot.remove(OBJECTS[index].0, OBJECTS[index].1)),
            Mishap::Misread(index) => drop(snapshot.insert_unreadable(OBJECTS[index].0, OBJECTS[index].1)),
            Mishap::Suspend(_) | Mishap::Replace(..) => {}
        }
    }
    snapshot
}

fn revisions(compiled: &Compiled) -> BTreeMap<&str, &str> {
    let channels = compiled.channels.iter();
    channels
        .map(|(channel, publication)| (channel.as_str(), publication.revision.as_str()))
        .collect()
}

fn loads(compiled: &Compiled) {
    for (channel, publication) in &compiled.channels {
        let engine = Engine::load(publication.bundle.as_ref().clone());
        assert_eq!(engine.unwrap().revision(), publication.revision, "{channel}");
    }
    let internal = compiled
        .findings
        .iter()
        .find(|one| one.reason.as_str() == "InternalError");
    assert_eq!(internal, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn survives_any_series_of_mishaps(
        first in prop::collection::vec(mishap(), 1..4),
        second in prop::collection::vec(mishap(), 0..4),
    ) {
        let example = compile(&Strategy::example());
        let fresh = crate::compile(&suffer(&first), &crate::Previous::new(), AT);
        loads(&fresh);
        let broken = crate::compile(&suffer(&first), &published(&example), AT);
        loads(&broken);
        let worse = crate::compile(&suffer(&second), &published(&broken), AT);
        loads(&worse);
        let settled = crate::compile(&suffer(&second), &published(&worse), AT);
        prop_assert_eq!(revisions(&settled), revisions(&worse), "compiling again changes nothing");
        let repaired = compile_over(&Strategy::example(), &published(&worse));
        prop_assert_eq!(revisions(&repaired), revisions(&example), "repair leaves no trace");
    }

    #[test]
    fn leaves_other_channels_alone(mishaps in prop::collection::vec(mishap(), 1..4)) {
        let other = Strategy::example()
            .copy(Kind::Channel, "email", "post")
            .with(include_str!("unrelated.yaml"));
        let before = compile(&other);
        let mut snapshot = suffer(&mishaps);
        for (kind, name) in [
            (Kind::Channel, "post"), (Kind::Program, "winter"), (Kind::DataContract, "weather"),
            (Kind::Audience, "cold"), (Kind::ContentModule, "coats"), (Kind::ChannelBinding, "coats-by-post"),
        ] {
            snapshot.insert(other.resource(kind, name));
        }
        // The one holdout of the namespace is everybody's.
        snapshot.insert(other.resource(Kind::Holdout, "always-baseline"));
        let after = crate::compile(&snapshot, &crate::Previous::new(), AT);
        prop_assert_eq!(&revisions(&after)["post"], &revisions(&before)["post"]);
        prop_assert!(!before.channels["post"].bundle.bindings.is_empty());
    }

    #[test]
    fn gives_one_revision_whatever_the_order(order in Just(Strategy::example().resources()).prop_shuffle()) {
        let mut snapshot = Snapshot::new(super::SHOP);
        for resource in order {
            snapshot.insert(resource);
        }
        let compiled = crate::compile(&snapshot, &crate::Previous::new(), AT);
        let expected = compile(&Strategy::example());
        prop_assert_eq!(revisions(&compiled), revisions(&expected));
        prop_assert_eq!(compiled.verdicts, expected.verdicts);
        prop_assert_eq!(compiled.inquiries, expected.inquiries);
    }
}
