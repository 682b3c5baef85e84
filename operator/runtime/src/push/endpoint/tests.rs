use std::time::Duration;

use attune_api::delivery::PushDelivery;
use serde_json::{Value, json};

use super::*;

mod pace;

const TARGET: &str = "target";

/// An endpoint and a clock that is turned by hand.
struct Bench {
    endpoint: Endpoint,
    now: Moment,
    /// The names of the messages that it sent.
    messages: Vec<String>,
}

fn policy(fields: Value) -> Policy {
    let mut push = json!({"url": "https://hooks.example.com/"});
    let Value::Object(fields) = fields else { panic!() };
    push.as_object_mut().unwrap().extend(fields);
    let push: PushDelivery = serde_json::from_value(push).unwrap();
    Policy::of(&push)
}

fn standing(revision: &str, target: &str) -> SyncFigures {
    SyncFigures {
        revision: Some(revision.to_owned()),
        target: Some(target.to_owned()),
        ..SyncFigures::default()
    }
}

fn receipt(revision: Option<&str>) -> Event {
    Event::Sent(Ok(Receipt {
        status: 200,
        revision: revision.map(str::to_owned),
        left_out: 0,
    }))
}

fn has(revision: Option<&str>) -> Event {
    Event::Looked(Ok(Look {
        status: 200,
        revision: revision.map(str::to_owned),
    }))
}

fn answers(status: u16, retry_after: Option<u64>) -> Trouble {
    Trouble {
        status: Some(status),
        retry_after: retry_after.map(Duration::from_secs),
        ..Trouble::new(
            Reason::ReceiverUnreachable,
            format!("the receiver answers {status}"),
        )
        .in_doubt()
    }
}

/// What a [`Bench`] gives when a revision is sent, under whatever name.
#[expect(clippy::unnecessary_wraps, reason = "as a step gives it")]
fn send(revision: &str) -> Option<Action> {
    Some(Action::Send {
        id: revision.to_owned(),
    })
}

impl Bench {
    fn new(fields: Value, standing: Option<SyncFigures>) -> Self {
        let now = Moment {
            at: Instant::now(),
            wall: "2026-12-01T00:00:00Z".parse().unwrap(),
            chance: 1.0,
        };
        let endpoint = Endpoint::new(policy(fields), TARGET.to_owned(), "r1".to_owned(), standing, now);
        Self {
            endpoint,
            now,
            messages: Vec::new(),
        }
    }

    /// One that acknowledged `r1`.
    fn synced(fields: Value) -> Self {
        Self::new(fields, Some(standing("r1", TARGET)))
    }

    /// What it does, with a message named by its revision only: the whole name is noted.
    fn step(&mut self, event: Event) -> Option<Action> {
        let action = self.endpoint.step(self.now, event);
        let Some(Action::Send { id }) = action else {
            return action;
        };
        let revision = id.split('-').next().unwrap().to_owned();
        self.messages.push(id);
        send(&revision)
    }

    fn pass(&mut self, seconds: u64) -> Option<Action> {
        self.now.at += Duration::from_secs(seconds);
        self.now.wall += jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        self.step(Event::Tick)
    }

    /// How long until there is something to do, in seconds.
    fn waits(&self) -> Option<u64> {
        let next = self.endpoint.next()?;
        let wait = next.saturating_duration_since(self.now.at);
        Some((wait + Duration::from_millis(500)).as_secs())
    }

    fn wants(&mut self, revision: &str) -> Option<Action> {
        self.step(Event::Wants(revision.to_owned()))
    }

    fn says(&self) -> Reason {
        self.endpoint.delivered().reason
    }

    fn acknowledged(&self) -> Option<String> {
        self.endpoint.delivered().figures.revision
    }

    /// Begins with nothing on the status: reads that, and gives what follows.
    fn begin(&mut self) -> Option<Action> {
        assert_eq!(self.step(Event::Tick), Some(Action::ReadBack));
        self.step(Event::ReadBack(Ok(SyncFigures::default())))
    }
}

#[test]
fn sends_what_is_wanted_once_and_believes_the_acknowledgement() {
    let mut bench = Bench::new(json!({}), None);
    assert_eq!(bench.begin(), send("r1"));
    assert_eq!(bench.says(), Reason::SyncPending);
    assert_eq!(bench.step(Event::Tick), None, "one at a time");
    assert_eq!(bench.step(receipt(None)), None);
    assert_eq!(bench.says(), Reason::Synced);
    assert_eq!(bench.acknowledged().as_deref(), Some("r1"));
    assert_eq!(bench.waits(), None, "there is nothing more to do");
    assert_eq!(bench.pass(100_000), None);
}

