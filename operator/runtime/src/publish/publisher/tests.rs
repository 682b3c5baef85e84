use std::time::Duration;

use super::*;
use crate::fixture::publication;

fn key() -> Key {
    ("shop".to_owned(), "web".to_owned())
}

fn standing(revision: &str, owner: &str) -> Standing {
    Standing {
        revision: Some(revision.to_owned()),
        owner: Some(owner.to_owned()),
    }
}

/// Whether something is to be written, or removed.
async fn is_at_work(publisher: &Publisher) -> bool {
    let next = publisher.changed.next();
    tokio::time::timeout(Duration::from_millis(1), next).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_it_is_known_what_stands() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    assert!(!is_at_work(&publisher).await, "not listed yet");
    publisher.observe_all(None, vec![]);
    assert!(is_at_work(&publisher).await, "it is not there");
}

#[tokio::test(start_paused = true)]
async fn what_stands_as_it_should_is_left_alone() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.observe_all(None, vec![(key(), standing(&bundle.revision, "uid-1"))]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    publisher.observe(key(), Some(standing(&bundle.revision, "uid-1")));
    assert!(!is_at_work(&publisher).await);
}

#[tokio::test(start_paused = true)]
async fn what_differs_from_what_should_stand_is_written_again() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.observe_all(Some("shop"), vec![(key(), standing(&bundle.revision, "uid-1"))]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    assert!(!is_at_work(&publisher).await);
    publisher.observe(key(), None);
    assert!(is_at_work(&publisher).await, "somebody deleted it");
    publisher.observe(key(), Some(standing("another", "uid-1")));
    assert!(is_at_work(&publisher).await, "it holds another revision");
    publisher.observe(key(), Some(standing(&bundle.revision, "uid-0")));
    assert!(
        is_at_work(&publisher).await,
        "it goes with a Channel that is gone"
    );
    publisher.observe_all(Some("shop"), vec![]);
    assert!(is_at_work(&publisher).await, "it is missing from a list");
    publisher.observe_all(Some("other"), vec![]);
    assert!(
        !is_at_work(&publisher).await,
        "a list of another namespace says nothing about it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_bundle_is_removed_once_and_not_written_again() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.observe_all(None, vec![(key(), standing(&bundle.revision, "uid-1"))]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    publisher.withdraw("shop", "web");
    assert!(is_at_work(&publisher).await, "it is to be removed");
    publisher.observe(key(), None);
    assert!(!is_at_work(&publisher).await);
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_was_found_too_large_is_not_tried_again_until_it_changes() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.observe_all(None, vec![]);
    publisher.want("shop", "web", &bundle, None);
    assert!(is_at_work(&publisher).await);
    publisher.lock().wanted.get_mut(&key()).unwrap().is_too_large = true;
    publisher.observe_all(None, vec![]);
    assert!(!is_at_work(&publisher).await);
    publisher.want("shop", "web", &publication("shop", "web", "other"), None);
    assert!(is_at_work(&publisher).await);
}

/// What is to be read back.
async fn is_reading(publisher: &Publisher) -> bool {
    let next = publisher.unread.next();
    tokio::time::timeout(Duration::from_millis(1), next).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn who_follows_writes_nothing_and_reads_what_the_leader_published() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.follow();
    publisher.observe_all(None, vec![(key(), standing("of-the-leader", "uid-1"))]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    assert!(!is_at_work(&publisher).await);
    assert!(
        !is_reading(&publisher).await,
        "the leader may be about to publish the same"
    );
    tokio::time::advance(PATIENCE).await;
    assert!(is_reading(&publisher).await);
    publisher.observe(key(), Some(standing(&bundle.revision, "uid-1")));
    tokio::time::advance(PATIENCE).await;
    assert!(!is_reading(&publisher).await, "both agree");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_reads_back_what_differs_and_then_writes_it() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.follow();
    publisher.observe_all(None, vec![(key(), standing(&bundle.revision, "uid-1"))]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    publisher.catch_up();
    assert!(publisher.is_caught_up(), "nothing differs");
    publisher.lead();
    assert!(!is_at_work(&publisher).await, "nor is anything written");

    publisher.follow();
    publisher.want(
        "shop",
        "web",
        &publication("shop", "web", "other"),
        Some("uid-1".to_owned()),
    );
    publisher.catch_up();
    assert!(!publisher.is_caught_up());
    assert!(is_reading(&publisher).await);
    publisher.lead();
    assert!(is_at_work(&publisher).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_written_or_removed_before_leadership_was_lost_is_when_it_is_back() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    publisher.observe_all(None, vec![]);
    publisher.want("shop", "web", &bundle, None);
    publisher.follow();
    assert!(!is_at_work(&publisher).await);
    publisher.lead();
    assert!(is_at_work(&publisher).await);

    publisher.observe(key(), Some(standing(&bundle.revision, "uid-1")));
    publisher.follow();
    publisher.withdraw("shop", "web");
    assert!(!is_at_work(&publisher).await);
    publisher.catch_up();
    assert!(publisher.is_caught_up(), "what is to go is not read");
    publisher.lead();
    assert!(is_at_work(&publisher).await, "it is to be removed");
    publisher.follow();
    publisher.observe(key(), None);
    publisher.lead();
    assert!(!is_at_work(&publisher).await, "the other leader removed it");
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_cannot_be_read_is_left_alone_until_it_changes_or_goes() {
    let publisher = Publisher::default();
    publisher.hold("shop", "web");
    publisher.observe_all(None, vec![(key(), standing("broken", "uid-1"))]);
    assert!(!is_at_work(&publisher).await);
    assert!(is_reading(&publisher).await, "it may be another one by now");
    publisher.observe(key(), Some(standing("mended", "uid-1")));
    assert!(is_reading(&publisher).await);
    assert!(publisher.take_read().is_empty());
    publisher.observe(key(), None);
    let read = publisher.take_read();
    assert!(matches!(read[0].found, Found::Nothing));
    publisher.want("shop", "web", &publication("shop", "web", "headline"), None);
    assert!(
        is_at_work(&publisher).await,
        "somebody removed it, so that it is written"
    );
}

#[tokio::test(start_paused = true)]
async fn knows_what_became_of_the_fallback() {
    let (publisher, bundle) = (Publisher::default(), publication("shop", "web", "headline"));
    let fallback = || publisher.fallback("shop", "web");
    assert_eq!(fallback(), Fallback::Unknown);
    publisher.observe_all(None, vec![]);
    publisher.want("shop", "web", &bundle, Some("uid-1".to_owned()));
    assert_eq!(fallback(), Fallback::Unknown, "it is not written yet");
    publisher.observe(key(), Some(standing(&bundle.revision, "uid-1")));
    assert_eq!(fallback(), Fallback::Stands);
    publisher.lock().wanted.get_mut(&key()).unwrap().is_too_large = true;
    assert_eq!(fallback(), Fallback::TooLarge);
}
