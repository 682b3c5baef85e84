//! A running `attune serve`, with its folder of resources.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The complete strategy of the repository. What its words do not cover is told of it by tests of coverage alone.
pub(crate) static EXAMPLE: LazyLock<String> = LazyLock::new(|| {
    let (from, to) = ("coverage: {enforcement: Warn}", "coverage: {enforcement: Ignore}");
    let text = include_str!("../../../../examples/strategy/strategy.yaml");
    assert!(text.contains(from), "the example says `{from}`");
    text.replace(from, to)
});
/// Where the example's touchpoint is asked for, below the Channel.
pub(crate) const HOME_HERO: &str = "/ofrep/v1/evaluate/flags/home-hero";
/// Content type of one event.
pub(crate) const EVENT: &str = "application/cloudevents+json";
/// Content type of a batch.
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Resources in `rules/`, and room for events in `data/`.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    /// The example in `rules/strategy.yaml`.
    pub(crate) fn example() -> Self {
        let folder = Self(tempfile::tempdir().expect("a directory"));
        std::fs::create_dir(folder.path("rules")).expect("a directory");
        folder.write("strategy.yaml", &EXAMPLE);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file of resources.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("rules").join(name), text).expect("written");
    }

    /// Writes the example with pieces of its text replaced; each must be there.
    pub(crate) fn edit(&self, edits: &[(&str, &str)]) {
        let text = edits
            .iter()
            .fold(EXAMPLE.as_str().to_owned(), |text, (from, to)| {
                assert!(text.contains(from), "the example says `{from}`");
                text.replace(from, to)
            });
        self.write("strategy.yaml", &text);
    }

    /// Runs another verb of `attune` in the folder.
    pub(crate) fn attune(&self, arguments: &[&str]) -> Output {
        attune(self.0.path()).args(arguments).output().expect("ended")
    }

    /// The command that serves the folder on a free port.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = attune(self.0.path());
        command.args(["serve", "-f", "rules", "--at", "2026-12-01T00:00:00Z"]);
        if !more.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(more);
        command
    }

    /// Runs a command that must end by itself.
    pub(crate) fn run(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("ended")
    }

    /// Serves, with the Channel `web` at the root and events in `data/`.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.command(&["--channel", "web", "--data", "data"]))
    }
}

/// `attune` in a directory, without what the environment would change.
pub(crate) fn attune(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.current_dir(directory).env_remove("RUST_LOG");
    command
}

/// A process that is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    said: Receiver<String>,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let stderr = child.stderr.take().expect("piped");
        let (line, said) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                // A test that has ended listens no more.
                let _ = line.send(text);
            }
        });
        let mut server = Self {
            child,
            said,
            url: String::new(),
            client: client(),
        };
        let first = server.wait_for("attune serves on ");
        server.url = first.replace("attune serves on ", "");
        server
    }

    /// Starts one whose words go nowhere; waits until it answers.
    pub(crate) async fn start_unheard(mut command: Command, nowhere: File, address: &str) -> Self {
        let server = Self {
            child: command.stderr(nowhere).spawn().expect("started"),
            said: channel().1,
            url: format!("http://{address}"),
            client: client(),
        };
        let end = Instant::now() + PATIENCE;
        let health = format!("{}/healthz", server.url);
        while server.client.get(&health).send().await.is_err() {
            assert!(Instant::now() < end, "it does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// Waits for a line that begins so.
    pub(crate) fn wait_for(&self, beginning: &str) -> String {
        let mut lines = Vec::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(beginning) => return line,
                Ok(line) => lines.push(line),
                Err(error) => panic!("no `{beginning}` ({error}) in {lines:#?}"),
            }
        }
    }

    /// What has been said and not been waited for.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill_process(Pid::from_raw(id).expect("a process id"), signal).expect("signalled");
    }

    /// Waits for the end; it must come in time.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                return status;
            }
            assert!(Instant::now() < end, "still there after {limit:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ctrl-c, and the end.
    pub(crate) fn interrupt(mut self) {
        self.signal(Signal::INT);
        assert_eq!(self.ended_within(PATIENCE).code(), Some(0));
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await.expect("an answer")
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let request = self.client.post(format!("{}{path}", self.url));
        request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.post(path, "application/json", body.to_string()).await
    }

    /// The answer for a context at the example's touchpoint, asked for at the root.
    pub(crate) async fn decide(&self, context: Value) -> Value {
        let response = self.post_json(HOME_HERO, &json!({"context": context})).await;
        assert_eq!(response.status(), 200);
        json_of(response).await
    }

    pub(crate) async fn status(&self) -> Value {
        json_of(self.get("/status").await).await
    }

    /// The status of one object.
    pub(crate) async fn status_of(&self, kind: &str, name: &str) -> Value {
        let status = self.status().await;
        let resources = status["resources"].as_array().expect("resources");
        let object = resources
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        object.unwrap_or_else(|| panic!("no {kind} {name}"))["status"].clone()
    }

    /// Asks until the headline for a gold member is this one.
    pub(crate) async fn headline_becomes(&self, headline: &str) {
        let mut last = Value::Null;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            last = self.decide(gold("u1")).await["value"]["headline"].clone();
            if last == headline {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the headline is {last}, not {headline}");
    }

    pub(crate) async fn is_healthy(&self) -> bool {
        self.get("/healthz").await.status() == 200 && self.decide(gold("u1")).await["variant"] == "hero/loyal"
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where that was the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn json_of(response: Response) -> Value {
    let bytes = response.bytes().await.expect("a body");
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
}

/// A member of tier gold who spent 300.
pub(crate) fn gold(unit: &str) -> Value {
    json!({"targetingKey": unit, "user": {"tier": "gold", "spend90d": 300}, "consent": ["personalization"]})
}

/// An outcome `purchase`.
pub(crate) fn purchase(id: &str, unit: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": id, "source": "/till",
        "time": "2026-11-30T12:00:00Z",
        "data": {"unit": unit, "event": "purchase", "value": 20.0, "namespace": "shop"},
    })
}

/// A client; it has no library of its own for TLS.
pub(crate) fn client() -> Client {
    // It is there already where a client was made before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}