#[test]
fn sends_nothing_that_stands_acknowledged_on_the_status() {
    let mut bench = Bench::synced(json!({}));
    assert_eq!(bench.step(Event::Tick), None);
    assert_eq!(bench.says(), Reason::Synced);
    // What the index had not seen yet is read back before the first send.
    let mut bench = Bench::new(json!({}), None);
    assert_eq!(bench.step(Event::Tick), Some(Action::ReadBack));
    assert_eq!(bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))), None);
    assert_eq!(bench.says(), Reason::Synced);
}

#[test]
fn does_not_take_what_another_receiver_acknowledged_for_its_own() {
    let mut bench = Bench::new(json!({}), Some(standing("r1", "elsewhere")));
    assert_eq!(bench.step(Event::Tick), Some(Action::ReadBack));
    assert_eq!(
        bench.step(Event::ReadBack(Ok(standing("r1", "elsewhere")))),
        send("r1")
    );
}

#[test]
fn sends_nothing_until_what_stands_could_be_read() {
    let mut bench = Bench::new(json!({}), None);
    assert_eq!(bench.step(Event::Tick), Some(Action::ReadBack));
    let trouble = Trouble::new(Reason::SyncPending, "not now");
    assert_eq!(bench.step(Event::ReadBack(Err(trouble))), None);
    assert_eq!(bench.pass(1), Some(Action::ReadBack));
    assert_eq!(bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))), None);
    assert_eq!(
        bench.says(),
        Reason::Synced,
        "what could not be read is forgotten"
    );
}

#[test]
fn a_revision_that_comes_back_is_another_message() {
    let mut bench = Bench::new(json!({}), None);
    assert_eq!(bench.begin(), send("r1"));
    assert_eq!(bench.step(receipt(None)), None);
    for revision in ["r2", "r1", "r2"] {
        bench.pass(1);
        assert_eq!(bench.wants(revision), send(revision));
        assert_eq!(bench.step(receipt(None)), None);
    }
    let names: std::collections::BTreeSet<_> = bench.messages.iter().collect();
    assert_eq!(names.len(), 4, "{:?}", bench.messages);
}

#[test]
fn edits_that_meet_doubt_are_messages_of_their_own() {
    let mut bench = Bench::new(json!({}), None);
    bench.begin();
    for revision in ["r2", "r1", "r2"] {
        bench.step(Event::Sent(Err(Trouble::late(Duration::from_secs(10)))));
        bench.now.wall += jiff::SignedDuration::from_secs(1);
        assert_eq!(bench.wants(revision), send(revision));
    }
    let names: std::collections::BTreeSet<_> = bench.messages.iter().collect();
    assert_eq!(names.len(), 4, "{:?}", bench.messages);
}

#[test]
fn a_newer_revision_replaces_one_that_waits_and_follows_one_that_is_under_way() {
    let mut bench = Bench::synced(json!({}));
    assert_eq!(bench.wants("r2"), Some(Action::ReadBack));
    assert_eq!(
        bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))),
        send("r2")
    );
    // Under way: both wait, and the older of them is never sent.
    assert_eq!(bench.wants("r3"), None);
    assert_eq!(bench.wants("r4"), None);
    assert_eq!(bench.step(receipt(Some("r2"))), send("r4"));
    assert_eq!(bench.acknowledged().as_deref(), Some("r2"));
    assert_eq!(bench.says(), Reason::SyncPending);
    assert_eq!(bench.step(receipt(Some("r4"))), None);
    assert_eq!(bench.acknowledged().as_deref(), Some("r4"));
}

#[test]
fn an_edit_that_is_taken_back_in_time_sends_nothing() {
    let mut bench = Bench::synced(json!({"rate": {"perMinute": 1}}));
    assert_eq!(bench.wants("r2"), Some(Action::ReadBack));
    bench.wants("r1");
    assert_eq!(bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))), None);
    assert_eq!(bench.says(), Reason::Synced);
}

#[test]
fn what_may_have_arrived_is_sent_over_when_the_edit_is_taken_back() {
    let mut bench = Bench::synced(json!({}));
    bench.wants("r2");
    assert_eq!(
        bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))),
        send("r2")
    );
    assert_eq!(
        bench.step(Event::Sent(Err(Trouble::late(Duration::from_secs(10))))),
        None
    );
    assert_eq!(bench.acknowledged(), None, "nobody knows what it has");
    assert_eq!(bench.wants("r1"), send("r1"));
}

#[test]
fn an_answer_that_names_another_revision_acknowledges_nothing() {
    let mut bench = Bench::new(json!({}), None);
    bench.begin();
    assert_eq!(bench.step(receipt(Some("r0"))), None);
    assert_eq!(bench.says(), Reason::Refused);
    assert_eq!(bench.acknowledged(), None);
    assert_eq!(bench.pass(1), send("r1"));
    assert_eq!(bench.messages, ["r1", "r1"], "the same message once more");
}

