//! When an endpoint is called, and when it is left alone.

use super::*;

#[test]
fn pauses_grow_to_their_end_and_an_edit_is_tried_at_once() {
    let retry = json!({"retry": {"initialBackoff": "1s", "maxBackoff": "5s"}});
    let mut bench = Bench::new(retry, None);
    bench.begin();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        assert_eq!(bench.step(Event::Sent(Err(answers(500, None)))), None);
        pauses.push(bench.waits().unwrap());
        assert_eq!(bench.pass(5), send("r1"));
    }
    assert_eq!(pauses, [1, 2, 4, 5]);
    let mut bench = Bench::new(json!({"retry": {"initialBackoff": "60s"}}), None);
    bench.begin();
    bench.step(Event::Sent(Err(answers(500, None))));
    assert_eq!(
        bench.wants("r2"),
        send("r2"),
        "an edit does not wait for the last failure's pause"
    );
}

#[test]
fn pauses_are_spread_by_chance() {
    let policy = policy(json!({"retry": {"initialBackoff": "8s", "maxBackoff": "60s"}}));
    assert_eq!(policy.pause(1, 0.0), Duration::from_secs(4));
    assert_eq!(policy.pause(1, 1.0), Duration::from_secs(8));
    assert_eq!(policy.pause(60, 1.0), Duration::from_mins(1));
}

#[test]
fn one_that_fails_again_and_again_is_left_alone_whatever_is_edited() {
    let retry = json!({"retry": {"initialBackoff": "1s", "maxBackoff": "60s"}});
    let mut bench = Bench::new(retry, None);
    bench.begin();
    for _ in 1..BREAKS_AFTER {
        assert_eq!(bench.step(Event::Sent(Err(answers(500, None)))), None);
        assert_eq!(bench.pass(60), send("r1"));
    }
    assert_eq!(bench.step(Event::Sent(Err(answers(500, None)))), None);
    assert_eq!(bench.wants("r2"), None);
    assert_eq!(bench.pass(50), None);
    assert_eq!(bench.pass(10), send("r2"), "one call tries whether it is back");
    assert_eq!(bench.step(Event::Sent(Err(answers(500, None)))), None);
    assert_eq!(bench.wants("r3"), None, "it is not");
    assert_eq!(bench.pass(60), send("r3"));
    assert_eq!(bench.step(receipt(None)), None);
    assert_eq!(bench.wants("r4"), send("r4"), "and now it is");
}

#[test]
fn somebody_who_mends_the_channel_does_not_wait() {
    let mut bench = Bench::new(json!({}), None);
    bench.begin();
    for _ in 0..BREAKS_AFTER {
        bench.step(Event::Sent(Err(answers(500, None))));
        bench.pass(300);
    }
    bench.step(Event::Sent(Err(answers(500, None))));
    let now = bench.now;
    bench.endpoint.reconfigure(policy(json!({})), now);
    assert_eq!(bench.step(Event::Tick), send("r1"));
}

#[test]
fn waits_as_long_as_the_receiver_asks_and_no_longer_than_an_hour() {
    let mut bench = Bench::new(json!({}), None);
    bench.begin();
    assert_eq!(bench.step(Event::Sent(Err(answers(429, Some(90))))), None);
    assert_eq!(bench.wants("r2"), None, "an edit waits too");
    assert_eq!(bench.pass(89), None);
    assert_eq!(bench.pass(1), send("r2"));
    assert_eq!(bench.step(Event::Sent(Err(answers(503, Some(1_000_000))))), None);
    assert_eq!(bench.waits(), Some(3600));
}

#[test]
fn never_calls_more_often_than_it_may() {
    let mut bench = Bench::new(json!({"rate": {"perMinute": 3}}), None);
    bench.begin();
    let mut sent = vec![bench.now.at];
    bench.step(receipt(None));
    for edit in 2..40 {
        let mut action = bench.wants(&format!("r{edit}"));
        while action.is_none() {
            action = bench.pass(1);
        }
        sent.push(bench.now.at);
        bench.step(receipt(None));
    }
    for window in sent.windows(4) {
        assert!(window[3].duration_since(window[0]) >= Duration::from_mins(1));
    }
}
