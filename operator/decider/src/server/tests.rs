use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use super::router;
use crate::decider::Introspection;
use crate::fixture::{Place, builder, bundle_with, decider, evaluate, get, post, reason, send, unit_in};

const HERO: &str = "/ofrep/v1/evaluate/flags/hero";
const BULK: &str = "/ofrep/v1/evaluate/flags";

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
    assert_eq!(i64::try_from(seconds).unwrap(), crate::fixture::now().as_second());
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
async fn refuses_bodies_over_the_limit() {
    let small = builder().body_limit(100).build();
    small.adopt_bundle(bundle_with(|_| {})).unwrap();
    let body = |padding: usize| format!(r#"{{"context": {{"targetingKey": "{}"}}}}"#, "u".repeat(padding));
    let over = body(80);
    for (decider, body, status) in [
        (&small, body(50), 200),
        (&small, over.clone(), 413),
        (&decider(), body(60 * 1024), 200),
        (&decider(), body(64 * 1024), 413),
    ] {
        for path in [HERO, BULK] {
            let answer = post(decider, path, body.clone()).await;
            assert_eq!(answer.status.as_u16(), status);
            if status == 413 {
                assert_eq!(answer.json()["errorCode"], "GENERAL");
                assert!(answer.json()["errorDetails"].as_str().unwrap().contains("bytes"));
            }
        }
    }
    let explain = post(&small, "/v1/explain", over).await;
    assert_eq!(explain.status.as_u16(), 413);
    assert_eq!(explain.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn refuses_other_methods_and_paths() {
    let decider = decider();
    for path in [HERO, BULK] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder().method(&method).uri(path).body(Body::empty());
            let answer = send(&decider, request.unwrap()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), "POST");
            assert_eq!(answer.json()["errorCode"], "GENERAL");
        }
    }
    let answer = get(&decider, "/v1/explain").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    for path in [
        "/",
        "/nope",
        "/ofrep/v1/evaluate/flags/",
        "/ofrep/v1/evaluate/flags/a/b",
        "/%ff",
    ] {
        let answer = post(&decider, path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], 404);
        assert_eq!(answer.json()["title"], "Not Found");
    }
}

