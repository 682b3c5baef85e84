//! A reporter against a small collector of the tests' own, over real HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_core::event::{self, Event, EventData, parse_batch};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Delivery, Reporter};
use crate::exposure::{Deliveries, Exposures};
use crate::fixture::{Mount, now};
use crate::link::Credentials;

/// Takes batches whole or not at all, after failing as often as it is told to.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<String>>>,
    failures: Arc<Mutex<Vec<u16>>>,
    authorizations: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start(self) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let take = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/cloudevents-batch+json");
            if let Some(sent) = headers.get("authorization") {
                let sent = sent.to_str().unwrap().to_owned();
                self.authorizations.lock().unwrap().push(sent);
            }
            let failure = self.failures.lock().unwrap().pop();
            if let Some(status) = failure {
                return StatusCode::from_u16(status).unwrap();
            }
            let events = parse_batch(&body).unwrap();
            if events.iter().any(|event| event.data.unit() == "unwanted") {
                return StatusCode::BAD_REQUEST;
            }
            let ids = events.into_iter().map(|event| event.id);
            self.taken.lock().unwrap().extend(ids);
            StatusCode::ACCEPTED
        };
        let app = Router::new().route("/v1/events", post(take));
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    fn taken(&self) -> Vec<String> {
        let mut taken = self.taken.lock().unwrap().clone();
        taken.sort();
        taken
    }
}

struct Reporting {
    queue: mpsc::Sender<Event>,
    deliveries: Deliveries,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn report(collector: &Url) -> Reporting {
    report_as(collector, &Credentials::default())
}

fn report_as(collector: &Url, credentials: &Credentials) -> Reporting {
    let (queue, receiver) = mpsc::channel(2000);
    let deliveries = Exposures::off().deliveries();
    let (stop, stopped) = watch::channel(false);
    let reporter = Reporter::new(collector, credentials, receiver, deliveries.clone()).unwrap();
    Reporting {
        queue,
        deliveries,
        stop,
        task: tokio::spawn(reporter.run(stopped)),
    }
}

impl Reporting {
    fn send(&self, id: &str, unit: &str) {
        let exposure = event::Exposure {
            unit: unit.to_owned(),
            ..event::Exposure::default()
        };
        let event = Event {
            id: id.to_owned(),
            source: "/attune/shop/web".to_owned(),
            time: now(),
            namespace: Some("shop".to_owned()),
            data: EventData::Exposure(exposure),
        };
        self.queue.try_send(event).unwrap();
    }

    /// Ends it and tells what was delivered, refused and lost.
    async fn end(self) -> [u64; 3] {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(8), self.task)
            .await
            .unwrap()
            .unwrap();
        [Delivery::Delivered, Delivery::Refused, Delivery::Lost]
            .map(|delivery| self.deliveries.0.get(delivery))
    }
}

#[tokio::test]
async fn delivers_what_is_queued_while_it_runs() {
    let collector = Collector::default();
    let reporting = report(&collector.clone().start().await);
    reporting.send("e1", "u1");
    reporting.send("e2", "u2");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while collector.taken() != ["e1", "e2"] {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(reporting.end().await, [2, 0, 0]);
}

#[tokio::test]
async fn delivers_everything_before_it_ends_in_spite_of_failures() {
    let collector = Collector::default();
    *collector.failures.lock().unwrap() = vec![503, 429, 500];
    let reporting = report(&collector.clone().start().await);
    for number in 0..1200 {
        reporting.send(&format!("e{number:04}"), "u1");
    }
    assert_eq!(reporting.end().await, [1200, 0, 0]);
    let expected: Vec<_> = (0..1200).map(|number| format!("e{number:04}")).collect();
    assert_eq!(collector.taken(), expected);
}

#[tokio::test]
async fn one_unwanted_event_costs_no_other() {
    let collector = Collector::default();
    let reporting = report(&collector.clone().start().await);
    for number in 0..100 {
        let unit = if number % 40 == 7 { "unwanted" } else { "u1" };
        reporting.send(&format!("e{number}"), unit);
    }
    assert_eq!(reporting.end().await, [97, 3, 0]);
    assert_eq!(collector.taken().len(), 97);
}

#[tokio::test]
async fn counts_what_a_dead_collector_did_not_take() {
    // Nobody listens on a port that was just given back.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let reporting = report(&url);
    for number in 0..700 {
        reporting.send(&format!("e{number}"), "u1");
    }
    assert_eq!(reporting.end().await, [0, 0, 700]);
}

#[tokio::test]
async fn sends_its_token_and_waits_for_one() {
    let collector = Collector::default();
    let tokens = Mount::new();
    let credentials = Credentials {
        token_file: Some(tokens.path("token")),
        ..Credentials::default()
    };
    let reporting = report_as(&collector.clone().start().await, &credentials);
    reporting.send("e1", "u1");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(collector.taken().is_empty(), "nothing goes without a token");
    // A collector that does not take the token yet costs no exposure.
    *collector.failures.lock().unwrap() = vec![401];
    tokens.put("token", b"secret");
    assert_eq!(reporting.end().await, [1, 0, 0]);
    let sent = collector.authorizations.lock().unwrap().clone();
    assert_eq!(sent, ["Bearer secret", "Bearer secret"]);
}
