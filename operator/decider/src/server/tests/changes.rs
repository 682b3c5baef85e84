//! The event stream.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::BULK;
use crate::access::{Access, Keys};
use crate::decider::Decider;
use crate::fixture::{Answer, builder, bundle_with, decider, now, post, send};
use crate::limits::Limits;
use crate::server::router;

const CHANGES: &str = "/ofrep/v1/changes";

async fn open(decider: &Decider, last: Option<&str>) -> Response {
    let mut request = Request::get(CHANGES);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Body::empty()).unwrap();
    router(decider.clone()).oneshot(request).await.unwrap()
}

/// The next piece; `None` at the end.
async fn piece(response: &mut Response) -> Option<String> {
    let frame = response.body_mut().frame().await?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

fn data(event: &str) -> Value {
    let line = event.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.unwrap()).unwrap()
}

fn change(decider: &Decider, title: &str) -> String {
    let bundle =
        bundle_with(|bundle| bundle["modules"]["news@0"]["variants"][0]["content"]["title"] = json!(title));
    decider.adopt_bundle(bundle).unwrap()
}

#[tokio::test(start_paused = true)]
async fn says_that_a_bundle_changed() {
    let decider = decider();
    let mut stream = open(&decider, None).await;
    assert_eq!(stream.status(), StatusCode::OK);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    assert_eq!(piece(&mut stream).await.unwrap(), "retry: 2000\n\n");
    assert_eq!(piece(&mut stream).await.unwrap(), ":\n\n", "a heartbeat");
    let revision = change(&decider, "Changed");
    let event = piece(&mut stream).await.unwrap();
    assert!(
        event.starts_with(&format!("id: {revision}\nevent: message\n")),
        "{event}"
    );
    assert!(event.ends_with("\n\n"));
    assert_eq!(
        data(&event),
        json!({"type": "refetchEvaluation", "etag": revision, "lastModified": now().as_second()})
    );
    // The same again is no news.
    change(&decider, "Changed");
    assert_eq!(piece(&mut stream).await.unwrap(), ":\n\n");
    decider.end_streams();
    assert_eq!(piece(&mut stream).await, None);
}

#[tokio::test(start_paused = true)]
async fn tells_whoever_comes_back_what_it_missed() {
    let decider = decider();
    let old = decider.revision().unwrap();
    let mut current = open(&decider, Some(&old)).await;
    assert_eq!(piece(&mut current).await.unwrap(), "retry: 2000\n\n");
    let new = change(&decider, "Changed");
    let mut late = open(&decider, Some(&old)).await;
    let greeting = piece(&mut late).await.unwrap();
    assert_eq!(data(&greeting)["etag"], new);
}

#[tokio::test]
async fn bulk_answers_say_where_the_stream_is() {
    let body = r#"{"context": {"targetingKey": "u1"}}"#;
    let answer = post(&decider(), BULK, body).await.json();
    let expected = json!([{"type": "sse", "endpoint": {"requestUri": CHANGES}, "inactivityDelaySec": 120}]);
    assert_eq!(answer["eventStreams"], expected);
    let mounted = builder().mounted_at("/channels/shop/web/").build();
    mounted.adopt_bundle(bundle_with(|_| {})).unwrap();
    let answer = post(&mounted, BULK, body).await.json();
    let uri = &answer["eventStreams"][0]["endpoint"]["requestUri"];
    assert_eq!(*uri, json!("/channels/shop/web/ofrep/v1/changes"));
}

/// A decider whose callers show one of these keys.
fn keyed(keys: &str) -> Decider {
    let access = Access {
        keys: Keys::parse(keys),
        ..Access::default()
    };
    let decider = builder().access(access).build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    decider
}

/// A bulk answer for whoever shows this key and has the answer of that tag.
async fn ask_with(decider: &Decider, key: &str, tag: &str) -> Answer {
    let request = Request::post(BULK)
        .header("x-api-key", key)
        .header("if-none-match", tag)
        .body(Body::from(r#"{"context": {}}"#));
    send(decider, request.unwrap()).await
}

#[tokio::test]
async fn opens_to_the_token_of_the_bulk_answer_where_there_are_keys() {
    let decider = keyed("secret-key");
    let answer = ask_with(&decider, "secret-key", "").await.json();
    let uri = answer["eventStreams"][0]["endpoint"]["requestUri"]
        .as_str()
        .unwrap()
        .to_owned();
    for (uri, status) in [
        (uri.as_str(), 200),
        (CHANGES, 401),
        ("/ofrep/v1/changes?token=secret-key", 401),
    ] {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let response = router(decider.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{uri}");
    }
}

#[tokio::test]
async fn whoever_shows_another_key_is_told_of_another_stream_and_not_that_nothing_changed() {
    let decider = keyed("old-key\nnew-key");
    let first = ask_with(&decider, "old-key", "").await;
    let tag = first.headers["etag"].to_str().unwrap();
    assert_eq!(ask_with(&decider, "old-key", tag).await.status, 304);
    assert_eq!(ask_with(&decider, "new-key", tag).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn opens_so_many_streams_and_no_more() {
    let limits = Limits {
        streams: 2,
        ..Limits::default()
    };
    let decider = builder().limits(limits).build();
    let first = open(&decider, None).await;
    let _second = open(&decider, None).await;
    let third = open(&decider, None).await;
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.headers()["retry-after"], "1");
    drop(first);
    assert_eq!(
        open(&decider, None).await.status(),
        StatusCode::OK,
        "a place is free again"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
}
