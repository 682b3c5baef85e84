//! Several touchpoints of one page.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;
use crate::bundle::{Effect, Touchpoint};
use crate::context::Context;
use crate::decide::{Request, Taken, decide_beside};
use crate::history::NoHistory;
use crate::trace::Trace;

/// Three places, each of which may show each of four modules in this order; two of them are about shoes, one about hats and one
/// about nothing.
fn page() -> Plan {
    let about = |strategy: Plan, module: &str, topic: Option<&str>| {
        strategy.module(module, |module| {
            module.labels = topic
                .map(|topic| ("topic".into(), topic.into()))
                .into_iter()
                .collect();
        })
    };
    let strategy = empty().program("retention", "personalization");
    let strategy = about(strategy, "boots", Some("shoes"));
    let strategy = about(strategy, "sandals", Some("shoes"));
    let strategy = about(strategy, "caps", Some("hats"));
    let strategy = about(strategy, "plain", None);
    ["home", "side", "foot"]
        .into_iter()
        .fold(strategy, |strategy, place| {
            strategy
                .settings(|settings| settings.diversity = vec!["season".into(), "topic".into()])
                .change(|bundle| _ = bundle.touchpoints.insert(place.into(), Touchpoint::default()))
                .binding(place, |binding| {
                    binding.touchpoint = place.into();
                    let modules = ["boots", "sandals", "caps", "plain"];
                    binding.candidates = modules.map(|module| candidate(module, &[])).into();
                })
        })
}

/// What each place shows, and the trace of the last.
fn shown(strategy: &Plan, taken: Taken<'static>) -> (Vec<String>, String) {
    shown_to("u1", strategy, taken)
}

fn shown_to(unit: &str, strategy: &Plan, mut taken: Taken<'static>) -> (Vec<String>, String) {
    let engine = Box::leak(Box::new(strategy.engine()));
    let context = nobody(unit).to_string();
    let context = Context::decode(engine, context.as_bytes()).unwrap();
    let now: Timestamp = instant(NOW);
    let mut said = String::new();
    let mut variants = Vec::new();
    for touchpoint in ["home", "side", "foot"] {
        let request = Request {
            touchpoint,
            context: &context,
            history: &NoHistory,
            now,
        };
        let mut trace = Trace::on();
        let decision = decide_beside(engine, request, &taken, &mut trace).unwrap();
        let untraced = decide_beside(engine, request, &taken, &mut Trace::off()).unwrap();
        assert_eq!(decision, untraced, "a trace changes nothing");
        variants.push(
            decision
                .content
                .map_or("none", |content| content.variant)
                .to_owned(),
        );
        taken.take(engine, &decision);
        let lines: Vec<_> = trace.steps().iter().map(ToString::to_string).collect();
        said = lines.join("\n");
    }
    (variants, said)
}

/// The place of the label in the settings.
const TOPIC: usize = 1;

#[test]
fn shows_no_more_of_one_label_than_asked_for() {
    let everyone = |modules: [&str; 3]| modules.map(|module| format!("{module}/everyone")).to_vec();
    let (as_they_are, _) = shown(&page(), Taken::default());
    assert_eq!(as_they_are, everyone(["boots", "sandals", "caps"]));
    let (one_each, trace) = shown(&page(), Taken::diverse(TOPIC, 1));
    assert_eq!(one_each, everyone(["boots", "caps", "plain"]));
    assert!(
        trace.contains("the page has enough modules of topic shoes"),
        "{trace}"
    );
    let (two_each, _) = shown(&page(), Taken::diverse(TOPIC, 2));
    assert_eq!(two_each, as_they_are);
}

#[test]
fn leaves_modules_without_the_label_free() {
    let (by_season, _) = shown(&page(), Taken::diverse(0, 1));
    assert_eq!(by_season, ["boots/everyone", "sandals/everyone", "caps/everyone"]);
}

#[test]
fn counts_what_a_held_out_unit_would_have_seen() {
    let all = page().holdout("all", 10_000, crate::bundle::Window::default());
    let (variants, trace) = shown(&all, Taken::diverse(TOPIC, 1));
    assert_eq!(variants, ["none", "none", "none"]);
    assert!(
        trace.contains("the page has enough modules of topic shoes"),
        "{trace}"
    );
}

/// An experiment at a place, half of whose units are shown another module there.
fn showing(place: &str, module: &str) -> Plan {
    page().experiment("split", |split| {
        split.bindings = vec![place.into()];
        for arm in &mut split.arms {
            arm.effect = Effect::Personalize;
            if !arm.control {
                arm.effect = Effect::Module {
                    module: module.into(),
                    forms: BTreeMap::new(),
                };
            }
        }
    })
}

#[test]
fn shows_nothing_again_that_an_arm_may_have_shown() {
    let strategy = showing("home", "caps");
    let mut at_home = BTreeSet::new();
    for unit in 0..20 {
        let (variants, trace) = shown_to(&format!("u{unit}"), &strategy, Taken::default());
        at_home.insert(variants[0].clone());
        assert_eq!(
            variants[1..],
            ["sandals/everyone", "plain/everyone"],
            "in every arm"
        );
        assert!(trace.contains("caps"), "{trace}");
    }
    assert_eq!(at_home, ["boots/everyone".into(), "caps/everyone".into()].into());
}

#[test]
fn shows_in_no_arm_what_is_on_the_page_already() {
    for unit in 0..20 {
        let (variants, _) = shown_to(&format!("u{unit}"), &showing("foot", "boots"), Taken::default());
        assert_eq!(
            variants,
            ["boots/everyone", "sandals/everyone", "none"],
            "in every arm"
        );
    }
}
