//! Dropping what is old, by a clock that is moved.

use std::time::Duration;

use super::aliases::named;
use super::*;

fn days(days: i64) -> Timestamp {
    after(days * 86_400)
}

async fn sweep(store: &Store, at: Timestamp) -> Swept {
    let pace = Pace {
        step: Duration::from_millis(5),
        rest: 0,
    };
    store.sweep(Retention::default(), at, pace).await.unwrap()
}

fn in_experiment(id: &str, unit: &str, experiment: &str, time: Timestamp) -> NewEvent {
    let mut new = exposed(id, unit, "a", time);
    if let EventData::Exposure(exposure) = &mut new.event.data {
        exposure.variant = Some("m/v".into());
        if let Some(enrolment) = &mut exposure.enrolment {
            enrolment.experiment = experiment.into();
        }
    }
    new
}

#[tokio::test]
async fn keeps_everything_until_its_time_and_forgets_ids_first() {
    let (_directory, store) = fresh();
    let events = vec![
        exposed("e1", "u1", "a", now()),
        happened("e2", "u1", "click", now()),
    ];
    store.append(events.clone(), now()).await.unwrap();
    assert_eq!(sweep(&store, days(30)).await, Swept::default());
    assert_eq!(store.append(events.clone(), now()).await.unwrap().duplicates, 2);
    let swept = sweep(&store, days(31)).await;
    assert_eq!(swept.event_ids, 2);
    assert_eq!(swept.exposures + swept.outcomes + swept.assignments, 0);
    // Their ids are free now: the same events count again.
    assert_eq!(store.append(events, days(31)).await.unwrap().stored, 2);
    let swept = sweep(&store, days(91)).await;
    assert_eq!((swept.exposures, swept.outcomes, swept.units), (2, 0, 0));
    assert_eq!(arms(&store), [arm("a", 1, 0)], "arms stay without the log");
}

#[tokio::test]
async fn drops_an_experiment_that_is_over_and_keeps_one_that_runs() {
    let (_directory, store) = fresh();
    let events = vec![
        in_experiment("e1", "u1", "over", now()),
        in_experiment("e2", "u2", "runs", now()),
        in_experiment("e3", "u2", "over", now()),
        in_experiment("e4", "u3", "runs", days(300)),
        happened("o1", "u1", "click", now()),
        happened("o2", "u2", "click", now()),
        happened("o3", "u3", "click", days(350)),
        happened("o4", "u4", "click", now()),
        named("n1", "u4", "device"),
    ];
    store.append(events, days(350)).await.unwrap();
    assert_eq!(sweep(&store, days(400)).await.outcomes, 0);
    let swept = sweep(&store, days(401)).await;
    assert_eq!((swept.outcomes, swept.units), (2, 2), "u1 and u4: {swept:?}");
    let snapshot = store.snapshot().unwrap();
    let split = |name| snapshot.split("shop", SplitKind::Experiment, name, 1).unwrap();
    let over = split("over").unwrap();
    assert_eq!(snapshot.assigned(over, days(401)).unwrap(), []);
    let runs = snapshot.assigned(split("runs").unwrap(), days(401)).unwrap();
    assert_eq!(runs, [arm("a", 2, 0)], "u2 was exposed long ago and counts on");
    assert_eq!(count(&store, "outcome"), 2);
    assert_eq!(count(&store, "unit"), 2);
    assert_eq!(count(&store, "alias"), 0);
    assert_eq!(count(&store, "sighting"), 1, "of u3 alone");
    // Counts of hours and totals stay, and so does the experiment's name for whoever comes again.
    assert!(
        snapshot
            .outcome_activity("shop", "click", days(401))
            .unwrap()
            .is_some()
    );
    assert_eq!(snapshot.totals().unwrap().stored, 9);
    let again = vec![
        in_experiment("e5", "u1", "over", days(401)),
        happened("o5", "u4", "click", days(401)),
    ];
    store.append(again, days(401)).await.unwrap();
    assert_eq!(count(&store, "unit"), 4);
}

#[tokio::test]
async fn keeps_the_exposures_that_a_running_holdout_is_measured_by() {
    let (_directory, store) = fresh();
    let tested = |id: &str, unit: &str, name: &str, time| {
        let data = Exposure {
            unit: unit.into(),
            holdout: Some(HoldoutTest {
                name: name.into(),
                held: true,
            }),
            ..Exposure::default()
        };
        event(id, time, EventData::Exposure(data))
    };
    let mut events: Vec<_> = (0..300)
        .map(|number| tested(&format!("r{number}"), &format!("u{number}"), "runs", now()))
        .collect();
    events.push(tested("e1", "v1", "over", now()));
    events.push(exposed("e2", "v2", "a", now()));
    events.push(tested("e3", "u0", "runs", days(401)));
    store.append(events, days(401)).await.unwrap();
    let swept = sweep(&store, days(402)).await;
    assert_eq!((swept.exposures, swept.units), (2, 2));
    assert_eq!(count(&store, "exposure"), 301);
    assert_eq!(count(&store, "assignment"), 300);
}

