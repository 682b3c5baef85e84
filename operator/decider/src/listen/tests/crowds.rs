//! Many clients at once.

use super::*;

/// Bad requests that are answered while a good one is, for each client that sends them; a clock would tell of the machine.
const BESIDE: u64 = 20;

/// How much longer a good request may take beside a crowd that does nothing.
const LONGER: u32 = 10;

/// Asks well, one after the other on one connection, and gives what `measure` said of each answer, the least first.
async fn ask<T: Ord>(port: &Port, requests: usize, mut measure: impl FnMut(Duration) -> T) -> Vec<T> {
    let mut stream = port.connect().await;
    let mut measured = Vec::with_capacity(requests);
    for _ in 0..requests {
        let began = Instant::now();
        stream.write_all(request(HERO, GOOD).as_bytes()).await.unwrap();
        assert_eq!(status(&first_answer(&mut stream).await), "200");
        measured.push(measure(began.elapsed()));
    }
    measured.sort_unstable();
    measured
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_good_requests_beside_a_storm_of_bad_ones() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    const CLIENTS: usize = 24;
    let port = Arc::new(serve(quick(), None).await);
    let end = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let deep = "[".repeat(60_000);
    let bad = [
        request(HERO, "{"),
        request(HERO, r#"{"context": 7}"#),
        request(HERO, r#"{"context": {"targetingKey": "\ud83d"}}"#),
        request(HERO, &deep),
        request("/ofrep/v1/evaluate/flags/nope", GOOD),
        "nonsense\r\n\r\n".to_owned(),
        format!("POST {HERO} HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n"),
    ];
    let storm: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let (port, end, text) = (Arc::clone(&port), Arc::clone(&end), bad[n % bad.len()].clone());
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                while !end.load(Ordering::Relaxed) {
                    statuses.push(status(&port.say(&text).await).to_owned());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                statuses
            })
        })
        .collect();
    while answered.load(Ordering::Relaxed) < 100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // How long they take compared to calm is measured by `make bench`; here each must have its turn.
    let mut before = answered.load(Ordering::Relaxed);
    let beside = ask(&port, 500, |_| {
        let now = answered.load(Ordering::Relaxed);
        now - std::mem::replace(&mut before, now)
    });
    let beside = beside.await;
    end.store(true, Ordering::Relaxed);
    for bad in storm {
        for status in bad.await.unwrap() {
            assert!(["400", "404", "413", ""].contains(&status.as_str()), "{status}");
        }
    }
    let most = beside[beside.len() * 9 / 10];
    assert!(
        most <= BESIDE * CLIENTS as u64,
        "{most} bad requests go before a good one"
    );
    ask(&port, 100, |_| ()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_beside_ten_thousand_idle_connections() {
    // A process may have fewer descriptors; both ends of a connection are here.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let allowed = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
    let crowd = 10_000.min(allowed.saturating_sub(500) / 2);
    let port = serve(Limits::default(), None).await;
    // Of each run the quicker half: other work on the machine slows some down, what each request does all of them.
    let calm = ask(&port, 400, |took| took).await[200];
    let mut idle = Vec::with_capacity(crowd);
    while idle.len() < crowd {
        let mut stream = port.connect().await;
        // Every other one has sent half a request.
        if idle.len() % 2 == 0 {
            stream.write_all(b"POST /ofrep/v1/ev").await.unwrap();
        }
        idle.push(stream);
    }
    let crowded = ask(&port, 400, |took| took).await[100];
    assert!(
        crowded <= calm * LONGER,
        "{crowded:?} beside {crowd} connections, {calm:?} before"
    );
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
    let after = ask(&port, 400, |took| took).await[100];
    assert!(
        after <= calm * LONGER,
        "{after:?} once they left, {calm:?} before"
    );
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
