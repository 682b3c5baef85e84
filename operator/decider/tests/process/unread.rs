//! Clients that ask for much and take nothing of it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// Clients that never read, and how often each asks.
const CLIENTS: usize = 200;
const ASKS: usize = 8;

/// A Channel whose bulk answer is a MiB: no kernel takes eight of them from a process for a client that does not read.
fn heavy() -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(&bundle()).unwrap();
    for nth in 0..16 {
        let name = format!("heavy-{nth}");
        let content = json!({"title": "x".repeat(64 * 1024)});
        bundle["modules"][format!("{name}@0")] = json!({
            "name": name, "baseline": "all", "variants": [{"name": "all", "content": content}]
        });
        bundle["touchpoints"][&name] = json!({"baseline": format!("{name}@0")});
    }
    let bundle: Bundle = serde_json::from_value(bundle).unwrap();
    bundle.canonical().unwrap()
}

/// What the process keeps in memory, in MiB.
fn resident(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// How many answers were turned away.
async fn turned_away(process: &Process) -> u64 {
    let metrics = process.metrics().await;
    let name = "attune_decider_shed_total{what=\"answer\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(name));
    count.unwrap().parse().unwrap()
}

async fn bulk(process: &Process) -> reqwest::Response {
    let request = client().post(format!("{}/ofrep/v1/evaluate/flags", process.url));
    request
        .body(r#"{"context": {"targetingKey": "u1"}}"#)
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_the_memory_of_answers_that_nobody_takes_and_serves_others() {
    let data = tempfile::tempdir().unwrap();
    let (peers, _events) = peers_with(heavy()).await;
    let process = Process::start(&peers, data.path(), &["--idle", "300s"]);
    process.ready().await;
    let whole = bulk(&process).await;
    assert_eq!(whole.status(), 200);
    assert!(whole.bytes().await.unwrap().len() > 1024 * 1024);
    let before = resident(&process);
    let address = process.url.strip_prefix("http://").unwrap();
    let body = r#"{"context": {"targetingKey": "u1"}}"#;
    let one = format!(
        "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut crowd = Vec::new();
    for nth in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(one.repeat(ASKS).as_bytes()).await.unwrap();
        crowd.push(stream);
        if nth % 20 == 0 {
            process.decide(&format!("u{nth}")).await;
        }
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while turned_away(&process).await == 0 {
        assert!(
            Instant::now() < deadline,
            "answers take {} MiB",
            resident(&process)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let held = resident(&process).saturating_sub(before);
    assert!(held < 160, "{CLIENTS} clients that never read hold {held} MiB");
    for nth in 0..50 {
        process.decide(&format!("v{nth}")).await;
    }
    let refused = bulk(&process).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["errorCode"], "GENERAL");
    // Whoever reads at last has whole answers, and those who leave make room.
    let mut patient = crowd.swap_remove(0);
    let mut piece = vec![0; 1024 * 1024];
    let first = patient.read(&mut piece).await.unwrap();
    assert!(piece[..first].starts_with(b"HTTP/1.1 200 OK"));
    drop((patient, crowd));
    let deadline = Instant::now() + Duration::from_secs(20);
    while bulk(&process).await.status() != 200 {
        assert!(Instant::now() < deadline, "the room is free again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
