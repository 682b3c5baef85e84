//! The process as it is deployed: started, fed by an operator, asked over HTTP, ended by SIGTERM.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of a test fail it"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use attune_core::bundle::Bundle;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A Channel where an experiment splits everybody at `hero` in two.
fn bundle() -> Vec<u8> {
    let bundle = json!({
        "formatVersion": 1, "namespace": "shop", "channel": "web",
        "settings": {"identity": {"unit": "targetingKey"}, "metadata": "Full"},
        "attributes": {}, "audiences": {}, "holdouts": {},
        "modules": {
            "hero@0": {"name": "hero", "baseline": "all", "variants": [{"name": "all", "content": {"title": "Hi"}}]}
        },
        "programs": {"loyalty": {"purpose": "service"}},
        "experiments": {
            "hero-test": {
                "mode": {"type": "split"}, "salt": "shop/hero-test", "phase": 1, "bindings": ["hero"],
                "trafficBp": 10000,
                "arms": [
                    {"name": "control", "weight": 1, "control": true, "effect": {"type": "Baseline"}},
                    {"name": "treatment", "weight": 1, "effect": {"type": "Personalize"}}
                ]
            }
        },
        "touchpoints": {"hero": {"baseline": "hero@0"}},
        "bindings": {
            "hero": {
                "touchpoint": "hero", "program": "loyalty", "priority": 1, "rolloutBp": 10000,
                "exposure": "OnDecision", "candidates": [{"module": "hero@0"}]
            }
        }
    });
    let bundle: Bundle = serde_json::from_value(bundle).unwrap();
    bundle.canonical().unwrap()
}

/// An operator that publishes the bundle, and a collector that hands on what it takes.
async fn peers() -> (String, mpsc::Receiver<Value>) {
    let (sender, events) = mpsc::channel();
    let publish = async |headers: HeaderMap| {
        let tag = format!("\"{}\"", Bundle::revision(&bundle()));
        if headers
            .get("if-none-match")
            .is_some_and(|known| known == tag.as_str())
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return axum::http::StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", tag)], bundle()).into_response()
    };
    let take = async move |axum::Json(batch): axum::Json<Vec<Value>>| {
        for event in batch {
            sender.send(event).unwrap();
        }
    };
    let app = Router::new()
        .route("/v1/bundles/shop/web", get(publish))
        .route("/v1/events", post(take));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, events)
}

/// The running process, killed at the latest with the test.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// Starts it and waits for the address in its log.
    fn start(peers: &str, data: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_attune-decider"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--namespace",
                "shop",
                "--channel",
                "web",
                "--id",
                "web-0",
            ])
            .args(["--operator", peers, "--collector", peers])
            .arg("--data")
            .arg(data)
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            url: String::new(),
        };
        let (sender, lines) = mpsc::channel();
        let log = BufReader::new(process.child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let line = lines
                .recv_timeout(deadline - Instant::now())
                .expect("a log line with the address");
            if let Some((_, rest)) = line.split_once("address=") {
                let address = rest.split(' ').next().unwrap();
                process.url = format!("http://{address}");
                return process;
            }
        }
    }

    async fn ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let url = format!("{}/readyz", self.url);
        while reqwest::get(&url).await.unwrap().status() != 200 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn decide(&self, unit: &str) -> Value {
        let response = reqwest::Client::new()
            .post(format!("{}/ofrep/v1/evaluate/flags/hero", self.url))
            .body(json!({"context": {"targetingKey": unit}}).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Ends it as Kubernetes does.
    fn terminate(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_decides_reports_and_ends_without_losing_an_exposure() {
    let data = tempfile::tempdir().unwrap();
    let (peers, events) = peers().await;
    let process = Process::start(&peers, data.path());
    process.ready().await;
    let answer = process.decide("u1").await;
    assert_eq!(answer["metadata"]["attune.revision"], Bundle::revision(&bundle()));
    assert_eq!(answer["metadata"]["attune.reason"], "EXPERIMENT");
    // Terminated at once: the exposure is still in the queue.
    process.terminate();
    let exposure = events.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(exposure["type"], "dev.attune.exposure.v1");
    assert_eq!(exposure["id"], answer["metadata"]["attune.decision"]);
    assert_eq!(exposure["data"]["unit"], "u1");
    assert_eq!(exposure["data"]["arm"], answer["metadata"]["attune.arm"]);

    // Nobody answers there: it starts and decides by what is on disk.
    let alone = Process::start("http://127.0.0.1:9", data.path());
    alone.ready().await;
    let again = alone.decide("u1").await;
    assert_eq!(again["metadata"]["attune.arm"], answer["metadata"]["attune.arm"]);
}

#[test]
fn refuses_a_command_line_that_it_cannot_run_by() {
    for arguments in [
        &[
            "--operator",
            "http://x",
            "--namespace",
            "Not A Name",
            "--channel",
            "web",
        ][..],
        &["--operator", "no url", "--namespace", "shop", "--channel", "web"],
        &["--namespace", "shop", "--channel", "web"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_attune-decider"))
            .args(arguments)
            .env_remove("ATTUNE_OPERATOR")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error"));
    }
}
