mod bad_input;
mod decisions;
mod ending;
mod people;

use axum::body::to_bytes;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::collector::{Clock, CollectorOptions};
use crate::store::{SplitKind, StoreOptions, Totals};

const SINGLE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const JSON: &str = "application/json";

struct Server {
    collector: Collector,
    caller: Option<&'static str>,
    directory: TempDir,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Server {
    fn new() -> Self {
        Self::with(CollectorOptions::default())
    }

    fn with(options: CollectorOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::fixed("2026-12-01T00:00:00Z".parse().unwrap());
        let collector = Collector::open(directory.path(), CollectorOptions { clock, ..options }).unwrap();
        Self {
            collector,
            caller: None,
            directory,
        }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let mut request = request;
        if let Some(caller) = self.caller {
            request
                .extensions_mut()
                .insert(CallerNamespace(caller.to_owned()));
        }
        let response = router(self.collector.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn post(&self, content_type: &str, body: impl ToString) -> Reply {
        self.send(request(content_type, body.to_string())).await
    }

    fn totals(&self) -> Totals {
        self.collector.counts().unwrap().totals
    }

    /// Whether the namespace has an outcome `click`.
    fn has_click(&self, namespace: &str) -> bool {
        let at = "2026-12-02T00:00:00Z".parse().unwrap();
        self.collector
            .store()
            .snapshot()
            .unwrap()
            .outcome_activity(namespace, "click", at)
            .unwrap()
            .is_some()
    }
}

fn request(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/events")
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

fn outcome(id: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": id, "source": "/test",
        "time": "2026-11-30T23:00:00Z", "data": {"unit": "u1", "event": "click"},
    })
}

fn exposure(id: &str, unit: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.exposure.v1", "id": id, "source": "/test",
        "time": "2026-11-30T23:00:00Z",
        "data": {"unit": unit, "experiment": "x", "arm": "a", "variant": "hero/gold", "channel": "mail"},
    })
}

fn stored(stored: u64, duplicates: u64) -> Value {
    json!({"stored": stored, "duplicates": duplicates})
}

#[tokio::test]
async fn takes_single_events_and_batches_in_every_content_type() {
    let server = Server::new();
    let cases = [
        (SINGLE, outcome("1"), 1),
        (BATCH, json!([outcome("2"), outcome("3")]), 2),
        (BATCH, json!([]), 0),
        (JSON, outcome("4"), 1),
        (JSON, json!([outcome("5")]), 1),
        ("application/cloudevents+json; charset=UTF-8", outcome("6"), 1),
        (
            "Application/CloudEvents-Batch+JSON;charset=\"utf-8\"",
            json!([outcome("7")]),
            1,
        ),
    ];
    for (content_type, body, count) in cases {
        let reply = server.post(content_type, body).await;
        assert_eq!(
            (reply.status, reply.body),
            (StatusCode::OK, stored(count, 0)),
            "{content_type}"
        );
    }
    assert_eq!(
        server.totals(),
        Totals {
            stored: 7,
            duplicates: 0
        }
    );
}

