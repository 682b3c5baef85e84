//! Why, and where a unit stands.

use axum::http::StatusCode;
use serde_json::json;

use crate::decider::Introspection;
use crate::fixture::{Place, builder, bundle_with, decider, erase, evaluate, get, post, unit_in};

#[tokio::test]
async fn explains_a_decision_step_by_step() {
    let decider = decider();
    let unit = unit_in(Place::Treatment, 0);
    let body = json!({"touchpoint": "hero", "context": {"targetingKey": unit}}).to_string();
    let answer = post(&decider, "/v1/explain", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    assert_eq!(answer["decision"]["variant"], "hero/everyone");
    assert!(answer["decision"]["metadata"].get("attune.decision").is_none());
    let steps = answer["trace"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected = [
        "touchpoint",
        "consent",
        "unit",
        "audiences",
        "candidates",
        "suppression",
        "holdout",
        "audience",
        "experiment",
        "content",
    ];
    assert_eq!(names, expected);
    assert_eq!(steps[8]["experiments"][0]["arm"], "treatment");
}

#[tokio::test]
async fn refuses_to_explain_what_was_not_asked_properly() {
    for (body, status) in [
        ("{", 400),
        (r#"{"touchpoint": "hero"}"#, 400),
        (r#"{"context": {}}"#, 400),
        (r#"{"touchpoint": 7, "context": {}}"#, 400),
        (r#"{"touchpoint": "nope", "context": {}}"#, 404),
    ] {
        let answer = post(&decider(), "/v1/explain", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], status);
    }
}

#[tokio::test]
async fn tells_where_a_unit_stands_as_the_formulas_say() {
    let decider = decider();
    for (place, held, placement, arm) in [
        (Place::Treatment, false, "arm", json!("treatment")),
        (Place::Control, false, "arm", json!("control")),
        (Place::OutsideTraffic, false, "outsideTraffic", json!(null)),
    ] {
        let unit = unit_in(place, 0);
        let answer = get(&decider, &format!("/v1/membership?unit={unit}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        let answer = answer.json();
        assert_eq!(answer["unit"], unit);
        assert_eq!(answer["revision"], decider.revision().unwrap());
        assert_eq!(answer["holdouts"][0]["holdout"], "always");
        assert_eq!(answer["holdouts"][0]["held"], held);
        assert_eq!(answer["experiments"][0]["experiment"], "hero-test");
        assert_eq!(answer["experiments"][0]["placement"], placement);
        assert_eq!(answer["experiments"][0]["arm"], arm);
    }
    let held = get(
        &decider,
        &format!("/v1/membership?unit={}", unit_in(Place::HeldOut, 0)),
    )
    .await;
    assert_eq!(held.json()["holdouts"][0]["held"], true);
    for query in ["", "?unit=", "?user=u1"] {
        let answer = get(&decider, &format!("/v1/membership{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn explains_nothing_to_clients_that_are_told_the_reason_only() {
    let quiet = bundle_with(|bundle| bundle["settings"]["metadata"] = json!("Reason"));
    let body = r#"{"touchpoint": "hero", "context": {"targetingKey": "u1"}}"#;
    for (introspection, status) in [(Introspection::FullMetadataOnly, 403), (Introspection::Open, 200)] {
        let decider = builder().introspection(introspection).build();
        decider.adopt_bundle(quiet.clone()).unwrap();
        assert_eq!(post(&decider, "/v1/explain", body).await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn forgets_a_unit_and_what_was_reported_of_it() {
    let (exposures, mut queue) = crate::exposure::Exposures::channel(8);
    let decider = builder().exposures(exposures).build();
    let capped = bundle_with(|bundle| {
        bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 1, "windowSeconds": 3600}]);
    });
    decider.adopt_bundle(capped).unwrap();
    let unit = unit_in(Place::Treatment, 0);
    let reason = async || {
        let answer = evaluate(&decider, "hero", &unit).await;
        answer["metadata"]["attune.reason"].clone()
    };
    assert_eq!(
        (reason().await, reason().await),
        (json!("EXPERIMENT"), json!("CAPPED"))
    );
    assert!(queue.try_recv().is_ok() && queue.try_recv().is_err());
    let path = format!("/v1/units/{unit}");
    let answer = erase(&decider, &path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"remembered": true, "exposures": 0}));
    assert_eq!(erase(&decider, &path).await.json()["remembered"], false);
    // What comes later is a new unit's: it is shown, and reported, as if for the first time.
    assert_eq!(reason().await, json!("EXPERIMENT"));
    assert!(queue.try_recv().is_ok());
    for path in ["/v1/units/a%0Ab", "/v1/units/%FF"] {
        assert_eq!(
            erase(&decider, path).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}

#[tokio::test]
async fn erases_nothing_for_clients_that_are_told_the_reason_only() {
    let quiet = bundle_with(|bundle| bundle["settings"]["metadata"] = json!("Reason"));
    let decider = builder().build();
    decider.adopt_bundle(quiet).unwrap();
    assert_eq!(
        erase(&decider, "/v1/units/u1").await.status,
        StatusCode::FORBIDDEN
    );
}
