//! Events of clients on their way to the collector.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::decider::Decider;
use crate::fixture::{Answer, builder, bundle_with, evaluate, now, reason, rule, send};
use crate::link::Credentials;
use crate::relay::Relay;

/// What stands where the collector would: keeps what it is sent, and answers as it is told.
#[derive(Clone)]
struct Peer {
    answer: Arc<AtomicU16>,
    taken: Arc<Mutex<Vec<(String, Bytes)>>>,
}

async fn peer() -> (Peer, String) {
    let peer = Peer {
        answer: Arc::new(AtomicU16::new(202)),
        taken: Arc::default(),
    };
    let take = async |State(peer): State<Peer>, headers: HeaderMap, body: Bytes| {
        let status = StatusCode::from_u16(peer.answer.load(Ordering::SeqCst)).unwrap();
        if status.is_success() {
            let form = headers["content-type"].to_str().unwrap().to_owned();
            peer.taken.lock().unwrap().push((form, body));
        }
        (status, r#"{"title": "from the collector"}"#)
    };
    let app = Router::new()
        .route("/v1/events", post(take))
        .with_state(peer.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (peer, url)
}

/// A purchase silences `letter` for an hour; `letter` is capped at two shows.
fn decider(collector: Option<&str>) -> Decider {
    let mut builder = builder().clock(Clock::pinned(now()));
    if let Some(url) = collector {
        let relay = Relay::new(&url.parse().unwrap(), &Credentials::default()).unwrap();
        builder = builder.relay(relay);
    }
    let decider = builder.build();
    let bundle = bundle_with(|bundle| {
        bundle["bindings"]["letter"]["stopOn"] = json!([{"event": "purchase", "windowSeconds": 3600}]);
        bundle["bindings"]["letter"]["caps"] = json!([{"per": "Unit", "max": 2, "windowSeconds": 3600}]);
    });
    decider.adopt_bundle(bundle).unwrap();
    decider
}

fn outcome(id: &str, unit: &str, event: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": id, "source": "/shop", "time": now().to_string(),
        "data": {"unit": unit, "event": event}
    })
}

fn exposure(id: &str, unit: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.exposure.v1", "id": id, "source": "/shop", "time": now().to_string(),
        "data": {"unit": unit, "channel": "web", "touchpoint": "letter", "binding": "letter"}
    })
}

async fn say(decider: &Decider, form: &str, body: &Value) -> Answer {
    let request = Request::post("/v1/events")
        .header("content-type", form)
        .body(Body::from(body.to_string()));
    send(decider, request.unwrap()).await
}

const BATCH: &str = "application/cloudevents-batch+json";
const SINGLE: &str = "application/cloudevents+json";

#[tokio::test]
async fn silences_what_the_purchase_stops_once_the_collector_has_it() {
    let (peer, url) = peer().await;
    let decider = decider(Some(&url));
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
    let event = outcome("e1", "u1", "purchase");
    let answer = say(&decider, SINGLE, &event).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::ACCEPTED, json!({"accepted": 1}))
    );
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "STOPPED");
    assert_eq!(reason(&evaluate(&decider, "letter", "u2").await), "TARGETED");
    let (form, body) = peer.taken.lock().unwrap()[0].clone();
    assert_eq!(
        (form.as_str(), serde_json::from_slice::<Value>(&body).unwrap()),
        (SINGLE, event)
    );
}

#[tokio::test]
async fn charges_a_repeated_event_once() {
    let (_peer, url) = peer().await;
    let decider = decider(Some(&url));
    for _ in 0..3 {
        let answer = say(&decider, BATCH, &json!([exposure("e1", "u1")])).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    assert_eq!(
        reason(&evaluate(&decider, "letter", "u1").await),
        "TARGETED",
        "one show of two"
    );
    say(&decider, "application/json", &json!([exposure("e2", "u1")])).await;
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "CAPPED");
}

#[tokio::test]
async fn a_rule_asks_what_was_rendered() {
    let (_peer, url) = peer().await;
    let decider = decider(Some(&url));
    let bundle = bundle_with(|bundle| {
        bundle["bindings"]["letter"]["candidates"][0]["when"] =
            rule(r#"history.shown("ChannelBinding/letter", duration("1h")) < 1"#);
    });
    decider.adopt_bundle(bundle).unwrap();
    assert_eq!(
        reason(&evaluate(&decider, "letter", "u1").await),
        "TARGETED",
        "to decide is not to render"
    );
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
    say(&decider, SINGLE, &exposure("e1", "u1")).await;
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "NOT_ELIGIBLE");
    assert_eq!(reason(&evaluate(&decider, "letter", "u2").await), "TARGETED");
}

#[tokio::test]
async fn acknowledges_and_charges_nothing_that_the_collector_does_not_have() {
    let (peer, url) = peer().await;
    let nobody = decider(Some("http://127.0.0.1:9"));
    let alone = decider(None);
    let event = outcome("e1", "u1", "purchase");
    let decider = decider(Some(&url));
    for (decider, collector) in [
        (&decider, 500),
        (&decider, 401),
        (&decider, 429),
        (&nobody, 202),
        (&alone, 202),
    ] {
        peer.answer.store(collector, Ordering::SeqCst);
        let answer = say(decider, SINGLE, &event).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{collector}");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(reason(&evaluate(decider, "letter", "u1").await), "TARGETED");
    }
    // What the collector says of the events is for whoever sent them.
    peer.answer.store(403, Ordering::SeqCst);
    let answer = say(&decider, SINGLE, &event).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["title"], "from the collector");
    assert!(peer.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn refuses_events_that_are_none_before_anybody_sees_them() {
    let (peer, url) = peer().await;
    let decider = decider(Some(&url));
    let mut foreign = outcome("e1", "u1", "purchase");
    foreign["data"]["namespace"] = json!("bank");
    let many: Vec<Value> = (0..501).map(|n| json!({"specversion": "1.0", "id": n})).collect();
    let mut deep = outcome("e1", "u1", "purchase");
    deep["extension"] = (0..40).fold(json!(1), |inner, _| json!([inner]));
    for (form, body, status) in [
        (SINGLE, json!({}), 400),
        (SINGLE, deep.clone(), 400),
        (BATCH, json!([deep]), 400),
        (SINGLE, json!([]), 400),
        (BATCH, json!({}), 400),
        (BATCH, json!([outcome("e1", "u1", "purchase"), {}]), 400),
        (SINGLE, outcome("e1", "", "purchase"), 400),
        (SINGLE, foreign, 403),
        (BATCH, Value::Array(many), 400),
        ("text/plain", outcome("e1", "u1", "purchase"), 415),
        (BATCH, json!([]), 202),
    ] {
        let answer = say(&decider, form, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        if status != 202 {
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }
    assert!(peer.taken.lock().unwrap().is_empty());
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
}

#[tokio::test]
async fn takes_a_batch_that_has_more_keys_than_a_context_may_have() {
    let (peer, url) = peer().await;
    let decider = decider(Some(&url));
    let batch: Vec<Value> = (0..300)
        .map(|n| outcome(&format!("e{n}"), "u1", "visit"))
        .collect();
    assert_eq!(
        say(&decider, BATCH, &json!(batch)).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(peer.taken.lock().unwrap().len(), 1);
}
