//! A reporter against a small collector of the tests' own, over real HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_core::event::{self, Event, EventData, parse_batch};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, post};
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Cleared, Delivery, EraseError, Eraser, Reporter};
use crate::exposure::spool::Spool;
use crate::exposure::{Deliveries, Exposures};
use crate::fixture::{Mount, now};
use crate::link::Credentials;

/// Takes batches whole or not at all, after failing as often as it is told to.
#[derive(Clone, Default)]
struct Collector {
    taken: Arc<Mutex<Vec<String>>>,
    failures: Arc<Mutex<Vec<u16>>>,
    authorizations: Arc<Mutex<Vec<String>>>,
    erased: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start(self) -> Url {
        self.start_at("127.0.0.1:0").await
    }

    async fn start_at(self, address: &str) -> Url {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let erased = Arc::clone(&self.erased);
        let erase = async move |Path(unit): Path<String>| {
            erased.lock().unwrap().push(unit);
            axum::Json(json!({"erased": {"exposures": 1}, "overwritten": true}))
        };
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
        let app = Router::new()
            .route("/v1/events", post(take))
            .route("/v1/units/{unit}", delete(erase));
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
    eraser: Eraser,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn report(collector: &Url) -> Reporting {
    report_as(collector, &Credentials::default())
}

fn report_as(collector: &Url, credentials: &Credentials) -> Reporting {
    report_with(collector, credentials, None)
}

fn report_with(collector: &Url, credentials: &Credentials, spool: Option<Spool>) -> Reporting {
    let (queue, receiver) = mpsc::channel(2000);
    let deliveries = Exposures::off().deliveries();
    let (stop, stopped) = watch::channel(false);
    let mut reporter = Reporter::new(collector, credentials, receiver, deliveries.clone()).unwrap();
    if let Some(spool) = spool {
        reporter = reporter.with_spool(spool);
    }
    Reporting {
        queue,
        deliveries,
        eraser: reporter.eraser(),
        stop,
        task: tokio::spawn(reporter.run(stopped)),
    }
}

fn event(id: &str, unit: &str) -> Event {
    let exposure = event::Exposure {
        unit: unit.to_owned(),
        ..event::Exposure::default()
    };
    Event {
        id: id.to_owned(),
        source: "/attune/shop/web".to_owned(),
        time: now(),
        namespace: Some("shop".to_owned()),
        data: EventData::Exposure(exposure),
    }
}

impl Reporting {
    fn send(&self, id: &str, unit: &str) {
        self.queue.try_send(event(id, unit)).unwrap();
    }

    /// Ends it and tells what was delivered, refused and lost.
    async fn end(self) -> [u64; 3] {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(8), self.task)
            .await
            .unwrap()
            .unwrap();
        [Delivery::Delivered, Delivery::Refused, Delivery::Lost]
            .map(|delivery| self.deliveries.counted.get(delivery))
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

/// An address where nobody listens, for now.
async fn nobody() -> (String, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let url = format!("http://{address}/").parse().unwrap();
    (address, url)
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn keeps_on_disk_over_a_restart_what_a_dead_collector_did_not_take() {
    let data = tempfile::tempdir().unwrap();
    let spool = || Spool::open(data.path(), "shop.web", 1024 * 1024).unwrap();
    let (address, url) = nobody().await;
    let reporting = report_with(&url, &Credentials::default(), Some(spool()));
    for number in 0..700 {
        reporting.send(&format!("e{number:04}"), "u1");
    }
    let spooled = reporting.deliveries.spooled.clone();
    eventually("they wait on disk", || spooled.get() > 0).await;
    for number in 700..900 {
        reporting.send(&format!("e{number:04}"), "u2");
    }
    assert_eq!(reporting.end().await, [0, 0, 0], "nothing is lost");

    // Another process, and a collector that is back.
    let reporting = report_with(&url, &Credentials::default(), Some(spool()));
    let collector = Collector::default();
    collector.clone().start_at(&address).await;
    reporting.send("e0900", "u3");
    eventually("all are delivered", || collector.taken().len() >= 901).await;
    let expected: Vec<_> = (0..=900).map(|number| format!("e{number:04}")).collect();
    assert_eq!(collector.taken(), expected, "once each");
    let spooled = reporting.deliveries.spooled.clone();
    eventually("nothing waits", || spooled.get() == 0).await;
    assert_eq!(reporting.end().await, [901, 0, 0]);
    assert!(spool().is_empty());
}

#[tokio::test]
async fn waits_in_memory_while_the_disk_takes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(data.path(), "shop.web", 1024 * 1024).unwrap();
    std::fs::remove_dir_all(data.path().join("exposures")).unwrap();
    let (address, url) = nobody().await;
    let reporting = report_with(&url, &Credentials::default(), Some(spool));
    for number in 0..700 {
        reporting.send(&format!("e{number:04}"), "u1");
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let collector = Collector::default();
    collector.clone().start_at(&address).await;
    eventually("all are delivered", || collector.taken().len() >= 700).await;
    assert_eq!(reporting.end().await, [700, 0, 0]);
}

#[tokio::test]
async fn erases_a_unit_from_what_waits_and_at_the_collector() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(data.path(), "shop.web", 1024 * 1024).unwrap();
    let (address, url) = nobody().await;
    let reporting = report_with(&url, &Credentials::default(), Some(spool));
    reporting.send("e1", "jane/roe");
    reporting.send("e2", "joe");
    let spooled = reporting.deliveries.spooled.clone();
    eventually("they wait on disk", || spooled.get() > 0).await;
    reporting.send("e3", "jane/roe");
    let error = reporting.eraser.erase("shop", "jane/roe").await.unwrap_err();
    assert!(
        matches!(&error, EraseError::Send(why) if !why.contains("jane")),
        "{error}"
    );

    let collector = Collector::default();
    collector.clone().start_at(&address).await;
    let cleared = reporting.eraser.erase("shop", "jane/roe").await.unwrap();
    let expected = Cleared {
        exposures: 0,
        collector: json!({"erased": {"exposures": 1}, "overwritten": true}),
    };
    assert_eq!(cleared, expected);
    assert_eq!(*collector.erased.lock().unwrap(), ["jane/roe"]);
    eventually("joe's is delivered", || collector.taken() == ["e2"]).await;
    assert_eq!(reporting.deliveries.counted.get(Delivery::Erased), 2);
    assert_eq!(reporting.end().await, [1, 0, 0]);
}

#[tokio::test]
async fn keeps_a_bounded_number_over_any_number_of_erasures() {
    let (_address, url) = nobody().await;
    let reporting = report(&url);
    let mut sent = 0;
    for _ in 0..4 {
        while reporting.queue.capacity() > 0 {
            reporting.send(&format!("e{sent}"), &format!("u{sent}"));
            sent += 1;
        }
        reporting.eraser.erase("shop", "u0").await.unwrap_err();
    }
    assert_eq!(reporting.deliveries.counted.get(Delivery::Erased), 1);
    let counted = reporting.deliveries.clone();
    let [_, _, lost] = reporting.end().await;
    let shed = counted.counted.get(Delivery::Shed);
    assert_eq!(lost + shed + 1, sent, "each is accounted for");
    assert!(lost <= 2000, "{lost} of {sent} waited in a queue of 2000");
}

/// A spool in which events wait, and its directory.
fn backlog(units: &[&str]) -> (tempfile::TempDir, Spool) {
    let data = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(data.path(), "shop.web", 1024 * 1024).unwrap();
    for (number, unit) in units.iter().enumerate() {
        spool.append(&[event(&format!("e{number:04}"), unit)]).unwrap();
    }
    (data, spool)
}

#[tokio::test]
async fn delivers_what_waits_on_disk_before_it_ends() {
    let (_data, spool) = backlog(&["u1"; 3]);
    let (address, url) = nobody().await;
    let reporting = report_with(&url, &Credentials::default(), Some(spool));
    let collector = Collector::default();
    // By now the next attempt is seconds away.
    tokio::time::sleep(Duration::from_secs(3)).await;
    reporting.send("e0003", "u1");
    let spooled = reporting.deliveries.spooled.clone();
    let end = tokio::spawn(reporting.end());
    tokio::time::sleep(Duration::from_millis(300)).await;
    collector.clone().start_at(&address).await;
    assert_eq!(end.await.unwrap(), [4, 0, 0]);
    assert_eq!(collector.taken(), ["e0000", "e0001", "e0002", "e0003"]);
    assert_eq!(spooled.get(), 0, "nothing is left behind");
}

#[tokio::test]
async fn counts_a_file_once_however_often_it_is_tried() {
    let (_data, spool) = backlog(&["u1", "u1", "unwanted", "u1"]);
    let collector = Collector::default();
    // Its first half is taken, and the rest has to wait: the last of the list is the first answer.
    *collector.failures.lock().unwrap() = vec![503, 202, 400];
    let reporting = report_with(
        &collector.clone().start().await,
        &Credentials::default(),
        Some(spool),
    );
    let spooled = reporting.deliveries.spooled.clone();
    eventually("it is delivered", || spooled.get() == 0).await;
    assert_eq!(reporting.end().await, [3, 1, 0]);
}