#[tokio::test]
async fn answers_code_defaults_without_a_bundle() {
    let decider = builder().build();
    let answer = evaluate(&decider, "anything", "u1").await;
    let expected =
        json!({"key": "anything", "reason": "UNKNOWN", "metadata": {"attune.reason": "NO_BUNDLE"}});
    assert_eq!(answer, expected);
    let bulk = post(&decider, BULK, r#"{"context": {}}"#).await;
    assert_eq!((bulk.status, bulk.json()), (StatusCode::OK, json!({"flags": []})));
    assert_eq!(bulk.header("etag"), "");
    // What is wrong with a request does not depend on the rules.
    for (body, code) in [("{", "PARSE_ERROR"), (r#"{"context": 1}"#, "INVALID_CONTEXT")] {
        let answer = post(&decider, HERO, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["errorCode"], code);
    }
    let explain = post(
        &decider,
        "/v1/explain",
        r#"{"touchpoint": "hero", "context": {}}"#,
    )
    .await;
    assert_eq!(explain.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn tells_whether_it_is_alive_started_and_ready() {
    let decider = builder().build();
    let statuses = async |decider: &_| {
        let mut statuses = Vec::new();
        for path in ["/healthz", "/startupz", "/readyz"] {
            statuses.push(get(decider, path).await.status.as_u16());
        }
        statuses
    };
    assert_eq!(statuses(&decider).await, [200, 503, 503]);
    decider.mark_started();
    assert_eq!(statuses(&decider).await, [200, 200, 503]);
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    assert_eq!(statuses(&decider).await, [200, 200, 200]);
    decider.drain();
    assert_eq!(statuses(&decider).await, [200, 200, 503]);
    evaluate(&decider, "hero", "u1").await;
}

#[tokio::test]
async fn counts_decisions_by_reason_and_refusals_by_code() {
    let decider = decider();
    evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    evaluate(&decider, "hero", &unit_in(Place::HeldOut, 0)).await;
    post(&decider, BULK, r#"{"context": {"targetingKey": "u1"}}"#).await;
    post(&decider, HERO, "{").await;
    let answer = get(&decider, "/metrics").await;
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = answer.text();
    for line in [
        "attune_decider_decisions_total{reason=\"EXPERIMENT\"} 1",
        "attune_decider_decisions_total{reason=\"HELD_OUT\"} 1",
        "attune_decider_decisions_total{reason=\"CAPPED\"} 0",
        "attune_decider_bulk_decisions_total{reason=\"NO_CONSENT\"} 1",
        "attune_decider_refused_requests_total{code=\"PARSE_ERROR\"} 1",
        "attune_decider_bundles_total{result=\"adopted\"} 1",
        "attune_decider_ready 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
}

#[tokio::test]
async fn mounts_several_channels_in_one_process() {
    let other = builder().build();
    other
        .adopt_bundle(bundle_with(|bundle| bundle["channel"] = json!("app")))
        .unwrap();
    let app = Router::new()
        .nest("/channels/shop/web", router(decider()))
        .nest("/channels/shop/app", router(other.clone()));
    let ask = async |path: &str| {
        let request = Request::post(path).body(Body::from(r#"{"context": {"targetingKey": "u1"}}"#));
        let response = app.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    };
    let (status, web) = ask("/channels/shop/web/ofrep/v1/evaluate/flags/hero").await;
    assert!(
        status == 200 && web.contains(&decider().revision().unwrap()),
        "{web}"
    );
    let (status, app_answer) = ask("/channels/shop/app/ofrep/v1/evaluate/flags/hero").await;
    assert!(
        status == 200 && app_answer.contains(&other.revision().unwrap()),
        "{app_answer}"
    );
    assert_eq!(ask("/channels/shop/web/nope").await.0, 404);
    assert_eq!(ask("/ofrep/v1/evaluate/flags/hero").await.0, 404);
}

#[tokio::test]
async fn finds_the_touchpoint_under_a_prefix_with_parameters() {
    let app = Router::new().nest("/channels/{namespace}/{channel}", router(decider()));
    let request = Request::post(format!("/channels/shop/web{HERO}")).body(Body::from(r#"{"context": {}}"#));
    let response = app.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
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
    let hands = crate::fixture::Hands::new();
    let decider = crate::decider::Decider::builder().clock(hands.clock()).build();
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
async fn survives_any_depth_that_fits_into_a_body() {
    let decider = decider();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = 60 * 1024 / (open.len() + close.len());
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let unclosed = open.repeat(depth);
        for value in [nested, unclosed] {
            for body in [
                format!(r#"{{"context": {{"consent": {value}}}}}"#),
                format!(r#"{{"context": {{"unread": {value}}}}}"#),
                format!(r#"{{"context": {value}}}"#),
                value.clone(),
            ] {
                for path in [HERO, BULK, "/v1/explain"] {
                    let status = post(&decider, path, body.clone()).await.status.as_u16();
                    assert!(
                        status == 200 || status == 400,
                        "{status} {path} {}",
                        &body.get(..40).unwrap_or(&body)
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn answers_contexts_that_are_too_deep_to_hash_without_a_tag() {
    let deep = format!(
        r#"{{"context": {{"unread": {}1{}}}}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let answer = post(&decider(), BULK, deep).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("etag"), "");
}

#[tokio::test]
async fn explains_a_decision_step_by_step() {
    let decider = decider();
    let unit = unit_in(Place::Treatment, 0);
    let body = json!({"touchpoint": "hero", "context": {"targetingKey": unit}}).to_string();
    let answer = post(&decider, "/v1/explain", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    assert_eq!(answer["decision"]["variant"], "hero/everyone");
    assert!(answer["decision"]["metadata"].get("attune.decision").is_none());
    let steps = answer["trace"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected = [
        "touchpoint",
        "consent",
        "unit",
        "audiences",
        "candidates",
        "suppression",
        "holdout",
        "audience",
        "experiment",
        "content",
    ];
    assert_eq!(names, expected);
    assert_eq!(steps[8]["experiments"][0]["arm"], "treatment");
}

#[tokio::test]
async fn refuses_to_explain_what_was_not_asked_properly() {
    for (body, status) in [
        ("{", 400),
        (r#"{"touchpoint": "hero"}"#, 400),
        (r#"{"context": {}}"#, 400),
        (r#"{"touchpoint": 7, "context": {}}"#, 400),
        (r#"{"touchpoint": "nope", "context": {}}"#, 404),
    ] {
        let answer = post(&decider(), "/v1/explain", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], status);
    }
}

#[tokio::test]
async fn explains_nothing_to_clients_that_are_told_the_reason_only() {
    let quiet = bundle_with(|bundle| bundle["settings"]["metadata"] = json!("Reason"));
    let body = r#"{"touchpoint": "hero", "context": {"targetingKey": "u1"}}"#;
    for (introspection, status) in [(Introspection::FullMetadataOnly, 403), (Introspection::Open, 200)] {
        let decider = builder().introspection(introspection).build();
        decider.adopt_bundle(quiet.clone()).unwrap();
        assert_eq!(post(&decider, "/v1/explain", body).await.status.as_u16(), status);
    }
}

async fn ask_again(decider: &crate::Decider, body: &str, known: &str) -> crate::fixture::Answer {
    let request = Request::post(BULK)
        .header("if-none-match", known)
        .body(Body::from(body.to_owned()));
    send(decider, request.unwrap()).await
}
