//! Events in, and what they do.

use serde_json::{Value, json};

use crate::process::{BATCH, EVENT, Folder, gold, json_of, purchase};

fn exposure(id: &str, unit: &str, arm: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.exposure.v1", "id": id, "source": "/web",
        "time": "2026-11-29T12:00:00Z",
        "data": {"unit": unit, "experiment": "cart-hero", "arm": arm, "namespace": "shop"},
    })
}

#[tokio::test]
async fn takes_single_events_and_batches_once() {
    let folder = Folder::example();
    let server = folder.serve();
    let one = server
        .post("/v1/events", EVENT, purchase("1", "u1").to_string())
        .await;
    assert_eq!(
        (one.status().as_u16(), json_of(one).await),
        (200, json!({"stored": 1, "duplicates": 0}))
    );
    let batch = json!([purchase("1", "u1"), purchase("2", "u2"), purchase("3", "u3")]);
    let many = server.post("/v1/events", BATCH, batch.to_string()).await;
    assert_eq!(json_of(many).await, json!({"stored": 2, "duplicates": 1}));
    assert_eq!(
        server.status().await["events"],
        json!({"stored": 3, "duplicates": 1, "refused": 0, "deferred": 0, "queued": 0})
    );
    let metrics = server.get("/metrics").await.text().await.expect("text");
    for line in [
        "attune_events_stored_total 3",
        "attune_events_duplicate_total 1",
        "attune_events_refused_total 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn refuses_a_batch_whole_and_names_what_is_wrong() {
    let folder = Folder::example();
    let server = folder.serve();
    let mut wrong = purchase("2", "u2");
    wrong["data"]["unit"] = json!(7);
    let response = server
        .post(
            "/v1/events",
            BATCH,
            json!([purchase("1", "u1"), wrong]).to_string(),
        )
        .await;
    assert_eq!(response.status(), 400);
    let problem = json_of(response).await;
    assert_eq!(
        (
            &problem["errors"][0]["index"],
            &problem["errors"][0]["id"],
            &problem["errors"][0]["field"]
        ),
        (&json!(1), &json!("2"), &json!("data.unit"))
    );
    let events = &server.status().await["events"];
    assert_eq!((&events["stored"], &events["refused"]), (&json!(0), &json!(2)));
}

#[tokio::test]
async fn a_metric_tells_that_its_events_come() {
    let folder = Folder::example();
    let server = folder.serve();
    let receiving = async || {
        let status = server.status_of("Metric", "repeat-purchase").await;
        let conditions = status["conditions"].as_array().expect("conditions").clone();
        let receiving = conditions
            .into_iter()
            .find(|one| one["type"] == "Receiving")
            .expect("a condition");
        (receiving["status"].clone(), receiving["reason"].clone())
    };
    assert_eq!(receiving().await, (json!("False"), json!("NoEvents")));
    server
        .post("/v1/events", EVENT, purchase("1", "u1").to_string())
        .await;
    assert_eq!(receiving().await, (json!("True"), json!("Receiving")));
}

#[tokio::test]
async fn an_experiment_counts_who_was_exposed() {
    let folder = Folder::example();
    let server = folder.serve();
    let arms = [("u1", "reminder"), ("u2", "control"), ("u3", "reminder")];
    let batch: Vec<_> = arms.iter().map(|(unit, arm)| exposure(unit, unit, arm)).collect();
    let response = server.post("/v1/events", BATCH, json!(batch).to_string()).await;
    assert_eq!(response.status(), 200);
    let status = server.status_of("Experiment", "cart-hero").await;
    let exposed: Vec<_> = status["arms"]
        .as_array()
        .expect("arms")
        .iter()
        .map(|arm| (arm["name"].clone(), arm["exposed"].clone()))
        .collect();
    assert_eq!(
        exposed,
        [(json!("control"), json!(1)), (json!("reminder"), json!(2))]
    );
}

#[tokio::test]
async fn a_stop_event_stops_at_once() {
    let folder = Folder::example();
    let server = folder.serve();
    assert_eq!(server.decide(gold("u1")).await["variant"], "hero/loyal");
    server
        .post("/v1/events", EVENT, purchase("1", "u1").to_string())
        .await;
    let stopped = server.decide(gold("u1")).await;
    assert_eq!(
        (&stopped["metadata"]["attune.reason"], &stopped["variant"]),
        (&json!("STOPPED"), &json!("hero/everyone"))
    );
    assert_eq!(
        server.decide(gold("u3")).await["variant"],
        "hero/loyal",
        "the others go on"
    );
}

#[tokio::test]
async fn decisions_that_count_as_exposures_are_stored() {
    let folder = Folder::example();
    folder.edit(&[(
        "exposure: OnRender                    #",
        "exposure: OnDecision #",
    )]);
    let server = folder.serve();
    let cart = json!({"targetingKey": "u1", "session": {"cartValue": 80, "itemCount": 1}, "consent": ["personalization"]});
    assert_eq!(server.decide(cart).await["metadata"]["attune.arm"], "reminder");
    server.interrupt();
    let again = folder.serve();
    assert_eq!(
        again.status().await["events"]["stored"],
        1,
        "written before the end"
    );
    assert_eq!(
        again.status_of("Experiment", "cart-hero").await["arms"][1]["exposed"],
        1
    );
}
