//! How long the check of a large strategy takes: `cargo bench -p attune-index`. Fails when a target is missed.
//!
//! One namespace with 1,000 audiences, 500 modules and 200 touchpoints in ten channels, with a binding each, twenty programs
//! and policies that judge everything: first as after a start, then again after something happens to one object. What is measured
//! is one settling of the [`Index`], by the time on a core, because others use it too. A policy rules everything, so that its edit
//! may take as long as everything does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and ends at the first thing that is not as it should be"
)]

use std::process::ExitCode;
use std::time::Duration;

use attune_api::Resource;
use attune_compile::ObjectId;
use attune_index::Index;
use jiff::{SignedDuration, Timestamp};
use mimalloc::MiMalloc;
use serde_json::{Value, json};

/// As in the operator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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

/// What is said and whether it is what was asked for.
struct Outcome {
    is_met: bool,
}

impl Outcome {
    fn say(&mut self, what: &str, times: &mut [Duration], target: Duration) {
        times.sort_unstable();
        let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        let verdict = if median <= target { "met" } else { "MISSED" };
        println!("{what}: {median:.1?} ({least:.1?} to {most:.1?}), target {target:.0?}: {verdict}");
        self.is_met &= median <= target;
    }
}

/// What is done to the document of this number.
type Edit = fn(&mut Value, usize);

/// Edits of one object each. Each is made to another object, and none is made twice.
const EDITS: [(&str, &str, Edit); 5] = [
    (
        "after the edit of an audience's `match`",
        "Audience",
        |document, run| {
            let text = document["spec"]["match"].as_str().unwrap().to_owned();
            document["spec"]["match"] = json!(format!("{text} && session.items > {run}"));
        },
    ),
    (
        "after the edit of a module's content",
        "ContentModule",
        |document, run| {
            document["spec"]["variants"][1]["content"]["headline"] = json!(format!("Other words {run}"));
        },
    ),
    (
        "after the edit of a binding's priority",
        "ChannelBinding",
        |document, run| {
            document["spec"]["priority"] = json!(150 + run);
        },
    ),
    (
        "after the edit of a program's review date",
        "Program",
        |document, run| {
            document["spec"]["reviewBy"] = json!(format!("2027-03-{}", 10 + run));
        },
    ),
    (
        "after the edit of a program's objective",
        "Program",
        |document, run| {
            document["spec"]["objective"] = json!(format!("Raise repeat purchases by {run} %."));
        },
    ),
];

fn main() -> ExitCode {
    let mut now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let documents = strategy();
    println!("{} resources in one namespace", documents.len());
    let mut outcome = Outcome { is_met: true };
    let mut index = everything(&documents, now, &mut outcome);
    let numbered = |kind: &str, place: usize| {
        let mut all = documents.iter().filter(|document| document["kind"] == kind);
        all.nth(place).unwrap().clone()
    };
    // Time goes on between any two edits.
    let mut measure = |what: &str, target: Duration, make: &dyn Fn(usize) -> Change| {
        let mut times = Vec::new();
        for run in 0..RUNS {
            now += SignedDuration::from_secs(1);
            let change = make(run);
            times.push(timed(|| {
                change.make(&mut index);
                drop(index.settle(now));
            }));
        }
        outcome.say(what, &mut times, target);
    };
    for (what, kind, edit) in EDITS {
        measure(what, ONE, &|run| {
            let mut document = numbered(kind, run * 2);
            edit(&mut document, run);
            Change::Apply(decoded(&document))
        });
    }
    measure("after a new audience", ONE, &|run| {
        Change::Apply(decoded(&audience(AUDIENCES + run)))
    });
    measure("after the deletion of an audience in use", ONE, &|run| {
        Change::Delete(ObjectId::of(&decoded(&audience(100 + run))))
    });
    measure("after its return", ONE, &|run| {
        Change::Apply(decoded(&audience(100 + run)))
    });
    measure("after a status that somebody wrote", ONE, &|run| {
        let mut document = numbered("Metric", 0);
        document["status"] = json!({"conditions": [], "units": run});
        Change::Apply(decoded(&document))
    });
    measure("after the edit of a policy's parameter", ALL, &|run| {
        let mut document = policy();
        document["spec"]["rules"]["holdout"]["minimumBp"] = json!(101 + run);
        Change::Apply(decoded(&document))
    });
    println!("peak memory of all this: {} MiB", peak_mebibytes());
    if outcome.is_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Settles everything as after a start, some times; gives an index for which what it wrote has been seen.
fn everything(documents: &[Value], now: Timestamp, outcome: &mut Outcome) -> Index {
    let mut index = Index::default();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        index = Index::default();
        for document in documents {
            index.apply(decoded(document));
        }
        times.push(timed(|| drop(index.settle(now))));
    }
    outcome.say("everything, as after a start", &mut times, ALL);
    index.resync();
    drop(index.settle(now));
    index
}

/// Something that happens to one object.
enum Change {
    Apply(Resource),
    Delete(ObjectId),
}

impl Change {
    fn make(self, index: &mut Index) {
        match self {
            Self::Apply(resource) => index.apply(resource),
            Self::Delete(id) => index.delete(&id),
        }
    }
}

fn decoded(document: &Value) -> Resource {
    Resource::decode(document.clone()).unwrap()
}

/// The most memory that was resident.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
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
