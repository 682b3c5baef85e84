use std::path::Path;

use attune_core::event::{Decided, Enrolment, Event, EventData, Exposure, HoldoutTest, Outcome};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

mod aliases;
mod decisions;
mod durability;
mod erasure;
mod privacy;
mod retention;
mod sweeps;
mod tables;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-12-01T00:00:00Z")
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + seconds).unwrap()
}

fn open(directory: &Path) -> Store {
    Store::open(directory, &StoreOptions::default()).unwrap()
}

fn fresh() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (directory, store)
}

fn exposed(id: &str, unit: &str, arm: &str, time: Timestamp) -> NewEvent {
    let enrolment = Some(Enrolment {
        experiment: "x".into(),
        phase: 1,
        arm: arm.into(),
    });
    event(
        id,
        time,
        EventData::Exposure(Exposure {
            unit: unit.into(),
            enrolment,
            ..Exposure::default()
        }),
    )
}

fn happened(id: &str, unit: &str, name: &str, time: Timestamp) -> NewEvent {
    event(
        id,
        time,
        EventData::Outcome(Outcome {
            unit: unit.into(),
            event: name.into(),
            ..Outcome::default()
        }),
    )
}

fn decided(id: &str, unit: &str, time: Timestamp) -> NewEvent {
    event(
        id,
        time,
        EventData::Decision(Box::new(Decided {
            unit: unit.into(),
            channel: "web".into(),
            touchpoint: "home".into(),
            revision: "abc".into(),
            reason: "TARGETED".into(),
            variant: Some("hero/gold".into()),
            binding: None,
            audience: None,
            retention_seconds: 30 * 86_400,
            inputs: serde_json::from_value(serde_json::json!({
                "now": time.to_string(), "unitFrom": "unit", "context": {"user.tier": "gold"},
            }))
            .unwrap(),
        })),
    )
}

fn event(id: &str, time: Timestamp, data: EventData) -> NewEvent {
    let event = Event {
        id: id.into(),
        source: "/test".into(),
        time,
        namespace: None,
        data,
    };
    NewEvent {
        namespace: "shop".into(),
        event,
    }
}

fn count(store: &Store, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let snapshot = store.snapshot().unwrap();
    snapshot
        .connection()
        .query_row(&sql, [], |row| row.get(0))
        .unwrap()
}

fn arms(store: &Store) -> Vec<Assigned> {
    let snapshot = store.snapshot().unwrap();
    match snapshot.split("shop", SplitKind::Experiment, "x", 1).unwrap() {
        Some(split) => snapshot.assigned(split, after(1_000_000)).unwrap(),
        None => Vec::new(),
    }
}

fn arm(name: &str, units: u64, crossed_over: u64) -> Assigned {
    Assigned {
        arm: name.into(),
        units,
        crossed_over,
    }
}

#[test]
fn keeps_the_first_arm_of_a_unit_and_counts_it_as_crossed_over() {
    let (_directory, store) = fresh();
    let events = vec![
        exposed("e1", "u1", "a", now()),
        exposed("e2", "u1", "b", after(1)),
        exposed("e3", "u1", "b", after(2)),
        exposed("e4", "u2", "b", after(1)),
    ];
    store.append_blocking(events, now()).unwrap();
    assert_eq!(arms(&store), [arm("a", 1, 1), arm("b", 1, 0)]);
}

