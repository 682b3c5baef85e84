//! What is refused: with the field, what to do, and nothing stored.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn refuses_what_is_no_event_with_the_right_status() {
    let server = Server::new();
    let cases = [
        (SINGLE, "{", StatusCode::BAD_REQUEST),
        (SINGLE, "[]", StatusCode::BAD_REQUEST),
        (SINGLE, "", StatusCode::BAD_REQUEST),
        (BATCH, "{}", StatusCode::BAD_REQUEST),
        (BATCH, "null", StatusCode::BAD_REQUEST),
        (JSON, "\"x\"", StatusCode::BAD_REQUEST),
        (JSON, "[1]", StatusCode::BAD_REQUEST),
        ("text/plain", "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            "application/cloudevents+json; charset=latin1",
            "{}",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("", "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ];
    for (content_type, body, status) in cases {
        let reply = server.post(content_type, body).await;
        assert_eq!(reply.status, status, "{content_type} {body}");
        assert!(
            reply.body["detail"].is_string() && reply.body["title"].is_string(),
            "{}",
            reply.body
        );
    }
    assert_eq!(server.totals(), Totals::default());
}

#[tokio::test]
async fn refuses_times_beyond_the_tolerance_of_clocks() {
    let server = Server::new();
    let at = |id: &str, time: &str| {
        let mut event = outcome(id);
        event["time"] = json!(time);
        event
    };
    let ahead = at("1", "2026-12-01T00:05:00Z");
    let beyond = at("2", "2026-12-01T00:05:00.000001Z");
    let reply = server.post(BATCH, json!([ahead, beyond])).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        (
            &reply.body["errors"][0]["index"],
            &reply.body["errors"][0]["field"]
        ),
        (&json!(1), &json!("time"))
    );
    assert_eq!(server.post(SINGLE, ahead).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bounds_bodies_batches_and_their_time() {
    let options = CollectorOptions {
        max_body_bytes: 2_000,
        max_batch_events: 3,
        body_timeout: std::time::Duration::from_millis(50),
        ..CollectorOptions::default()
    };
    let server = Server::with(options);
    let four: Vec<Value> = (0..4).map(|i| outcome(&i.to_string())).collect();
    let reply = server.post(BATCH, json!(four)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        reply.body["detail"].as_str().unwrap().contains("send at most 3"),
        "{}",
        reply.body
    );
    let reply = server.post(SINGLE, " ".repeat(2_001)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        reply.body["detail"].as_str().unwrap().contains("2000 bytes"),
        "{}",
        reply.body
    );
    let endless = Body::new(Never);
    assert_eq!(
        server.send(request(SINGLE, endless)).await.status,
        StatusCode::REQUEST_TIMEOUT
    );
    assert_eq!(server.totals(), Totals::default());
}

/// A body that never comes.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn answers_every_bad_number_with_the_field_and_what_to_send() {
    let server = Server::new();
    // JSON has no such numbers, so the request is none.
    for number in ["NaN", "Infinity", "-Infinity"] {
        let body = outcome("1")
            .to_string()
            .replace("\"click\"", &format!("\"click\",\"value\":{number}"));
        let reply = server.post(SINGLE, body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{number}");
        assert!(
            reply.body["detail"].as_str().unwrap().contains("not JSON"),
            "{}",
            reply.body
        );
    }
    for (field, value) in [
        ("value", json!(1e19)),
        ("value", json!("NaN")),
        ("value", json!([1])),
        ("properties", json!({"count": 1e300})),
        ("properties", json!(-1)),
    ] {
        let mut wrong = outcome("1");
        wrong["data"][field] = value;
        let reply = server.post(SINGLE, wrong).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        let named = reply.body["errors"][0]["field"].as_str().unwrap();
        assert!(named.starts_with(&format!("data.{field}")), "{named}");
    }
    for (field, value) in [("phase", json!(-1)), ("phase", json!(0)), ("phase", json!(1.5))] {
        let mut wrong = exposure("1", "u1");
        wrong["data"][field] = value;
        let reply = server.post(SINGLE, wrong).await;
        assert_eq!(reply.body["errors"][0]["field"], json!("data.phase"));
    }
    // A refund is a negative number and no mistake.
    let mut refund = outcome("1");
    refund["data"]["value"] = json!(-12.5);
    refund["data"]["properties"] = json!({"items": -2});
    assert_eq!(server.post(SINGLE, refund).await.body, stored(1, 0));
}

#[tokio::test]
async fn bounds_every_part_of_an_event() {
    let server = Server::new();
    let huge = "x".repeat(100_000);
    for (field, change) in [
        ("id", json!({"id": huge})),
        ("source", json!({"source": huge})),
        ("type", json!({"type": huge})),
        ("data.unit", json!({"data": {"unit": huge, "event": "e"}})),
        ("data.event", json!({"data": {"unit": "u", "event": huge}})),
        (
            "data.properties",
            json!({"data": {"unit": "u", "event": "e", "properties": {huge.clone(): 1}}}),
        ),
        (
            "data.properties.p",
            json!({"data": {"unit": "u", "event": "e", "properties": {"p": huge}}}),
        ),
    ] {
        let mut wrong = outcome("1");
        for (name, value) in change.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let reply = server.post(SINGLE, wrong).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{field}");
        assert_eq!(reply.body["errors"][0]["field"], json!(field));
        assert!(reply.body.to_string().len() < 2_000, "the answer is no echo");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(server.post(BATCH, deep).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.totals(), Totals::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn answers_any_body_with_a_status_of_its_own(
        body in prop::collection::vec(any::<u8>(), 0..64),
        content_type in prop::sample::select(vec![SINGLE, BATCH, JSON, "text/plain", ";", "\u{1}"]),
        id in prop::option::of("[ -~]{0,12}"),
    ) {
        let Ok(mut request) = Request::post("/v1/events").header("content-type", content_type).body(Body::from(body)) else {
            return Ok(());
        };
        if let Some(id) = id {
            request.headers_mut().insert("ce-specversion", "1.0".parse().unwrap());
            request.headers_mut().insert("ce-id", id.parse().unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(async { Server::new().send(request).await.status });
        prop_assert!(
            matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::OK),
            "{status}"
        );
    }
}
