//! Decisions that are kept, and their bundles, over HTTP.

use attune_core::bundle::Bundle;

use super::*;

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn put(path: &str, body: &[u8]) -> Request<Body> {
    Request::put(path).body(body.to_vec().into()).unwrap()
}

fn decision(id: &str, unit: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.decision.v1", "id": id, "source": "/attune/shop/web/decisions",
        "time": "2026-11-30T23:00:00Z", "data": {
            "unit": unit, "channel": "web", "touchpoint": "home", "revision": "abc", "reason": "TARGETED",
            "retentionSeconds": 3600,
            "inputs": {"now": "2026-11-30T23:00:00.123456789Z", "unitFrom": "unit", "context": {"user.tier": "gold"}},
        },
    })
}

#[tokio::test]
async fn tells_what_a_decision_depended_on_to_its_namespace_alone() {
    let mut server = Server::new();
    server.caller = Some("shop");
    let batch = json!([decision("d1", "u1"), decision("d2", "u2")]);
    assert_eq!(server.post(BATCH, batch).await.body, stored(2, 0));
    let one = server.send(get("/v1/decisions/d1?unit=u1")).await;
    assert_eq!(one.status, StatusCode::OK);
    assert_eq!(
        one.body["inputs"]["now"], "2026-11-30T23:00:00.123456789Z",
        "to the nanosecond"
    );
    assert_eq!(one.body["touchpoint"], "home");
    for path in ["/v1/decisions/d1?unit=u2", "/v1/decisions/d3"] {
        let none = server.send(get(path)).await;
        assert_eq!(none.status, StatusCode::NOT_FOUND, "{path}");
        assert!(
            none.body["detail"].as_str().unwrap().contains("`replay`"),
            "{}",
            none.body
        );
    }
    let many = server
        .send(get("/v1/decisions?unit=u1&since=2026-11-30T00:00:00Z"))
        .await;
    assert_eq!(many.body["decisions"][0]["id"], "d1");
    assert_eq!(
        (
            many.body["decisions"].as_array().unwrap().len(),
            &many.body["more"]
        ),
        (1, &json!(false))
    );
    server.caller = Some("bank");
    assert_eq!(
        server.send(get("/v1/decisions/d1")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn lists_page_by_page_from_the_latest_backwards_also_what_was_decided_at_once() {
    let mut server = Server::new();
    server.caller = Some("shop");
    // Three of one page, which are of one instant, between two others.
    let at = |id: &str, time: &str| {
        let mut event = decision(id, "u1");
        event["time"] = json!(time);
        event
    };
    let (early, page, late) = (
        "2026-11-30T22:00:00Z",
        "2026-11-30T22:30:00Z",
        "2026-11-30T23:00:00Z",
    );
    let batch = json!([
        at("d1", early),
        at("d2", page),
        at("d3", page),
        at("d4", page),
        at("d5", late),
        decision("other", "u2")
    ]);
    assert_eq!(server.post(BATCH, batch).await.body, stored(6, 0));
    let path = "/v1/decisions?unit=u1&since=2026-11-30T00:00:00Z";
    let mut found = Vec::new();
    let mut next = String::new();
    for _ in 0..3 {
        let answer = server.send(get(&format!("{path}&limit=2{next}"))).await.body;
        let decisions = answer["decisions"].as_array().unwrap();
        found.extend(decisions.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        assert_eq!(answer["more"].as_bool(), Some(answer["next"].is_string()));
        next = answer["next"]
            .as_str()
            .map_or_else(String::new, |id| format!("&before={id}"));
    }
    assert_eq!(found, ["d5", "d4", "d3", "d2", "d1"]);
    assert_eq!(next, "", "that was all");
    let before = server.send(get(&format!("{path}&before={page}"))).await;
    assert_eq!(before.body["decisions"][0]["id"], "d1");
    assert_eq!(before.body["decisions"].as_array().unwrap().len(), 1);
    for wrong in ["other", "yesterday"] {
        let refused = server.send(get(&format!("{path}&before={wrong}"))).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn refuses_questions_about_decisions_that_are_none() {
    let server = Server::new();
    for path in [
        "/v1/decisions",
        "/v1/decisions?unit=u1",
        "/v1/decisions?unit=u1&since=yesterday",
        "/v1/decisions?unit=&since=2026-11-30T00:00:00Z",
        "/v1/decisions?unit=u1&since=2026-11-30T00:00:00Z&limit=0",
        "/v1/decisions?unit=u1&since=2026-11-30T00:00:00Z&limit=1001",
        "/v1/decisions/d1?unknown=1",
    ] {
        assert_eq!(
            server.send(get(path)).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}

#[tokio::test]
async fn keeps_a_bundle_under_its_hash_alone() {
    let mut server = Server::new();
    server.caller = Some("shop");
    let json = serde_json::to_vec(&json!({
        "formatVersion": 1, "namespace": "shop", "channel": "web",
        "settings": {"identity": {"unit": "targetingKey"}, "metadata": "Full"},
        "attributes": {}, "audiences": {}, "modules": {}, "programs": {}, "holdouts": {}, "experiments": {},
        "touchpoints": {}, "bindings": {},
    }))
    .unwrap();
    let path = format!("/v1/bundles/{}", Bundle::revision(&json));
    let head = || Request::head(&path).body(Body::empty()).unwrap();
    for request in [get(&path), head()] {
        assert_eq!(server.send(request).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        server.send(put(&path, &json)).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.send(head()).await.status, StatusCode::OK);
    assert_eq!(server.send(get(&path)).await.body["channel"], "web");
    for (path, body) in [(path.as_str(), b"{}".as_slice()), ("/v1/bundles/abc", &json)] {
        assert_eq!(
            server.send(put(path, body)).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
    let nothing = format!("/v1/bundles/{}", Bundle::revision(b"{}"));
    assert_eq!(
        server.send(put(&nothing, b"{}")).await.status,
        StatusCode::BAD_REQUEST
    );
    server.caller = Some("bank");
    assert_eq!(server.send(put(&path, &json)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.send(get(&path)).await.status, StatusCode::NOT_FOUND);
}
