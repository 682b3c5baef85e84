//! What browsers and their proxies need beside the decisions.

use std::io::Read as _;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use super::{BULK, HERO};
use crate::access::{Access, Keys};
use crate::decider::Decider;
use crate::fixture::{Answer, builder, bundle_with, decider, post, send};

const CONTEXT: &str = r#"{"context": {"targetingKey": "u1"}}"#;

fn decider_for(origins: &str) -> Decider {
    let access = Access {
        origins: origins.parse().unwrap(),
        keys: None,
    };
    let decider = builder().access(access).build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    decider
}

async fn ask(decider: &Decider, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(&method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == Method::POST { CONTEXT } else { "" };
    send(decider, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn answers_preflights_of_allowed_origins_only() {
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,if-none-match"),
    ];
    for origins in ["https://shop.example", "*"] {
        for path in [HERO, BULK] {
            let answer = ask(&decider_for(origins), Method::OPTIONS, path, &preflight).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
            assert_eq!(answer.header("access-control-allow-origin"), origins);
            assert!(answer.header("access-control-allow-methods").contains("POST"));
            let headers = answer.header("access-control-allow-headers");
            for name in ["content-type", "if-none-match", "authorization", "x-api-key"] {
                assert!(headers.contains(name), "{name} is not in {headers}");
            }
        }
    }
    for origins in ["", "https://other.example"] {
        let answer = ask(&decider_for(origins), Method::OPTIONS, BULK, &preflight).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("access-control-allow-methods"), "");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
}

#[tokio::test]
async fn lets_allowed_pages_read_answers_and_their_tags() {
    let decider = decider_for("https://shop.example");
    let origin = [("origin", "https://shop.example")];
    for (path, status) in [(BULK, 200), (HERO, 200), ("/ofrep/v1/evaluate/flags/nope", 404)] {
        let answer = ask(&decider, Method::POST, path, &origin).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://shop.example"
        );
        assert!(answer.header("access-control-expose-headers").contains("etag"));
        assert_eq!(answer.header("vary"), "origin");
    }
    let other = ask(
        &decider,
        Method::POST,
        BULK,
        &[("origin", "https://evil.example")],
    )
    .await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    assert_eq!(other.header("vary"), "origin", "for caches in between");
    let own = ask(&decider_for(""), Method::POST, BULK, &origin).await;
    assert_eq!(
        (own.header("access-control-allow-origin"), own.header("vary")),
        ("", "")
    );
}

#[tokio::test]
async fn answers_head_where_it_answers_get_and_options_everywhere() {
    let decider = decider();
    for path in ["/healthz", "/readyz", "/metrics", "/v1/membership?unit=u1"] {
        let answer = ask(&decider, Method::HEAD, path, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.is_empty());
        let answer = ask(&decider, Method::OPTIONS, path, &[]).await;
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    }
    let answer = ask(&decider, Method::HEAD, BULK, &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn compresses_large_answers_for_whoever_takes_gzip() {
    let decider = builder().build();
    decider
        .adopt_bundle(bundle_with(|bundle| {
            bundle["modules"]["plain@0"]["variants"][0]["content"]["title"] = json!("Welcome ".repeat(500));
        }))
        .unwrap();
    let plain = ask(&decider, Method::POST, BULK, &[]).await;
    assert_eq!(plain.header("content-encoding"), "");
    for accepted in ["gzip", "br, gzip;q=0.5", "*"] {
        let answer = ask(&decider, Method::POST, BULK, &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{accepted}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("etag"), plain.header("etag"));
        assert!(answer.body.len() < plain.body.len() / 4);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&answer.body[..])
            .read_to_string(&mut text)
            .unwrap();
        let flags: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(flags["flags"][0]["key"], "bare");
    }
    for refused in ["br", "gzip;q=0", "identity"] {
        let answer = ask(&decider, Method::POST, BULK, &[("accept-encoding", refused)]).await;
        assert_eq!(answer.header("content-encoding"), "", "{refused}");
    }
    let small = ask(
        &crate::fixture::decider(),
        Method::POST,
        HERO,
        &[("accept-encoding", "gzip")],
    )
    .await;
    assert_eq!(small.header("content-encoding"), "", "not worth it");
}

#[tokio::test]
async fn asks_for_a_key_where_there_are_keys() {
    let access = Access {
        origins: "*".parse().unwrap(),
        keys: Keys::parse("secret-key"),
    };
    let decider = builder().access(access).build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    let shown = [("authorization", "Bearer secret-key")];
    for (path, method) in [
        (HERO, Method::POST),
        (BULK, Method::POST),
        ("/v1/membership?unit=u1", Method::GET),
        ("/ofrep/v1/changes", Method::GET),
    ] {
        for wrong in [
            &[][..],
            &[("authorization", "Bearer other")],
            &[("x-api-key", "secret-ke")],
        ] {
            let answer = ask(&decider, method.clone(), path, wrong).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
            assert!(!answer.text().contains("secret-key"));
            if method == Method::POST {
                assert_eq!(answer.json()["errorCode"], "GENERAL");
            }
        }
    }
    for path in [HERO, BULK] {
        assert_eq!(
            ask(&decider, Method::POST, path, &shown).await.status,
            StatusCode::OK
        );
        let key = [("x-api-key", "secret-key")];
        assert_eq!(
            ask(&decider, Method::POST, path, &key).await.status,
            StatusCode::OK
        );
    }
    // Probes and preflights come without.
    assert_eq!(
        ask(&decider, Method::GET, "/healthz", &[]).await.status,
        StatusCode::OK
    );
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = ask(&decider, Method::OPTIONS, BULK, &preflight).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(post(&decider, "/nope", "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refuses_what_is_too_deep_or_has_too_many_keys() {
    let decider = decider();
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let keyed = |keys: usize| {
        let keys: Vec<_> = (0..keys).map(|key| format!("\"k{key}\":1")).collect();
        format!("{{{}}}", keys.join(","))
    };
    for path in [HERO, BULK, "/v1/explain"] {
        for (value, status) in [
            (nested(30), 200),
            (nested(31), 400),
            (keyed(1000), 200),
            (keyed(1023), 400),
            // Inside of a text they are no structure.
            (format!("\"{}\"", "[:{".repeat(2000)), 200),
            (format!("\"{}\"", r#"\"[{:"#.repeat(2000)), 200),
        ] {
            let body = format!(r#"{{"touchpoint": "hero", "context": {{"x": {value}}}}}"#);
            let answer = post(&decider, path, body).await;
            assert_eq!(
                answer.status.as_u16(),
                status,
                "{path} {}",
                value.get(..9).unwrap_or_default()
            );
            if status == 400 && path != "/v1/explain" {
                assert_eq!(answer.json()["errorCode"], "INVALID_CONTEXT");
            }
        }
    }
}
