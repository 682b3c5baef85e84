//! The last good bundle on disk, and disks that take none.

use super::operator::{Mood, Operator};
use super::{Following, config, eventually, version};
use crate::follow::Store;
use crate::metrics::Operation;

#[tokio::test]
async fn starts_from_disk_while_the_operator_is_down() {
    let data = tempfile::tempdir().unwrap();
    let operator = Operator::start().await;
    let revision = operator.publish(version(1));
    let following = Following::start(&operator, Some(&data)).await;
    following.runs(&revision).await;
    following.end().await;
    operator.mood(Mood::Failing(500));
    let again = Following::start(&operator, Some(&data)).await;
    assert_eq!(
        again.decider.revision(),
        Some(revision.clone()),
        "right after the start"
    );
    // Another bundle replaces the one on disk.
    operator.mood(Mood::Holding);
    let second = operator.publish(version(2));
    again.runs(&second).await;
    again.end().await;
    let third = Following::start(&operator, Some(&data)).await;
    assert_eq!(third.decider.revision(), Some(second));
    third.end().await;
}

#[tokio::test]
async fn ignores_a_damaged_file_and_replaces_it() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("shop.web.bundle");
    let store = config(&Operator::start().await, Some(&data)).store.unwrap();
    store.save(&version(1)).unwrap();
    assert_eq!(store.load().unwrap(), Some(version(1)));
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let garbage: &[&[u8]] = &[
        b"",
        b"\n",
        b"attune-bundle \n",
        b"\xff\xfe",
        &whole[..whole.len() / 2],
        &flipped,
    ];
    for content in garbage {
        std::fs::write(&path, content).unwrap();
        assert!(store.load().is_err());
        let operator = Operator::start().await;
        let following = Following::start(&operator, Some(&data)).await;
        assert_eq!(following.decider.revision(), None);
        let rules = &following.decider.metrics().rules;
        assert_eq!(rules.store_failures.get(Operation::Load), 1);
        let revision = operator.publish(version(2));
        following.runs(&revision).await;
        following.end().await;
        assert_eq!(store.load().unwrap(), Some(version(2)));
    }
}

#[tokio::test]
async fn decides_on_when_the_disk_takes_nothing_and_keeps_the_bundle_once_it_does() {
    let data = tempfile::tempdir().unwrap();
    // What is written there meets a full disk: the kernel answers ENOSPC.
    let draft = data.path().join("shop.web.bundle.new");
    std::os::unix::fs::symlink("/dev/full", &draft).unwrap();
    let operator = Operator::start().await;
    let revision = operator.publish(version(1));
    let config = config(&operator, Some(&data));
    let store = config.store.clone().unwrap();
    let following = Following::by(config).await;
    following.runs(&revision).await;
    let failures = || {
        following
            .decider
            .metrics()
            .rules
            .store_failures
            .get(Operation::Save)
    };
    eventually("the failure to be counted", || failures() == 1).await;
    // Half a draft is not left behind, so that there is room again.
    eventually("another attempt", || {
        store.load().is_ok_and(|kept| kept == Some(version(1)))
    })
    .await;
    assert!(!draft.exists());
    assert_eq!(failures(), 1);
    following.end().await;
}

#[tokio::test]
async fn decides_on_and_tries_again_while_the_directory_cannot_be_written() {
    let data = tempfile::tempdir().unwrap();
    // A directory cannot be where a file is.
    let place = data.path().join("file");
    std::fs::write(&place, "").unwrap();
    let operator = Operator::start().await;
    operator.mood(Mood::Hasty);
    let first = operator.publish(version(1));
    let mut config = config(&operator, None);
    let store = Store::new(&place, &config.namespace, &config.channel);
    config.store = Some(store.clone());
    let following = Following::by(config).await;
    following.runs(&first).await;
    let rules = &following.decider.metrics().rules;
    eventually("several attempts", || {
        rules.store_failures.get(Operation::Save) >= 3
    })
    .await;
    let second = operator.publish(version(2));
    following.runs(&second).await;
    std::fs::remove_file(&place).unwrap();
    eventually("the newest bundle on disk", || {
        store.load().is_ok_and(|kept| kept == Some(version(2)))
    })
    .await;
    following.end().await;
}
