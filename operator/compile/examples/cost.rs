//! What compiling a large namespace costs: `cargo run --release -p attune-compile --example cost`.
//!
//! A Channel of 200 touchpoints with a binding each, 1,000 audiences and a module with a variant for each of them; five
//! audiences a binding. Prints milliseconds for a first compilation, one over what was published, and one over a broken
//! audience, and the size of the bundle.
#![expect(clippy::print_stdout, reason = "an example that prints its result")]

use std::sync::Arc;
use std::time::Instant;

use attune_api::{Kind, Resource};
use attune_compile::{Compiled, Previous, Snapshot, compile};
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

const AUDIENCES: usize = 1000;
const TOUCHPOINTS: usize = 200;
const AUDIENCES_OF_A_BINDING: usize = 5;

fn main() {
    let mut snapshot = Snapshot::new("shop");
    for resource in large().resources() {
        snapshot.insert(resource);
    }
    let first = timed("first", &snapshot, &Previous::new());
    let channels = first.channels.iter();
    let previous: Previous = channels
        .map(|(channel, publication)| (channel.clone(), Arc::clone(&publication.bundle)))
        .collect();
    timed("again", &snapshot, &previous);
    let broken = audience(0, "user.tier ==");
    if let Ok(broken) = Resource::decode(broken) {
        snapshot.insert(broken);
    }
    timed("carrying", &snapshot, &previous);
    snapshot.remove(Kind::Audience, "audience-1");
    timed("carrying more", &snapshot, &previous);
}

fn timed(what: &str, snapshot: &Snapshot, previous: &Previous) -> Compiled {
    let began = Instant::now();
    let compiled = compile(snapshot, previous, AT);
    let elapsed = began.elapsed();
    let bytes: usize = compiled.channels.values().map(|one| one.canonical.len()).sum();
    let findings = compiled.findings.len();
    println!(
        "{what}: {} ms, {} KiB, {findings} findings",
        elapsed.as_millis(),
        bytes / 1024
    );
    compiled
}

fn audience(number: usize, rule: &str) -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Audience",
        "metadata": {"name": format!("audience-{number}"), "namespace": "shop"},
        "spec": {
            "owner": {"group": "crm", "contact": "crm@shop.example"},
            "description": "One of many.",
            "stage": "Loyalty",
            "insight": {"believes": "a", "needs": "b", "shifts": "c"},
            "match": rule,
        },
    })
}

fn large() -> Strategy {
    let name = |number: usize| format!("audience-{}", number % AUDIENCES);
    let mut strategy = Strategy::example()
        .without(Kind::Channel, "email")
        .without(Kind::ChannelBinding, "retention-newsletter")
        .without(Kind::Experiment, "cart-hero")
        .without(Kind::ChannelBinding, "retention-home-hero")
        .change(Kind::Program, "spring-retention", |spec| {
            spec["audiences"] = (0..AUDIENCES).map(|number| Value::from(name(number))).collect();
            spec["coverage"] = Value::Null;
        })
        .change(Kind::ContentModule, "hero", |spec| {
            let variants = (0..AUDIENCES).map(|number| {
                json!({
                    "name": format!("variant-{number}"), "audiences": [name(number)],
                    "content": {"headline": format!("Hello {number}"), "cta": "See it"},
                })
            });
            let everyone = json!({"name": "everyone", "content": {"headline": "Welcome", "cta": "Shop now"}});
            spec["variants"] = std::iter::once(everyone).chain(variants).collect();
        })
        .change(Kind::Channel, "web", |spec| {
            let touchpoints = (0..TOUCHPOINTS).map(|number| {
                json!({
                    "name": format!("touchpoint-{number}"),
                    "slots": [{"name": "headline", "maxLength": 40, "required": true}],
                    "baseline": {"moduleRef": {"name": "hero"}},
                })
            });
            spec["touchpoints"] = touchpoints.collect();
        });
    for number in 0..AUDIENCES {
        strategy = strategy.with_json(audience(
            number,
            &format!("user.spend90d > {number}.0 && user.tier == \"gold\""),
        ));
    }
    for number in 0..TOUCHPOINTS {
        let first = number * AUDIENCES_OF_A_BINDING;
        let audiences: Vec<_> = (first..first + AUDIENCES_OF_A_BINDING).map(name).collect();
        strategy = strategy.with_json(json!({
            "apiVersion": "attune.dev/v1alpha1",
            "kind": "ChannelBinding",
            "metadata": {"name": format!("binding-{number}"), "namespace": "shop"},
            "spec": {
                "programRef": {"name": "spring-retention"},
                "channelRef": {"name": "web"},
                "touchpoint": format!("touchpoint-{number}"),
                "candidates": [{"moduleRef": {"name": "hero"}, "audiences": audiences}],
            },
        }));
    }
    strategy
}
