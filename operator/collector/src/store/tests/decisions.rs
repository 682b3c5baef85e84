//! Decisions that are kept, and the bundles that made them.

use super::aliases::named;
use super::*;

const DAY: i64 = 86_400;

fn ids(store: &Store, unit: &str, since: Timestamp) -> Vec<String> {
    let hash = store.unit_hash("shop", unit);
    let snapshot = store.snapshot().unwrap();
    let within = Within { since, before: None };
    let found = snapshot.decisions(("shop", hash), within, 10).unwrap();
    found.into_iter().map(|decision| decision.id).collect()
}

fn name(revision: &str) -> BundleName {
    BundleName {
        namespace: "shop".to_owned(),
        revision: revision.to_owned(),
    }
}

async fn keep(store: &Store, revision: &str, now: Timestamp) {
    let kept = store.keep_bundle(name(revision), "web".to_owned(), b"{}", now);
    kept.await.unwrap();
}

fn bundle(store: &Store, revision: &str) -> Option<Vec<u8>> {
    store.snapshot().unwrap().bundle("shop", revision).unwrap()
}

async fn sweep(store: &Store, now: Timestamp) -> Swept {
    let swept = store.sweep(Retention::default(), now, Pace::default()).await;
    swept.unwrap()
}

#[tokio::test]
async fn finds_a_decision_by_its_id_and_by_any_id_of_its_unit() {
    let (_directory, store) = fresh();
    let events = vec![
        decided("d1", "device", now()),
        decided("d2", "jane", after(1)),
        decided("d3", "joe", after(2)),
        named("n1", "jane", "device"),
        decided("d1", "device", now()),
    ];
    store.append(events, now()).await.unwrap();
    for unit in ["jane", "device"] {
        assert_eq!(ids(&store, unit, now()), ["d2", "d1"], "{unit}: the latest first");
        assert_eq!(ids(&store, unit, after(1)), ["d2"]);
    }
    let snapshot = store.snapshot().unwrap();
    let found = snapshot.decision("shop", "d1", None).unwrap().unwrap();
    assert_eq!(found.decision.variant.as_deref(), Some("hero/gold"));
    assert_eq!(found.inputs.context["user.tier"], "gold");
    assert_eq!(found.units, Vec::<String>::new(), "ids are kept hashed");
    let of = |unit| store.unit_hash("shop", unit);
    assert!(
        snapshot
            .decision("shop", "d1", Some(of("jane")))
            .unwrap()
            .is_some()
    );
    assert!(
        snapshot
            .decision("shop", "d1", Some(of("joe")))
            .unwrap()
            .is_none()
    );
    assert!(snapshot.decision("bank", "d1", None).unwrap().is_none());
}

#[tokio::test]
async fn names_the_unit_where_its_channel_keeps_ids_in_plain() {
    let (_directory, store) = fresh();
    let channels = [("shop".to_owned(), "web".to_owned())];
    store.keep_plain_units(channels.into()).unwrap();
    store
        .append(vec![decided("d1", "jane", now())], now())
        .await
        .unwrap();
    let found = store.snapshot().unwrap().decision("shop", "d1", None).unwrap();
    assert_eq!(found.unwrap().units, ["jane"]);
}

#[tokio::test]
async fn drops_a_decision_when_its_channel_said_so_and_its_bundle_after_the_last_one() {
    let (_directory, store) = fresh();
    keep(&store, "abc", now()).await;
    keep(&store, "def", after(DAY)).await;
    let events = vec![
        decided("d1", "jane", now()),
        decided("d2", "jane", after(10 * DAY)),
    ];
    store.append(events, now()).await.unwrap();
    let kept = |store: &Store| bundle(store, "abc");
    let early = sweep(&store, after(29 * DAY)).await;
    assert_eq!((early.decisions, early.bundles), (0, 0));
    let first = sweep(&store, after(31 * DAY)).await;
    assert_eq!((first.decisions, first.bundles), (1, 0));
    assert_eq!(kept(&store).as_deref(), Some(b"{}".as_slice()));
    let last = sweep(&store, after(41 * DAY)).await;
    assert_eq!((last.decisions, last.bundles, last.units), (1, 1, 1));
    assert_eq!(kept(&store), None);
}

#[tokio::test]
async fn keeps_a_bundle_whose_decisions_are_late() {
    let (_directory, store) = fresh();
    keep(&store, "abc", now()).await;
    keep(&store, "def", after(1)).await;
    assert_eq!(sweep(&store, after(6 * DAY)).await.bundles, 0);
    assert_eq!(sweep(&store, after(8 * DAY)).await.bundles, 1);
    assert_eq!(bundle(&store, "abc"), None);
}

#[tokio::test]
async fn keeps_the_bundle_that_still_decides_whenever_it_came() {
    let (_directory, store) = fresh();
    keep(&store, "abc", now()).await;
    assert_eq!(sweep(&store, after(500 * DAY)).await.bundles, 0);
    keep(&store, "def", after(500 * DAY)).await;
    // A rollback: a decider asks whether what it decides by is known.
    let touched = store.touch_bundle(name("abc"), after(501 * DAY)).await;
    assert!(touched.unwrap());
    assert!(!store.touch_bundle(name("ghi"), now()).await.unwrap());
    let other = store.keep_bundle(name("other"), "app".to_owned(), b"{}", now());
    other.await.unwrap();
    assert_eq!(sweep(&store, after(600 * DAY)).await.bundles, 1);
    assert_eq!(bundle(&store, "def"), None);
    assert!(bundle(&store, "abc").is_some(), "it is the newest again");
    assert!(bundle(&store, "other").is_some(), "another Channel's newest");
}
