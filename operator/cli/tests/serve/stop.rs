//! Ctrl-c.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{EVENT, Folder, Server, purchase};

/// Sends events one after another until the server is gone; gives how many it acknowledged.
async fn send_until_refused(url: String, sender: usize, goes: Arc<AtomicBool>, count: Arc<AtomicU64>) {
    let client = crate::process::client();
    for index in 0.. {
        let event = purchase(&format!("{sender}-{index}"), "u1");
        let request = client
            .post(format!("{url}/v1/events"))
            .header("content-type", EVENT);
        match request.body(event.to_string()).send().await {
            Ok(response) if response.status() == 200 => {
                count.fetch_add(1, Ordering::SeqCst);
                goes.store(true, Ordering::SeqCst);
            }
            _ => return,
        }
    }
}

#[tokio::test]
async fn loses_no_acknowledged_event() {
    let folder = Folder::example();
    for signal in [Signal::INT, Signal::TERM] {
        let mut server = folder.serve();
        let before = server.status().await["events"]["stored"]
            .as_u64()
            .expect("a count");
        let (goes, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let sender = if signal == Signal::INT {
                    sender
                } else {
                    sender + 10
                };
                let sending = send_until_refused(
                    server.url.clone(),
                    sender,
                    Arc::clone(&goes),
                    Arc::clone(&acknowledged),
                );
                tokio::spawn(sending)
            })
            .collect();
        while !goes.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.signal(signal);
        for sender in senders {
            sender.await.expect("no panic");
        }
        assert_eq!(server.ended_within(Duration::from_secs(10)).code(), Some(0));
        server.wait_for("stopped; every acknowledged event is in data");
        drop(server);
        let acknowledged = acknowledged.load(Ordering::SeqCst);
        let again = folder.serve();
        let stored = again.status().await["events"]["stored"]
            .as_u64()
            .expect("a count")
            - before;
        assert!(acknowledged > 0);
        // At most one a sender is stored without having been told so.
        assert!(
            (acknowledged..=acknowledged + 4).contains(&stored),
            "{acknowledged} acknowledged, {stored} stored"
        );
        again.interrupt();
    }
}

#[tokio::test]
async fn says_that_events_went_where_none_was_told_to_keep_them() {
    let folder = Folder::example();
    let mut server = Server::start(folder.command(&[]));
    server.signal(Signal::INT);
    assert_eq!(server.ended_within(Duration::from_secs(5)).code(), Some(0));
    server.wait_for("stopped; events went with the process: give a directory by --data to keep them");
}

/// Connections that have said half of what they have to say.
fn open_requests(url: &str) -> Vec<TcpStream> {
    let address = url.strip_prefix("http://").expect("an address");
    let halves = [
        "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        "POST /ofrep/v1/evaluate/flags/home-hero HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        "POST /ofrep/v1",
        "",
    ];
    halves
        .iter()
        .map(|half| {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(half.as_bytes()).expect("sent");
            stream
        })
        .collect()
}

#[tokio::test]
async fn requests_that_never_end_do_not_keep_it() {
    let folder = Folder::example();
    let mut server = folder.serve();
    let open = open_requests(&server.url);
    assert!(server.is_healthy().await, "others are served meanwhile");
    let started = Instant::now();
    server.signal(Signal::INT);
    server.wait_for("stopping; ctrl-c again cuts off what is open");
    assert_eq!(server.ended_within(Duration::from_secs(8)).code(), Some(0));
    assert!(
        started.elapsed() >= Duration::from_secs(2),
        "they had their time: {:?}",
        started.elapsed()
    );
    drop(open);
}

#[tokio::test]
async fn a_second_ctrl_c_ends_it_at_once() {
    let folder = Folder::example();
    let mut server = folder.serve();
    let open = open_requests(&server.url);
    assert!(server.is_healthy().await);
    server.signal(Signal::INT);
    server.wait_for("stopping;");
    let second = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.ended_within(Duration::from_secs(2)).code(), Some(0));
    assert!(second.elapsed() < Duration::from_secs(2));
    drop(open);
}
