//! Over real sockets: what a port does with clients that are slow, many, broken or malicious.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::tls::Files;
use super::*;
use crate::decider::Decider;
use crate::fixture::{Authority, builder, bundle_with};
use crate::server::Serves;

mod crowds;
mod heads;

const HERO: &str = "/ofrep/v1/evaluate/flags/hero";
const GOOD: &str = r#"{"context": {"targetingKey": "u1"}}"#;

struct Port {
    address: SocketAddr,
    decider: Decider,
    end: watch::Sender<bool>,
    served: JoinHandle<()>,
}

async fn serve(limits: Limits, certificate: Option<Certificate>) -> Port {
    let decider = builder().limits(limits).build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ending) = watch::channel(false);
    let front = Front::new(decider.clone(), Serves::Everything);
    let served = tokio::spawn(Connections::new(front, limits, certificate).serve(listener, ending));
    Port {
        address,
        decider,
        end,
        served,
    }
}

fn quick() -> Limits {
    Limits {
        idle: Duration::from_millis(300),
        ..Limits::default()
    }
}

fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Port {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends what is given and reads until the server closes or has answered once.
    async fn say(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        // A server that refuses early may close while this is written.
        let _ = stream.write_all(text.as_bytes()).await;
        first_answer(&mut stream).await
    }
}

/// The first answer with its body; shorter where the server closes.
async fn first_answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(length) => read.extend_from_slice(&piece[..length]),
        }
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if length.is_some_and(|length| body.len() >= length.parse().unwrap()) {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

/// How long until the server closes a connection on which it says nothing.
async fn time_to_close(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    began.elapsed()
}

#[tokio::test]
async fn refuses_bodies_by_their_announced_and_by_their_real_length() {
    let port = serve(Limits::default(), None).await;
    let announced = format!("POST {HERO} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
    assert_eq!(status(&port.say(&announced).await), "413");
    let chunk = format!("{:x}\r\n{}\r\n", 50_000, "x".repeat(50_000));
    let chunked = format!(
        "POST {HERO} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    assert_eq!(status(&port.say(&chunked).await), "413");
    let (a, b) = GOOD.split_at(10);
    let pieces = format!(
        "POST {HERO} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    );
    assert_eq!(status(&port.say(&pieces).await), "200");
}

#[tokio::test]
async fn closes_connections_of_which_nothing_comes() {
    let port = serve(quick(), None).await;
    // Idle, a head that does not end, a body that does not come, and one that comes byte by byte.
    let body = format!("POST {HERO} HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{{");
    for text in ["", "POST /ofrep", body.as_str()] {
        let mut stream = port.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        let took = time_to_close(&mut stream).await;
        assert!(took < Duration::from_secs(2), "{text}: {took:?}");
        assert!(took > Duration::from_millis(200), "{text}: {took:?}");
    }
    // A stream that was only asked about.
    let mut asked = port.connect().await;
    let head = "HEAD /ofrep/v1/changes HTTP/1.1\r\nhost: x\r\n\r\n";
    asked.write_all(head.as_bytes()).await.unwrap();
    let took = time_to_close(&mut asked).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut dripping = port.connect().await;
    let began = Instant::now();
    dripping.write_all(body.as_bytes()).await.unwrap();
    while dripping.write_all(b" ").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5), "a drip keeps it open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // One that is used stays.
    let mut used = port.connect().await;
    for _ in 0..10 {
        used.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
        assert_eq!(status(&first_answer(&mut used).await), "200");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn closes_connections_whose_peer_takes_no_answers() {
    let port = serve(quick(), None).await;
    let mut stream = port.connect().await;
    let many = request("/ofrep/v1/evaluate/flags", GOOD).repeat(50);
    let began = Instant::now();
    // Never reads: once the buffers between are full, the server can write no more.
    while tokio::time::timeout(Duration::from_secs(3), stream.write_all(many.as_bytes()))
        .await
        .is_ok_and(|written| written.is_ok())
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it takes requests for ever"
        );
    }
    port.end.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(5), port.served)
        .await
        .expect("nobody keeps the server from ending")
        .unwrap();
}

#[tokio::test]
async fn keeps_event_streams_open_beyond_the_idle_time() {
    let port = serve(quick(), None).await;
    let mut stream = port.connect().await;
    stream
        .write_all(b"GET /ofrep/v1/changes HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let change =
        bundle_with(|bundle| bundle["modules"]["news@0"]["variants"][0]["content"]["title"] = "Other".into());
    port.decider.adopt_bundle(change).unwrap();
    let mut text = String::new();
    let began = Instant::now();
    while !text.contains("refetchEvaluation") {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0 && began.elapsed() < Duration::from_secs(5), "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    // The end of the process ends the stream.
    port.end.send(true).unwrap();
    port.decider.end_streams();
    assert!(time_to_close(&mut stream).await < Duration::from_secs(2));
    tokio::time::timeout(Duration::from_secs(5), port.served)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn turns_away_connections_too_many_and_takes_new_ones_when_others_leave() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let port = serve(limits, None).await;
    let mut first = port.connect().await;
    first.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
    assert_eq!(status(&first_answer(&mut first).await), "200");
    let mut second = port.connect().await;
    second.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
    assert_eq!(status(&first_answer(&mut second).await), "200");
    let answer = port.say(&request(HERO, GOOD)).await;
    assert_eq!(status(&answer), "503");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("retry-after: 1") && head.contains("connection: close"));
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], 503);
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{}",
        body.len()
    );
    drop(first);
    let began = Instant::now();
    while status(&port.say(&request(HERO, GOOD)).await) != "200" {
        assert!(began.elapsed() < Duration::from_secs(5), "the place is free");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(second);
}

#[tokio::test]
async fn ends_when_the_last_request_is_answered() {
    let port = serve(Limits::default(), None).await;
    let mut idle = port.connect().await;
    idle.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
    assert_eq!(status(&first_answer(&mut idle).await), "200");
    let mut under_way = port.connect().await;
    let (a, b) = GOOD.split_at(10);
    let head = format!(
        "POST {HERO} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{a}",
        GOOD.len()
    );
    under_way.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    port.end.send(true).unwrap();
    assert!(time_to_close(&mut idle).await < Duration::from_secs(2));
    assert!(!port.served.is_finished());
    under_way.write_all(b.as_bytes()).await.unwrap();
    assert_eq!(status(&first_answer(&mut under_way).await), "200");
    tokio::time::timeout(Duration::from_secs(5), port.served)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(port.address).await.is_err(), "no new ones");
}

