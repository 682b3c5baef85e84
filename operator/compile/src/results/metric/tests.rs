use attune_api::{Kind, Resource};
use attune_core::measure::activity::ActivityAnswer;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use super::{render, says_the_same};

fn rendered(per_hour: f64) -> Value {
    let Resource::Metric(metric) = Strategy::example().resource(Kind::Metric, "repeat-purchase") else {
        panic!("no metric")
    };
    let answer = ActivityAnswer {
        last: Some(AT),
        per_hour,
    };
    render(&metric, Ok(answer), &Value::Null, AT)
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
