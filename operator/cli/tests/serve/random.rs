//! Random requests to a running server: nothing panics, everything is answered, nobody is harmed.

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::Value;

use crate::process::{Folder, json_of};

const PATHS: [&str; 11] = [
    "/ofrep/v1/evaluate/flags/home-hero",
    "/ofrep/v1/evaluate/flags",
    "/channels/shop/web/ofrep/v1/evaluate/flags/home-hero",
    "/channels/shop/email/ofrep/v1/evaluate/flags/newsletter",
    "/channels/shop/web/v1/explain",
    "/v1/explain",
    "/v1/events",
    "/v1/answers",
    "/v1/membership?unit=u1",
    "/status",
    "/metrics",
];

const CONTENT_TYPES: [&str; 5] = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain",
    "application/json; charset=\"",
];

/// Names that rules and events have, so that values get as far as they can.
const KEYS: [&str; 22] = [
    "context",
    "targetingKey",
    "user",
    "tier",
    "spend90d",
    "user.tier",
    "lastSeen",
    "session",
    "cartValue",
    "itemCount",
    "consent",
    "personalization",
    "locale",
    "touchpoint",
    "data",
    "unit",
    "event",
    "value",
    "type",
    "id",
    "time",
    "device",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "gold",
            "Explicit",
            "de-AT",
            "home-hero",
            "2026-11-30T00:00:00Z",
            "dev.attune.outcome.v1",
            "1.0",
            "é",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(
                prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
                inner,
                0..6
            )
            .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Bytes, JSON, JSON where a context is expected, and JSON cut off or with a byte changed.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        2 => json().prop_map(|value| value.to_string().into_bytes()),
        4 => json().prop_map(|value| format!("{{\"touchpoint\":\"home-hero\",\"context\":{value}}}").into_bytes()),
        2 => (json(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(value, place, byte)| {
            let mut bytes = format!("{{\"context\":{value}}}").into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            bytes
        }),
        1 => (json(), any::<prop::sample::Index>()).prop_map(|(value, length)| {
            let mut bytes = value.to_string().into_bytes();
            let length = length.index(bytes.len() + 1);
            bytes.truncate(length);
            bytes
        }),
    ]
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        12 => Just(Method::POST),
        1 => Just(Method::GET),
        1 => prop::sample::select(vec![Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS]),
    ]
}

#[test]
fn random_requests_are_answered_and_harm_nobody() {
    static SEEN: OnceLock<()> = OnceLock::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = Folder::example();
    let server = runtime.block_on(async { folder.serve() });
    let request = (
        method(),
        prop::sample::select(PATHS.to_vec()),
        prop::sample::select(CONTENT_TYPES.to_vec()),
        body(),
    );
    let config = Config {
        cases: 2_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&request, |(method, path, content_type, body)| {
        let sending = server.client.request(method, format!("{}{path}", server.url));
        let sending = sending.header("content-type", content_type).body(body);
        let response = runtime.block_on(sending.send());
        let response = response.map_err(|error| TestCaseError::fail(format!("no answer: {error}")))?;
        let status = response.status();
        prop_assert!(status.is_success() || status.is_client_error(), "{status}");
        if status.is_client_error() {
            SEEN.get_or_init(|| ());
            let told = runtime.block_on(json_of(response));
            let message = told
                .get("errorDetails")
                .or(told.get("detail"))
                .and_then(Value::as_str);
            prop_assert!(
                message.is_some_and(|message| !message.is_empty()),
                "{status}: {told}"
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(SEEN.get().is_some(), "some of them were bad");
    assert!(runtime.block_on(server.is_healthy()));
    let panics: Vec<_> = server
        .said()
        .into_iter()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert_eq!(panics, [""; 0]);
}
