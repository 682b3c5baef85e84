//! Several touchpoints at once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::decider::Decider;
use crate::exposure::Exposures;
use crate::fixture::{builder, bundle_with, decider, evaluate, post};

/// `hero` and `letter` may both show `hero@0`; `letter` has `news@0` as its second choice.
fn shared() -> Decider {
    let decider = builder().build();
    let bundle = bundle_with(|bundle| {
        bundle["experiments"] = json!({});
        bundle["holdouts"] = json!({});
        bundle["programs"]["loyalty"]["holdouts"] = json!([]);
        bundle["bindings"]["letter"]["candidates"] = json!([{"module": "hero@0"}, {"module": "news@0"}]);
    });
    decider.adopt_bundle(bundle).unwrap();
    decider
}

fn page(touchpoints: &[&str]) -> String {
    json!({
        "touchpoints": touchpoints,
        "context": {"targetingKey": "u1", "consent": ["marketing"]}
    })
    .to_string()
}

async fn variants(decider: &Decider, touchpoints: &[&str]) -> Vec<Value> {
    let answer = post(decider, "/v1/decide", page(touchpoints)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    let decisions = answer["decisions"].as_array().unwrap();
    let keys: Vec<_> = decisions
        .iter()
        .map(|decision| decision["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, touchpoints, "in the order asked for");
    decisions
        .iter()
        .map(|decision| decision["variant"].clone())
        .collect()
}

#[tokio::test]
async fn shows_no_module_at_two_places_and_lets_the_first_choose() {
    let decider = shared();
    assert_eq!(variants(&decider, &["letter"]).await, ["hero/everyone"]);
    assert_eq!(
        variants(&decider, &["hero", "letter"]).await,
        ["hero/everyone", "news/all"]
    );
    // What is left has its baseline, which may repeat: no place stays empty.
    assert_eq!(
        variants(&decider, &["letter", "hero"]).await,
        ["hero/everyone", "plain/default"]
    );
    assert_eq!(
        variants(&decider, &["letter", "hero", "bare"]).await,
        [json!("hero/everyone"), json!("plain/default"), Value::Null]
    );
}

#[tokio::test]
async fn answers_each_place_as_the_single_endpoint_does() {
    let decider = decider();
    let answer = post(&decider, "/v1/decide", page(&["hero", "letter"]))
        .await
        .json();
    let mut ids = Vec::new();
    for decision in answer["decisions"].as_array().unwrap() {
        let mut single = evaluate(&decider, decision["key"].as_str().unwrap(), "u1").await;
        ids.push(decision["metadata"]["attune.decision"].clone());
        single["metadata"]["attune.decision"] = decision["metadata"]["attune.decision"].clone();
        assert_eq!(*decision, single);
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn reports_and_charges_what_counts_with_the_decision() {
    let (exposures, mut queue) = Exposures::channel(16);
    let decider = builder().exposures(exposures).build();
    let bundle = bundle_with(|bundle| {
        bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 1, "windowSeconds": 3600}]);
    });
    decider.adopt_bundle(bundle).unwrap();
    let first = post(&decider, "/v1/decide", page(&["hero", "letter"]))
        .await
        .json();
    let exposure = queue.try_recv().unwrap();
    assert_eq!(exposure.id, first["decisions"][0]["metadata"]["attune.decision"]);
    let second = post(&decider, "/v1/decide", page(&["hero"])).await.json();
    assert_eq!(second["decisions"][0]["metadata"]["attune.reason"], "CAPPED");
}

#[tokio::test]
async fn refuses_pages_that_are_none() {
    let many: Vec<String> = (0..65).map(|n| format!("t{n}")).collect();
    for (body, status) in [
        ("{".to_owned(), 400),
        (r#"{"touchpoints": ["hero"]}"#.to_owned(), 400),
        (r#"{"context": {}}"#.to_owned(), 400),
        (r#"{"touchpoints": "hero", "context": {}}"#.to_owned(), 400),
        (r#"{"touchpoints": [7], "context": {}}"#.to_owned(), 400),
        (r#"{"touchpoints": [], "context": {}}"#.to_owned(), 400),
        (page(&["hero", "bare", "hero"]), 400),
        (json!({"touchpoints": many, "context": {}}).to_string(), 400),
        (
            r#"{"touchpoints": ["hero"], "context": {"targetingKey": 7}}"#.to_owned(),
            400,
        ),
        (page(&["hero", "nope"]), 404),
    ] {
        let answer = post(&decider(), "/v1/decide", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let empty = builder().build();
    let answer = post(&empty, "/v1/decide", page(&["hero"])).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "1");
}
