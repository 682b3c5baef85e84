//! What compiling a large namespace costs: `cargo run --release -p attune-compile --example cost`.
//!
//! A Channel of 200 touchpoints with a binding each, 1,000 audiences, a module with a variant for each of them and 500 more
//! modules; five audiences a binding. Prints milliseconds for a first compilation, one over what was published, one after a
//! single edit, and one over a broken audience, the size of the bundle, and what of it the analysis of the strategy takes.
#![expect(clippy::print_stdout, reason = "an example that prints its result")]

use std::sync::Arc;
use std::time::Instant;

use attune_api::{Kind, Resource};
use attune_compile::coverage::{self, Engines};
use attune_compile::strategy::Portfolio;
use attune_compile::{Compiled, Previous, Snapshot, compile};
use attune_core::engine::Engine;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

const AUDIENCES: usize = 1000;
const TOUCHPOINTS: usize = 200;
const MODULES: usize = 500;
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
    analysed(&snapshot, &first);
    if let Ok(edited) = Resource::decode(audience(7, "user.spend90d > 7.5 && user.tier == \"gold\"")) {
        snapshot.insert(edited);
    }
    timed("one edit", &snapshot, &previous);
    let broken = audience(0, "user.tier ==");
    if let Ok(broken) = Resource::decode(broken) {
        snapshot.insert(broken);
    }
    timed("carrying", &snapshot, &previous);
    snapshot.remove(Kind::Audience, "audience-1");
    timed("carrying more", &snapshot, &previous);
}

/// How long the analysis of the strategy takes by itself.
fn analysed(snapshot: &Snapshot, compiled: &Compiled) {
    let began = Instant::now();
    let portfolio = Portfolio::of_snapshot(snapshot);
    let near = &portfolio.near;
    println!(
        "overlap: {} ms with parsing, {} nested and {} equal",
        began.elapsed().as_millis(),
        near.nested.len(),
        near.equal.len()
    );
    let engines = compiled.channels.iter().filter_map(|(name, publication)| {
        let engine = Engine::load(Arc::clone(&publication.bundle)).ok()?;
        Some((name.clone(), Arc::new(engine)))
    });
    let engines: Engines = engines.collect();
    let began = Instant::now();
    let coverages = coverage::all(snapshot, &engines, AT);
    let cells: usize = coverages.iter().map(|coverage| coverage.cells.len()).sum();
    println!("coverage: {} ms, {cells} cells", began.elapsed().as_millis());
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
    for number in 0..MODULES {
        let everyone = json!({"name": "everyone", "content": {"headline": "Welcome"}});
        let own = json!({
            "name": "own", "audiences": [name(number * 2)], "content": {"headline": format!("Own {number}")},
        });
        strategy = strategy.with_json(json!({
            "apiVersion": "attune.dev/v1alpha1",
            "kind": "ContentModule",
            "metadata": {"name": format!("module-{number}"), "namespace": "shop"},
            "spec": {
                "owner": {"group": "content-studio", "contact": "content@shop.example"},
                "slots": [{"name": "headline", "type": "Text", "required": true}],
                "baseline": "everyone",
                "variants": [everyone, own],
            },
        }));
    }
    for number in 0..TOUCHPOINTS {
        let first = number * AUDIENCES_OF_A_BINDING;
        let audiences: Vec<_> = (first..first + AUDIENCES_OF_A_BINDING).map(name).collect();
        let modules = (0..MODULES).filter(|module| module % TOUCHPOINTS == number);
        let more = modules.map(|module| {
            json!({"moduleRef": {"name": format!("module-{module}")}, "audiences": [name(module * 2)]})
        });
        let all = json!({"moduleRef": {"name": "hero"}, "audiences": audiences});
        let candidates: Vec<Value> = more.chain([all]).collect();
        strategy = strategy.with_json(json!({
            "apiVersion": "attune.dev/v1alpha1",
            "kind": "ChannelBinding",
            "metadata": {"name": format!("binding-{number}"), "namespace": "shop"},
            "spec": {
                "programRef": {"name": "spring-retention"},
                "channelRef": {"name": "web"},
                "touchpoint": format!("touchpoint-{number}"),
                "candidates": candidates,
            },
        }));
    }
    strategy
}
