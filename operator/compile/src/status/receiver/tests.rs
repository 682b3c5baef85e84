use attune_testkit::stands;
use serde_json::json;

use super::*;
use crate::status::{Deciders, Fallback, Outside, render, says_the_same, turns};
use crate::verdict::{Programmed, Verdict};
use attune_api::Kind;
use jiff::Timestamp;

fn push() -> Delivery {
    serde_json::from_value(json!({"push": {"url": "https://hooks.example.com/rules"}})).unwrap()
}

fn delivered(reason: Reason, message: &str, revision: Option<&str>) -> Receiver {
    Receiver::Known(Box::new(Delivered {
        reason,
        message: message.to_owned(),
        figures: SyncFigures {
            revision: revision.map(str::to_owned),
            ..SyncFigures::default()
        },
    }))
}

fn status(receiver: &Receiver, old: &Value) -> Value {
    let delivery = push();
    let outside = Outside {
        batch: None,
        delivery: &delivery,
        deciders: &Deciders::Heard(crate::status::Heard::default()),
        receiver,
        fallback: Fallback::Stands,
    };
    let verdict = Verdict {
        generation: Some(1),
        conditions: vec![
            Judged::new(ConditionType::Accepted, true, Reason::Accepted, ""),
            Judged::new(ConditionType::ResolvedRefs, true, Reason::ResolvedRefs, ""),
        ],
        programmed: Some(Programmed::Live {
            channel: "web".to_owned(),
            revision: "r2".to_owned(),
            note: None,
        }),
        figures: json!({"revision": "r2"}).as_object().unwrap().clone(),
    };
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    render(Kind::Channel, &verdict, Some(outside), old, now)
}

#[test]
fn is_programmed_when_the_receiver_acknowledged_what_is_published() {
    for (receiver, synced, programmed) in [
        (
            delivered(Reason::Synced, "", Some("r2")),
            "True/Synced",
            "True/Acknowledged",
        ),
        (
            delivered(Reason::SyncPending, "", Some("r1")),
            "False/SyncPending",
            "False/Published",
        ),
        (
            delivered(Reason::Refused, "the receiver answers 403", None),
            "False/Refused",
            "False/Refused",
        ),
        (
            delivered(Reason::Drifted, "something else", None),
            "False/Drifted",
            "False/Published",
        ),
        // It has it, and does not say so just now.
        (
            delivered(Reason::ReceiverUnreachable, "no answer", Some("r2")),
            "False/ReceiverUnreachable",
            "True/Acknowledged",
        ),
    ] {
        let status = status(&receiver, &Value::Null);
        assert_eq!(stands(&status, "Synced"), synced);
        assert_eq!(stands(&status, "Programmed"), programmed);
    }
}

#[test]
fn keeps_what_stands_until_the_receiver_is_known() {
    let before = status(&delivered(Reason::Synced, "", Some("r2")), &Value::Null);
    let after = status(&Receiver::Unknown, &before);
    assert!(says_the_same(Kind::Channel, &before, &after), "{before}\n{after}");
    assert_eq!(after["sync"]["revision"], "r2");
    // What was acknowledged was another revision.
    let mut other = before;
    other["revision"] = json!("r1");
    let after = status(&Receiver::Unknown, &other);
    assert_eq!(stands(&after, "Programmed"), "False/Published");
}

#[test]
fn tells_drift_and_repair_and_no_retry() {
    let synced = status(&delivered(Reason::Synced, "", Some("r2")), &Value::Null);
    let drifted = status(&delivered(Reason::Drifted, "something else", None), &synced);
    let reasons = |old: &Value, new: &Value| -> Vec<(ConditionType, Reason)> {
        turns(old, new)
            .into_iter()
            .map(|turned| (turned.type_, turned.reason))
            .collect()
    };
    assert!(reasons(&synced, &drifted).contains(&(ConditionType::Synced, Reason::Drifted)));
    assert!(reasons(&drifted, &synced).contains(&(ConditionType::Synced, Reason::Synced)));
    let pending = status(&delivered(Reason::SyncPending, "", None), &synced);
    assert!(
        !reasons(&synced, &pending)
            .iter()
            .any(|(type_, _)| *type_ == ConditionType::Synced)
    );
    let down = status(&delivered(Reason::ReceiverUnreachable, "503", None), &pending);
    assert!(reasons(&pending, &down).contains(&(ConditionType::Synced, Reason::ReceiverUnreachable)));
    let again = status(&delivered(Reason::ReceiverUnreachable, "504", None), &down);
    assert_eq!(reasons(&down, &again), []);
}
