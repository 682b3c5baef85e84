//! Heads that no service sees, because they are malformed or too large.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::refusal::Worded;
use super::*;

/// What an answer says is wrong; it has the form of every other, and is the connection's last.
#[track_caller]
fn said(answer: &str) -> serde_json::Value {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer}"));
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    assert!(head.contains("content-type: application/json"), "{answer}");
    assert!(head.contains("connection: close"), "{answer}");
    let said: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(
        said["errorDetails"].as_str().unwrap().contains("send"),
        "{answer}"
    );
    said
}

#[tokio::test]
async fn refuses_heads_that_are_too_large_and_says_so() {
    let port = serve(Limits::default(), None).await;
    let long = "x".repeat(20 * 1024);
    let many = "x-many: 1\r\n".repeat(120);
    for text in [
        format!("POST {HERO} HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("POST {HERO} HTTP/1.1\r\nhost: x\r\n{many}content-length: 2\r\n\r\n{{}}"),
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        let answer = port.say(&text).await;
        assert_eq!(status(&answer), "431");
        assert_eq!(said(&answer)["errorCode"], "GENERAL");
    }
    for (others, expected) in [(62, "200"), (63, "431"), (80, "431")] {
        let many = "x-many: 1\r\n".repeat(others);
        let text = format!(
            "POST {HERO} HTTP/1.1\r\nhost: x\r\n{many}content-length: {}\r\n\r\n{GOOD}",
            GOOD.len()
        );
        let answer = port.say(&text).await;
        assert_eq!(status(&answer), expected, "{others} headers more");
        assert_eq!(
            answer.contains("\"errorCode\":\"GENERAL\""),
            expected == "431",
            "{answer}"
        );
    }
    assert_eq!(status(&port.say(&request(HERO, GOOD)).await), "200");
}

#[tokio::test]
async fn says_what_is_wrong_with_a_head_that_is_none() {
    let port = serve(Limits::default(), None).await;
    let malformed = [
        "\x16\x03\x01 hello\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nbad header\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
    ];
    for text in malformed {
        let answer = port.say(text).await;
        assert_eq!(status(&answer), "400", "{text:?}: {answer}");
        assert_eq!(said(&answer)["errorCode"], "PARSE_ERROR");
    }
    // After requests that were answered, and after one whose answer is an error too.
    let mut used = port.connect().await;
    for (path, expected) in [(HERO, "200"), ("/nope", "404")] {
        used.write_all(request(path, GOOD).as_bytes()).await.unwrap();
        assert_eq!(status(&first_answer(&mut used).await), expected);
    }
    used.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let answer = first_answer(&mut used).await;
    assert_eq!(
        (status(&answer), &said(&answer)["errorCode"]),
        ("400", &"PARSE_ERROR".into())
    );
    let refused = port
        .decider
        .metrics()
        .refusals
        .get(crate::metrics::Refusal::Unreadable);
    assert_eq!(refused, malformed.len() as u64 + 1);
}

#[tokio::test]
async fn leaves_every_answer_as_it_is_that_a_request_was_given() {
    let port = serve(Limits::default(), None).await;
    // Pipelined, good and bad ones, then none: each has its answer, and in their order.
    let mut all = String::new();
    for (path, body) in [
        (HERO, GOOD),
        (HERO, "{"),
        ("/nope", GOOD),
        ("/ofrep/v1/evaluate/flags", GOOD),
    ] {
        all.push_str(&request(path, body));
    }
    all.push_str("nonsense\r\n\r\n");
    let mut stream = port.connect().await;
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let answers = text.split("HTTP/1.1 ").skip(1);
    let statuses: Vec<_> = answers.map(|answer| answer.split(' ').next().unwrap()).collect();
    assert_eq!(statuses, ["200", "400", "404", "200", "400"]);
    assert!(text.ends_with("as RFC 9112 has them\"}"), "{text}");
}

#[tokio::test]
async fn writes_its_words_whole_however_little_the_peer_takes() {
    let own = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let pulse = Arc::new(Pulse::default());
    for is_answered in [false, true] {
        let (ours, mut peer) = tokio::io::duplex(7);
        let mut worded = Worded::new(ours, Arc::clone(&pulse));
        worded.flush().await.unwrap();
        if is_answered {
            pulse.beat(false);
        }
        let writing = tokio::spawn(async move {
            worded.write_all(own).await.unwrap();
            worded.flush().await.unwrap();
            worded.write_all(b": a piece of a stream\n\n").await.unwrap();
            worded.shutdown().await.unwrap();
        });
        let mut text = String::new();
        peer.read_to_string(&mut text).await.unwrap();
        writing.await.unwrap();
        let answer = text.strip_suffix(": a piece of a stream\n\n").unwrap();
        if is_answered {
            assert_eq!(answer.as_bytes(), own, "it was somebody's answer");
        } else {
            assert_eq!(said(answer)["errorCode"], "PARSE_ERROR");
        }
    }
}

#[tokio::test]
async fn says_so_over_tls_too() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files {
        certificate: directory.path().join("tls.crt"),
        key: directory.path().join("tls.key"),
    };
    let authority = Authority::new("ours");
    let (certificate, key) = authority.pair();
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
    let port = serve(Limits::default(), Some(Certificate::load(&files).unwrap())).await;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(authority.client()));
    let stream = port.connect().await;
    let mut stream = connector
        .connect("127.0.0.1".try_into().unwrap(), stream)
        .await
        .unwrap();
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    assert_eq!(
        said(&String::from_utf8(text).unwrap())["errorCode"],
        "PARSE_ERROR"
    );
}
