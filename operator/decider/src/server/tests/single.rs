//! One decision over HTTP.

use axum::http::StatusCode;
use serde_json::json;

use super::HERO;
use crate::fixture::{Place, builder, bundle_with, decider, evaluate, now, post, reason, unit_in};

#[tokio::test]
async fn answers_an_enrolled_unit_with_content_and_full_metadata() {
    let decider = decider();
    let answer = evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    let decision = answer["metadata"]["attune.decision"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(decision).unwrap().get_version_num(), 7);
    assert_eq!(
        answer,
        json!({
            "key": "hero",
            "reason": "SPLIT",
            "variant": "hero/everyone",
            "value": {"legal": "T&C", "title": "Good \"to\" see you }}"},
            "metadata": {
                "attune.reason": "EXPERIMENT",
                "attune.program": "loyalty",
                "attune.binding": "hero",
                "attune.experiment": "hero-test",
                "attune.arm": "treatment",
                "attune.holdout": "always",
                "attune.held": false,
                "attune.revision": decider.revision().unwrap(),
                "attune.decision": decision,
            }
        })
    );
}

#[tokio::test]
async fn answers_the_baseline_to_whoever_is_held_out() {
    let answer = evaluate(&decider(), "hero", &unit_in(Place::HeldOut, 0)).await;
    assert_eq!(reason(&answer), "HELD_OUT");
    assert_eq!(answer["variant"], "plain/default");
    assert_eq!(answer["metadata"]["attune.held"], true);
}

#[tokio::test]
async fn names_decisions_by_the_instant_of_the_clock() {
    let answer = evaluate(&decider(), "hero", "u1").await;
    let id = answer["metadata"]["attune.decision"].as_str().unwrap();
    let (seconds, _) = uuid::Uuid::parse_str(id)
        .unwrap()
        .get_timestamp()
        .unwrap()
        .to_unix();
    assert_eq!(i64::try_from(seconds).unwrap(), now().as_second());
}

#[tokio::test]
async fn leaves_the_code_default_where_nothing_is_bound() {
    let answer = evaluate(&decider(), "bare", "u1").await;
    assert_eq!(answer["reason"], "STATIC");
    assert_eq!(reason(&answer), "NOT_ELIGIBLE");
    assert!(answer.get("value").is_none() && answer.get("variant").is_none());
}

#[tokio::test]
async fn tells_browsers_reason_revision_and_decision_only() {
    let decider = builder().build();
    decider
        .adopt_bundle(bundle_with(|bundle| {
            bundle["settings"]["metadata"] = json!("Reason");
        }))
        .unwrap();
    let answer = evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    let metadata = answer["metadata"].as_object().unwrap();
    let keys: Vec<_> = metadata.keys().collect();
    assert_eq!(keys, ["attune.decision", "attune.reason", "attune.revision"]);
}

#[tokio::test]
async fn answers_without_a_targeting_key() {
    for context in ["{}", r#"{"targetingKey": ""}"#, r#"{"targetingKey": null}"#] {
        let answer = post(&decider(), HERO, format!(r#"{{"context": {context}}}"#)).await;
        assert_eq!(answer.status, StatusCode::OK, "{context}");
        assert_eq!(reason(&answer.json()), "NO_UNIT", "{context}");
        assert_eq!(answer.json()["variant"], "plain/default");
    }
}

#[tokio::test]
async fn refuses_bad_requests_with_the_code_of_ofrep() {
    let cases: &[(&str, &[u8], u16, &str)] = &[
        (HERO, b"", 400, "PARSE_ERROR"),
        (HERO, b"{", 400, "PARSE_ERROR"),
        (HERO, b"{\"context\": {}} {}", 400, "PARSE_ERROR"),
        (HERO, b"\xff\xfe{}", 400, "PARSE_ERROR"),
        (HERO, b"{}", 400, "INVALID_CONTEXT"),
        (HERO, b"null", 400, "INVALID_CONTEXT"),
        (HERO, b"[1]", 400, "INVALID_CONTEXT"),
        (HERO, br#"{"context": []}"#, 400, "INVALID_CONTEXT"),
        (
            HERO,
            br#"{"context": {"targetingKey": 7}}"#,
            400,
            "INVALID_CONTEXT",
        ),
        (
            HERO,
            br#"{"context": {"targetingKey": {}}}"#,
            400,
            "INVALID_CONTEXT",
        ),
        (
            "/ofrep/v1/evaluate/flags/nope",
            br#"{"context": {}}"#,
            404,
            "FLAG_NOT_FOUND",
        ),
        (
            "/ofrep/v1/evaluate/flags/a%2Fb%00%0a",
            br#"{"context": {}}"#,
            404,
            "FLAG_NOT_FOUND",
        ),
        (
            "/ofrep/v1/evaluate/flags/%ff%fe",
            br#"{"context": {}}"#,
            404,
            "FLAG_NOT_FOUND",
        ),
    ];
    let decider = decider();
    for (path, body, status, code) in cases {
        let answer = post(&decider, path, body.to_vec()).await;
        let shown = String::from_utf8_lossy(body.get(..40).unwrap_or(body)).into_owned();
        assert_eq!(answer.status.as_u16(), *status, "{path} {shown}");
        assert_eq!(answer.header("content-type"), "application/json");
        let failure = answer.json();
        assert_eq!(failure["errorCode"], *code, "{path} {shown}");
        assert!(!failure["errorDetails"].as_str().unwrap().is_empty());
        assert!(failure["key"].is_string(), "{path} {shown}: {failure}");
    }
}
