use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Request, Response};
use kube::client::Body;
use serde_json::json;

use super::*;

/// An API server that takes its time with the first Lease, and falls silent after so many answers.
fn server_that_falls_silent(delay: Duration, answers: usize) -> Client {
    let asked = Arc::new(AtomicUsize::new(0));
    let service = tower::service_fn(move |request: Request<Body>| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            if number >= answers {
                std::future::pending::<()>().await;
            }
            let answer = if request.method() == "GET" {
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound", "message": "no Lease"})
            } else {
                tokio::time::sleep(delay).await;
                json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": "attune-operator", "resourceVersion": "1"},
                    "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15},
                })
            };
            let status = if request.method() == "GET" { 404 } else { 201 };
            let response = Response::builder().status(status);
            Ok::<_, Infallible>(
                response
                    .body(Body::from(answer.to_string().into_bytes()))
                    .unwrap(),
            )
        }
    });
    Client::new(service, "attune-system")
}

async fn leads_until(delay: Duration) -> Duration {
    let (leader, mut told) = watch::channel(Leader::default());
    let candidacy = Candidacy {
        namespace: "attune-system".to_owned(),
        lease: "attune-operator".to_owned(),
        identity: "me".to_owned(),
        clock: Clock::default(),
    };
    let election = Election::new(server_that_falls_silent(delay, 2), candidacy, leader);
    let began = Instant::now();
    let election = tokio::spawn(election.run(std::future::pending()));
    told.wait_for(|leader| *leader == Leader::Myself).await.unwrap();
    told.wait_for(|leader| *leader != Leader::Myself).await.unwrap();
    election.abort();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_leader_stands_down_in_time_however_its_last_renewal_and_its_looks_fall() {
    for delay in [0, 1900, 2100, 3900] {
        let led = leads_until(Duration::from_millis(delay)).await;
        assert!(
            led <= RENEW_WITHIN + Duration::from_millis(10),
            "with a renewal that took {delay} ms, it led for {led:?}"
        );
        assert!(led >= RENEW_WITHIN, "it led for {led:?} only");
    }
}
