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