#[tokio::test]
async fn answers_over_tls_with_the_certificate_that_stands_there() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files {
        certificate: directory.path().join("tls.crt"),
        key: directory.path().join("tls.key"),
    };
    let put = |authority: &Authority| {
        let (certificate, key) = authority.pair();
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
    };
    assert!(
        Certificate::load(&files)
            .unwrap_err()
            .to_string()
            .contains("tls.crt")
    );
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    put(&old);
    let certificate = Certificate::load(&files).unwrap();
    let port = serve(Limits::default(), Some(certificate.clone())).await;
    let ask = async |authority: &Authority| {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(authority.client())
            .no_proxy()
            .build()
            .unwrap();
        let url = format!("https://{}{HERO}", port.address);
        let response = client.post(url).body(GOOD).send().await;
        response.map(|response| response.status().as_u16()).ok()
    };
    assert_eq!(ask(&old).await, Some(200));
    assert_eq!(ask(&new).await, None, "signed by somebody else");
    // A certificate without its key changes nothing; both together do.
    let (foreign, _) = new.pair();
    std::fs::write(&files.certificate, foreign).unwrap();
    assert!(Certificate::load(&files).is_err());
    put(&new);
    certificate.reload(&files).unwrap();
    assert_eq!(ask(&new).await, Some(200));
    assert_eq!(ask(&old).await, None);
    // Plain HTTP to a TLS port ends, and costs nobody else.
    let answer = port.say(&request(HERO, GOOD)).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(ask(&new).await, Some(200));
}
