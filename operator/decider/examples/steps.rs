//! Does one step of a decision so many times, to be counted: `steps <decode|decide|write|bulk> <times>`. What a bulk answer
//! costs beside reading the request and deciding is in `attune_decider`, which copies what it wrote before.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a program for benchmarks that fails says so"
)]

use std::hint::black_box;

use attune_core::context::{Context, Scratch};
use attune_core::decide::{Request, decide, decide_everywhere};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use jiff::Timestamp;

#[path = "../benches/engine/world.rs"]
#[expect(dead_code, reason = "the benchmarks use more of it")]
mod world;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let step = arguments.next().expect("`steps <step> <times>`");
    let times = arguments.next().expect("`steps <step> <times>`");
    let times: u32 = times.parse().expect("a number");
    let engine = Engine::load(world::channel(100)).expect("a bundle");
    let body = world::request(7);
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("an instant");
    let context = Context::decode_request(&engine, body.as_bytes()).expect("a context");
    let request = Request {
        touchpoint: "place-50",
        context: &context,
        history: &NoHistory,
        now,
    };
    let decision = decide(&engine, request, &mut Trace::off()).expect("a touchpoint");
    let id = Some("019ad6f0-0000-7000-8000-000000000000");
    let (mut scratch, mut answer) = (Scratch::default(), Vec::with_capacity(64 * 1024));
    for _ in 0..times {
        answer.clear();
        match step.as_str() {
            "decode" => {
                let context = Context::decode_request_in(&engine, black_box(body.as_bytes()), &mut scratch);
                context.expect("a context").release(&mut scratch);
            }
            "decide" => _ = black_box(decide(&engine, black_box(request), &mut Trace::off())),
            "write" => Success::new(black_box(&decision), engine.metadata(), id).write(&mut answer),
            "bulk" => {
                let context = Context::decode_request_in(&engine, black_box(body.as_bytes()), &mut scratch);
                let context = context.expect("a context");
                for outcome in decide_everywhere(&engine, &context, &NoHistory, now) {
                    black_box(outcome);
                }
                context.release(&mut scratch);
            }
            other => panic!("there is no step `{other}`"),
        }
        black_box(&answer);
    }
}
