//! What a decision costs in process: `cargo bench -p attune-decider --bench engine`.
//!
//! Every figure is the median of 25 batches, with the fastest and the slowest.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark that fails says so"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use attune_core::context::{Context, Scratch};
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use jiff::Timestamp;

mod world;

use world::Rules;

const BATCHES: usize = 25;

/// Times batches of `run`, after one that does not count; prints nanoseconds a call.
fn time(what: &str, calls: u32, mut run: impl FnMut()) -> Duration {
    let mut batches = Vec::with_capacity(BATCHES);
    for batch in 0..=BATCHES {
        let began = Instant::now();
        (0..calls).for_each(|_| run());
        if batch > 0 {
            batches.push(began.elapsed() / calls);
        }
    }
    batches.sort_unstable();
    let median = batches.get(BATCHES / 2).copied().unwrap_or_default();
    let (first, last) = (batches.first(), batches.last());
    println!(
        "{what:<44} {median:>10.0?}  {:?} to {:?}",
        first.expect("a batch"),
        last.expect("a batch")
    );
    median
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn main() {
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("an instant");
    large();
    one_request(now);
    println!("\naudiences of one touchpoint, decoding and deciding:");
    for rules in [Rules::Segments, Rules::Ranges] {
        for audiences in [1, 10, 100, 1_000, 10_000] {
            let engine = Engine::load(world::build(1, audiences, audiences, rules)).expect("a bundle");
            let body = world::request(7);
            let mut scratch = Scratch::default();
            let calls = if audiences > 1000 { 20 } else { 2_000 };
            time(&format!("  {rules:?}, {audiences}"), calls, || {
                ask(&engine, &body, now, &mut scratch, |_| ());
            });
        }
    }
}

/// One decision of a bundle with 100 touchpoints, in its parts.
fn one_request(now: Timestamp) {
    let engine = Engine::load(world::channel(100)).expect("a bundle");
    let body = world::request(7);
    println!(
        "\nof 100 touchpoints with three rules and a split each, a request of {} bytes:",
        body.len()
    );
    let mut scratch = Scratch::default();
    time("  decoding", 20_000, || {
        let context = Context::decode_request_in(&engine, black_box(body.as_bytes()), &mut scratch);
        context.expect("a context").release(&mut scratch);
    });
    let context = Context::decode_request(&engine, body.as_bytes()).expect("a context");
    let request = Request {
        touchpoint: "place-50",
        context: &context,
        history: &NoHistory,
        now,
    };
    time("  deciding: 3 rules, holdout, split", 20_000, || {
        black_box(decide(&engine, black_box(request), &mut Trace::off()).expect("a touchpoint"));
    });
    let decision = decide(&engine, request, &mut Trace::off()).expect("a touchpoint");
    let mut answer = Vec::with_capacity(1024);
    time("  writing the answer", 20_000, || {
        answer.clear();
        let id = Some("019ad6f0-0000-7000-8000-000000000000");
        Success::new(black_box(&decision), engine.metadata(), id).write(&mut answer);
    });
    time("  all of it", 20_000, || {
        ask(&engine, &body, now, &mut scratch, |decision| {
            answer.clear();
            Success::new(decision, engine.metadata(), None).write(&mut answer);
        });
    });
    println!("  the answer has {} bytes", answer.len());
}

fn ask(
    engine: &Engine,
    body: &str,
    now: Timestamp,
    scratch: &mut Scratch,
    then: impl FnOnce(&attune_core::decide::Decision<'_>),
) {
    let context = Context::decode_request_in(engine, black_box(body.as_bytes()), scratch).expect("a context");
    let touchpoint = engine.touchpoints().next().expect("a touchpoint");
    let request = Request {
        touchpoint,
        context: &context,
        history: &NoHistory,
        now,
    };
    then(&decide(engine, request, &mut Trace::off()).expect("a touchpoint"));
    context.release(scratch);
}

/// 1,000 audiences and 200 touchpoints: how long it loads, and what it takes.
fn large() {
    let json = world::build(200, 1_000, 5, Rules::Mixed)
        .canonical()
        .expect("JSON");
    let before = resident_kib();
    let began = Instant::now();
    let engine = Engine::parse(&json).expect("a bundle");
    let (took, after) = (began.elapsed(), resident_kib());
    println!(
        "1,000 audiences, 200 touchpoints, {} KiB of JSON: loaded in {took:.1?}, {} KiB resident more",
        json.len() / 1024,
        after.saturating_sub(before)
    );
    drop(black_box(engine));
    time("  loading it", 1, || {
        drop(black_box(Engine::parse(&json).expect("a bundle")));
    });
}