#[test]
fn what_was_taken_is_asked_for_and_given_time() {
    let mut bench = Bench::new(json!({"verify": {}}), None);
    assert_eq!(bench.begin(), send("r1"));
    let Some(Action::Look { .. }) = bench.step(receipt(None)) else {
        panic!("it is asked at once");
    };
    assert_eq!(bench.says(), Reason::SyncPending);
    assert_eq!(bench.step(has(Some("r0"))), None);
    assert_eq!(bench.says(), Reason::SyncPending, "it may take its time");
    assert!(matches!(bench.pass(1), Some(Action::Look { .. })));
    assert_eq!(bench.step(has(Some("r1"))), None);
    assert_eq!(bench.says(), Reason::Synced);
    assert_eq!(bench.waits().unwrap(), 330, "the next time is spread");
}

#[test]
fn what_was_taken_while_its_edit_was_taken_back_is_replaced_at_once() {
    let mut bench = Bench::synced(json!({"verify": {}}));
    bench.wants("r2");
    assert_eq!(
        bench.step(Event::ReadBack(Ok(standing("r1", TARGET)))),
        send("r2")
    );
    assert_eq!(bench.wants("r1"), None, "one at a time");
    assert_eq!(bench.step(receipt(None)), send("r1"));
    assert_eq!(bench.says(), Reason::SyncPending);
    assert_eq!(bench.acknowledged(), None, "it took another one since");
}

#[test]
fn what_was_taken_and_never_arrives_is_sent_again() {
    let mut bench = Bench::new(json!({"verify": {}}), None);
    bench.begin();
    bench.step(receipt(None));
    for _ in 1..PATIENT_LOOKS {
        assert_eq!(bench.step(has(Some("r0"))), None);
        assert!(matches!(bench.pass(300), Some(Action::Look { .. })));
    }
    assert_eq!(bench.step(has(Some("r0"))), None);
    assert_eq!(bench.says(), Reason::Drifted);
    assert!(matches!(bench.pass(300), Some(Action::Send { .. })));
}

#[test]
fn drift_is_found_told_and_repaired_by_another_message() {
    let mut bench = Bench::synced(json!({"verify": {"interval": "60s"}}));
    assert!(matches!(bench.pass(60), Some(Action::Look { .. })));
    assert_eq!(bench.step(has(Some("r1"))), None);
    assert_eq!(bench.says(), Reason::Synced);
    assert!(matches!(bench.pass(66), Some(Action::Look { .. })));
    assert_eq!(bench.step(has(Some("r0"))), None);
    assert_eq!(bench.says(), Reason::Drifted);
    assert_eq!(bench.acknowledged(), None);
    let since = bench.now.wall.as_second();
    assert_eq!(bench.pass(1), send("r1"));
    let repair = format!("r1-{since}");
    assert_eq!(bench.messages, [repair], "one that remembers messages takes it");
    assert_eq!(bench.step(receipt(Some("r1"))), None);
    assert_eq!(bench.says(), Reason::Synced);
    assert!(bench.endpoint.delivered().figures.last_drift.is_some());
}

#[test]
fn one_that_has_nothing_has_drifted() {
    let mut bench = Bench::synced(json!({"verify": {"interval": "60s"}}));
    bench.pass(60);
    bench.step(has(None));
    assert_eq!(bench.says(), Reason::Drifted);
}

#[test]
fn a_question_that_fails_twice_is_no_news() {
    let mut bench = Bench::synced(json!({"verify": {"interval": "60s"}}));
    bench.pass(60);
    for expected in [Reason::Synced, Reason::Synced, Reason::ReceiverUnreachable] {
        assert_eq!(bench.step(Event::Looked(Err(answers(500, None)))), None);
        assert_eq!(bench.says(), expected);
        assert_eq!(
            bench.acknowledged().as_deref(),
            Some("r1"),
            "it was not said that it has lost it"
        );
        assert!(matches!(bench.pass(10), Some(Action::Look { .. })));
    }
    bench.step(has(Some("r1")));
    assert_eq!(bench.says(), Reason::Synced);
}

#[test]
fn attempts_are_counted_from_one_acknowledgement_to_the_next() {
    let attempts = |bench: &Bench| bench.endpoint.delivered().figures.attempts;
    let mut bench = Bench::new(json!({}), None);
    bench.begin();
    bench.step(Event::Sent(Err(answers(503, None))));
    assert_eq!(attempts(&bench), Some(1));
    assert_eq!(bench.endpoint.delivered().figures.response_status, Some(503));
    bench.pass(10);
    bench.step(receipt(None));
    assert_eq!(attempts(&bench), Some(0));
    assert_eq!(bench.endpoint.delivered().figures.response_status, Some(200));
}
