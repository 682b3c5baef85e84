//! What deciders of `attune serve` share with other processes, by a real Redis.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{EVENT, Folder, Server, purchase};

/// A server that keeps nothing on disk and ends at the latest with the test.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn();
        let redis = Self {
            child: child.expect("started"),
            port,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalled");
    }

    /// How many keys it has, as its protocol spells it.
    fn size(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.write_all(b"DBSIZE\r\nQUIT\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The example's web channel with a memory at an address.
fn sharing(url: &str) -> (Folder, Server) {
    let folder = Folder::example();
    let metadata = "  metadata: Full\n  delivery: {sidecar: {}}";
    let state = "  metadata: Full\n  state: {redis: {secretRef: {name: seen}}}\n  delivery: {sidecar: {}}";
    folder.edit(&[(metadata, state)]);
    std::fs::create_dir(folder.path("seen")).expect("a directory");
    std::fs::write(folder.path("seen/url"), url).expect("written");
    let server = Server::start(folder.command(&["--channel", "web", "--data", "data", "--state", "seen"]));
    (folder, server)
}

async fn told(server: &Server, sample: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let metrics = server.get("/channels/shop/web/metrics").await;
        if metrics.text().await.expect("text").contains(sample) {
            return;
        }
        assert!(Instant::now() < deadline, "never {sample}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn hands_over_what_waits_for_the_shared_memory_before_it_ends() {
    let redis = Redis::start();
    let (_folder, mut server) = sharing(&format!("redis://127.0.0.1:{}", redis.port));
    told(&server, "attune_decider_state_connected 1\n").await;
    redis.signal(Signal::STOP);
    // The first is on its way when the second comes, which waits for the answer.
    for unit in ["u1", "u2"] {
        let event = purchase(unit, unit).to_string();
        assert_eq!(server.post("/v1/events", EVENT, event).await.status(), 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.signal(Signal::CONT);
    assert!(server.ended_within(Duration::from_secs(10)).success());
    assert_eq!(redis.size(), ":2", "the outcomes of both units");
    assert!(!server.said().iter().any(|line| line.contains("are lost")));
}

#[tokio::test]
async fn says_what_never_reached_the_shared_memory() {
    let redis = Redis::start();
    let (_folder, mut server) = sharing(&format!("redis://127.0.0.1:{}", redis.port));
    told(&server, "attune_decider_state_connected 1\n").await;
    redis.signal(Signal::STOP);
    let event = purchase("e1", "u1").to_string();
    assert_eq!(server.post("/v1/events", EVENT, event).await.status(), 200);
    server.signal(Signal::TERM);
    assert!(server.ended_within(Duration::from_secs(10)).success());
    let is_it = |line: &String| line.contains("never reached the shared memory");
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut said = server.said();
    while !said.iter().any(is_it) {
        assert!(Instant::now() < deadline, "{said:?}");
        std::thread::sleep(Duration::from_millis(10));
        said.extend(server.said());
    }
}
