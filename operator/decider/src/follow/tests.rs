//! A follower against a small operator of the tests' own, over real HTTP.

mod counts;
mod disk;
mod fallback;
mod operator;
mod tls;

use std::time::Duration;

use attune_core::bundle::Bundle;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::operator::{Mood, Operator, Question};
use super::{Backoff, Config, Follower, Name, Pace, Store};
use crate::decider::Decider;
use crate::fixture::{builder, bundle_with};
use crate::link::Credentials;

/// A decider that follows an operator until the test ends.
struct Following {
    decider: Decider,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Following {
    async fn start(operator: &Operator, data: Option<&TempDir>) -> Self {
        Self::by(config(operator, data)).await
    }

    async fn by(config: Config) -> Self {
        let decider = builder().channel("shop", "web").build();
        let follower = Follower::new(decider.clone(), config).unwrap();
        follower.restore().await;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follower.run(stopped));
        Self { decider, stop, task }
    }

    async fn runs(&self, revision: &str) {
        let expected = Some(revision.to_owned());
        eventually("the bundle to be adopted", || self.decider.revision() == expected).await;
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(2), self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

fn config(operator: &Operator, data: Option<&TempDir>) -> Config {
    let name = |text: &str| text.parse::<Name>().unwrap();
    let (namespace, channel) = (name("shop"), name("web"));
    Config {
        operator: operator.url(),
        credentials: Credentials::default(),
        store: data.map(|data| Store::new(data.path(), &namespace, &channel)),
        fallback: None,
        namespace,
        channel,
        id: name("web-7d4b9-x2"),
        pace: Pace {
            wait: Duration::from_millis(400),
            spacing: Duration::from_millis(20),
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_millis(80),
            refused_pause: Duration::from_millis(60),
            store_pause: Duration::from_millis(50),
            report_pause: Duration::from_millis(20),
        },
    }
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The shop's bundle with the priority as its version.
fn version(number: i64) -> Vec<u8> {
    bundle_with(|bundle| bundle["bindings"]["hero"]["priority"] = json!(number))
        .canonical()
        .unwrap()
}

#[tokio::test]
async fn adopts_a_bundle_and_acknowledges_it_with_the_next_question() {
    let operator = Operator::start().await;
    let revision = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&revision).await;
    eventually("the acknowledgement", || operator.questions().len() >= 2).await;
    let questions = operator.questions();
    let first = Question {
        path: "/v1/bundles/shop/web?wait=1s&decider=web-7d4b9-x2".to_owned(),
        decider: "web-7d4b9-x2".to_owned(),
        ..Question::default()
    };
    assert_eq!(questions[0], first);
    let acknowledgement = Question {
        if_none_match: format!("\"{revision}\""),
        ..first
    };
    assert_eq!(questions[1], acknowledgement);
    following.end().await;
}

#[tokio::test]
async fn follows_an_edit_within_the_long_poll() {
    let operator = Operator::start().await;
    let first = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&first).await;
    for number in 2..5 {
        let revision = operator.publish(version(number));
        following.runs(&revision).await;
    }
    following.end().await;
}

#[tokio::test]
async fn asks_again_when_there_is_no_news_without_a_busy_loop() {
    let operator = Operator::start().await;
    let revision = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&revision).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = operator.questions().len();
    // One question each 400 ms, the wait of the long poll.
    assert!((3..=5).contains(&asked), "{asked}");
    // An operator that does not hold questions is not flooded either: one each 20 ms.
    operator.mood(Mood::Hasty);
    eventually("an unheld answer", || operator.questions().len() > asked + 1).await;
    let before = operator.questions().len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = operator.questions().len() - before;
    assert!((5..=26).contains(&asked), "{asked}");
    following.end().await;
}

#[tokio::test]
async fn serves_on_while_the_operator_fails_and_comes_back_to_it() {
    let operator = Operator::start().await;
    let first = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&first).await;
    for status in [500, 404, 503, 401, 403] {
        operator.mood(Mood::Failing(status));
        let before = operator.questions().len();
        eventually("questions in spite of failures", || {
            operator.questions().len() > before + 3
        })
        .await;
        let asked = operator.questions().len();
        tokio::time::sleep(Duration::from_millis(400)).await;
        // Pauses are at least half of 80 ms once they have grown.
        assert!(
            operator.questions().len() - asked <= 11,
            "a busy loop on {status}"
        );
        assert_eq!(following.decider.revision().as_deref(), Some(first.as_str()));
    }
    operator.mood(Mood::Holding);
    let second = operator.publish(version(2));
    following.runs(&second).await;
    following.end().await;
}