#[tokio::test]
async fn takes_binary_mode() {
    let server = Server::new();
    let binary = |kind: &str| {
        Request::post("/v1/events")
            .header("content-type", JSON)
            .header("ce-specversion", "1.0")
            .header("ce-type", kind.to_owned())
            .header("ce-id", "caf%C3%A9-100%")
            .header("ce-source", "/test")
            .header("ce-time", "2026-11-30T23:00:00Z")
            .header("ce-data", "{}")
            .body(Body::from(r#"{"unit": "u1", "event": "click"}"#))
            .unwrap()
    };
    assert_eq!(
        server.send(binary("dev.attune.outcome.v1")).await.body,
        stored(1, 0)
    );
    let mut same = outcome("café-100%");
    same["source"] = json!("/test");
    assert_eq!(server.post(SINGLE, same).await.body, stored(0, 1));
    let reply = server.send(binary("something.else")).await;
    assert_eq!(
        (reply.status, &reply.body["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("type"))
    );
}

#[tokio::test]
async fn answers_a_repeated_batch_with_its_duplicates() {
    let server = Server::new();
    let batch = json!([outcome("1"), outcome("2"), outcome("1")]);
    assert_eq!(server.post(BATCH, &batch).await.body, stored(2, 1));
    assert_eq!(server.post(BATCH, &batch).await.body, stored(0, 3));
}

#[tokio::test]
async fn refuses_a_batch_as_a_whole_and_names_every_wrong_event() {
    let server = Server::new();
    let mut no_unit = outcome("2");
    no_unit["data"] = json!({"event": "click"});
    let mut misspelt = outcome("3");
    misspelt["data"]["vlaue"] = json!(1);
    let reply = server.post(BATCH, json!([outcome("1"), no_unit, misspelt])).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.body["status"], json!(400));
    assert_eq!(
        reply.body["errors"],
        json!([
            {"index": 1, "id": "2", "field": "data.unit", "reason": "`data.unit` is missing; send a string of 1 to 512 bytes"},
            {"index": 2, "id": "3", "field": "data.vlaue", "reason": "`data.vlaue` is unknown; did you mean `data.value`?"},
        ])
    );
    assert_eq!(server.totals(), Totals::default());
    assert_eq!(server.collector.counts().unwrap().refused, 3);
}

#[tokio::test]
async fn lists_only_so_many_wrong_events_and_counts_the_rest() {
    let server = Server::new();
    let reply = server.post(BATCH, Value::from(vec![json!({}); 250])).await;
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 100);
    assert_eq!(reply.body["errorsOmitted"], json!(150));
}

#[tokio::test]
async fn counts_events_for_the_callers_namespace_and_refuses_another() {
    let mut server = Server::new();
    server.caller = Some("shop");
    let mut foreign = outcome("1");
    foreign["data"]["namespace"] = json!("bank");
    let reply = server.post(BATCH, json!([outcome("2"), foreign])).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(reply.body["errors"][0]["field"], json!("data.namespace"));
    assert_eq!(server.totals(), Totals::default());
    assert_eq!(server.post(SINGLE, outcome("2")).await.status, StatusCode::OK);
    assert!(server.has_click("shop") && !server.has_click("bank"));
}

#[tokio::test]
async fn believes_the_event_or_takes_the_default_without_a_caller() {
    let server = Server::new();
    let mut named = outcome("1");
    named["data"]["namespace"] = json!("bank");
    server.post(SINGLE, named).await;
    assert!(server.has_click("bank") && !server.has_click("default"));
    server.post(SINGLE, outcome("2")).await;
    assert!(server.has_click("default"));
}

#[tokio::test]
async fn asks_to_come_again_when_too_much_waits() {
    let store = StoreOptions {
        max_queued_events: 1,
        ..StoreOptions::default()
    };
    let server = Server::with(CollectorOptions {
        store,
        ..CollectorOptions::default()
    });
    // The writer waits for this lock.
    let blocker = rusqlite::Connection::open(server.directory.path().join("events.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (first, second) = tokio::join!(server.post(SINGLE, outcome("1")), async {
        while server.collector.store().queued() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let second = server.post(SINGLE, outcome("2")).await;
        blocker.execute_batch("ROLLBACK").unwrap();
        second
    });
    assert_eq!(first.body, stored(1, 0));
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.headers["retry-after"], "1");
    let counts = server.collector.counts().unwrap();
    assert_eq!((counts.deferred, counts.refused, counts.totals.stored), (1, 0, 1));
    assert_eq!(server.post(SINGLE, outcome("2")).await.body, stored(1, 0));
}

#[tokio::test]
async fn takes_concurrent_requests_without_losing_or_doubling_any() {
    let server = Server::new();
    let requests = (0..64).map(|i| {
        // Every batch shares its first event with its neighbour.
        let batch: Vec<Value> = (i * 10..=i * 10 + 10)
            .map(|id| outcome(&id.to_string()))
            .collect();
        let router = router(server.collector.clone());
        tokio::spawn(async move {
            router
                .oneshot(request(BATCH, json!(batch).to_string()))
                .await
                .unwrap()
                .status()
        })
    });
    for reply in requests.collect::<Vec<_>>() {
        assert_eq!(reply.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(
        server.totals(),
        Totals {
            stored: 641,
            duplicates: 63
        }
    );
}

#[tokio::test]
async fn stores_the_arm_of_an_exposure() {
    let server = Server::new();
    let event = json!({
        "specversion": "1.0", "type": "dev.attune.exposure.v1", "id": "1", "source": "/test",
        "time": "2026-11-30T23:00:00Z",
        "data": {"unit": "u1", "experiment": "x", "arm": "a", "phase": 2, "holdout": "h", "held": true},
    });
    assert_eq!(server.post(SINGLE, event).await.status, StatusCode::OK);
    let snapshot = server.collector.store().snapshot().unwrap();
    let arms = |kind, name: &str, phase| {
        let split = snapshot.split("default", kind, name, phase).unwrap().unwrap();
        let at = "2026-12-01T00:00:00Z".parse().unwrap();
        snapshot.assigned(split, at).unwrap().remove(0).arm
    };
    assert_eq!(arms(SplitKind::Experiment, "x", 2), "a");
    assert_eq!(arms(SplitKind::Holdout, "h", 1), "held");
}

#[tokio::test]
async fn a_clock_that_jumps_back_costs_no_event_and_changes_no_arm() {
    let directory = tempfile::tempdir().unwrap();
    let now = std::sync::Arc::new(std::sync::Mutex::new("2026-12-01T00:00:00Z"));
    let told = std::sync::Arc::clone(&now);
    let clock = Clock::new(move || told.lock().unwrap().parse().unwrap());
    let options = CollectorOptions {
        clock,
        ..CollectorOptions::default()
    };
    let server = Server {
        collector: Collector::open(directory.path(), options).unwrap(),
        caller: None,
        directory,
    };
    assert_eq!(server.post(SINGLE, exposure("1", "u1")).await.body, stored(1, 0));
    *now.lock().unwrap() = "2026-11-29T00:00:00Z";
    // By the clock as it is now this event is from the future; it is refused, not stored under another time.
    let reply = server.post(SINGLE, exposure("2", "u2")).await;
    assert_eq!(reply.body["errors"][0]["field"], json!("time"));
    let mut earlier = exposure("3", "u3");
    earlier["time"] = json!("2026-11-28T00:00:00Z");
    assert_eq!(server.post(SINGLE, earlier).await.body, stored(1, 0));
    assert_eq!(
        server.post(SINGLE, exposure("1", "u1")).await.status,
        StatusCode::BAD_REQUEST
    );
    *now.lock().unwrap() = "2026-12-01T00:00:00Z";
    assert_eq!(server.post(SINGLE, exposure("1", "u1")).await.body, stored(0, 1));
    assert_eq!(server.post(SINGLE, exposure("2", "u2")).await.body, stored(1, 0));
}

#[tokio::test]
async fn stores_exposures_of_experiments_and_arms_that_nobody_asks_about() {
    let server = Server::new();
    let mut unknown = exposure("1", "u1");
    unknown["data"]["experiment"] = json!("no-such-experiment");
    unknown["data"]["arm"] = json!("no-such-arm");
    // The collector knows no experiment before it is asked about one: an exposure may come before its question.
    assert_eq!(server.post(SINGLE, unknown).await.body, stored(1, 0));
    let question = json!({
        "namespace": "default", "experiment": "no-such-experiment", "phase": 1,
        "arms": [{"name": "a", "weight": 1, "control": true}, {"name": "b", "weight": 1, "control": false}],
        "metrics": [], "method": "Fixed", "alphaBp": 500,
    });
    let asking = Request::post("/v1/answers").header("content-type", JSON);
    let reply = server
        .send(asking.body(Body::from(question.to_string())).unwrap())
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(
        reply.body["unknownArms"][0]["name"],
        json!("no-such-arm"),
        "{}",
        reply.body
    );
}
