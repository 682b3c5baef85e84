//! Two processes that share a Redis, as two pods do.

use super::*;

/// A server on loopback, which ends at the latest with the test.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(directory: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--requirepass", "s3cret", "--port", &port.to_string()])
            .arg("--dir")
            .arg(directory)
            .stdout(Stdio::null())
            .spawn();
        Self {
            child: child.unwrap(),
            port,
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two shows a unit at `hero`, counted together.
fn capped() -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(&bundle()).unwrap();
    bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 2, "windowSeconds": 3600}]);
    bundle["settings"]["state"] =
        json!({"onFailure": "Closed", "timeoutMillis": 1000, "windowSeconds": 3600});
    let bundle: Bundle = serde_json::from_value(bundle).unwrap();
    bundle.canonical().unwrap()
}

async fn connected(process: &Process) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let metrics = process.metrics().await;
        if metrics.contains("attune_decider_state_connected 1\n") {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", process.logged(""));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_agree_and_say_nothing_of_the_secret() {
    let (data, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = secret.path().to_str().unwrap();
    let (peers, _events) = peers_with(capped()).await;
    let one = Process::start(&peers, &data.path().join("one"), &["--state", state]);
    let other = Process::start(&peers, &data.path().join("other"), &["--state", state]);
    // The same without the mount, as in a pod that was there before its Channel had a state.
    let without = Process::start(&peers, &data.path().join("without"), &[]);
    for process in [&one, &other, &without] {
        process.ready().await;
    }
    let reason = async |process: &Process| {
        let answer = process.decide("u1").await;
        answer["metadata"]["attune.reason"].as_str().unwrap().to_owned()
    };
    for process in [&one, &other, &without] {
        assert_eq!(reason(process).await, "CAPPED", "nobody can be asked yet");
    }
    // The Secret comes later, first with a password that does not fit.
    let redis = Redis::start(data.path());
    let place = |password: &str| {
        let url = format!("redis://:{password}@127.0.0.1:{}", redis.port);
        std::fs::write(secret.path().join("url"), url).unwrap();
    };
    place("wr0ng");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(reason(&one).await, "CAPPED");
    place("s3cret");
    connected(&one).await;
    connected(&other).await;
    for process in [&one, &other] {
        assert_eq!(reason(process).await, "EXPERIMENT");
    }
    for process in [&one, &other, &without] {
        assert_eq!(reason(process).await, "CAPPED");
    }
    assert!(!one.logged("no connection to the shared memory").is_empty());
    for process in [&one, &other] {
        for word in ["s3cret", "wr0ng", "redis://"] {
            assert_eq!(process.logged(word), Vec::<String>::new(), "{word}");
        }
    }
    one.terminate();
    other.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn says_each_trouble_once_where_there_are_two_at_once() {
    let (data, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = secret.path().join("url");
    // Nobody is there, and then the files say nothing of use either.
    std::fs::write(&url, "redis://127.0.0.1:9").unwrap();
    let (peers, _events) = peers_with(capped()).await;
    let state = secret.path().to_str().unwrap();
    let process = Process::start(&peers, data.path(), &["--state", state]);
    process.ready().await;
    let said = |trouble: &str| process.logged(trouble).len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(said("cannot be reached"), 1);
    std::fs::write(&url, "no address").unwrap();
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(said("`url` is no address"), 1);
    assert_eq!(
        said("cannot be reached"),
        1,
        "{:?}",
        process.logged("shared memory")
    );
    process.terminate();
}
