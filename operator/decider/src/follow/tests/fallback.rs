//! The bundle in a mounted ConfigMap while the operator is away.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::operator::{Mood, Operator};
use super::{Following, config, eventually, version};
use crate::fixture::Mount;
use crate::follow::Config;
use crate::follow::fallback::Ledger;
use crate::metrics::{Operation, Poll};

const KEY: &str = "bundle.json.gz";

fn packed(json: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json).unwrap();
    encoder.finish().unwrap()
}

fn config_with(operator: &Operator, data: Option<&TempDir>, fallback: PathBuf) -> Config {
    let mut config = config(operator, data);
    config.fallback = Some(fallback);
    config
}

/// When the operator last answered, as a metric.
async fn polled(following: &Following) -> i64 {
    let metrics = crate::fixture::get(&following.decider, "/metrics").await.text();
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix("attune_decider_last_poll_timestamp_seconds "));
    value.unwrap().parse().unwrap()
}

/// The metric that tells who vouches for which revision.
async fn vouched(following: &Following) -> String {
    let metrics = crate::fixture::get(&following.decider, "/metrics").await.text();
    let lines: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("attune_decider_bundle_info{"))
        .collect();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let source = line.split("source=\"").nth(1).unwrap();
    assert!(line.contains(&following.decider.revision().unwrap()));
    source.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_pod_starts_by_the_fallback_while_the_operator_is_down() {
    let (mount, data) = (Mount::new(), tempfile::tempdir().unwrap());
    mount.put(KEY, &packed(&version(1)));
    let operator = Operator::start().await;
    operator.mood(Mood::Failing(503));
    let following = Following::by(config_with(&operator, Some(&data), mount.path(KEY))).await;
    let revision = attune_core::bundle::Bundle::revision(&version(1));
    assert_eq!(
        following.decider.revision(),
        Some(revision.clone()),
        "right after the start"
    );
    assert!(following.decider.is_started());
    assert_eq!(vouched(&following).await, "fallback");
    assert_eq!(polled(&following).await, 0);
    // The operator's word counts as soon as there is one, also when it is the same.
    operator.mood(Mood::Hasty);
    operator.publish(version(1));
    let polls = || following.decider.metrics().rules.polls.get(Poll::Unchanged);
    eventually("the operator's word", || polls() > 0).await;
    assert_eq!(vouched(&following).await, "operator");
    assert_eq!(polled(&following).await, crate::fixture::now().as_second());
    let second = operator.publish(version(2));
    following.runs(&second).await;
    // A ConfigMap that lags behind does not bring the old one back.
    mount.put(KEY, &packed(&version(0)));
    let before = polls();
    eventually("more answers", || polls() > before + 5).await;
    assert_eq!(following.decider.revision(), Some(second));
    following.end().await;
}

#[tokio::test]
async fn takes_a_fallback_that_changes_while_the_operator_is_away() {
    let mount = Mount::new();
    let operator = Operator::start().await;
    let first = operator.publish(version(1));
    let following = Following::by(config_with(&operator, None, mount.path(KEY))).await;
    following.runs(&first).await;
    operator.mood(Mood::Failing(500));
    let failed = || following.decider.metrics().rules.polls.get(Poll::Failed);
    eventually("failures", || failed() >= 4).await;
    mount.put(KEY, &packed(&version(2)));
    following
        .runs(&attune_core::bundle::Bundle::revision(&version(2)))
        .await;
    // It goes, and something of no use comes: the last good one decides on.
    mount.clear();
    let before = failed();
    eventually("looks at nothing", || failed() > before + 3).await;
    mount.put(KEY, b"no gzip");
    let refused = || {
        following
            .decider
            .metrics()
            .rules
            .store_failures
            .get(Operation::Fallback)
    };
    eventually("the damage to be counted", || refused() == 1).await;
    let before = failed();
    eventually("more looks", || failed() > before + 3).await;
    assert_eq!(refused(), 1, "it is read once");
    mount.put(KEY, &packed(&version(3)));
    following
        .runs(&attune_core::bundle::Bundle::revision(&version(3)))
        .await;
    operator.mood(Mood::Holding);
    let fourth = operator.publish(version(4));
    following.runs(&fourth).await;
    following.end().await;
}

