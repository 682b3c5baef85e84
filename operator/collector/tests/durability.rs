//! What the collector's process promises when it dies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test fail it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_collector::store::Receipt;
use attune_collector::{Collector, CollectorOptions};
use attune_core::event::{self, Event, EventData};
use attune_decider::exposure::Exposures;
use attune_decider::exposure::report::Reporter;
use attune_decider::exposure::spool::Spool;
use attune_decider::link::Credentials;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Events of one batch.
const BATCH: u64 = 20;

/// A collector in a process of its own.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0")
    }

    fn start_at(data: &Path, address: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_attune-collector"))
            .args(["--listen", address, "--data"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines
            .find(|line| line.as_ref().unwrap().contains("address="))
            .unwrap()
            .unwrap();
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = line
            .split("address=")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A connection that sends one batch after the other.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    /// The status of the answer; an error when the connection broke before it was whole.
    fn send(&mut self, body: &str) -> std::io::Result<u16> {
        let head =
            "POST /v1/events HTTP/1.1\r\nhost: collector\r\ncontent-type: application/cloudevents-batch+json";
        let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.0.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        self.0.read_exact(&mut vec![0; length])?;
        Ok(status.split(' ').nth(1).unwrap().parse().unwrap())
    }
}

fn batch(number: usize) -> String {
    let events: Vec<_> = (0..BATCH)
        .map(|i| {
            json!({
                "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": format!("{number}-{i}"), "source": "/test",
                "time": "2026-11-01T00:00:00Z", "data": {"unit": format!("u{number}"), "event": "click", "value": i},
            })
        })
        .collect();
    json!(events).to_string()
}

/// Sends batches on four connections until the process dies; gives the acknowledged numbers and the highest one sent.
fn load(address: &str, enough: usize, die: impl FnOnce()) -> (Vec<usize>, usize) {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (acknowledged, next) = (Arc::clone(&acknowledged), Arc::clone(&next));
            let mut client = Client::connect(address);
            std::thread::spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    match client.send(&batch(number)) {
                        Ok(200) => acknowledged.lock().unwrap().push(number),
                        Ok(status) => panic!("status {status}"),
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    while acknowledged.lock().unwrap().len() < enough {
        std::thread::sleep(Duration::from_millis(1));
    }
    die();
    for client in clients {
        client.join().unwrap();
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    (acknowledged, next.load(Ordering::Relaxed))
}

#[tokio::test]
async fn loses_nothing_acknowledged_when_it_is_killed_under_load() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path());
    let address = process.address.clone();
    let (acknowledged, sent) = load(&address, 200, || process.kill());
    assert!(acknowledged.len() >= 200);

    let collector = Collector::open(data.path(), CollectorOptions::default()).unwrap();
    for number in 0..sent {
        let events: Vec<Event> = attune_core::event::parse_batch(batch(number).as_bytes()).unwrap();
        let receipt = collector.take(events, None).await.unwrap();
        let whole = Receipt {
            stored: 0,
            duplicates: BATCH,
        };
        let none = Receipt {
            stored: BATCH,
            duplicates: 0,
        };
        if acknowledged.contains(&number) {
            assert_eq!(receipt, whole, "batch {number} was acknowledged");
        } else {
            assert!(
                receipt == whole || receipt == none,
                "batch {number} is stored in part: {receipt:?}"
            );
        }
    }
    let totals = collector.counts().unwrap().totals;
    assert_eq!(totals.stored, u64::try_from(sent).unwrap() * BATCH);
}

/// What a decider delivers exposures by, as its process puts it together.
struct Deciding {
    queue: mpsc::Sender<Event>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Deciding {
    fn start(collector: &str, data: &Path) -> Self {
        let url = format!("http://{collector}").parse().unwrap();
        let (queue, receiver) = mpsc::channel(8192);
        let deliveries = Exposures::shared(queue.clone()).deliveries();
        let spool = Spool::open(data, "shop.web", 16 * 1024 * 1024).unwrap();
        let reporter = Reporter::new(&url, &Credentials::default(), receiver, deliveries).unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(reporter.with_spool(spool).run(stopped));
        Self { queue, stop, task }
    }

    async fn expose(&self, number: usize) {
        let exposure = event::Exposure {
            unit: format!("u{number}"),
            variant: Some("hero/gold".to_owned()),
            ..event::Exposure::default()
        };
        let event = Event {
            id: format!("e{number}"),
            source: "/attune/shop/web".to_owned(),
            time: Timestamp::now(),
            namespace: Some("shop".to_owned()),
            data: EventData::Exposure(exposure),
        };
        self.queue.send(event).await.unwrap();
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

/// A client that trusts nobody: there is no TLS here.
fn plain_client() -> reqwest::Client {
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(config);
    builder.no_proxy().build().unwrap()
}

async fn recalled(address: &str) -> u64 {
    let url =
        format!("http://{address}/v1/recall?variant=hero/gold&since=2020-01-01T00:00:00Z&namespace=shop");
    let client = plain_client();
    let Ok(response) = client.get(url).send().await else {
        return 0;
    };
    let answer: serde_json::Value = response.json().await.unwrap();
    answer["units"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_every_exposure_once_from_a_decider_that_outlives_it_and_is_started_again() {
    const EXPOSURES: usize = 3_000;
    let (data, spooled) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let process = Process::start(data.path());
    let address = process.address.clone();
    let mut deciding = Deciding::start(&address, spooled.path());
    for number in 0..EXPOSURES / 3 {
        deciding.expose(number).await;
    }
    // Killed while batches are on their way: what was taken may or may not have been acknowledged.
    while recalled(&address).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    process.kill();
    for number in EXPOSURES / 3..2 * EXPOSURES / 3 {
        deciding.expose(number).await;
    }
    // The decider is started anew while the collector is gone, too.
    deciding.end().await;
    deciding = Deciding::start(&address, spooled.path());
    for number in 2 * EXPOSURES / 3..EXPOSURES {
        deciding.expose(number).await;
    }
    let process = Process::start_at(data.path(), &address);
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while recalled(&address).await < EXPOSURES as u64 {
        assert!(
            std::time::Instant::now() < deadline,
            "{} arrived",
            recalled(&address).await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What is delivered is removed a moment later.
    let waiting = || {
        std::fs::read_dir(spooled.path().join("exposures/shop.web"))
            .unwrap()
            .count()
    };
    while waiting() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} files wait", waiting());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    deciding.end().await;
    process.kill();
    let collector = Collector::open(data.path(), CollectorOptions::default()).unwrap();
    let snapshot = collector.store().snapshot().unwrap();
    assert_eq!(snapshot.totals().unwrap().stored, EXPOSURES as u64, "once each");
}
