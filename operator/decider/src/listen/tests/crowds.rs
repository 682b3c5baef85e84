//! Many clients at once.

use super::*;

/// Times good requests, one after the other on one connection; gives the slowest but 1 %.
async fn p99(port: &Port, requests: usize) -> Duration {
    let mut stream = port.connect().await;
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let began = Instant::now();
        stream.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
        assert_eq!(status(&first_answer(&mut stream).await), "200");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[requests * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_good_requests_beside_a_storm_of_bad_ones() {
    let port = Arc::new(serve(quick(), None).await);
    let end = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let deep = "[".repeat(60_000);
    let bad = [
        request(HERO, "{"),
        request(HERO, r#"{"context": 7}"#),
        request(HERO, &deep),
        request("/ofrep/v1/evaluate/flags/nope", GOOD),
        "nonsense\r\n\r\n".to_owned(),
        format!("POST {HERO} HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n"),
    ];
    let storm: Vec<_> = (0..24)
        .map(|n| {
            let (port, end, text) = (Arc::clone(&port), Arc::clone(&end), bad[n % bad.len()].clone());
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                while !end.load(std::sync::atomic::Ordering::Relaxed) {
                    statuses.push(status(&port.say(&text).await).to_owned());
                }
                statuses
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let storming = p99(&port, 500).await;
    end.store(true, std::sync::atomic::Ordering::Relaxed);
    for bad in storm {
        for status in bad.await.unwrap() {
            assert!(["400", "404", "413", ""].contains(&status.as_str()), "{status}");
        }
    }
    // How it compares to calm is measured by `make bench`; here it must be of the same kind.
    assert!(storming < Duration::from_millis(500), "{storming:?}");
    assert!(p99(&port, 100).await < Duration::from_millis(500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_beside_ten_thousand_idle_connections() {
    // A process may have fewer descriptors; both ends of a connection are here.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let allowed = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let crowd = 10_000.min(allowed.saturating_sub(500) / 2);
    let port = serve(Limits::default(), None).await;
    let mut idle = Vec::with_capacity(crowd);
    while idle.len() < crowd {
        let mut stream = port.connect().await;
        // Every other one has sent half a request.
        if idle.len() % 2 == 0 {
            stream.write_all(b"POST /ofrep/v1/ev").await.unwrap();
        }
        idle.push(stream);
    }
    assert!(p99(&port, 200).await < Duration::from_millis(500));
    for stream in idle.iter_mut().step_by(998) {
        let rest = request(HERO, GOOD);
        let rest = rest.strip_prefix("POST /ofrep/v1/ev").unwrap();
        stream.write_all(rest.as_bytes()).await.unwrap();
        assert_eq!(
            status(&first_answer(stream).await),
            "200",
            "it waited for its turn"
        );
    }
    drop(idle);
    assert!(p99(&port, 200).await < Duration::from_millis(500));
}

#[tokio::test]
async fn sheds_bodies_that_are_under_way_before_memory_grows() {
    let limits = Limits {
        body: 8 * 1024 * 1024,
        ..Limits::default()
    };
    let port = serve(limits, None).await;
    let head = format!("POST {HERO} HTTP/1.1\r\nhost: x\r\ncontent-length: 8000000\r\n\r\n{{");
    let mut under_way = Vec::new();
    // There is room for 32 MiB of them.
    for _ in 0..4 {
        let mut stream = port.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        under_way.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = port.say(&head).await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("\"errorCode\":\"GENERAL\""), "{answer}");
    // Whoever sends a whole one is served.
    assert_eq!(status(&port.say(&request(HERO, GOOD)).await), "200");
    drop(under_way);
    let began = Instant::now();
    let (first, last) = (head, format!("{}}}", " ".repeat(7_999_998)));
    loop {
        let mut stream = port.connect().await;
        stream.write_all(first.as_bytes()).await.unwrap();
        let _ = stream.write_all(last.as_bytes()).await;
        let answer = first_answer(&mut stream).await;
        if status(&answer) == "400" {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "the room is free again: {answer}"
        );
    }
}
