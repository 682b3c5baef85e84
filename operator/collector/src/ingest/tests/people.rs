//! Forgetting a unit, and naming who saw a variant.

use super::*;

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn erasing(path: &str) -> Request<Body> {
    Request::delete(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn erases_a_unit_of_the_callers_namespace_and_says_how_much() {
    let mut server = Server::new();
    server.caller = Some("shop");
    let mut aliased = outcome("3");
    aliased["type"] = json!("dev.attune.alias.v1");
    aliased["data"] = json!({"unit": "jane/roe", "alias": "device"});
    let batch = json!([
        exposure("1", "jane/roe"),
        exposure("2", "joe"),
        aliased,
        exposure("4", "device")
    ]);
    assert_eq!(server.post(BATCH, batch).await.body, stored(4, 0));
    let foreign = server.send(erasing("/v1/units/joe?namespace=bank")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let reply = server.send(erasing("/v1/units/jane%2Froe?namespace=shop")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.body,
        json!({
            "erased": {"exposures": 2, "outcomes": 0, "decisions": 0, "assignments": 1, "sightings": 1, "eventIds": 3, "ids": 2},
            "overwritten": true,
        })
    );
    let again = server.send(erasing("/v1/units/device")).await;
    assert_eq!(
        (again.status, &again.body["erased"]["ids"]),
        (StatusCode::OK, &json!(0))
    );
    server.caller = Some("bank");
    let elsewhere = server.send(erasing("/v1/units/joe")).await;
    assert_eq!(
        elsewhere.body["erased"]["ids"],
        json!(0),
        "another namespace's joe"
    );
    server.caller = None;
    let named = server.send(erasing("/v1/units/joe?namespace=shop")).await;
    assert_eq!(named.body["erased"]["exposures"], json!(1));
}

#[tokio::test]
async fn tells_an_embedding_which_units_to_forget() {
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hearing = std::sync::Arc::clone(&heard);
    let observer = crate::Observer::new(|_| {}).forgetting(move |namespace, unit| {
        hearing.lock().unwrap().push(format!("{namespace}/{unit}"));
    });
    let server = Server::with(CollectorOptions {
        observer,
        ..CollectorOptions::default()
    });
    server.send(erasing("/v1/units/u1")).await;
    assert_eq!(*heard.lock().unwrap(), ["default/u1"]);
}

#[tokio::test]
async fn recalls_how_many_units_saw_a_variant_and_who_where_that_is_known() {
    let server = Server::new();
    server.post(SINGLE, exposure("1", "u1")).await;
    let channels = [("default".to_owned(), "mail".to_owned())];
    server
        .collector
        .store()
        .keep_plain_units(channels.into())
        .unwrap();
    server
        .post(BATCH, json!([exposure("2", "jane"), exposure("3", "joe")]))
        .await;
    let path = "/v1/recall?variant=hero/gold&since=2026-11-30T00:00:00Z";
    let seen = |id: &str| {
        let time = "2026-11-30T23:00:00Z";
        json!({"ids": [id], "first": time, "last": time, "shows": 1})
    };
    let reply = server.send(get(path)).await;
    assert_eq!(
        reply.body,
        json!({
            "namespace": "default", "variant": "hero/gold", "since": "2026-11-30T00:00:00Z",
            "units": 3, "named": 2, "seen": [seen("jane"), seen("joe")],
        })
    );
    let first = server.send(get(&format!("{path}&limit=1"))).await.body;
    assert_eq!(first["seen"], json!([seen("jane")]));
    let second = server
        .send(get(&format!("{path}&limit=1&after={}", first["next"])))
        .await
        .body;
    assert_eq!(
        (&second["seen"], &second["next"]),
        (&json!([seen("joe")]), &Value::Null)
    );
    let later = server
        .send(get("/v1/recall?variant=hero/gold&since=2026-12-01T00:00:00Z"))
        .await;
    assert_eq!(later.body["units"], json!(0));
}

#[tokio::test]
async fn refuses_erasures_and_recalls_that_say_nothing() {
    let server = Server::new();
    let long = "u".repeat(513);
    for request in [
        get("/v1/recall"),
        get("/v1/recall?variant=hero/gold"),
        get("/v1/recall?variant=hero/gold&since=yesterday"),
        get("/v1/recall?variant=hero&since=2026-11-30T00:00:00Z"),
        get("/v1/recall?variant=hero/&since=2026-11-30T00:00:00Z"),
        get("/v1/recall?variant=a/b&since=2026-11-30T00:00:00Z&limit=10001"),
        get("/v1/recall?variant=a/b&since=2026-11-30T00:00:00Z&limit=-1"),
        get("/v1/recall?variant=a/b&since=2026-11-30T00:00:00Z&unit=u1"),
        get("/v1/recall?variant=a/b&since=2026-11-30T00:00:00Z&namespace="),
        erasing("/v1/units/a%0Ab"),
        erasing("/v1/units/%FF"),
        erasing(&format!("/v1/units/{long}")),
    ] {
        let uri = request.uri().to_string();
        let reply = server.send(request).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{uri}");
        assert!(
            reply.body["detail"].as_str().is_some_and(|why| why.len() > 10),
            "{uri}: {}",
            reply.body
        );
    }
}
