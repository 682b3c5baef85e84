//! How fast events become durable and questions answered: `cargo bench -p attune-collector [-- UNITS [RUNS]]`.
//!
//! Ingest is measured from the bytes of a batch to its acknowledgement, eight senders at once, on one tokio thread
//! beside the writer's; analysis with five outcomes a unit, one of them from before its exposure, on the file that the last
//! ingest left behind. Units enter over four weeks, so that the sequential designs have a look for every day. The batches are
//! made before the clock starts: whoever sends them does so elsewhere. `taskset -c 0` keeps all of it on one core; where
//! others use that core too, the figure by CPU time is the one to look at. With a million units or more it fails when a
//! target is missed.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark ends at the first thing that is not as it should be"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use attune_collector::store::StoreOptions;
use attune_collector::{Clock, Collector, CollectorOptions};
use attune_core::event::parse_batch;
use attune_core::measure::{
    ArmQuestion, CovariateQuestion, Direction, EventQuery, Method, MetricKind, MetricQuestion, MetricRole,
    Question,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Events of one batch.
const BATCH: usize = 500;
/// Outcomes of one unit.
const OUTCOMES: usize = 5;
/// Days over which units enter.
const DAYS: usize = 28;
/// Batches that are under way at the same time.
const SENDERS: usize = 8;
/// Events a second that one core stores durably.
const INGEST_TARGET: f64 = 20_000.0;
/// Seconds until a question about [`ANALYSIS_UNITS`] is answered.
const ANALYSIS_TARGET: f64 = 10.0;
/// From so many units on, the targets are held against the figures.
const ANALYSIS_UNITS: usize = 1_000_000;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let units = numbers.next().unwrap_or(100_000);
    let runs = numbers.next().unwrap_or(3).max(1);
    // Three weeks after the last unit entered: every window is over.
    let now = day(DAYS + 21);
    let mut is_met = true;

    let mut by_clock = Vec::new();
    let mut by_core = Vec::new();
    let mut filled = None;
    for _ in 0..runs {
        // Dropped first: two databases of a million units need not fit on the disk.
        drop(filled.take());
        let directory = tempfile::tempdir().unwrap();
        let (collector, clock, core) = fill(directory.path(), units, now);
        by_clock.push(clock);
        by_core.push(core);
        filled = Some((collector, directory));
    }
    report("ingest by the clock, events/s", &by_clock);
    is_met &= report("ingest by CPU time, events/s of one core", &by_core) >= INGEST_TARGET;

    let (collector, _directory) = filled.unwrap();
    for (what, question) in questions(units) {
        let seconds: Vec<f64> = (0..runs)
            .map(|_| {
                let started = Instant::now();
                let answer = attune_collector::answer(collector.store(), &question, now).unwrap();
                let result = answer.results.first().unwrap();
                assert_eq!(result.n, units as u64);
                assert_eq!(result.variance_kept.is_some(), question.covariate.is_some());
                started.elapsed().as_secs_f64()
            })
            .collect();
        is_met &= report(&format!("analysis of {what}, seconds"), &seconds) < ANALYSIS_TARGET;
    }
    if is_met || units < ANALYSIS_UNITS {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints the median and the spread of some runs, and gives the median.
fn report(what: &str, runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(sorted.len() / 2).unwrap();
    let (first, last) = (sorted.first().unwrap(), sorted.last().unwrap());
    println!(
        "{what}: {median:.2}, {first:.2} to {last:.2}, {} runs",
        sorted.len()
    );
    median
}

/// Fills a store, and gives it with the events of a second and of a second of CPU time.
fn fill(directory: &Path, units: usize, now: Timestamp) -> (Collector, f64, f64) {
    let options = CollectorOptions {
        clock: Clock::fixed(now),
        store: StoreOptions::default(),
        ..CollectorOptions::default()
    };
    let collector = Collector::open(directory, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let batches = batches(units);
    let (started, used) = (Instant::now(), cpu_seconds());
    runtime.block_on(ingest(&collector, batches));
    let (seconds, used) = (started.elapsed().as_secs_f64(), cpu_seconds() - used);
    let events = units * (1 + OUTCOMES);
    println!("{events} events in {seconds:.2} s, {used:.2} s of CPU");
    (collector, events as f64 / seconds, events as f64 / used)
}

/// Every batch, ready to be sent; the last one first.
fn batches(units: usize) -> Vec<Vec<u8>> {
    let total = units * (1 + OUTCOMES);
    let mut batches: Vec<_> = (0..total)
        .step_by(BATCH)
        .map(|from| {
            let events: Vec<Value> = (from..total.min(from + BATCH)).map(|i| event(i, units)).collect();
            serde_json::to_vec(&events).unwrap()
        })
        .collect();
    batches.reverse();
    batches
}

async fn ingest(collector: &Collector, batches: Vec<Vec<u8>>) {
    let batches = std::rc::Rc::new(std::cell::RefCell::new(batches));
    let senders = (0..SENDERS).map(|_| {
        let batches = std::rc::Rc::clone(&batches);
        async move {
            loop {
                let Some(body) = batches.borrow_mut().pop() else {
                    break;
                };
                collector.take(parse_batch(&body).unwrap(), None).await.unwrap();
            }
        }
    });
    futures(senders).await;
}

/// What this process has used of any core, in user and kernel, by ticks of a hundredth.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks = |place| {
        after_name
            .split_whitespace()
            .nth(place)
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// Polls all of them until all are done.
async fn futures(tasks: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut tasks: Vec<_> = tasks.map(|task| Some(Box::pin(task))).collect();
    std::future::poll_fn(|context| {
        for slot in &mut tasks {
            if slot
                .as_mut()
                .is_some_and(|task| task.as_mut().poll(context).is_ready())
            {
                *slot = None;
            }
        }
        if tasks.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// The first day on which units enter, or so many days later.
fn day(number: usize) -> Timestamp {
    let first: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let days = i64::try_from(number).unwrap();
    first.checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

/// Exposures first, with ids in the order of time as deciders make them; then outcomes, whose units and ids come in an
/// order that has nothing to do with anything stored. The first outcome of a unit is from before its exposure, the others
/// are from a day after it to four, and alike by unit, so that the first says something of them.
fn event(i: usize, units: usize) -> Value {
    let (kind, unit) = if i < units {
        ("exposure", i)
    } else {
        ("outcome", i.wrapping_mul(7919) % units)
    };
    let data = if kind == "exposure" {
        let arm = if unit.is_multiple_of(2) {
            "control"
        } else {
            "reminder"
        };
        json!({"unit": format!("unit-{unit}"), "experiment": "x", "arm": arm, "binding": "b", "variant": "m/v",
               "channel": "web", "touchpoint": "hero", "revision": "abc"})
    } else {
        json!({"unit": format!("unit-{unit}"), "event": "purchase", "value": unit * 31 % 97 + i % 13,
               "properties": {"sku": i % 13}})
    };
    let entered = day(unit * DAYS / units);
    let time = match (i / units).checked_sub(1) {
        None => entered,
        Some(0) => entered - SignedDuration::from_hours(24),
        Some(number) => entered + SignedDuration::from_hours(24 * i64::try_from(number).unwrap()),
    };
    let id = if kind == "exposure" {
        i as u128
    } else {
        // Odd, so that no two of them are the same.
        (i as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    };
    json!({"specversion": "1.0", "type": format!("dev.attune.{kind}.v1"), "id": format!("{id:032x}"),
           "source": "/bench", "time": time.to_string(), "data": data})
}

/// What is asked, the simple first: with a covariate the outcomes are read twice, and once more by weeks where the window
/// has three of them.
fn questions(units: usize) -> Vec<(String, Question)> {
    let adjusted = |method, weeks: i64| {
        let mut question = question(MetricKind::Mean);
        question.method = method;
        question.planned_units = Some(units as u64);
        question.minimum_lift_bp = Some(100);
        for metric in &mut question.metrics {
            metric.window_seconds = weeks * 7 * 86_400;
        }
        question.covariate = Some(CovariateQuestion {
            name: "before".into(),
            kind: MetricKind::Mean,
            event: purchases(),
            window_seconds: 14 * 86_400,
        });
        question
    };
    vec![
        ("a proportion".into(), question(MetricKind::Proportion)),
        ("a mean".into(), question(MetricKind::Mean)),
        (
            format!("a mean with a covariate, planned, {DAYS} looks"),
            adjusted(Method::Planned, 1),
        ),
        (
            format!("a mean with a covariate, continuous, {DAYS} looks"),
            adjusted(Method::Continuous, 1),
        ),
        (
            "the same over three weeks, and by weeks".into(),
            adjusted(Method::Continuous, 3),
        ),
    ]
}

fn purchases() -> EventQuery {
    EventQuery {
        name: "purchase".into(),
        value: None,
        filter: None,
    }
}

fn question(kind: MetricKind) -> Question {
    let arm = |name: &str, control| ArmQuestion {
        name: name.into(),
        weight: 50,
        control,
    };
    Question {
        namespace: "default".into(),
        experiment: "x".into(),
        phase: 1,
        arms: vec![arm("control", true), arm("reminder", false)],
        metrics: vec![MetricQuestion {
            name: "purchase".into(),
            role: MetricRole::Primary,
            kind,
            event: purchases(),
            denominator: None,
            window_seconds: 7 * 86_400,
            direction: Direction::Increase,
            source: None,
        }],
        method: Method::Fixed,
        alpha_bp: 500,
        power_bp: 8000,
        planned_units: None,
        minimum_lift_bp: None,
        registration: String::new(),
        covariate: None,
        exclude: Vec::new(),
        earlier: Vec::new(),
        bindings: Vec::new(),
        thresholds: Vec::new(),
    }
}
