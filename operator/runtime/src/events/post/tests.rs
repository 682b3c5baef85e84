use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use axum::http::{Request, Response};
use kube::client::Body;

use super::*;

#[test]
fn a_note_fits() {
    assert_eq!(fit("short"), "short");
    let long = fit(&"ä".repeat(600));
    assert!(long.len() <= 1024 && long.ends_with("ä..."), "{}", long.len());
}

/// An API server that takes everything and notes how it was asked.
fn server(asked: &Arc<Mutex<Vec<String>>>) -> Client {
    let asked = Arc::clone(asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let asked = Arc::clone(&asked);
        async move {
            let method = request.method().to_string();
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(method);
            let body = request.into_body().collect_bytes().await.unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(body)))
        }
    });
    Client::new(service, "shop")
}

#[tokio::test]
async fn the_same_is_counted_on_and_what_differs_is_told() {
    let asked = Arc::default();
    let client = server(&asked);
    let mut recorders = Recorders::new(client.clone(), Reporter::from("test"));
    let notice = |note: &str| Notice {
        regarding: ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some("shop".to_owned()),
            name: Some("web-1".to_owned()),
            ..ObjectReference::default()
        },
        reason: EventReason::DecidersMissing,
        note: note.to_owned(),
        is_of_request: false,
    };
    for note in [
        "one is missing",
        "one is missing",
        "two are missing",
        "two are missing",
    ] {
        let notice = notice(note);
        post(&client, &recorders.of(&notice), &notice).await.unwrap();
    }
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(*asked, ["POST", "PATCH", "POST", "PATCH"]);
}
