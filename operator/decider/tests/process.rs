//! The process as it is deployed: started, fed by an operator, asked over HTTP, ended by SIGTERM.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail it"
)]

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use attune_core::bundle::Bundle;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[path = "process/busy.rs"]
mod busy;
#[path = "process/private.rs"]
mod private;
#[path = "process/shared.rs"]
mod shared;
#[path = "process/unread.rs"]
mod unread;

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:9";

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
    peers_with(bundle()).await
}

/// The same with another bundle.
async fn peers_with(bundle: Vec<u8>) -> (String, mpsc::Receiver<Value>) {
    let (sender, events) = mpsc::channel();
    let publish = async move |headers: HeaderMap| {
        let tag = format!("\"{}\"", Bundle::revision(&bundle));
        if headers
            .get("if-none-match")
            .is_some_and(|known| known == tag.as_str())
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return axum::http::StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", tag)], bundle.clone()).into_response()
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
    probes: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it with a port for probes and waits for the addresses in its log.
    fn start(peers: &str, data: &Path, more: &[&str]) -> Self {
        Self::start_with([peers, peers], data, more, &[])
    }

    /// The same between an operator and a collector, with variables in its environment.
    fn start_with(peers: [&str; 2], data: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let [operator, collector] = peers;
        let mut child = Command::new(env!("CARGO_BIN_EXE_attune-decider"))
            .args(["--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0"])
            .args(["--namespace", "shop", "--channel", "web", "--id", "web-0"])
            .args(["--operator", operator, "--collector", collector])
            .arg("--data")
            .arg(data)
            .args(more)
            // As in an image from scratch: there are no CAs of a system.
            .env_clear()
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let said: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for stream in said {
            let lines = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    lines
                        .lock()
                        .unwrap()
                        .push(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        let mut process = Self {
            child,
            url: String::new(),
            probes: String::new(),
            log,
        };
        process.url = process.address("address");
        process.probes = process.address("probes");
        process
    }

    /// The address that a field of the log names, be it text or JSON.
    fn address(&self, field: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let names = [format!("{field}="), format!("\"{field}\":\"")];
        loop {
            for line in self.logged(field) {
                let value = names.iter().find_map(|name| line.split_once(name.as_str()));
                if let Some((_, rest)) = value {
                    return format!("http://{}", rest.split([' ', '"']).next().unwrap());
                }
            }
            assert!(Instant::now() < deadline, "no line with `{field}`");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The lines of the log that hold a text.
    fn logged(&self, text: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    async fn probe(&self, path: &str) -> u16 {
        let url = format!("{}{path}", self.probes);
        client().get(url).send().await.unwrap().status().as_u16()
    }

    async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.probes);
        client().get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.probe("/readyz").await != 200 {
            assert!(Instant::now() < deadline, "{:?}", self.logged(""));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(&self, client: &reqwest::Client, unit: &str) -> reqwest::Response {
        let response = client
            .post(format!("{}/ofrep/v1/evaluate/flags/hero", self.url))
            .body(json!({"context": {"targetingKey": unit}}).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        response
    }

    async fn decide(&self, unit: &str) -> Value {
        self.ask(&client(), unit).await.json().await.unwrap()
    }

    /// Asks it to end as Kubernetes does.
    fn signal(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Ends it as Kubernetes does.
    fn terminate(mut self) {
        self.signal();
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

/// A client of the tests' own, which trusts nobody and needs nobody's CAs.
fn client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_decides_reports_and_ends_without_losing_an_exposure() {
    let data = tempfile::tempdir().unwrap();
    let (peers, events) = peers().await;
    let process = Process::start(&peers, data.path(), &[]);
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
    let alone = Process::start(NOBODY, data.path(), &[]);
    alone.ready().await;
    let again = alone.decide("u1").await;
    assert_eq!(again["metadata"]["attune.arm"], answer["metadata"]["attune.arm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_leave_without_a_failed_decision() {
    let data = tempfile::tempdir().unwrap();
    let (peers, _events) = peers().await;
    let process = Process::start(&peers, data.path(), &["--drain", "2s"]);
    process.ready().await;
    // A connection that is kept open, as a pool of clients has them.
    let pooled = client();
    let answer = process.ask(&pooled, "u1").await;
    assert!(!answer.headers().contains_key("connection"));
    process.signal();
    let told = Instant::now();
    while process.probe("/readyz").await == 200 {
        assert!(
            told.elapsed() < Duration::from_secs(1),
            "it is not ready any more at once"
        );
    }
    assert_eq!(
        process.probe("/healthz").await,
        200,
        "the kubelet must not kill it"
    );
    let mut asked = 0;
    while told.elapsed() < Duration::from_millis(1800) {
        let answer = process.ask(&pooled, "u1").await;
        assert_eq!(
            answer.headers()["connection"],
            "close",
            "clients are sent elsewhere"
        );
        asked += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(asked > 20, "{asked}");
    process.terminate();
    assert!(told.elapsed() >= Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_with_code_defaults_when_no_bundle_comes_in_time_and_complains_once() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(NOBODY, data.path(), &["--startup-timeout", "3s"]);
    let started = Instant::now();
    assert_eq!(process.probe("/startupz").await, 503);
    assert_eq!(process.probe("/healthz").await, 200);
    while process.probe("/startupz").await != 200 {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        started.elapsed() > Duration::from_secs(2),
        "not before the time is up"
    );
    assert_eq!(process.probe("/readyz").await, 503);
    let answer = process.decide("u1").await;
    assert_eq!(answer["metadata"]["attune.reason"], "NO_BUNDLE");
    let metrics = process.metrics().await;
    assert!(
        metrics.contains("attune_decider_startup_timeouts_total 1\n"),
        "{metrics}"
    );
    let polls = metrics
        .lines()
        .find_map(|line| line.strip_prefix("attune_decider_polls_total{result=\"failed\"} "))
        .unwrap();
    assert!(polls.parse::<u32>().unwrap() >= 2, "{polls}");
    let said = process.logged("no news from the operator");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Connection refused"), "with its cause: {said:?}");
    assert!(
        process.logged("\u{1b}[").is_empty(),
        "no colours where there is no terminal"
    );
    // Metrics are for the cluster, not for whoever asks for decisions.
    let public = client()
        .get(format!("{}/metrics", process.url))
        .send()
        .await
        .unwrap();
    assert_eq!(public.status(), 404);
    let public = client()
        .get(format!("{}/healthz", process.url))
        .send()
        .await
        .unwrap();
    assert_eq!(public.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn decides_by_a_clock_that_is_off() {
    let data = tempfile::tempdir().unwrap();
    let (peers, _events) = peers().await;
    for (offset, seconds) in [("-300s", -300), ("300s", 300)] {
        let process = Process::start(&peers, data.path(), &["--clock-offset", offset]);
        process.ready().await;
        let answer = process.decide("u1").await;
        // A decision is named by a UUID of its instant.
        let id = answer["metadata"]["attune.decision"].as_str().unwrap();
        let (decided, _) = uuid::Uuid::parse_str(id)
            .unwrap()
            .get_timestamp()
            .unwrap()
            .to_unix();
        let off = i64::try_from(decided).unwrap() - jiff::Timestamp::now().as_second() - seconds;
        assert!(off.abs() < 30, "{offset}: {off}");
        process.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_its_files_in_an_image_without_any() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("missing");
    let missing = missing.to_str().unwrap();
    let files = [
        "--ca-file",
        missing,
        "--token-file",
        missing,
        "--fallback",
        missing,
    ];
    let mut process = Process::start(
        "https://127.0.0.1:9",
        data.path(),
        &[&files[..], &["--log-json"]].concat(),
    );
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(process.probe("/healthz").await, 200);
    assert!(process.child.try_wait().unwrap().is_none(), "it does not end");
    let said = process.logged("waiting for the file");
    let lines: Vec<Value> = said
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{said:?}");
    assert_eq!(lines[0]["level"], "WARN");
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
