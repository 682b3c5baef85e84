//! What a Redis that deciders share costs a decision, and how soon an outcome on one Channel changes what another shows:
//! `shared [decisions] [outcomes]`. Starts a `redis-server` of its own on loopback.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    missing_docs,
    reason = "a program for benchmarks that fails says so"
)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attune_core::bundle::Bundle;
use attune_decider::link::Credentials;
use attune_decider::relay::Relay;
use attune_decider::shared::Shared;
use attune_decider::{Clock, Decider};
use reqwest::{Client, Url};
use serde_json::{Value, json};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Channel where `hero` is shown five times a day at most, and not after a purchase.
fn bundle(channel: &str, shares: bool) -> Bundle {
    let mut bundle = json!({
        "formatVersion": 1, "namespace": "shop", "channel": channel,
        "settings": {"identity": {"unit": "targetingKey"}, "metadata": "Full"},
        "attributes": {}, "audiences": {}, "holdouts": {}, "experiments": {},
        "modules": {
            "hero@0": {"name": "hero", "baseline": "all", "variants": [{"name": "all", "content": {"title": "Hi"}}]}
        },
        "programs": {"loyalty": {"purpose": "service"}},
        "touchpoints": {"hero": {"baseline": "hero@0"}},
        "bindings": {
            "hero": {
                "touchpoint": "hero", "program": "loyalty", "priority": 1, "rolloutBp": 10000,
                "exposure": "OnDecision", "candidates": [{"module": "hero@0"}],
                "caps": [{"per": "Unit", "max": 5, "windowSeconds": 86400}],
                "stopOn": [{"event": "purchase", "windowSeconds": 86400}]
            }
        }
    });
    if shares {
        let state = json!({"onFailure": "Closed", "timeoutMillis": 1000, "windowSeconds": 86400});
        *bundle.pointer_mut("/settings").expect("settings") = json!({
            "identity": {"unit": "targetingKey"}, "metadata": "Full", "state": state
        });
    }
    serde_json::from_value(bundle).expect("a bundle")
}

/// Ends with the measurement.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn listen(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// A decider of a Channel, over HTTP.
async fn decider(channel: &str, shared: Option<Shared>, collector: &Url) -> String {
    let is_sharing = shared.is_some();
    let relay = Relay::new(collector, &Credentials::default()).expect("a relay");
    let decider = Decider::builder()
        .shared(shared.map(Arc::new))
        .relay(relay)
        .build();
    decider
        .adopt_bundle(bundle(channel, is_sharing))
        .expect("a bundle that loads");
    listen(attune_decider::router(decider)).await
}

async fn ask(client: &Client, url: &str, unit: &str) -> Value {
    let request = client.post(format!("{url}/ofrep/v1/evaluate/flags/hero"));
    let request = request.body(json!({"context": {"targetingKey": unit}}).to_string());
    let answer = request.send().await.expect("an answer");
    let json = answer.bytes().await.expect("a body");
    serde_json::from_slice(&json).expect("JSON")
}

fn reason(answer: &Value) -> &str {
    answer
        .pointer("/metadata/attune.reason")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The times of decisions about units that were shown nothing yet, in turns with those that are capped.
async fn decide(client: &Client, url: &str, count: usize) -> (Vec<Duration>, Vec<Duration>) {
    for _ in 0..5 {
        ask(client, url, "capped").await;
    }
    let (mut shown, mut capped) = (Vec::new(), Vec::new());
    for number in 0..count {
        for (unit, times, expected) in [
            (format!("user-{number}"), &mut shown, "TARGETED"),
            ("capped".to_owned(), &mut capped, "CAPPED"),
        ] {
            let began = Instant::now();
            let answer = ask(client, url, &unit).await;
            times.push(began.elapsed());
            assert_eq!(reason(&answer), expected, "{answer}");
        }
    }
    (shown, capped)
}

/// From the sending of an outcome to one Channel to the first decision of another that knows of it.
async fn travel(client: &Client, from: &str, to: &str, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..count {
        let unit = format!("buyer-{number}");
        assert_eq!(reason(&ask(client, to, &unit).await), "TARGETED");
        let event = json!({
            "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": unit, "source": "/shop",
            "time": jiff::Timestamp::now().to_string(), "data": {"unit": unit, "event": "purchase"}
        });
        let began = Instant::now();
        let request = client.post(format!("{from}/v1/events"));
        let request = request
            .header("content-type", "application/json")
            .body(event.to_string());
        assert!(request.send().await.expect("an answer").status().is_success());
        while reason(&ask(client, to, &unit).await) != "STOPPED" {}
        times.push(began.elapsed());
    }
    times
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 1000).min(times.len() - 1))
            .copied()
    };
    let micros = |share| at(share).unwrap_or_default().as_micros();
    println!(
        "{what}: p50 {} us, p99 {} us, most {} us, {} times",
        micros(500),
        micros(990),
        micros(1000),
        times.len()
    );
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse().expect("a number"));
    let decisions = arguments.next().unwrap_or(5_000);
    let outcomes = arguments.next().unwrap_or(1_000);
    let directory = tempfile::tempdir().expect("a directory");
    let port = {
        // Given back before the server takes it.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let server = Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--port",
            &port.to_string(),
        ])
        .arg("--dir")
        .arg(directory.path())
        .stdout(Stdio::null())
        .spawn();
    let _server = Server(server.expect("redis-server (Debian: redis-server)"));
    std::fs::write(directory.path().join("url"), format!("redis://127.0.0.1:{port}")).expect("a file");
    std::fs::write(directory.path().join("key"), "a key").expect("a file");
    let open = async || {
        let shared = Shared::open(directory.path(), "shop", Clock::system());
        let began = Instant::now();
        while !shared.is_connected() {
            assert!(began.elapsed() < PATIENCE, "redis-server does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shared
    };
    let taken = axum::routing::post(async || axum::http::StatusCode::ACCEPTED);
    let collector = listen(axum::Router::new().route("/v1/events", taken)).await;
    let collector: Url = collector.parse().expect("a URL");
    // Nobody here speaks TLS; the client asks for a provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().expect("a client");
    let alone = decider("web", None, &collector).await;
    let web = decider("web", Some(open().await), &collector).await;
    let mail = decider("mail", Some(open().await), &collector).await;
    for (name, url) in [("own memory", &alone), ("Redis", &web)] {
        let (shown, capped) = decide(&client, url, decisions).await;
        tell(&format!("{name}, shown"), shown);
        tell(&format!("{name}, capped"), capped);
    }
    tell(
        "an outcome on another channel",
        travel(&client, &web, &mail, outcomes).await,
    );
}
