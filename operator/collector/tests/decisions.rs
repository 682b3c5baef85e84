//! What a decider keeps of decisions, delivered to a collector in a process of its own.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use attune_core::bundle::Bundle;
use attune_decider::Decider;
use attune_decider::exposure::Exposures;
use attune_decider::exposure::report::Reporter;
use attune_decider::link::Credentials;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A collector at an address.
fn collector(data: &std::path::Path) -> (Process, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_attune-collector"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines
        .find(|line| line.as_ref().unwrap().contains("address="))
        .unwrap()
        .unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap();
    (Process(child), format!("http://{address}"))
}

fn bundle() -> Vec<u8> {
    let bundle: Bundle = serde_json::from_value(json!({
        "formatVersion": 1, "namespace": "shop", "channel": "web",
        "settings": {
            "identity": {"unit": "targetingKey"}, "metadata": "Full",
            "replay": {"retentionSeconds": 3600, "sampleBp": 10_000},
        },
        "attributes": {}, "audiences": {}, "modules": {}, "programs": {}, "holdouts": {}, "experiments": {},
        "touchpoints": {"home": {}}, "bindings": {},
    }))
    .unwrap();
    bundle.canonical().unwrap()
}

async fn get(url: &str) -> (u16, Value) {
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn is_there_with_the_bundle_that_decided() {
    // Taken already where another test of this process came first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let (_process, url) = collector(data.path());
    let (exposures, queue) = Exposures::channel(64);
    let deliveries = exposures.deliveries();
    let reporter = Reporter::new(&url.parse().unwrap(), &Credentials::default(), queue, deliveries).unwrap();
    let (stop, stopped) = watch::channel(false);
    let reporting = tokio::spawn(reporter.run(stopped));
    let decider = Decider::builder().exposures(exposures).build();
    let revision = decider.adopt(&bundle()).unwrap();
    // Adopted again: known is known.
    decider.adopt(&bundle()).unwrap();
    let request = Request::post("/ofrep/v1/evaluate/flags/home")
        .header("content-type", "application/json")
        .body(Body::from(r#"{"context": {"targetingKey": "jane"}}"#))
        .unwrap();
    let answer = attune_decider::router(decider).oneshot(request).await.unwrap();
    let answer = axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX)
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let id = answer["metadata"]["attune.decision"].as_str().unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(8), reporting)
        .await
        .unwrap()
        .unwrap();

    let (status, kept) = get(&format!("{url}/v1/decisions/{id}?unit=jane&namespace=shop")).await;
    assert_eq!((status, &kept["revision"]), (200, &json!(revision)), "{kept}");
    let (status, bundle) = get(&format!("{url}/v1/bundles/{revision}?namespace=shop")).await;
    assert_eq!((status, &bundle["channel"]), (200, &json!("web")));
}
