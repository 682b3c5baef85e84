use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

type Told = mpsc::UnboundedSender<Value>;

/// A collector that takes nothing the first time; gives its address and what it is told.
async fn collector() -> (String, mpsc::UnboundedReceiver<Value>) {
    async fn keep(
        State((told, attempts)): State<(Told, watch::Sender<u32>)>,
        body: Json<Value>,
    ) -> StatusCode {
        attempts.send_modify(|attempts| *attempts += 1);
        if *attempts.borrow() == 1 {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        told.send(body.0).unwrap();
        StatusCode::NO_CONTENT
    }
    let (told, hears) = mpsc::unbounded_channel();
    let routes = Router::new()
        .route("/v1/plain-channels", put(keep))
        .with_state((told, watch::Sender::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
    (address, hears)
}

/// What it is told next.
async fn next(hears: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    let told = tokio::time::timeout(Duration::from_mins(1), hears.recv());
    told.await.expect("told in time").expect("a collector")
}

fn channels(names: &[&str]) -> BTreeSet<(String, String)> {
    names
        .iter()
        .map(|name| ("shop".to_owned(), (*name).to_owned()))
        .collect()
}

#[tokio::test]
async fn tells_the_collector_whose_units_are_plain_until_it_takes_it_and_when_that_changes() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (collector, mut hears) = collector().await;
    let inquiries = watch::Sender::new(Inquiries::default());
    let teller = |interval| Teller {
        collector: collector.clone(),
        siblings: Siblings::unproven(),
        leadership: Leadership::always(),
        inquiries: inquiries.subscribe(),
        interval,
    };
    let hasty = tokio::spawn(teller(Duration::from_millis(5)).run());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(hears.try_recv().is_err(), "nobody knows yet what is to be told");
    inquiries.send_if_modified(|inquiries| inquiries.keep_plain(channels(&["mail", "web"])));
    let both = json!([{"namespace": "shop", "channel": "mail"}, {"namespace": "shop", "channel": "web"}]);
    assert_eq!(next(&mut hears).await, both, "the first time it was not taken");
    assert_eq!(next(&mut hears).await, both, "its disk may be another one");
    hasty.abort();
    let _ = hasty.await;
    while hears.try_recv().is_ok() {}
    tokio::spawn(teller(Duration::from_hours(1)).run());
    assert_eq!(next(&mut hears).await, both);
    inquiries.send_if_modified(|inquiries| inquiries.keep_plain(channels(&[])));
    assert_eq!(next(&mut hears).await, json!([]), "at once");
}
