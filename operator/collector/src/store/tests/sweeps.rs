//! Sweeps step by step, through rows that are not in the order of their age.

use std::time::Instant;

use super::*;
use crate::store::sweep::Sweep;

const YEAR: i64 = 365;

fn days(days: i64) -> Timestamp {
    after(days * 86_400)
}

/// One look at some rows, whatever the time.
async fn step(store: &Store, mut sweep: Sweep) -> (Sweep, Swept) {
    let step = store.shared.writer.run(move |connection, caches| {
        let swept = sweep.step(connection, caches, Instant::now())?;
        Ok((sweep, swept))
    });
    step.await.unwrap()
}

/// A sweep to its end that looks at so many chunks behind the front.
async fn sweep(store: &Store, at: Timestamp, stragglers: u32) -> Swept {
    let mut sweep = Sweep::new(Retention::default(), at);
    sweep.stragglers = stragglers;
    let mut swept = Swept::default();
    while !sweep.is_done() {
        let (next, more) = step(store, sweep).await;
        sweep = next;
        swept.add(more);
    }
    swept
}

/// So many exposures that arrive when they happen.
async fn arrive(store: &Store, name: &str, count: usize, time: Timestamp) {
    let events = (0..count).map(|i| exposed(&format!("{name}{i}"), &format!("u{i}"), "a", time));
    store.append(events.collect(), time).await.unwrap();
}

#[tokio::test]
async fn drops_what_is_old_behind_what_came_while_the_clock_was_ahead() {
    let (_directory, store) = fresh();
    arrive(&store, "ahead", 600, days(10 * YEAR)).await;
    arrive(&store, "right", 300, now()).await;
    let swept = sweep(&store, days(91), 100).await;
    assert_eq!((swept.event_ids, swept.exposures), (300, 300));
    assert_eq!(count(&store, "exposure"), 600);
}

#[tokio::test]
async fn looks_through_a_part_behind_the_front_and_goes_on_from_there_the_next_time() {
    let (_directory, store) = fresh();
    arrive(&store, "ahead", 1200, days(10 * YEAR)).await;
    arrive(&store, "right", 256, now()).await;
    // Five chunks stand before what is old, the first of which is the front.
    let mut dropped = Vec::new();
    for _ in 0..3 {
        let swept = sweep(&store, days(91), 2).await;
        dropped.push((swept.event_ids, swept.exposures));
    }
    assert_eq!(dropped.iter().map(|(ids, _)| ids).sum::<u64>(), 256);
    assert_eq!(dropped.iter().map(|(_, exposures)| exposures).sum::<u64>(), 256);
    assert_eq!(dropped[0], (0, 0), "the first part has nothing that is old");
    // Having come to the end, it begins again behind the front.
    arrive(&store, "late", 10, now()).await;
    let mut late = 0;
    for _ in 0..4 {
        late += sweep(&store, days(92), 2).await.exposures;
    }
    assert_eq!(late, 10);
}

#[tokio::test]
async fn a_step_looks_at_few_units_and_the_next_sweep_at_those_that_are_left() {
    let (directory, store) = fresh();
    let events = (0..1000).map(|i| happened(&format!("e{i}"), &format!("u{i}"), "click", now()));
    store.append(events.collect(), now()).await.unwrap();
    let mut sweep = Sweep::new(Retention::default(), days(401));
    let mut swept = Swept::default();
    while swept.units == 0 {
        let (next, more) = step(&store, sweep).await;
        sweep = next;
        swept.add(more);
    }
    assert_eq!(swept.outcomes, 1000);
    assert!(
        swept.units <= 16,
        "{} units were looked at in one step",
        swept.units
    );
    drop(store);
    // Interrupted: what was to be looked at is known to whoever comes next.
    let store = open(directory.path());
    let rest = super::sweeps::sweep(&store, days(401), 1).await;
    assert_eq!((rest.outcomes, rest.units), (0, 1000 - swept.units));
    assert_eq!((count(&store, "unit"), count(&store, "touched")), (0, 0));
}
