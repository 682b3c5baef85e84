//! What a batch tells of exposures, a collector takes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use attune_collector::{Clock, Collector, CollectorOptions, router};
use attune_core::event::{Event, EventData};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;

use super::people::people;
use super::{batch, folder, lines};
use crate::folder::AT;

/// A real collector on an address of its own, which refuses every other request as one that is overloaded does.
async fn collector(directory: &std::path::Path) -> (SocketAddr, Collector) {
    let options = CollectorOptions {
        clock: Clock::fixed(AT[1].parse().expect("an instant")),
        ..CollectorOptions::default()
    };
    let collector = Collector::open(directory, options).expect("a store");
    let count = Arc::new(Mutex::new(0_u32));
    let stumbling = from_fn(move |request: Request, next: Next| {
        let count = Arc::clone(&count);
        async move {
            let number = {
                let mut count = count.lock().expect("whole");
                *count += 1;
                *count
            };
            if !number.is_multiple_of(2) {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            next.run(request).await
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = router(collector.clone()).layer(stumbling);
    tokio::spawn(async move { axum::serve(listener, service).await });
    (address, collector)
}

/// How many exposures of each experiment's arms and of each holdout's halves.
fn tally<'e>(events: impl Iterator<Item = &'e Event>) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for event in events {
        let EventData::Exposure(exposure) = &event.data else {
            panic!("an exposure: {event:?}");
        };
        let arm = exposure
            .enrolment
            .as_ref()
            .map(|one| format!("{}/{}", one.experiment, one.arm));
        let half = exposure
            .holdout
            .as_ref()
            .map(|test| format!("{}: {}", test.name, test.held));
        for key in arm.into_iter().chain(half) {
            *tally.entry(key).or_default() += 1;
        }
    }
    tally
}

#[test]
fn a_file_has_the_events_that_deciders_send() {
    let folder = folder().with("people.ndjson", people(3_000).1);
    let run = batch(
        &folder,
        "people.ndjson",
        "out.ndjson",
        &["--exposures", "seen.ndjson"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = std::fs::read_to_string(folder.path("seen.ndjson")).expect("the file");
    let events: Vec<_> = text
        .lines()
        .map(|line| Event::from_json(line.as_bytes()).expect("an event"))
        .collect();
    let tally = tally(events.iter());
    let rows = lines(&folder, "out.ndjson");
    let held = rows.iter().filter(|row| row["held"] == true).count();
    assert!(held > 10, "some are held out of 3,000: {held}");
    assert_eq!(tally.get("always-baseline: true"), Some(&held));
    let by_name: BTreeMap<_, _> = rows
        .iter()
        .map(|row| (row["decision"].as_str().expect("a name"), row))
        .collect();
    for event in &events {
        let EventData::Exposure(exposure) = &event.data else {
            panic!("an exposure")
        };
        let row = by_name[exposure.decision.as_deref().expect("a decision")];
        assert_eq!(row["unit"], exposure.unit.as_str());
        assert_eq!(row["touchpoint"].as_str(), exposure.touchpoint.as_deref());
        assert_eq!(row["variant"].as_str(), exposure.variant.as_deref());
        assert_eq!(
            row["arm"].as_str(),
            exposure.enrolment.as_ref().map(|one| one.arm.as_str())
        );
        assert_eq!(
            (event.source.as_str(), event.namespace.as_deref()),
            ("/attune/shop/web", Some("shop"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_has_every_exposure_once_although_it_stumbles() {
    let folder = folder().with("people.ndjson", people(4_000).1);
    let store = tempfile::tempdir().expect("a directory");
    let (address, collector) = collector(store.path()).await;
    let url = format!("http://{address}");
    let run =
        tokio::task::block_in_place(|| batch(&folder, "people.ndjson", "out.ndjson", &["--collector", &url]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let told = tokio::task::block_in_place(|| {
        batch(
            &folder,
            "people.ndjson",
            "again.ndjson",
            &["--exposures", "seen.ndjson"],
        )
    });
    assert_eq!(told.code, 0, "{}", told.stderr);
    let seen = lines(&folder, "seen.ndjson").len() as u64;
    assert!(seen > 500, "more than one batch: {seen}");
    let totals = collector.counts().expect("counts").totals;
    assert_eq!((totals.stored, totals.duplicates), (seen, 0));
}

#[test]
fn a_collector_that_wants_none_ends_the_run_and_it_can_go_on() {
    let folder = folder().with("people.ndjson", people(2_000).1);
    // Nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let run = batch(
        &folder,
        "people.ndjson",
        "out.ndjson",
        &["--collector", &url, "--patience", "1"],
    );
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("the collector cannot be reached"),
        "{}",
        run.stderr
    );
    assert!(!folder.path("out.ndjson").exists());
}
