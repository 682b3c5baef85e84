//! How long the check of a large strategy takes: `cargo bench -p attune-index`. Fails when a target is missed.
//!
//! One namespace with 1,000 audiences, 500 modules and 200 touchpoints in ten channels, with a binding each, twenty programs
//! and policies that judge everything: first as after a start, then again after the edit of one object. What is measured is
//! one settling of the [`Index`], by the time on a core, because others use it too.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends at the first thing that is not as it should be"
)]

use std::process::ExitCode;
use std::time::Duration;

use attune_api::Resource;
use attune_index::Index;
use jiff::Timestamp;
use serde_json::{Value, json};

const AUDIENCES: usize = 1_000;
const MODULES: usize = 500;
const CHANNELS: usize = 10;
const TOUCHPOINTS: usize = 20;
const PROGRAMS: usize = 20;
/// Candidates of one binding.
const CANDIDATES: usize = 5;
/// Runs of each measurement.
const RUNS: usize = 7;

const ALL: Duration = Duration::from_secs(2);
const ONE: Duration = Duration::from_millis(50);

const REGIONS: [&str; 8] = ["at", "ch", "de", "dk", "es", "fr", "it", "pl"];
const TIERS: [&str; 5] = ["none", "bronze", "silver", "gold", "platinum"];

fn main() -> ExitCode {
    let at: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let documents = strategy();
    println!("{} resources in one namespace", documents.len());
    let mut is_met = true;
    let mut say = |what: &str, times: &mut Vec<Duration>, target: Duration| {
        times.sort_unstable();
        let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        let verdict = if median <= target { "met" } else { "MISSED" };
        println!("{what}: {median:.1?} ({least:.1?} to {most:.1?}), target {target:.0?}: {verdict}");
        is_met &= median <= target;
    };
    let mut index = Index::default();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let mut fresh = Index::default();
        for document in &documents {
            fresh.apply(Resource::decode(document.clone()).unwrap());
        }
        times.push(timed(|| drop(fresh.settle(at))));
        index = fresh;
    }
    say("everything", &mut times, ALL);
    for (what, kind, field) in [
        ("after the edit of an audience", "Audience", "/spec/match"),
        (
            "after the edit of a module",
            "ContentModule",
            "/spec/variants/1/content/headline",
        ),
        ("after the edit of a binding", "ChannelBinding", "/spec/priority"),
        ("after the edit of a program", "Program", "/spec/objective"),
    ] {
        let mut times = Vec::new();
        for run in 0..RUNS {
            let mut edited = documents
                .iter()
                .filter(|document| document["kind"] == kind)
                .nth(run * 2)
                .unwrap()
                .clone();
            let value = edited.pointer_mut(field).unwrap();
            *value = match value {
                Value::Number(_) => json!(150 + run),
                Value::String(text) if kind == "Audience" => {
                    json!(format!("{text} && session.items > {run}"))
                }
                _ => json!(format!("Other words {run}")),
            };
            let edited = Resource::decode(edited).unwrap();
            times.push(timed(|| {
                index.apply(edited);
                drop(index.settle(at));
            }));
        }
        say(what, &mut times, ONE);
    }
    if is_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Processor time of this thread.
fn timed(work: impl FnOnce()) -> Duration {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    };
    let began = now();
    work();
    now().saturating_sub(began)
}

fn strategy() -> Vec<Value> {
    let audiences = (0..AUDIENCES).map(audience);
    let modules = (0..MODULES).map(module);
    let channels = (0..CHANNELS).map(channel);
    let bindings = (0..CHANNELS * TOUCHPOINTS).map(binding);
    let programs = (0..PROGRAMS).map(program);
    let others = [contract(), metric(), holdout(), policy()];
    others
        .into_iter()
        .chain(programs)
        .chain(audiences)
        .chain(modules)
        .chain(channels)
        .chain(bindings)
        .collect()
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": spec,
    })
}

fn owner(group: &str) -> Value {
    json!({"group": group, "contact": format!("{group}@shop.example")})
}

fn contract() -> Value {
    let attribute = |name: &str, type_: &str, values: &[&str]| {
        let mut attribute = json!({
            "name": name, "type": type_, "source": "crm", "sensitivity": "Personal", "purpose": "personalization",
        });
        if !values.is_empty() {
            attribute["values"] = json!(values);
        }
        attribute
    };
    object(
        "DataContract",
        "shopper",
        &json!({
            "owner": owner("data-platform"),
            "attributes": [
                attribute("user.tier", "String", &TIERS),
                attribute("user.region", "String", &REGIONS),
                attribute("user.spend", "Double", &[]),
                attribute("user.age", "Int", &[]),
                attribute("user.segment", "String", &[]),
                attribute("session.items", "Int", &[]),
            ],
            "audit": {"at": "2026-11-02T09:00:00Z", "by": "data-platform", "result": "Passed", "evidence": "https://wiki.shop.example"},
            "reviewBy": "2027-05-31",
        }),
    )
}

fn metric() -> Value {
    object(
        "Metric",
        "purchase",
        &json!({
            "owner": owner("analytics"), "dimension": "Business", "type": "Proportion", "event": {"name": "purchase"},
            "window": "168h", "direction": "Increase",
        }),
    )
}

fn holdout() -> Value {
    object(
        "Holdout",
        "always-baseline",
        &json!({
            "owner": owner("analytics"), "shareBp": 500, "scope": "Namespace",
            "period": {"from": "2026-11-01T00:00:00Z", "until": "2027-04-30T00:00:00Z"},
        }),
    )
}

