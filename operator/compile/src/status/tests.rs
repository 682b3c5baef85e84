use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::Delivery;
use attune_testkit::{AT, Strategy, condition, instant, stands};
use serde_json::{Map, Value, json};

use super::{Deciders, Fallback, Heard, Outside, render, says_the_same, undecodable};
use crate::verdict::{Judged, Programmed, Truth, Verdict};

fn heard(current: i32, stale: i32) -> Deciders {
    Deciders::Heard(Heard::callers(current, stale))
}

fn outside<'o>(delivery: &'o Delivery, deciders: &'o Deciders) -> Outside<'o> {
    Outside {
        delivery,
        deciders,
        receiver: &super::Receiver::Unknown,
        fallback: Fallback::Unknown,
        batch: None,
    }
}

fn sidecar() -> Delivery {
    serde_json::from_value(json!({"sidecar": {}})).unwrap()
}

fn accepted(truth: Truth, reason: Reason) -> Judged {
    Judged::new(ConditionType::Accepted, truth, reason, "spec.x: what is wrong")
}

/// The verdict on a Channel that is live in revision `r1`.
fn live() -> Verdict {
    Verdict {
        generation: Some(3),
        conditions: vec![
            Judged::new(ConditionType::Accepted, true, Reason::Accepted, ""),
            Judged::new(ConditionType::ResolvedRefs, true, Reason::ResolvedRefs, ""),
        ],
        programmed: Some(Programmed::Live {
            channel: "web".to_owned(),
            revision: "r1".to_owned(),
            note: None,
        }),
        figures: Map::from_iter([("revision".to_owned(), json!("r1"))]),
    }
}

fn channel(verdict: &Verdict, deciders: &Deciders, old: &Value) -> Value {
    render(
        Kind::Channel,
        verdict,
        Some(outside(&sidecar(), deciders)),
        old,
        AT,
    )
}

#[test]
fn is_ready_once_published_and_acknowledged_by_one_or_nobody() {
    for (deciders, programmed, ready) in [
        (heard(0, 0), "True/NoDeciders", "True/Ready"),
        (heard(1, 0), "True/Acknowledged", "True/Ready"),
        (heard(1, 4), "True/Acknowledged", "True/Ready"),
        (heard(0, 4), "False/Published", "False/Published"),
        (Deciders::Unheard, "False/Published", "False/Published"),
    ] {
        let status = channel(&live(), &deciders, &Value::Null);
        assert_eq!(stands(&status, "Programmed"), programmed, "{deciders:?}");
        assert_eq!(stands(&status, "Ready"), ready, "{deciders:?}");
        assert_eq!(status["observedGeneration"], 3);
        assert_eq!(condition(&status, "Ready")["observedGeneration"], 3);
    }
}

#[test]
fn says_how_far_deciders_have_converged_and_never_fails_readiness_for_it() {
    let status = channel(&live(), &heard(2, 1), &Value::Null);
    assert_eq!(stands(&status, "Converged"), "False/Converging");
    assert_eq!(stands(&status, "Ready"), "True/Ready");
    assert_eq!(status["deciders"]["desired"], 3);
    assert_eq!(status["deciders"]["current"], 2);
    assert_eq!(status["deciders"]["stale"], 1);
    let status = channel(&live(), &heard(3, 0), &status);
    assert_eq!(stands(&status, "Converged"), "True/Converged");
}

#[test]
fn tells_why_a_decider_refused() {
    let deciders = Deciders::Heard(Heard {
        refused: Some("newer format".to_owned()),
        ..Heard::callers(0, 1)
    });
    let status = channel(&live(), &deciders, &Value::Null);
    assert_eq!(stands(&status, "Programmed"), "False/Refused");
    let message = condition(&status, "Programmed")["message"].as_str().unwrap();
    assert!(message.contains("newer format"), "{message}");
}

#[test]
fn keeps_what_was_acknowledged_while_deciders_have_not_called_again() {
    let before = channel(&live(), &heard(2, 0), &Value::Null);
    let after = channel(&live(), &Deciders::Unheard, &before);
    assert!(says_the_same(Kind::Channel, &before, &after), "{before} {after}");
    let mut next = live();
    next.programmed = Some(Programmed::Live {
        channel: "web".to_owned(),
        revision: "r2".to_owned(),
        note: None,
    });
    next.figures.insert("revision".to_owned(), json!("r2"));
    let after = channel(&next, &Deciders::Unheard, &before);
    assert_eq!(
        stands(&after, "Programmed"),
        "False/Published",
        "nobody acknowledged the new one"
    );
}

#[test]
fn waits_for_what_is_missing_and_stalls_on_what_is_wrong() {
    let mut verdict = live();
    verdict.conditions[1] = Judged::new(
        ConditionType::ResolvedRefs,
        false,
        Reason::RefNotFound,
        "spec.x: gone",
    );
    verdict.programmed = Some(Programmed::Previous {
        message: "spec.x: gone".to_owned(),
    });
    let status = channel(&verdict, &heard(1, 0), &Value::Null);
    assert_eq!(stands(&status, "Ready"), "False/RefNotFound");
    assert_eq!(condition(&status, "Ready")["message"], "spec.x: gone");
    assert_eq!(stands(&status, "Reconciling"), "True/RefNotFound");
    assert_eq!(stands(&status, "Stalled"), "False/Settled");
    assert_eq!(stands(&status, "Programmed"), "False/ServingPrevious");

    verdict.conditions[0] = accepted(Truth::False, Reason::InvalidExpression);
    let status = channel(&verdict, &heard(1, 0), &Value::Null);
    assert_eq!(stands(&status, "Ready"), "False/InvalidExpression");
    assert_eq!(stands(&status, "Reconciling"), "False/Settled");
    assert_eq!(stands(&status, "Stalled"), "True/InvalidExpression");
}