#[tokio::test]
async fn waits_for_a_fallback_where_there_is_nothing_else() {
    let mount = Mount::new();
    let operator = Operator::start().await;
    operator.mood(Mood::Failing(404));
    let following = Following::by(config_with(&operator, None, mount.path(KEY))).await;
    assert_eq!(following.decider.revision(), None);
    mount.put(KEY, &packed(&version(1)));
    following
        .runs(&attune_core::bundle::Bundle::revision(&version(1)))
        .await;
    following.end().await;
}

#[tokio::test]
async fn starts_by_whichever_of_disk_and_fallback_changed_last() {
    let (mount, data) = (Mount::new(), tempfile::tempdir().unwrap());
    let operator = Operator::start().await;
    operator.mood(Mood::Hasty);
    mount.put(KEY, &packed(&version(1)));
    let again = async || Following::by(config_with(&operator, Some(&data), mount.path(KEY))).await;
    let following = again().await;
    let second = operator.publish(version(2));
    following.runs(&second).await;
    following.end().await;

    // The ConfigMap is still the one that was known when the second was adopted: the disk is newer.
    operator.mood(Mood::Failing(500));
    let following = again().await;
    assert_eq!(following.decider.revision(), Some(second.clone()));
    following.end().await;

    // It catches up with what is on disk, then goes on while nobody looks.
    for number in [2, 3] {
        mount.put(KEY, &packed(&version(number)));
        let following = again().await;
        let expected = attune_core::bundle::Bundle::revision(&version(number));
        assert_eq!(following.decider.revision(), Some(expected));
        following.end().await;
    }

    // Whatever is damaged leaves the word to the other.
    std::fs::write(data.path().join("shop.web.bundle"), "garbage").unwrap();
    let following = again().await;
    assert_eq!(vouched(&following).await, "fallback");
    following.end().await;
    mount.put(KEY, &packed(&version(4))[..40]);
    let following = again().await;
    assert_eq!(vouched(&following).await, "disk");
    let failures = &following.decider.metrics().rules.store_failures;
    assert_eq!(failures.get(Operation::Fallback), 1);
    following.end().await;
}

#[tokio::test]
async fn refuses_a_few_bytes_that_stand_for_gigabytes() {
    let mount = Mount::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let block = vec![b' '; 1 << 20];
    for _ in 0..65 {
        encoder.write_all(&block).unwrap();
    }
    mount.put(KEY, &encoder.finish().unwrap());
    let mut fallback = crate::follow::fallback::Fallback::new(&mount.path(KEY));
    let error = fallback.look().unwrap_err().to_string();
    assert!(error.contains("larger than 67108864 bytes"), "{error}");
    mount.put(KEY, &vec![0; 3 * 1024 * 1024]);
    assert!(fallback.look().is_err());
}

#[test]
fn a_fallback_that_catches_up_is_no_news() {
    let mut ledger = Ledger::default();
    assert!(ledger.observe("a"), "never seen");
    for revision in ["b", "c", "a"] {
        ledger.adopt(revision);
    }
    for revision in ["a", "b", "b", "a", "a"] {
        assert!(!ledger.observe(revision), "{revision}");
    }
    ledger.adopt("d");
    assert!(
        ledger.observe("b"),
        "the operator went back while nobody heard it"
    );
    assert!(ledger.observe("d"), "and forth again");
    for number in 0..1000 {
        ledger.adopt(&number.to_string());
    }
    assert!(
        serde_json::to_vec(&ledger).unwrap().len() < 1000,
        "it stays small"
    );
}
