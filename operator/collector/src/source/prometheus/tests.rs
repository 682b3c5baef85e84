//! Against a real Prometheus, and against servers that are none.

use std::net::TcpListener as Socket;
use std::process::{Child, Command, Stdio};

use attune_core::measure::Direction::{Decrease, Increase};
use attune_core::measure::answer::ThresholdState::{Breached, Unavailable, Within};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

fn threshold(url: &str, query: &str, direction: Direction) -> Threshold {
    Threshold {
        metric: "errors".into(),
        url: url.into(),
        query: query.into(),
        limit: 0.5,
        direction,
    }
}

async fn state(url: &str, query: &str, direction: Direction) -> (ThresholdState, String) {
    let checks = check(&[threshold(url, query, direction)], Timestamp::now()).await;
    (checks[0].state, checks[0].message.clone())
}

struct Prometheus {
    child: Child,
    url: String,
    _directory: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let address = Socket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        std::fs::write(home.join("config.yml"), "{}").unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", home.join("config.yml").display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's package `prometheus` is installed");
        let prometheus = Self {
            child,
            url: format!("http://{address}/"),
            _directory: directory,
        };
        let until = Instant::now() + Duration::from_mins(1);
        while state(&prometheus.url, "vector(0)", Direction::Decrease).await.0 == ThresholdState::Unavailable
        {
            assert!(Instant::now() < until, "Prometheus does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        prometheus
    }
}

#[tokio::test]
async fn asks_a_real_prometheus() {
    let prometheus = Prometheus::start().await;
    let ask = async |query, direction| state(&prometheus.url, query, direction).await;
    let is = |state: ThresholdState, message: &str| (state, message.to_owned());
    assert_eq!(
        ask("vector(0.75)", Decrease).await,
        is(Breached, "0.75 is beyond the limit of 0.5")
    );
    assert_eq!(
        ask("vector(0.75)", Increase).await,
        is(Within, "0.75 is within the limit of 0.5")
    );
    assert_eq!(
        ask("0.25", Increase).await,
        is(Breached, "0.25 is beyond the limit of 0.5")
    );
    assert_eq!(
        ask("0.5", Decrease).await,
        is(Within, "0.5 is within the limit of 0.5")
    );
    // The data cut is the query's instant.
    let now = Timestamp::now();
    let old: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    for at in [now, old] {
        let checks = check(&[threshold(&prometheus.url, "time()", Decrease)], at).await;
        let seconds = checks[0].value.unwrap();
        assert!(
            (seconds - at.as_millisecond() as f64 / 1000.0).abs() < 1.0,
            "{at}: {seconds}"
        );
    }
    for (query, words) in [
        ("up", "the query gives no number"),
        (
            "vector(1) or label_replace(vector(1), \"a\", \"b\", \"\", \"\")",
            "the query gives 2 series",
        ),
        ("vector(1)[5m:1m]", "the query gives a range or a text"),
        ("\"text\"", "the query gives a range or a text"),
        ("vector(0) / vector(0)", "the query gives no finite number"),
        ("vector(1) / vector(0)", "the query gives no finite number"),
        ("vector(", "Prometheus answered with status 400"),
    ] {
        let (state, message) = ask(query, Decrease).await;
        assert_eq!(state, Unavailable, "{query}");
        assert!(message.starts_with(words), "{query}: {message}");
    }
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn goes_nowhere_else_and_reads_no_more_than_a_number_needs() {
    const GOOD: &str = r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"0.25"]}}"#;
    let elsewhere = serve(Router::new().fallback(get(async || GOOD))).await;
    let redirect = move || async move { (StatusCode::FOUND, [(header::LOCATION, elsewhere)]) };
    let server = serve(
        Router::new()
            .route("/good/api/v1/query", get(async || GOOD))
            .route("/moved/api/v1/query", get(redirect))
            .route("/long/api/v1/query", get(async || "[".repeat(1 << 20)))
            .route("/page/api/v1/query", get(async || "<html>"))
            .route("/deep/api/v1/query", get(async || "[".repeat(10_000)))
            .route(
                "/slow/api/v1/query",
                get(async || tokio::time::sleep(2 * PATIENCE).await),
            ),
    )
    .await;
    for (path, words) in [
        ("/good", "0.25 is within"),
        ("/good/", "0.25 is within"),
        ("/moved", "Prometheus answered with status 302"),
        ("/long", "the answer is larger than 65536 bytes"),
        ("/page", "the answer is none of Prometheus"),
        ("/deep", "the answer is none of Prometheus"),
        ("/absent", "Prometheus answered with status 404"),
    ] {
        let (_, message) = state(&format!("{server}{path}"), "up", Direction::Decrease).await;
        assert!(message.starts_with(words), "{path}: {message}");
    }
    let slow = threshold(&format!("{server}/slow"), "up", Direction::Decrease);
    let good = threshold(&format!("{server}/good"), "up", Direction::Decrease);
    let began = Instant::now();
    let checks = check(&[slow.clone(), slow.clone(), slow, good], Timestamp::now()).await;
    assert!(
        began.elapsed() < 2 * PATIENCE,
        "they wait together: {:?}",
        began.elapsed()
    );
    for slow in &checks[..3] {
        assert_eq!(
            slow.message,
            "Prometheus took longer than 5 seconds; make the query cheaper"
        );
    }
    assert_eq!(checks[3].state, Within);
    for (url, words) in [
        ("http://127.0.0.1:1", "Prometheus cannot be reached"),
        ("mailto:me@example.com", "the address of Prometheus is no URL"),
        ("https://", "the address of Prometheus is no URL"),
    ] {
        let (state, message) = state(url, "up", Direction::Decrease).await;
        assert_eq!(state, ThresholdState::Unavailable);
        assert!(message.starts_with(words), "{url}: {message}");
    }
}