#[test]
fn does_not_count_exposures_after_the_data_cut() {
    let (_directory, store) = fresh();
    let events = vec![
        exposed("e1", "u1", "a", now()),
        exposed("e2", "u1", "b", after(9)),
        exposed("e3", "u2", "b", after(9)),
    ];
    store.append_blocking(events, now()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let split = snapshot
        .split("shop", SplitKind::Experiment, "x", 1)
        .unwrap()
        .unwrap();
    assert_eq!(snapshot.assigned(split, after(8)).unwrap(), [arm("a", 1, 0)]);
    assert_eq!(
        snapshot.assigned(split, after(9)).unwrap(),
        [arm("a", 1, 1), arm("b", 1, 0)]
    );
}

#[test]
fn assigns_an_earlier_exposure_that_arrives_late() {
    let (_directory, store) = fresh();
    store
        .append_blocking(vec![exposed("e1", "u1", "b", after(5))], now())
        .unwrap();
    store
        .append_blocking(vec![exposed("e2", "u1", "a", after(1))], now())
        .unwrap();
    assert_eq!(arms(&store), [arm("a", 1, 1)]);
}

#[test]
fn keeps_phases_and_holdouts_apart() {
    let (_directory, store) = fresh();
    let place = |phase, held| {
        EventData::Exposure(Exposure {
            unit: "u1".into(),
            enrolment: Some(Enrolment {
                experiment: "x".into(),
                phase,
                arm: "a".into(),
            }),
            holdout: Some(HoldoutTest {
                name: "h".into(),
                held,
            }),
            ..Exposure::default()
        })
    };
    store
        .append_blocking(
            vec![
                event("e1", now(), place(1, false)),
                event("e2", now(), place(2, false)),
            ],
            now(),
        )
        .unwrap();
    let snapshot = store.snapshot().unwrap();
    for phase in [1, 2] {
        let split = snapshot
            .split("shop", SplitKind::Experiment, "x", phase)
            .unwrap()
            .unwrap();
        assert_eq!(snapshot.assigned(split, now()).unwrap(), [arm("a", 1, 0)]);
    }
    let holdout = snapshot
        .split("shop", SplitKind::Holdout, "h", 1)
        .unwrap()
        .unwrap();
    assert_eq!(snapshot.assigned(holdout, now()).unwrap(), [arm("open", 1, 0)]);
    assert_eq!(
        snapshot.split("other", SplitKind::Experiment, "x", 1).unwrap(),
        None
    );
}

#[test]
fn tells_when_an_event_happened_last_and_how_often() {
    let (_directory, store) = fresh();
    let events: Vec<_> = (0..12)
        .map(|i| {
            happened(
                &format!("e{i}"),
                "u1",
                "click",
                at(&format!("2026-11-30T{:02}:30:00Z", 12 + i / 2)),
            )
        })
        .collect();
    store.append_blocking(events, now()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let activity = |at| snapshot.outcome_activity("shop", "click", at).unwrap();
    // From 12:00 to 18:00 two in each hour; the hours since the first are 6.
    let seen = activity(at("2026-11-30T17:59:00Z")).unwrap();
    assert_eq!(
        seen,
        Activity {
            last: at("2026-11-30T17:30:00Z"),
            per_hour: 2.0
        }
    );
    assert!(activity(at("2026-12-02T00:00:00Z")).unwrap().per_hour < f64::EPSILON);
    assert_eq!(activity(at("2026-11-30T11:00:00Z")), None);
    assert_eq!(snapshot.outcome_activity("other", "click", now()).unwrap(), None);
    assert_eq!(snapshot.exposure_activity("shop", now()).unwrap(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The same events in any order, in any batches, give the same assignment; a plain model says which.
    #[test]
    fn assigns_units_whatever_the_order_of_arrival(
        shown in prop::collection::vec((0..4_u8, 0..3_u8, 0..6_i64), 1..24).prop_shuffle(),
        cut in 1..8_usize,
    ) {
        let (_directory, store) = fresh();
        let name = |arm: u8| char::from(b'c' - arm).to_string();
        for (index, batch) in shown.chunks(cut).enumerate() {
            let events = batch
                .iter()
                .enumerate()
                .map(|(i, (unit, arm, time))| exposed(&format!("{index}-{i}"), &unit.to_string(), &name(*arm), after(*time)))
                .collect();
            store.append_blocking(events, now()).unwrap();
        }
        let mut expected: std::collections::BTreeMap<String, (u64, u64)> = std::collections::BTreeMap::new();
        for unit in 0..4_u8 {
            let of_unit = || shown.iter().filter(|(u, ..)| *u == unit);
            let Some((_, first)) = of_unit().map(|(_, arm, time)| (*time, name(*arm))).min() else { continue };
            let entry = expected.entry(first.clone()).or_default();
            entry.0 += 1;
            entry.1 += u64::from(of_unit().any(|(_, arm, _)| name(*arm) != first));
        }
        let expected: Vec<_> = expected.into_iter().map(|(name, (units, crossed))| arm(&name, units, crossed)).collect();
        prop_assert_eq!(arms(&store), expected);
    }
}
