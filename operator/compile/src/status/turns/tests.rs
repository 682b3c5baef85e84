use serde_json::json;

use super::*;

/// A status with the conditions `type/status/reason`.
fn status(conditions: &[&str]) -> Value {
    let condition = |text: &&str| {
        let parts: Vec<_> = text.split('/').collect();
        json!({"type": parts[0], "status": parts[1], "reason": parts[2], "message": "m"})
    };
    json!({"conditions": conditions.iter().map(condition).collect::<Vec<_>>()})
}

fn told(old: &[&str], new: &[&str]) -> Vec<String> {
    let turned = turns(&status(old), &status(new));
    let told = turned
        .iter()
        .map(|judged| format!("{}/{}/{}", judged.type_, judged.truth.as_str(), judged.reason));
    told.collect()
}

#[test]
fn tells_a_fall_and_the_way_back() {
    let (up, down) = (["Ready/True/Ready"], ["Ready/False/RefNotFound"]);
    assert_eq!(told(&up, &down), down);
    assert_eq!(told(&down, &up), up);
    assert_eq!(told(&up, &up), [""; 0]);
    assert_eq!(told(&down, &down), [""; 0]);
}

#[test]
fn is_silent_about_what_has_not_settled_yet() {
    assert_eq!(told(&[], &["Ready/True/Ready"]), [""; 0]);
    assert_eq!(
        told(&[], &["Ready/False/RefNotFound", "Stalled/False/Settled"]),
        [""; 0]
    );
    assert_eq!(
        told(&["Programmed/Unknown/Pending"], &["Programmed/False/Published"]),
        [""; 0]
    );
    assert_eq!(told(&[], &["Converged/False/Converging"]), [""; 0]);
}

#[test]
fn tells_at_once_what_waits_for_a_person() {
    let stalled = ["Ready/False/InvalidExpression", "Stalled/True/InvalidExpression"];
    assert_eq!(told(&[], &stalled), [stalled[0]]);
    assert_eq!(told(&stalled, &stalled), [""; 0]);
    let missing = ["Converged/False/DecidersMissing"];
    assert_eq!(told(&[], &missing), missing);
    assert_eq!(told(&["Converged/False/Converging"], &missing), missing);
    assert_eq!(told(&missing, &missing), [""; 0]);
    let refused = ["Programmed/False/Refused"];
    assert_eq!(told(&["Programmed/False/Published"], &refused), refused);
    let large = ["Programmed/True/FallbackTooLarge"];
    assert_eq!(told(&["Programmed/True/Acknowledged"], &large), large);
}

#[test]
fn tells_readiness_once() {
    let up = ["Programmed/True/Acknowledged", "Ready/True/Ready"];
    let published = ["Programmed/False/Published", "Ready/False/Published"];
    assert_eq!(told(&up, &published), [published[0]]);
    assert_eq!(told(&published, &up), [up[0]]);
    let carried = ["Programmed/False/ServingPrevious", "Ready/False/RefNotFound"];
    assert_eq!(told(&up, &carried), carried);
}

#[test]
fn tells_a_strategy_that_breaks_and_one_that_is_mended() {
    let (fresh, overdue) = (["Fresh/True/Fresh"], ["Fresh/False/ReviewOverdue"]);
    assert_eq!(told(&fresh, &overdue), overdue);
    assert_eq!(told(&overdue, &fresh), fresh);
    assert_eq!(told(&overdue, &["Fresh/False/Expired"]), [""; 0], "once");
    assert_eq!(told(&[], &overdue), [""; 0], "it was not seen to break");
}

#[test]
fn tells_a_share_that_is_capped_and_one_that_is_not_any_more() {
    let whole = ["Programmed/True/Acknowledged"];
    let capped = ["Programmed/True/EvidenceMissing"];
    assert_eq!(told(&whole, &capped), capped);
    assert_eq!(told(&capped, &whole), whole);
    assert_eq!(told(&capped, &["Programmed/True/EvidenceAged"]), [""; 0], "once");
    assert_eq!(told(&capped, &capped), [""; 0]);
}

#[test]
fn lets_wait_what_only_counts() {
    let channel = |current: i32, converged: &str, message: &str| {
        let mut status = status(&["Programmed/True/Acknowledged", converged]);
        status["deciders"] = json!({"desired": 4, "current": current});
        status["conditions"][1]["message"] = message.into();
        status
    };
    let one = channel(1, "Converged/False/DecidersMissing", "`a` has none");
    let may_wait = |other: &Value| differ_in_counts_only(Kind::Channel, &one, other);
    assert!(may_wait(&channel(
        2,
        "Converged/False/DecidersMissing",
        "`b` has none"
    )));
    assert!(!may_wait(&channel(2, "Converged/False/Converging", "")));
    let mut uncounted = one.clone();
    uncounted.as_object_mut().unwrap().remove("deciders");
    assert!(!differ_in_counts_only(Kind::Channel, &uncounted, &one));
}
