use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{compile, findings, stands};

const LETTER: &str = "retention-newsletter";

/// The example with its letters sent from a batch.
fn batch(frequency: &Value, binding: Value) -> Strategy {
    let delivery = json!({
        "schedule": "0 4 * * *",
        "source": {"volume": {"claimName": "people", "path": "people.csv"}},
        "sink": {"volume": {"claimName": "letters", "path": "letters.csv"}},
    });
    Strategy::example()
        .change(Kind::Channel, "email", |spec| {
            spec["delivery"] = json!({"batch": delivery});
            spec["frequency"] = frequency.clone();
            spec["replay"] = Value::Null;
        })
        .edit(Kind::ChannelBinding, LETTER, binding)
}

/// Where something is told of, and by which reason.
fn told(strategy: &Strategy) -> Vec<String> {
    let told = findings(strategy).into_iter();
    told.map(|finding| finding.split(':').next().unwrap().to_owned())
        .collect()
}

#[test]
fn tells_of_all_that_goes_by_the_past_in_a_batch() {
    let frequency = json!({"caps": [{"per": "Unit", "max": 2, "window": "168h"}], "minimumGap": "24h"});
    let bound = json!({
        "caps": [{"per": "Unit", "max": 1, "window": "24h"}],
        "stopOn": [{"event": "purchase", "window": "24h"}],
    });
    let strategy = batch(&frequency, bound).change(Kind::ChannelBinding, LETTER, |spec| {
        spec["candidates"][0]["when"] = r#"history.count("visit", duration("24h")) == 0"#.into();
        spec["candidates"][0]["score"] =
            r#"1.0 * double(history.shown("Channel/web", duration("24h")))"#.into();
    });
    let strategy = strategy.edit(
        Kind::Audience,
        "loyal-high-value",
        json!({"match": r#"history.last("cart") < now"#}),
    );
    assert_eq!(
        told(&strategy),
        [
            "warning Channel email spec.frequency.caps PastUnknown",
            "warning Channel email spec.frequency.minimumGap PastUnknown",
            "warning ChannelBinding retention-newsletter spec.caps PastUnknown",
            "warning ChannelBinding retention-newsletter spec.stopOn PastUnknown",
            "warning ChannelBinding retention-newsletter spec.candidates[0].audiences[0] PastUnknown",
            "warning ChannelBinding retention-newsletter spec.candidates[0].when PastUnknown",
            "warning ChannelBinding retention-newsletter spec.candidates[0].score PastUnknown",
        ]
    );
    let accepted = stands(
        &compile(&strategy),
        Kind::ChannelBinding,
        LETTER,
        ConditionType::Accepted,
    );
    assert_eq!(accepted, "True/Accepted", "a warning turns no condition red");
}

#[test]
fn tells_of_nothing_where_nothing_asks_or_deciders_know() {
    assert_eq!(told(&batch(&Value::Null, json!({}))), Vec::<String>::new());
    // The same limits, with deciders that know the past.
    assert_eq!(told(&Strategy::example()), Vec::<String>::new());
}
