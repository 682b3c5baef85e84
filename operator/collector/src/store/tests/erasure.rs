//! Erasing a unit, and finding out who saw something.

use std::collections::BTreeSet;

use super::aliases::named;
use super::*;

/// A text that no file has by chance.
const SECRET: &str = "jane.roe.4711@example.org";

async fn erase(store: &Store, unit: &str) -> Erased {
    let erasure = store.erase("shop", unit).await.unwrap();
    assert!(erasure.overwritten);
    erasure.erased
}

fn saw(id: &str, unit: &str, time: Timestamp) -> NewEvent {
    let mut new = exposed(id, unit, "a", time);
    if let EventData::Exposure(exposure) = &mut new.event.data {
        exposure.variant = Some("hero/gold".into());
        exposure.channel = Some("mail".into());
    }
    new
}

fn keep_plain(store: &Store) {
    store
        .keep_plain_units(BTreeSet::from([("shop".to_owned(), "mail".to_owned())]))
        .unwrap();
}

fn has_bytes(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn erases_all_that_is_known_of_a_unit_under_any_of_its_ids() {
    let (directory, store) = fresh();
    keep_plain(&store);
    let mut events = vec![
        saw("e1", SECRET, now()),
        exposed("e2", SECRET, "b", after(1)),
        happened(&format!("{SECRET}/order"), SECRET, "purchase", after(2)),
        exposed("e4", "device", "a", after(3)),
        happened("e5", "device", "click", after(4)),
        named("n1", SECRET, "device"),
        saw("e6", "joe", now()),
        happened("e7", "joe", "click", now()),
        decided("d1", SECRET, after(5)),
    ];
    store.append(events.clone(), now()).await.unwrap();
    assert!(has_bytes(directory.path(), SECRET.as_bytes()));
    let hash = store.unit_hash("shop", "device");
    let erased = erase(&store, "device").await;
    let expected = Erased {
        exposures: 3,
        outcomes: 2,
        decisions: 1,
        assignments: 2,
        sightings: 1,
        event_ids: 7,
        ids: 2,
    };
    assert_eq!(erased, expected);
    assert_eq!(arms(&store), [arm("a", 1, 0)], "joe stays");
    assert!(!has_bytes(directory.path(), SECRET.as_bytes()));
    assert!(!has_bytes(directory.path(), &hash.0), "no tombstone");
    for unit in ["device", SECRET, "nobody"] {
        assert_eq!(erase(&store, unit).await, Erased::default(), "{unit}");
    }
    // Afterwards it is a new unit, and so are its events: nothing tells that they were here.
    events.truncate(5);
    let receipt = store.append(events, now()).await.unwrap();
    assert_eq!((receipt.stored, receipt.duplicates), (5, 0));
    assert_eq!(arms(&store), [arm("a", 3, 1)], "two ids are two units again");
}

#[tokio::test]
async fn leaves_no_trace_in_pages_that_others_share() {
    let (directory, store) = fresh();
    keep_plain(&store);
    let name = |number: usize| format!("person-{number:05}-{}@example.org", number * 7919);
    let events: Vec<_> = (0..3000)
        .flat_map(|number| {
            let unit = name(number);
            [
                saw(&format!("s-{unit}"), &unit, after(1)),
                happened(&format!("h-{unit}"), &unit, "click", after(2)),
            ]
        })
        .collect();
    for batch in events.chunks(500) {
        store.append(batch.to_vec(), now()).await.unwrap();
    }
    let gone: Vec<usize> = (0..3000).step_by(37).collect();
    for number in &gone {
        assert_eq!(erase(&store, &name(*number)).await.event_ids, 2);
    }
    let content = std::fs::read(directory.path().join(DATABASE)).unwrap();
    let log = std::fs::read(directory.path().join(format!("{DATABASE}-wal"))).unwrap_or_default();
    assert!(log.is_empty(), "the log is cut off");
    for number in gone {
        let unit = name(number);
        let found = content
            .windows(unit.len())
            .any(|window| window == unit.as_bytes());
        assert!(!found, "{unit} is still there");
    }
    let kept = name(1);
    assert!(
        content
            .windows(kept.len())
            .any(|window| window == kept.as_bytes())
    );
}

#[tokio::test]
async fn erases_very_much_in_steps_between_which_events_are_stored() {
    let (_directory, store) = fresh();
    let mut number = 0;
    for _ in 0..6 {
        let batch = (0..2000)
            .map(|_| {
                number += 1;
                happened(&format!("e{number}"), "bot", "click", now())
            })
            .collect();
        store.append(batch, now()).await.unwrap();
    }
    let erasing = {
        let store = store.clone();
        tokio::spawn(async move { erase(&store, "bot").await })
    };
    let mut left = Vec::new();
    while !erasing.is_finished() {
        let id = format!("late{}", left.len());
        let late = happened(&id, "jane", "click", now());
        assert_eq!(store.append(vec![late], now()).await.unwrap().stored, 1);
        left.push(count(&store, "outcome") - i64::try_from(left.len()).unwrap() - 1);
    }
    assert!(
        left.iter().any(|left| (1..12_000).contains(left)),
        "nothing was stored while some of it was gone: {left:?}"
    );
    let erased = erasing.await.unwrap();
    assert_eq!(
        (erased.outcomes, erased.event_ids, erased.ids),
        (12_000, 12_000, 1)
    );
}

#[tokio::test]
async fn erases_more_aliases_than_one_step_takes_after_their_ids_are_forgotten() {
    let (_directory, store) = fresh();
    let aliases = (0..6000).map(|i| named(&format!("n{i}"), "joe", "device"));
    store.append(aliases.collect(), now()).await.unwrap();
    let month = after(31 * 86_400);
    let swept = store
        .sweep(Retention::default(), month, Pace::default())
        .await
        .unwrap();
    assert_eq!(swept.event_ids, 6000);
    assert_eq!(erase(&store, "joe").await.ids, 2);
    assert_eq!(count(&store, "naming"), 0);
}

#[tokio::test]
async fn says_when_somebody_still_reads_what_was_erased() {
    let (_directory, store) = fresh();
    store.append(vec![saw("e1", "joe", now())], now()).await.unwrap();
    let reading = store.snapshot().unwrap();
    let erasure = store.erase("shop", "joe").await.unwrap();
    assert_eq!((erasure.erased.exposures, erasure.overwritten), (1, false));
    drop(reading);
    assert!(store.erase("shop", "joe").await.unwrap().overwritten);
}

#[test]
fn tells_who_saw_a_variant_since_a_time() {
    let (_directory, store) = fresh();
    let anonymous = vec![saw("e1", "u1", after(10)), saw("e2", "u2", after(20))];
    store.append_blocking(anonymous, now()).unwrap();
    keep_plain(&store);
    let events = vec![
        saw("e3", "joe", after(1)),
        saw("e4", "joe", after(30)),
        saw("e5", "jane", after(15)),
        saw("e6", "device", after(40)),
        named("n1", "jane", "device"),
        saw("e7", "early", now()),
        exposed("e8", "other", "a", after(30)),
    ];
    store.append_blocking(events, now()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let recall = |since, after, limit| {
        snapshot
            .recall(("shop", "hero/gold"), since, after, limit)
            .unwrap()
    };
    let all = recall(after(10), 0, 10);
    assert_eq!((all.units, all.named, all.next), (4, 2, None));
    let sighted = |ids: &[&str], first, last, shows| Sighted {
        ids: ids.iter().map(ToString::to_string).collect(),
        first: after(first),
        last: after(last),
        shows,
    };
    let joe = sighted(&["joe"], 1, 30, 2);
    let jane = sighted(&["device", "jane"], 15, 40, 2);
    assert_eq!(all.seen, [joe.clone(), jane.clone()]);
    let first = recall(after(10), 0, 1);
    assert_eq!(first.seen, [joe]);
    let second = recall(after(10), first.next.unwrap(), 1);
    assert_eq!((second.seen, second.next), (vec![jane], None));
    assert_eq!(recall(now(), 0, 0).units, 5);
    let elsewhere = snapshot.recall(("other", "hero/gold"), now(), 0, 10).unwrap();
    assert_eq!((elsewhere.units, elsewhere.seen.len()), (0, 0));
}
