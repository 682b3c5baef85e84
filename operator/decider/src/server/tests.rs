mod agree;
mod browser;
mod bulk;
mod changes;
mod events;
mod kept;
mod native;
mod page;
mod single;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use super::router;
use crate::fixture::{Place, builder, bundle_with, decider, evaluate, get, post, send, unit_in};

const HERO: &str = "/ofrep/v1/evaluate/flags/hero";
const BULK: &str = "/ofrep/v1/evaluate/flags";

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
            assert_eq!(answer.header("allow"), "POST, OPTIONS");
            assert_eq!(answer.json()["errorCode"], "GENERAL");
        }
    }
    let answer = get(&decider, "/v1/explain").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    for path in ["/", "/nope", "/ofrep", "/v1/ofrep/", "/%ff"] {
        let answer = post(&decider, path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], 404);
        assert_eq!(answer.json()["title"], "Not Found");
    }
}

#[tokio::test]
async fn refuses_paths_and_methods_of_ofrep_in_its_shape() {
    let decider = decider();
    for path in [
        "/ofrep/",
        "/ofrep/v1",
        "/ofrep/v1/configuration",
        "/ofrep/v1/evaluate/flags/",
        "/ofrep/v1/evaluate/flags/a/b",
        "/ofrep/v1/evaluate/flagship",
        "/ofrep/v2/evaluate/flags/hero",
        "/ofrep/v1/changes/",
    ] {
        for method in [Method::POST, Method::GET, Method::OPTIONS] {
            let request = Request::builder()
                .method(&method)
                .uri(path)
                .body(Body::from("{}"));
            let answer = send(&decider, request.unwrap()).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json");
            let json = answer.json();
            assert_eq!(json["errorCode"], "FLAG_NOT_FOUND");
            assert!(
                json["errorDetails"]
                    .as_str()
                    .unwrap()
                    .contains(&format!("`{path}`")),
                "{json}"
            );
        }
    }
    let count = r#"attune_decider_refused_requests_total{code="FLAG_NOT_FOUND"} 24"#;
    assert!(get(&decider, "/metrics").await.text().contains(count));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder()
            .method(&method)
            .uri("/ofrep/v1/changes")
            .body(Body::empty());
        let answer = send(&decider, request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
        assert_eq!(answer.json()["errorCode"], "GENERAL");
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
    // Whoever asked too early hears of the first rules.
    let stream =
        json!({"type": "sse", "endpoint": {"requestUri": "/ofrep/v1/changes"}, "inactivityDelaySec": 120});
    let expected = json!({"flags": [], "eventStreams": [stream]});
    assert_eq!((bulk.status, bulk.json()), (StatusCode::OK, expected));
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