fn policy() -> Value {
    let warn = json!({"enforcement": "Warn"});
    let mut policy = object(
        "GovernancePolicy",
        "default",
        &json!({
            "namespaceSelector": {},
            "teams": ["data-platform", "crm", "content-studio", "analytics", "web-team"],
            "rules": {
                "objective": warn, "ownerRoles": warn, "insight": warn, "coverage": warn, "dataAudit": warn, "review": warn,
                "actionable": warn, "attributes": warn, "purpose": warn, "sensitiveAttributes": warn, "approval": warn,
                "tactics": {"enforcement": "Warn", "prohibited": ["FalseScarcity"], "phrases": {"en": ["only today", "last chance"]}},
                "evidence": {"enforcement": "Warn", "testShareBp": 1000}, "holdout": {"enforcement": "Warn", "minimumBp": 100},
                "primaryMetric": warn, "funnelBalance": warn, "locales": warn,
            },
        }),
    );
    policy["metadata"] = json!({"name": "default", "generation": 1});
    policy
}

fn program(number: usize) -> Value {
    let audiences: Vec<String> = (0..AUDIENCES / PROGRAMS)
        .map(|place| format!("audience-{}", number + PROGRAMS * place))
        .collect();
    let owners = json!({
        "dataModel": owner("data-platform"), "audiences": owner("crm"), "content": owner("content-studio"),
        "rules": owner("crm"), "measurement": owner("analytics"),
    });
    object(
        "Program",
        &format!("program-{number}"),
        &json!({
            "objective": "Raise repeat purchases among existing customers.", "purpose": "personalization",
            "kpi": {"metricRef": {"name": "purchase"}, "minimumLiftBp": 500}, "owners": owners, "audiences": audiences,
            "holdoutRef": {"name": "always-baseline"}, "coverage": {"minimumBp": 5000}, "reviewBy": "2027-03-31",
        }),
    )
}

/// Half of them ask for a value, a quarter for a range, and a quarter for both.
fn audience(number: usize) -> Value {
    let (tier, region) = (
        TIERS[number % TIERS.len()],
        REGIONS[number / TIERS.len() % REGIONS.len()],
    );
    let stages = ["Awareness", "Consideration", "Conversion", "Retention", "Loyalty"];
    let stage = stages[number % stages.len()];
    let low = number % 97 * 10;
    let rule = match number % 4 {
        0 => format!("user.segment == \"segment-{number}\""),
        1 => format!(
            "user.tier == \"{tier}\" && user.region == \"{region}\" && user.segment == \"segment-{number}\""
        ),
        2 => format!("user.spend > {low}.0 && user.spend <= {}.0", low + 50),
        _ => format!(
            "user.region in [\"{region}\", \"at\"] && user.age >= {} && user.spend > {low}.0",
            number % 60
        ),
    };
    object(
        "Audience",
        &format!("audience-{number}"),
        &json!({
            "owner": owner("crm"),
            "description": format!("People of kind {number}."),
            "stage": stage,
            "insight": {
                "believes": format!("Belief {number} about the shop and its goods."),
                "needs": format!("Need {number} that nobody else has."),
                "shifts": format!("Proof {number} that changes a mind."),
            },
            "match": rule,
            "reach": {"estimate": 100_000 + number, "asOf": "2026-11-01", "source": "crm"},
            "reviewBy": "2027-02-28",
        }),
    )
}

fn module(number: usize) -> Value {
    let audiences = [number, number + MODULES].map(|audience| format!("audience-{audience}"));
    let approval = json!({"by": "content-studio", "at": "2026-11-10T12:00:00Z"});
    let mut variants = vec![
        json!({"name": "everyone", "content": {"headline": format!("Welcome {number}"), "cta": "Shop now"}}),
    ];
    variants.extend(audiences.iter().map(|audience| {
        json!({
            "name": audience, "audiences": [audience], "approval": approval,
            "content": {"headline": format!("Just for {audience}"), "cta": "See it first"},
        })
    }));
    object(
        "ContentModule",
        &format!("module-{number}"),
        &json!({
            "owner": owner("content-studio"), "baseline": "everyone", "variants": variants,
            "slots": [{"name": "headline", "type": "Text", "required": true}, {"name": "cta", "type": "Text", "required": true}],
        }),
    )
}

fn channel(number: usize) -> Value {
    let touchpoints: Vec<Value> = (0..TOUCHPOINTS)
        .map(|place| {
            json!({
                "name": format!("place-{place}"),
                "slots": [{"name": "headline", "maxLength": 60, "required": true}, {"name": "cta", "maxLength": 20, "required": true}],
                "baseline": {"moduleRef": {"name": format!("module-{}", number * TOUCHPOINTS + place)}},
            })
        })
        .collect();
    object(
        "Channel",
        &format!("channel-{number}"),
        &json!({
            "owner": owner("web-team"), "type": "Web", "identity": {"unit": "targetingKey", "consent": "consent", "locale": "locale"},
            "locales": ["en"], "touchpoints": touchpoints, "metadata": "Full", "delivery": {"sidecar": {}},
        }),
    )
}

fn binding(number: usize) -> Value {
    let program = number % PROGRAMS;
    let candidates: Vec<Value> = (0..CANDIDATES)
        .map(|place| {
            let audience = program + PROGRAMS * ((number / PROGRAMS * CANDIDATES + place) % (AUDIENCES / PROGRAMS));
            json!({"moduleRef": {"name": format!("module-{}", audience % MODULES)}, "audiences": [format!("audience-{audience}")]})
        })
        .collect();
    object(
        "ChannelBinding",
        &format!("binding-{number}"),
        &json!({
            "programRef": {"name": format!("program-{program}")}, "channelRef": {"name": format!("channel-{}", number / TOUCHPOINTS)},
            "touchpoint": format!("place-{}", number % TOUCHPOINTS), "priority": 100, "candidates": candidates,
            "rollout": {"shareBp": 1000}, "exposure": "OnRender",
        }),
    )
}
