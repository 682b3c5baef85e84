//! Requests that meet a process which is shutting down.

use super::*;

fn asked(method: &str, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", JSON)
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// The answer of a runtime that begins nothing new.
fn late(server: &Server, request: Request<Body>) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    handle.block_on(server.send(request))
}

#[test]
fn what_was_not_registered_is_not_called_registered() {
    let server = Server::new();
    let period = json!({
        "namespace": "default", "holdout": "h", "salt": "default/h:holdout", "shareBp": 500,
        "from": "2026-12-01T00:00:00Z", "until": "2027-12-01T00:00:00Z",
    });
    let reply = late(&server, asked("PUT", "/v1/holdouts", &json!([period])));
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
}

#[test]
fn what_was_not_looked_up_is_not_answered() {
    let server = Server::new();
    let metric = json!({"namespace": "default", "event": "click"});
    let reply = late(&server, asked("POST", "/v1/activity", &metric));
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
    assert_eq!(
        reply.body["detail"],
        json!("the analysis was interrupted; ask again")
    );
}
