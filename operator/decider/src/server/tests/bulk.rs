//! Every decision at once, and when it is unchanged.

use attune_core::context::Shape;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::BULK;
use crate::Decider;
use crate::fixture::{Answer, Hands, Place, builder, bundle_with, decider, post, send, unit_in};
use crate::limits::Limits;

#[tokio::test]
async fn refuses_bad_bulk_requests_without_a_key() {
    for (body, code) in [("{", "PARSE_ERROR"), ("{}", "INVALID_CONTEXT")] {
        let answer = post(&decider(), BULK, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["errorCode"], code);
        assert!(answer.json().get("key").is_none());
    }
}

#[tokio::test]
async fn answers_unchanged_bulk_requests_with_304() {
    let decider = decider();
    let body = r#"{"context": {"targetingKey": "u1", "consent": ["marketing"], "x": {"a": 1.0, "b": "é"}}}"#;
    let reordered = r#"{"context":{"x":{"b":"\u00e9","a":1},"consent":["marketing"],"targetingKey":"u1"}}"#;
    let first = post(&decider, BULK, body).await;
    assert_eq!(first.status, StatusCode::OK);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() == 36, "{tag}");
    let strong = tag.trim_start_matches("W/").to_owned();
    let list = format!("\"other\", {tag}");
    for known in [&tag, &strong, &list] {
        for body in [body, reordered] {
            let answer = ask_again(&decider, body, known).await;
            assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known} {body}");
            assert!(answer.body.is_empty());
            assert_eq!(answer.header("etag"), tag);
        }
    }
    for unknown in [
        "*",
        "\"other\"",
        "W/\"\"",
        "garbage",
        tag.trim_matches(['W', '/', '"']),
    ] {
        assert_eq!(
            ask_again(&decider, body, unknown).await.status,
            StatusCode::OK,
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn never_answers_304_to_a_changed_context() {
    let decider = decider();
    let body = r#"{"context": {"targetingKey": "u1", "unread": 1, "big": 9007199254740993}}"#;
    let tag = post(&decider, BULK, body).await.header("etag").to_owned();
    for changed in [
        r#"{"context": {"targetingKey": "u2", "unread": 1, "big": 9007199254740993}}"#,
        r#"{"context": {"targetingKey": "u1", "unread": 2, "big": 9007199254740993}}"#,
        r#"{"context": {"targetingKey": "u1", "unread": "1", "big": 9007199254740993}}"#,
        r#"{"context": {"targetingKey": "u1", "unread": [1], "big": 9007199254740993}}"#,
        r#"{"context": {"targetingKey": "u1", "big": 9007199254740993}}"#,
        r#"{"context": {"targetingKey": "u1", "unread": 1, "big": 9007199254740992}}"#,
        r#"{"context": {"targetingKey": "u1", "unread": 1, "unread": 2, "big": 9007199254740993}}"#,
    ] {
        assert_eq!(
            ask_again(&decider, changed, &tag).await.status,
            StatusCode::OK,
            "{changed}"
        );
    }
    assert_eq!(
        ask_again(&decider, body, &tag).await.status,
        StatusCode::NOT_MODIFIED
    );
}

#[tokio::test]
async fn never_answers_304_after_a_changed_revision() {
    let decider = decider();
    let body = r#"{"context": {"targetingKey": "u1"}}"#;
    let tag = post(&decider, BULK, body).await.header("etag").to_owned();
    // The answers are the same, the rules are not.
    let changed = bundle_with(|bundle| bundle["bindings"]["hero"]["priority"] = json!(11));
    decider.adopt_bundle(changed).unwrap();
    assert_eq!(ask_again(&decider, body, &tag).await.status, StatusCode::OK);
}

#[tokio::test]
async fn never_answers_304_after_content_expired() {
    let hands = Hands::new();
    let decider = Decider::builder().clock(hands.clock()).build();
    let bundle = bundle_with(|bundle| {
        bundle["experiments"] = json!({});
        bundle["holdouts"]["always"]["shareBp"] = json!(0);
        bundle["modules"]["hero@0"]["variants"][0]["validity"] = json!({"until": "2026-12-01T01:00:00Z"});
    });
    decider.adopt_bundle(bundle).unwrap();
    let body = r#"{"context": {"targetingKey": "u1"}}"#;
    let tag = post(&decider, BULK, body).await.header("etag").to_owned();
    hands.forward(3599);
    assert_eq!(
        ask_again(&decider, body, &tag).await.status,
        StatusCode::NOT_MODIFIED
    );
    hands.forward(1);
    assert_eq!(ask_again(&decider, body, &tag).await.status, StatusCode::OK);
}

#[tokio::test]
async fn answers_every_touchpoint_in_bulk_with_its_own_decision() {
    let decider = decider();
    let unit = unit_in(Place::Treatment, 0);
    let body =
        json!({"context": {"targetingKey": unit, "consent": ["marketing"], "locale": "de-AT"}}).to_string();
    let answer = post(&decider, BULK, body.clone()).await.json();
    let flags = answer["flags"].as_array().unwrap();
    let keys: Vec<_> = flags.iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["bare", "hero", "letter"]);
    let ids: std::collections::BTreeSet<_> = flags
        .iter()
        .map(|flag| flag["metadata"]["attune.decision"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    // Apart from the ids, each is what the single endpoint answers.
    for flag in flags {
        let path = format!("{BULK}/{}", flag["key"].as_str().unwrap());
        let mut single = post(&decider, &path, body.clone()).await.json();
        single["metadata"]["attune.decision"] = flag["metadata"]["attune.decision"].clone();
        assert_eq!(&single, flag);
    }
}

#[tokio::test]
async fn answers_contexts_that_are_too_deep_to_hash_without_a_tag() {
    let deep = format!(
        r#"{{"context": {{"unread": {}1{}}}}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let shape = Shape {
        depth: 400,
        keys: 1024,
    };
    let limits = Limits {
        shape,
        ..Limits::default()
    };
    let decider = builder().limits(limits).build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    let answer = post(&decider, BULK, deep).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("etag"), "");
}

async fn ask_again(decider: &Decider, body: &str, known: &str) -> Answer {
    let request = Request::post(BULK)
        .header("if-none-match", known)
        .body(Body::from(body.to_owned()));
    send(decider, request.unwrap()).await
}