#[tokio::test]
async fn refuses_a_bad_bundle_once_and_reports_why() {
    let operator = Operator::start().await;
    let good = operator.publish(version(1));
    let following = Following::start(&operator, None).await;
    following.runs(&good).await;
    let newer = bundle_with(|bundle| bundle["formatVersion"] = json!(99))
        .canonical()
        .unwrap();
    let dangling = bundle_with(|bundle| bundle["bindings"]["hero"]["program"] = json!("gone"));
    let foreign = bundle_with(|bundle| bundle["channel"] = json!("app"));
    for (bad, why) in [
        (newer, "format version 99"),
        (
            dangling.canonical().unwrap(),
            "`gone`, which is not in the bundle",
        ),
        (foreign.canonical().unwrap(), "for channel `shop/app`"),
        (b"garbage\xff\n".to_vec(), "not readable"),
    ] {
        let revision = operator.publish(bad);
        let is_report = |question: &Question| question.refused == revision;
        eventually("the report", || operator.questions().iter().any(is_report)).await;
        let report = operator.questions().into_iter().find(is_report).unwrap();
        assert!(report.refused_reason.contains(why), "{}", report.refused_reason);
        assert_eq!(report.if_none_match, format!("\"{good}\""));
        assert_eq!(following.decider.revision().as_deref(), Some(good.as_str()));
        let refused = following.decider.status().refused.unwrap();
        assert_eq!(refused.revision.as_deref(), Some(revision.as_str()));
        assert!(refused.reason.contains(why));
        // The operator offers it again with every answer; that costs pauses, not a busy loop.
        let asked = operator.questions().len();
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(operator.questions().len() - asked <= 12);
    }
    let healed = operator.publish(version(2));
    following.runs(&healed).await;
    assert_eq!(following.decider.status().refused, None);
    let is_clean =
        |question: &Question| question.if_none_match.contains(&healed) && question.refused.is_empty();
    eventually("a clean acknowledgement", || {
        operator.questions().iter().any(is_clean)
    })
    .await;
    following.end().await;
}

#[tokio::test]
async fn refuses_content_that_does_not_hash_to_its_revision() {
    let operator = Operator::start().await;
    operator.publish_as("0123456789abcdef0123456789abcdef", version(1));
    let following = Following::start(&operator, None).await;
    let is_report = |question: &Question| question.refused_reason.contains("does not hash");
    eventually("the report", || operator.questions().iter().any(is_report)).await;
    assert_eq!(following.decider.revision(), None);
    // Whatever broke it may be over: the same revision is tried again.
    let revision = operator.publish(version(1));
    following.runs(&revision).await;
    following.end().await;
}

#[tokio::test]
async fn names_the_revision_that_the_operator_published_also_when_it_knows_more_fields() {
    let operator = Operator::start().await;
    let mut json: Value = serde_json::from_slice(&version(1)).unwrap();
    json["settings"]["aFieldOfTheFuture"] = json!({"a": 1});
    let revision = operator.publish(serde_json::to_vec(&json).unwrap());
    let following = Following::start(&operator, None).await;
    following.runs(&revision).await;
    following.end().await;
}

#[test]
fn pauses_longer_after_each_failure_with_jitter() {
    let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
    let mut backoff = Backoff::new(first, longest);
    for length in [100, 200, 400, 800, 1000, 1000] {
        let pause = backoff.next();
        assert!(
            pause >= Duration::from_millis(length / 2) && pause <= Duration::from_millis(length),
            "{pause:?}"
        );
    }
    backoff.reset();
    assert!(backoff.next() <= first);
}

#[test]
fn takes_names_as_kubernetes_does() {
    for name in ["shop", "a", "web-7d4b9-x2", "shop.example.com", "0"] {
        assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
    }
    let long = "a".repeat(254);
    for name in ["", "-a", "a-", "A", "a/b", "a b", "é", "..", long.as_str()] {
        assert!(name.parse::<Name>().is_err(), "{name}");
    }
}

#[test]
fn hashes_a_bundle_as_the_operator_does() {
    assert_eq!(
        builder().build().adopt(&version(1)).unwrap(),
        Bundle::revision(&version(1)),
        "a decider names the revision that the operator published"
    );
}
