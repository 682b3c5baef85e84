use attune_api::{Kind, Resource};
use attune_core::measure::activity::ActivityAnswer;
use attune_testkit::{AT, Strategy, instant, stands};
use serde_json::{Value, json};

use super::{render, says_the_same};

fn rendered(per_hour: f64) -> Value {
    at("2026-12-01T00:00:00Z", per_hour)
}

fn at(last: &str, per_hour: f64) -> Value {
    let last = Some(instant(last));
    with(Ok(ActivityAnswer { last, per_hour }), &Value::Null)
}

fn with(activity: Result<ActivityAnswer, String>, old: &Value) -> Value {
    let Resource::Metric(metric) = Strategy::example().resource(Kind::Metric, "repeat-purchase") else {
        panic!("no metric")
    };
    render(&metric, activity, old, AT)
}

#[test]
fn tells_of_an_hour_and_a_tenth_and_not_of_every_event() {
    let (one, later) = (
        at("2026-12-01T00:05:00Z", 100.0),
        at("2026-12-01T00:55:00Z", 105.0),
    );
    assert!(says_the_same(&one, &later));
    assert!(!says_the_same(&one, &at("2026-12-01T01:00:00Z", 100.0)));
    assert!(!says_the_same(&one, &at("2026-12-01T00:05:00Z", 150.0)));
    assert!(!says_the_same(&Value::Null, &one));
}

#[test]
fn keeps_what_was_known_while_nobody_answers() {
    let before = rendered(3.0);
    let after = with(Err("the collector is away".to_owned()), &before);
    assert_eq!(after["lastEvent"], before["lastEvent"]);
    assert_eq!(after["eventsPerHour"], before["eventsPerHour"]);
    assert_eq!(stands(&after, "Receiving"), "Unknown/SourceUnavailable");
}

/// The API server keeps `0.0` as `0`.
#[test]
fn a_whole_number_read_back_is_no_news() {
    let written = rendered(3.0);
    let mut read = written.clone();
    read["eventsPerHour"] = json!(3);
    assert_ne!(read, written);
    assert!(says_the_same(&read, &written));
    assert!(!says_the_same(&read, &rendered(3.5)));
}
