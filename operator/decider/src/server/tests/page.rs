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

/// As [`shared`], with all its modules about shoes but `plain`.
fn labelled() -> Decider {
    let decider = builder().build();
    let bundle = bundle_with(|bundle| {
        bundle["settings"]["diversity"] = json!(["topic"]);
        bundle["experiments"] = json!({});
        bundle["holdouts"] = json!({});
        bundle["programs"]["loyalty"]["holdouts"] = json!([]);
        for module in ["hero@0", "news@0"] {
            bundle["modules"][module]["labels"] = json!({"topic": "shoes"});
        }
    });
    decider.adopt_bundle(bundle).unwrap();
    decider
}

fn diverse(touchpoints: &[&str], diversity: &Value) -> String {
    let mut body: Value = serde_json::from_str(&page(touchpoints)).unwrap();
    body["diversity"] = diversity.clone();
    body.to_string()
}

#[tokio::test]
async fn shows_no_more_of_one_label_than_a_page_asks_for() {
    let decider = labelled();
    let shown = async |diversity: Value| {
        let answer = post(&decider, "/v1/decide", diverse(&["hero", "letter"], &diversity)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let decisions = answer.json()["decisions"].clone();
        [0, 1].map(|place| decisions[place]["variant"].clone())
    };
    let both = [json!("hero/everyone"), json!("news/all")];
    assert_eq!(shown(Value::Null).await, both);
    assert_eq!(shown(json!({"label": "topic", "max": 2})).await, both);
    let one = [json!("hero/everyone"), json!("plain/default")];
    assert_eq!(shown(json!({"label": "topic"})).await, one);
    assert_eq!(shown(json!({"label": "topic", "max": 1})).await, one);
}

#[tokio::test]
async fn refuses_a_diversity_that_no_page_can_have() {
    let bad = StatusCode::BAD_REQUEST;
    for (diversity, status, said) in [
        (
            json!({"label": "colour"}),
            StatusCode::NOT_FOUND,
            "does not list in `diversity`; it lists `topic`",
        ),
        (json!({"label": "topic", "max": 0}), bad, "`diversity.max` is 0"),
        (
            json!({"label": "topic", "max": -1}),
            bad,
            "`diversity` an object with a `label`",
        ),
        (
            json!({"label": "topic", "max": 1.5}),
            bad,
            "`1.5` is no whole number",
        ),
        (json!({"label": "topic", "most": 1}), bad, "unknown field `most`"),
        (json!({"max": 1}), bad, "missing field `label`"),
        (json!("topic"), bad, "`diversity` an object with a `label`"),
    ] {
        for (path, body) in [
            ("/v1/decide", diverse(&["hero"], &diversity)),
            ("/v1/explain", on_a_page("hero", &[], &diversity)),
        ] {
            let answer = post(&labelled(), path, body).await;
            assert_eq!(answer.status, status, "{diversity}");
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(path == "/v1/explain" || detail.contains(said), "{detail}");
        }
    }
    let whole = diverse(&["hero"], &json!({"label": "topic", "max": 2.0}));
    assert_eq!(
        post(&labelled(), "/v1/decide", whole).await.status,
        StatusCode::OK
    );
    let none = post(
        &shared(),
        "/v1/decide",
        diverse(&["hero"], &json!({"label": "topic"})),
    )
    .await;
    assert!(none.text().contains("it lists none"), "{}", none.text());
}

fn on_a_page(touchpoint: &str, after: &[&str], diversity: &Value) -> String {
    let context = json!({"targetingKey": "u1", "consent": ["marketing"]});
    json!({"touchpoint": touchpoint, "after": after, "diversity": diversity, "context": context}).to_string()
}

#[tokio::test]
async fn explains_what_a_page_keeps_from_a_place() {
    let decider = labelled();
    let refused = async |after: &[&str], diversity: Value| {
        let body = on_a_page("letter", after, &diversity);
        let answer = post(&decider, "/v1/explain", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let steps = answer.json()["trace"].as_array().unwrap().clone();
        let candidates = steps.iter().find(|step| step["step"] == "candidates").unwrap();
        candidates["candidates"][0]["refused"].clone()
    };
    let topic = json!({"label": "topic"});
    assert_eq!(refused(&[], topic.clone()).await, Value::Null);
    assert_eq!(refused(&["hero"], Value::Null).await, Value::Null);
    assert_eq!(
        refused(&["hero"], topic.clone()).await,
        json!({"by": "alike", "label": "topic", "value": "shoes"})
    );
    assert_eq!(refused(&["letter"], Value::Null).await, json!({"by": "taken"}));
    let unknown = post(&decider, "/v1/explain", on_a_page("letter", &["nope"], &topic)).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let many = vec!["hero"; 65];
    let many = post(&decider, "/v1/explain", on_a_page("letter", &many, &topic)).await;
    assert_eq!(many.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn explains_a_place_by_what_those_before_it_would_show() {
    let decider = builder().build();
    let bundle = bundle_with(|bundle| {
        bundle["experiments"] = json!({});
        bundle["holdouts"] = json!({});
        bundle["programs"]["loyalty"]["holdouts"] = json!([]);
        bundle["settings"]["caps"] = json!([{"per": "Channel", "max": 1, "windowSeconds": 3600}]);
    });
    decider.adopt_bundle(bundle).unwrap();
    let explain = async |after: &[&str]| {
        let body = on_a_page("letter", after, &Value::Null);
        post(&decider, "/v1/explain", body).await.json()
    };
    let reason = |answer: &Value| answer["metadata"]["attune.reason"].clone();
    let alone = explain(&[]).await;
    assert_eq!(reason(&alone["decision"]), "TARGETED");
    assert_eq!(alone["before"], Value::Null);
    let after = explain(&["hero"]).await;
    assert_eq!(reason(&after["decision"]), "CAPPED");
    let hero = &after["before"][0];
    assert_eq!(
        (&hero["touchpoint"], &hero["variant"], &hero["reason"]),
        (&json!("hero"), &json!("hero/everyone"), &json!("TARGETED"))
    );
    assert_eq!(hero["charged"]["program"], "loyalty");
    assert_eq!(explain(&[]).await, alone, "nothing was written");
    let page = post(&decider, "/v1/decide", page(&["hero", "letter"])).await;
    let page = page.json();
    assert_eq!(reason(&page["decisions"][1]), "CAPPED", "as on the page");
    // Once the unit was shown something, the place before is capped itself, and counts for nothing.
    let capped = explain(&["hero"]).await;
    assert_eq!(capped["before"][0]["reason"], "CAPPED");
    assert_eq!(capped["before"][0]["charged"], Value::Null);
}
