//! Decisions that are kept, so that they can be explained later.

use attune_core::event::{Decided, Event, EventData};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;

use super::*;
use crate::decider::Decider;
use crate::exposure::Exposures;
use crate::fixture::now;

/// A decider whose Channel keeps the decisions about a share of the units, and what it reports.
fn keeping(sample_bp: u32, queue: usize) -> (Decider, Receiver<Event>) {
    let (exposures, reported) = Exposures::channel(queue);
    let decider = builder().exposures(exposures).build();
    let bundle = bundle_with(|bundle| {
        bundle["settings"]["replay"] = json!({"retentionSeconds": 3600, "sampleBp": sample_bp});
    });
    decider.adopt_bundle(bundle).unwrap();
    (decider, reported)
}

/// Ids and contents of the decisions among what was reported.
fn kept(reported: &mut Receiver<Event>) -> Vec<(String, Decided)> {
    let events = std::iter::from_fn(|| reported.try_recv().ok());
    let decided = events.filter_map(|event| match event.data {
        EventData::Decision(decided) => Some((event.id, *decided)),
        _ => None,
    });
    decided.collect()
}

fn body(unit: &str) -> String {
    json!({"context": {"targetingKey": unit, "locale": "de", "secret": "nobody's business"}}).to_string()
}

#[tokio::test]
async fn keeps_what_a_single_decision_depended_on_under_the_id_of_its_answer() {
    let (decider, mut reported) = keeping(10_000, 64);
    let unit = unit_in(Place::Treatment, 0);
    let answer: Value = post(&decider, HERO, body(&unit)).await.json();
    let [(id, one)] = kept(&mut reported).try_into().unwrap();
    assert_eq!(answer["metadata"]["attune.decision"], id);
    assert_eq!(answer["variant"], one.variant.clone().unwrap());
    assert_eq!(
        (one.unit.as_str(), one.retention_seconds, one.reason.as_str()),
        (unit.as_str(), 3600, "EXPERIMENT")
    );
    assert_eq!(one.inputs.now, now());
    let inputs = serde_json::to_string(&one.inputs).unwrap();
    assert!(!inputs.contains("secret") && !inputs.contains(&unit), "{inputs}");
}

#[tokio::test]
async fn keeps_each_decision_of_a_page_and_of_a_bulk_answer_but_none_of_one_that_is_not_sent() {
    let (decider, mut reported) = keeping(10_000, 64);
    let page = json!({"touchpoints": ["hero", "letter"], "context": {"targetingKey": "u1"}});
    post(&decider, "/v1/decide", page.to_string()).await;
    assert_eq!(kept(&mut reported).len(), 2);
    let answer = post(&decider, BULK, body("u1")).await;
    let flags = answer.json();
    let ids: Vec<_> = kept(&mut reported).into_iter().map(|(id, _)| id).collect();
    let answered: Vec<_> = flags["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["metadata"]["attune.decision"].as_str().unwrap())
        .collect();
    assert_eq!(ids, answered);
    let again = Request::post(BULK)
        .header("content-type", "application/json")
        .header("if-none-match", answer.header("etag"))
        .body(Body::from(body("u1")))
        .unwrap();
    assert_eq!(send(&decider, again).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(kept(&mut reported), []);
}

#[tokio::test]
async fn keeps_all_or_none_of_a_unit_and_nothing_about_nobody() {
    let (decider, mut reported) = keeping(2_500, 4096);
    for number in 0..400 {
        for path in [HERO, "/ofrep/v1/evaluate/flags/letter"] {
            post(&decider, path, body(&format!("u{number}"))).await;
        }
    }
    let mut units: Vec<_> = kept(&mut reported)
        .into_iter()
        .map(|(_, decided)| decided.unit)
        .collect();
    let decisions = units.len();
    units.dedup();
    assert_eq!(decisions, 2 * units.len());
    assert!(
        (60..140).contains(&units.len()),
        "a quarter of 400, give or take: {}",
        units.len()
    );
    let (decider, mut reported) = keeping(10_000, 64);
    post(&decider, HERO, r#"{"context": {}}"#).await;
    assert_eq!(kept(&mut reported), []);
}

#[tokio::test]
async fn gives_way_to_exposures_where_room_runs_short() {
    let (decider, mut reported) = keeping(10_000, 16);
    for number in 0..16 {
        post(&decider, HERO, body(&format!("u{number}"))).await;
    }
    let events: Vec<_> = std::iter::from_fn(|| reported.try_recv().ok()).collect();
    let decisions = events
        .iter()
        .filter(|event| matches!(event.data, EventData::Decision(_)))
        .count();
    assert!(decisions <= 8, "{decisions} of {}", events.len());
    assert!(events.len() > decisions, "exposures are there");
    let metrics = get(&decider, "/metrics").await.text();
    let dropped = |of: &str| -> u64 {
        let fates = ["shed", "overflowed"].map(|fate| format!("{of}_total{{fate=\"{fate}\"}} "));
        let lines = metrics.lines();
        let counts = lines.filter_map(|line| fates.iter().find_map(|fate| line.strip_prefix(fate)));
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    };
    let gave_way = dropped("attune_decider_kept_decisions");
    assert!(gave_way >= 8, "{metrics}");
    assert_eq!(
        decider.status().exposures.dropped,
        gave_way + dropped("attune_decider_exposures")
    );
}

#[tokio::test]
async fn does_not_take_decisions_from_clients() {
    let (decider, _reported) = keeping(10_000, 64);
    let forged = json!({
        "specversion": "1.0", "type": "dev.attune.decision.v1", "id": "d1", "source": "/web",
        "time": "2026-11-30T23:00:00Z", "data": {
            "unit": "u1", "channel": "web", "touchpoint": "hero", "revision": "abc", "reason": "TARGETED",
            "retentionSeconds": 60, "inputs": {"now": "2026-11-30T23:00:00Z", "unitFrom": "unit", "context": {}},
        },
    });
    let answer = post(&decider, "/v1/events", forged.to_string()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("deciders alone"), "{}", answer.text());
}