#[tokio::test]
async fn shrinks_the_file_in_steps_while_events_come_in() {
    let (directory, store) = fresh();
    for batch in 0..20 {
        let events = (0..1000)
            .map(|i| happened(&format!("e{batch}-{i}"), &format!("u{batch}-{i}"), "click", now()))
            .collect();
        store.append(events, now()).await.unwrap();
    }
    sweep(&store, now()).await;
    let before = std::fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    let sweeping = {
        let store = store.clone();
        tokio::spawn(async move { sweep(&store, days(500)).await })
    };
    let mut arrived = 0;
    while !sweeping.is_finished() {
        let event = happened(&format!("late{arrived}"), "u", "click", days(499));
        assert_eq!(store.append(vec![event], days(499)).await.unwrap().stored, 1);
        arrived += 1;
    }
    let swept = sweeping.await.unwrap();
    assert_eq!(
        (swept.event_ids, swept.outcomes, swept.units),
        (20_000, 20_000, 20_000)
    );
    assert!(swept.pages > 0);
    assert!(arrived > 3, "{arrived} events came in between");
    assert_eq!(count(&store, "outcome"), arrived);
    sweep(&store, days(500)).await;
    let shrunk = std::fs::metadata(directory.path().join(DATABASE)).unwrap().len();
    assert!(shrunk < before / 4, "{before} bytes are {shrunk}");
}

#[tokio::test]
async fn a_clock_that_jumps_back_drops_nothing_and_stops_nothing() {
    let (_directory, store) = fresh();
    store
        .append(vec![exposed("e1", "u1", "a", now())], days(2))
        .await
        .unwrap();
    store
        .append(vec![exposed("e2", "u1", "a", days(-10))], days(-10))
        .await
        .unwrap();
    assert_eq!(sweep(&store, days(-10)).await, Swept::default());
    assert_eq!(store.snapshot().unwrap().totals().unwrap().stored, 2);
    assert_eq!(arms(&store), [arm("a", 1, 0)]);
    // The ids that came by the clock that was right go at their time, although one from the future stands before them.
    assert_eq!(sweep(&store, days(21)).await.event_ids, 1);
}

#[test]
fn brings_a_database_of_the_first_schema_to_the_current_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    let first = rusqlite::Connection::open(&path).unwrap();
    first
        .execute_batch(include_str!("../schema/0001_events.sql"))
        .unwrap();
    first
        .execute_batch(
            "INSERT INTO schema_version VALUES (1);
             PRAGMA application_id = 0x4174746e;
             INSERT INTO name (id, text) VALUES (1, 'shop'), (2, '/test'), (3, 'm/v'), (4, 'x'), (5, 'a');
             INSERT INTO unit (id, hash) VALUES (1, zeroblob(16));
             INSERT INTO seen VALUES (1, 2, 'e1', 7), (1, 2, 'e2', 5);
             INSERT INTO tally VALUES ('stored', 2);
             INSERT INTO split VALUES (1, 1, 1, 4, 1);
             INSERT INTO assignment VALUES (1, 1, 5, 1764547200000000);
             INSERT INTO exposure (seq, namespace, unit, time, variant) VALUES (1, 1, 1, 10, 3), (2, 1, 1, 30, 3);",
        )
        .unwrap();
    drop(first);
    let store = open(directory.path());
    let receipt = store
        .append_blocking(
            vec![exposed("e1", "u1", "a", now()), exposed("e3", "u1", "a", now())],
            now(),
        )
        .unwrap();
    assert_eq!((receipt.stored, receipt.duplicates), (1, 1));
    let snapshot = store.snapshot().unwrap();
    let of = |sql: &str| -> i64 {
        snapshot
            .connection()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(of("SELECT last FROM split"), micros(now()));
    assert_eq!(of("SELECT shows * 100 + last FROM sighting"), 230);
    assert_eq!(of("SELECT seq FROM seen WHERE id = 'e2'"), -2, "the oldest first");
    assert_eq!(of("PRAGMA auto_vacuum"), 2);
}