#[test]
fn leaves_readiness_to_the_three_legs() {
    let mut verdict = live();
    verdict.programmed = None;
    verdict.conditions.push(Judged::new(
        ConditionType::Covered,
        false,
        Reason::Incomplete,
        "a cell is empty",
    ));
    let status = render(Kind::Program, &verdict, None, &Value::Null, AT);
    assert_eq!(stands(&status, "Covered"), "False/Incomplete");
    assert_eq!(stands(&status, "Ready"), "True/Ready");
}

#[test]
fn keeps_the_time_of_a_condition_until_its_status_changes() {
    let before = channel(&live(), &heard(1, 0), &Value::Null);
    let later = instant("2026-12-02T00:00:00Z");
    let delivery = sidecar();
    let same = render(
        Kind::Channel,
        &live(),
        Some(outside(&delivery, &heard(0, 0))),
        &before,
        later,
    );
    assert_eq!(condition(&same, "Programmed")["reason"], "NoDeciders");
    assert_eq!(
        condition(&same, "Programmed")["lastTransitionTime"],
        "2026-12-01T00:00:00Z"
    );
    let other = render(
        Kind::Channel,
        &live(),
        Some(outside(&delivery, &heard(0, 1))),
        &before,
        later,
    );
    assert_eq!(
        condition(&other, "Programmed")["lastTransitionTime"],
        "2026-12-02T00:00:00Z"
    );
    assert_eq!(
        condition(&other, "Accepted")["lastTransitionTime"],
        "2026-12-01T00:00:00Z"
    );
}

#[test]
fn says_the_same_whatever_the_time_and_whatever_others_wrote() {
    let before = channel(&live(), &heard(1, 0), &Value::Null);
    let mut later = before.clone();
    for condition in later["conditions"].as_array_mut().unwrap() {
        condition["lastTransitionTime"] = "2027-01-01T00:00:00Z".into();
    }
    later["conditions"].as_array_mut().unwrap().reverse();
    assert!(says_the_same(Kind::Channel, &later, &before));
    later["deciders"]["current"] = 2.into();
    assert!(!says_the_same(Kind::Channel, &later, &before));

    let mut verdict = live();
    verdict.programmed = None;
    verdict.figures = Map::from_iter([(
        "arms".to_owned(),
        json!([{"name": "a", "weight": 1, "effectiveTrafficBp": 5}]),
    )]);
    let experiment = render(Kind::Experiment, &verdict, None, &Value::Null, AT);
    let mut measured = experiment.clone();
    measured["arms"][0]["exposed"] = 9.into();
    measured["headline"] = json!({});
    let conclusive = json!({"type": "Conclusive", "status": "True", "reason": "Lift", "message": ""});
    measured["conditions"].as_array_mut().unwrap().push(conclusive);
    assert!(says_the_same(Kind::Experiment, &measured, &experiment));
    measured["arms"][0]["weight"] = 2.into();
    assert!(!says_the_same(Kind::Experiment, &measured, &experiment));
}

#[test]
fn does_not_take_an_empty_status_for_a_written_one() {
    let rendered = channel(&live(), &heard(0, 0), &Value::Null);
    for empty in [Value::Null, json!({}), json!({"conditions": []})] {
        assert!(!says_the_same(Kind::Channel, &empty, &rendered));
    }
}

#[test]
fn says_of_what_cannot_be_read_that_it_cannot() {
    for kind in Kind::ALL {
        let status = undecodable(
            kind,
            "`spec.priority`: expected a number",
            Some(4),
            &Value::Null,
            AT,
        );
        assert_eq!(stands(&status, "Accepted"), "False/Undecodable");
        assert_eq!(stands(&status, "Ready"), "False/Undecodable");
        assert_eq!(stands(&status, "Stalled"), "True/Undecodable");
        assert_eq!(
            condition(&status, "Accepted")["message"],
            "`spec.priority`: expected a number"
        );
        assert_eq!(status["observedGeneration"], 4);
        let conditions = status["conditions"].as_array().unwrap().len();
        assert_eq!(conditions, kind.conditions().len() + 3, "{kind}");
    }
}

#[test]
fn renders_a_status_that_its_kind_decodes() {
    let compiled = crate::tests::compile(&Strategy::example());
    for (id, verdict) in &compiled.verdicts {
        let delivery = sidecar();
        let delivery = (id.kind == Kind::Channel).then_some(outside(&delivery, &Deciders::Unheard));
        let status = render(id.kind, verdict, delivery, &Value::Null, AT);
        let mut document = Strategy::example().document(id.kind, &id.name).clone();
        document["status"] = status.clone();
        let resource = attune_api::Resource::decode(document).unwrap();
        let read = resource.status().unwrap();
        assert!(says_the_same(id.kind, &read, &status), "{id}: {read} {status}");
    }
}

#[test]
fn keeps_of_an_object_that_cannot_be_read_what_cannot_be_derived_again() {
    let registered = json!({"registration": {"hash": "0123"}, "decision": {"outcome": "Retired"}});
    let experiment = undecodable(Kind::Experiment, "what is this?", Some(2), &registered, AT);
    assert_eq!(experiment["registration"], registered["registration"]);
    assert_eq!(experiment.get("decision"), None, "results have it");
    let cited = json!({"evidence": {"experiment": "cart-hero"}, "liveRules": 3});
    let binding = undecodable(Kind::ChannelBinding, "what is this?", Some(2), &cited, AT);
    assert_eq!(binding["evidence"], cited["evidence"]);
    assert_eq!(binding.get("liveRules"), None);
}
