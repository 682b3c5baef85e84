//! What is acknowledged is stored, once.

use super::*;

#[test]
fn stores_an_event_once_however_often_it_comes() {
    let (_directory, store) = fresh();
    let one = exposed("e1", "u1", "a", now());
    let first = store
        .append_blocking(vec![one.clone(), one.clone()], now())
        .unwrap();
    assert_eq!(
        first,
        Receipt {
            stored: 1,
            duplicates: 1
        }
    );
    let second = store.append_blocking(vec![one], now()).unwrap();
    assert_eq!(
        second,
        Receipt {
            stored: 0,
            duplicates: 1
        }
    );
    assert_eq!(
        store.snapshot().unwrap().totals().unwrap(),
        Totals {
            stored: 1,
            duplicates: 2
        }
    );
    assert_eq!(arms(&store), [arm("a", 1, 0)]);
}

#[test]
fn tells_events_apart_by_namespace_source_and_id() {
    let (_directory, store) = fresh();
    let one = happened("e1", "u1", "click", now());
    let mut elsewhere = one.clone();
    elsewhere.namespace = "other".into();
    let mut other_source = one.clone();
    other_source.event.source = "/other".into();
    let mut other_id = one.clone();
    other_id.event.id = "e2".into();
    let receipt = store
        .append_blocking(vec![one, elsewhere, other_source, other_id], now())
        .unwrap();
    assert_eq!(
        receipt,
        Receipt {
            stored: 4,
            duplicates: 0
        }
    );
}

#[test]
fn keeps_everything_acknowledged_over_a_restart() {
    let (directory, store) = fresh();
    store
        .append_blocking(vec![exposed("e1", "u1", "a", now())], now())
        .unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(arms(&store), [arm("a", 1, 0)]);
    let again = store
        .append_blocking(vec![exposed("e1", "u1", "a", now())], now())
        .unwrap();
    assert_eq!(
        again,
        Receipt {
            stored: 0,
            duplicates: 1
        }
    );
    let new = store
        .append_blocking(vec![exposed("e2", "u2", "a", now())], now())
        .unwrap();
    assert_eq!(
        new,
        Receipt {
            stored: 1,
            duplicates: 0
        }
    );
}

#[test]
fn stores_what_is_queued_when_it_is_dropped() {
    let (directory, store) = fresh();
    let pending: Vec<_> = (0..50)
        .map(|i| {
            store
                .submit(vec![happened(&format!("e{i}"), "u1", "click", now())], now())
                .unwrap()
        })
        .collect();
    drop(store);
    for answer in pending {
        assert_eq!(answer.wait().unwrap().stored, 1);
    }
    assert_eq!(
        open(directory.path())
            .snapshot()
            .unwrap()
            .totals()
            .unwrap()
            .stored,
        50
    );
}

#[test]
fn shares_commits_between_concurrent_batches_and_answers_each() {
    let (_directory, store) = fresh();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                (0..50)
                    .map(|i| {
                        // Every event is sent by two threads.
                        let id = format!("e{}-{i}", thread / 2);
                        store
                            .append_blocking(vec![exposed(&id, &id, "a", now())], now())
                            .unwrap()
                    })
                    .fold(Receipt::default(), |sum, one| Receipt {
                        stored: sum.stored + one.stored,
                        duplicates: sum.duplicates + one.duplicates,
                    })
            })
        })
        .collect();
    let receipts: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let stored: u64 = receipts.iter().map(|receipt| receipt.stored).sum();
    let duplicates: u64 = receipts.iter().map(|receipt| receipt.duplicates).sum();
    assert_eq!((stored, duplicates), (200, 200));
    assert_eq!(arms(&store), [arm("a", 200, 0)]);
    assert_eq!(store.queued(), 0);
}

#[test]
fn refuses_more_than_the_queue_holds_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        max_queued_events: 10,
        ..StoreOptions::default()
    };
    let store = Store::open(directory.path(), &options).unwrap();
    // The writer waits for this lock, so that the queue stays as it is.
    let blocker = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let batch = |from: usize, n: usize| -> Vec<_> {
        (from..from + n)
            .map(|i| happened(&format!("e{i}"), "u1", "click", now()))
            .collect()
    };
    let waiting = store.submit(batch(0, 8), now()).unwrap();
    assert_eq!(
        store.submit(batch(8, 3), now()).unwrap_err(),
        AppendError::Full { queued: 8 }
    );
    let also_waiting = store.submit(batch(8, 2), now()).unwrap();
    blocker.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waiting.wait().unwrap().stored, 8);
    assert_eq!(also_waiting.wait().unwrap().stored, 2);
    assert_eq!(store.append_blocking(batch(10, 50), now()).unwrap().stored, 50);
}

#[test]
fn stores_nothing_of_a_group_whose_commit_fails_and_goes_on_afterwards() {
    let (directory, store) = fresh();
    let broken = |sql: &str| {
        rusqlite::Connection::open(directory.path().join(DATABASE))
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    broken("CREATE TRIGGER full BEFORE INSERT ON outcome BEGIN SELECT raise(ABORT, 'disk full'); END");
    let batch = vec![
        exposed("e1", "u1", "a", now()),
        happened("e2", "u1", "click", now()),
    ];
    let error = store.append_blocking(batch.clone(), now()).unwrap_err();
    assert!(
        matches!(&error, AppendError::Commit { reason } if reason.contains("disk full")),
        "{error}"
    );
    assert_eq!(arms(&store), []);
    assert_eq!(store.snapshot().unwrap().totals().unwrap(), Totals::default());
    broken("DROP TRIGGER full");
    assert_eq!(
        store.append_blocking(batch, now()).unwrap(),
        Receipt {
            stored: 2,
            duplicates: 0
        }
    );
    assert_eq!(arms(&store), [arm("a", 1, 0)]);
}
