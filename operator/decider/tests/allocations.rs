//! A decision allocates nothing but its answer: counted, not promised.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use allocation_counter::{AllocationInfo, measure};
use attune_core::context::{Context, Scratch, Shape};
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use jiff::Timestamp;

#[path = "../benches/engine/world.rs"]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark's world fails where it is wrong"
)]
mod world;

/// Counts what every touchpoint costs once the memory of requests is there.
fn count(engine: &Engine, body: &str) -> AllocationInfo {
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let mut scratch = Scratch::default();
    let mut answer = Vec::with_capacity(64 * 1024);
    let mut all = |engine: &Engine| {
        answer.clear();
        Shape {
            depth: 32,
            keys: 1024,
        }
        .check(body.as_bytes())
        .unwrap();
        let context = Context::decode_request_in(engine, body.as_bytes(), &mut scratch).unwrap();
        for touchpoint in engine.touchpoints() {
            let request = Request {
                touchpoint,
                context: &context,
                history: &NoHistory,
                now,
            };
            let decision = decide(engine, request, &mut Trace::off()).unwrap();
            Success::new(&decision, engine.metadata(), Some("019ad6f0")).write(&mut answer);
        }
        context.release(&mut scratch);
    };
    all(engine);
    let counted = measure(|| all(engine));
    assert!(answer.len() > 100, "it answered");
    counted
}

#[test]
fn decides_without_allocating() {
    let large = world::build(200, 1_000, 5, world::Rules::Mixed);
    let segments = world::build(1, 1_000, 1_000, world::Rules::Segments);
    let ranges = world::build(1, 1_000, 1_000, world::Rules::Ranges);
    for bundle in [world::channel(100), large, segments, ranges] {
        let engine = Engine::load(bundle).expect("a bundle");
        let counted = count(&engine, &world::request(7));
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
}

#[test]
fn allocates_for_lists_and_escapes_only_what_they_hold() {
    let engine = Engine::load(world::channel(10)).expect("a bundle");
    // The counter counts: an escaped string cannot be borrowed from the request.
    let body = r#"{"context": {"targetingKey": "u\n1", "user": {"tier": "gold"}}}"#;
    let counted = count(&engine, body);
    assert!((1..10).contains(&counted.count_total), "{counted:?}");
}
