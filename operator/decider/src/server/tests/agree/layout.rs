//! What older and newer builds write, and how much of it is kept.

use attune_core::history::{History as _, Shown};
use tokio::time::{Duration, Instant};

use super::{connected_with, is_shown};
use crate::fixture::{Redis, Secret, now};

/// All lists, by name.
async fn lists(redis: &Redis) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut client = redis.client().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut client)
        .await
        .unwrap();
    let mut lists = Vec::new();
    for key in keys {
        let entries = redis::cmd("LRANGE")
            .arg(&key)
            .arg(0)
            .arg(-1)
            .query_async(&mut client)
            .await;
        lists.push((key, entries.unwrap()));
    }
    lists
}

#[tokio::test]
async fn what_another_version_wrote_is_read_as_far_as_it_is_known_and_left_alone() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), |_| {}).await;
    assert!(is_shown(&decider, "user-1").await);
    let (key, entries) = lists(&redis).await.remove(0);
    let mut newer = entries[0].clone();
    // Another show, of which a newer version knows more; something that this one has never heard of; and something cut off.
    newer[16] ^= 1;
    newer.extend_from_slice(b"and more");
    let mut unknown = b"Z".to_vec();
    unknown.extend_from_slice(&entries[0][1..9]);
    let cut = entries[0][..20].to_vec();
    let mut client = redis.client().await;
    for entry in [&newer, &unknown, &cut] {
        let () = redis::cmd("RPUSH")
            .arg(&key)
            .arg(entry)
            .query_async(&mut client)
            .await
            .unwrap();
    }
    assert!(is_shown(&decider, "user-1").await, "the third show");
    assert!(!is_shown(&decider, "user-1").await);
    let (_, entries) = lists(&redis).await.remove(0);
    assert_eq!(entries[1..4], [newer, unknown, cut]);
    assert_eq!(entries.len(), 5);
}

#[tokio::test]
async fn a_list_of_another_kind_is_no_answer() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), |bundle| {
        bundle["settings"]["state"]["onFailure"] = "Closed".into();
    })
    .await;
    assert!(is_shown(&decider, "user-1").await);
    let (key, _) = lists(&redis).await.remove(0);
    let mut client = redis.client().await;
    let () = redis::cmd("SET")
        .arg(&key)
        .arg("text")
        .query_async(&mut client)
        .await
        .unwrap();
    assert!(!is_shown(&decider, "user-1").await);
    assert!(is_shown(&decider, "user-2").await);
}

#[tokio::test]
async fn keeps_so_many_shows_and_outcomes_and_drops_what_is_too_old() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), |_| {}).await;
    let shared = decider.shared().unwrap();
    let before = now() - jiff::SignedDuration::from_hours(2);
    for number in 0..300 {
        let at = now() - jiff::SignedDuration::from_secs(number);
        shared.note("user-1", "purchase", at, &format!("{number}"));
        // What came twice is there once.
        shared.note("user-1", "purchase", at, &format!("{number}"));
        shared.note("user-2", "purchase", before, &format!("{number}"));
    }
    shared.note("user-2", "purchase", now(), "new");
    assert!(shared.settle(Duration::from_secs(30)).await);
    let mut kept: Vec<_> = lists(&redis)
        .await
        .into_iter()
        .map(|(_, entries)| entries.len())
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, [1, 256]);
    let past = shared
        .read("user-1", Instant::now() + Duration::from_secs(20))
        .await
        .unwrap();
    let since = now() - jiff::SignedDuration::from_hours(1);
    assert_eq!(
        past.outcomes("purchase", since),
        64,
        "as in the decider's own memory"
    );
    assert_eq!(past.shown(Shown::Channel("web"), since), 0);
    assert_eq!(past.outcomes("visit", since), 0);
}
