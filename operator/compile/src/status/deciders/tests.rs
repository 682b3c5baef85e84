use serde_json::json;

use super::*;

fn sidecar() -> Delivery {
    serde_json::from_value(json!({"sidecar": {}})).unwrap()
}

fn live() -> Programmed {
    Programmed::Live {
        channel: "web".to_owned(),
        revision: "r1".to_owned(),
        note: None,
    }
}

/// `[desired, injected, current, stale]`.
fn heard(counts: [i32; 4], bare: &[&str]) -> Deciders {
    let [desired, injected, current, stale] = counts;
    Deciders::Heard(Heard {
        desired,
        injected,
        current,
        stale,
        bare: Bare::of(bare.iter().copied()),
        refused: None,
    })
}

fn said(judged: &Judged) -> String {
    format!("{}/{}", judged.truth.as_str(), judged.reason)
}

fn programmed(deciders: &Deciders) -> Judged {
    let delivery = sidecar();
    let outside = Outside {
        batch: None,
        delivery: &delivery,
        deciders,
        receiver: &Receiver::Unknown,
        fallback: Fallback::Stands,
    };
    judge_programmed(&live(), Some(outside), &Value::Null)
}

fn converged(deciders: &Deciders) -> Judged {
    let delivery = sidecar();
    let outside = Outside {
        batch: None,
        delivery: &delivery,
        deciders,
        receiver: &Receiver::Unknown,
        fallback: Fallback::Stands,
    };
    judge_delivery(outside, &Value::Null)
}

#[test]
fn is_programmed_only_when_one_acknowledged_or_none_is_desired() {
    for (deciders, expected) in [
        (heard([0, 0, 0, 0], &[]), "True/NoDeciders"),
        (heard([1, 0, 0, 0], &["a"]), "False/Published"),
        (heard([1, 1, 0, 0], &[]), "False/Published"),
        (heard([2, 2, 0, 1], &[]), "False/Published"),
        (heard([2, 1, 1, 0], &["b"]), "True/Acknowledged"),
    ] {
        assert_eq!(said(&programmed(&deciders)), expected, "{deciders:?}");
    }
}

#[test]
fn says_of_what_is_live_why_it_is_not_as_written() {
    let capped = Programmed::Live {
        channel: "web".to_owned(),
        revision: "r1".to_owned(),
        note: Some((Reason::EvidenceMissing, "10 % at most".to_owned())),
    };
    let delivery = sidecar();
    let judge = |deciders: &Deciders| {
        let outside = Outside {
            batch: None,
            delivery: &delivery,
            deciders,
            receiver: &Receiver::Unknown,
            fallback: Fallback::Stands,
        };
        judge_programmed(&capped, Some(outside), &Value::Null)
    };
    let judged = judge(&heard([1, 1, 1, 0], &[]));
    assert_eq!(said(&judged), "True/EvidenceMissing");
    assert_eq!(judged.message, "10 % at most");
    let judged = judge(&heard([1, 1, 0, 0], &[]));
    assert_eq!(said(&judged), "False/Published", "nothing is live yet");
    assert!(judged.message.ends_with("10 % at most"), "{}", judged.message);
}

#[test]
fn tells_that_what_a_format_cannot_carry_is_not_live() {
    let partly = Programmed::Live {
        channel: "web".to_owned(),
        revision: "r1".to_owned(),
        note: Some((Reason::FormatUnsupported, "remove `caps`".to_owned())),
    };
    let delivery = sidecar();
    let deciders = heard([0, 0, 0, 0], &[]);
    let outside = Outside {
        batch: None,
        receiver: &Receiver::Unknown,
        delivery: &delivery,
        deciders: &deciders,
        fallback: Fallback::Stands,
    };
    let judged = judge_programmed(&partly, Some(outside), &Value::Null);
    assert_eq!(said(&judged), "False/FormatUnsupported");
    assert_eq!(judged.message, "remove `caps`");
}

#[test]
fn tells_pods_without_a_decider_from_deciders_that_lag_behind() {
    for (deciders, expected) in [
        (heard([0, 0, 0, 0], &[]), "True/NoDeciders"),
        (heard([3, 3, 3, 0], &[]), "True/Converged"),
        (heard([3, 3, 2, 1], &[]), "False/Converging"),
        (heard([3, 3, 2, 0], &[]), "False/Converging"),
        (heard([3, 2, 2, 0], &["a"]), "False/DecidersMissing"),
        (Deciders::Unheard, "Unknown/Pending"),
    ] {
        let judged = converged(&deciders);
        assert_eq!(said(&judged), expected, "{deciders:?}");
    }
}

#[test]
fn counts_as_missing_what_should_run_a_bundle_and_does_not() {
    let Deciders::Heard(heard) = heard([5, 4, 2, 1], &["a"]) else {
        panic!()
    };
    let figures = serde_json::to_value(heard.figures()).unwrap();
    let expected = json!({"desired": 5, "injected": 4, "current": 2, "stale": 1, "missing": 2});
    assert_eq!(figures, expected);
    // More than there should be, in the middle of a rollout.
    assert_eq!(
        Heard {
            desired: 2,
            current: 3,
            ..Heard::default()
        }
        .missing(),
        0
    );
}

#[test]
fn names_three_pods_and_counts_the_rest() {
    let message = |names: &[&str]| Bare::of(names.iter().copied()).message();
    assert_eq!(
        message(&["a"]),
        "`a` has no decider: delete it, and what takes the place gets one"
    );
    assert_eq!(
        message(&["a", "b", "c", "d", "e"]),
        "`a`, `b`, `c` and 2 more have no decider: delete them, and what takes the place gets one"
    );
}

#[test]
fn says_that_the_fallback_is_too_large_while_the_rules_are_live() {
    let large = |judged: Judged, old: &Value| with_fallback(judged, Fallback::TooLarge, old);
    let acknowledged = programmed(&heard([1, 1, 1, 0], &[]));
    let judged = large(acknowledged.clone(), &Value::Null);
    assert_eq!(said(&judged), "True/FallbackTooLarge");
    let waiting = programmed(&heard([1, 1, 0, 0], &[]));
    assert_eq!(said(&large(waiting, &Value::Null)), "False/Published");

    // After a restart it is not known again at once, and nothing is written for that.
    let old = json!({"conditions": [{
        "type": "Programmed", "status": "True", "reason": "FallbackTooLarge", "message": judged.message,
    }]});
    let kept = with_fallback(acknowledged.clone(), Fallback::Unknown, &old);
    assert_eq!(kept, judged);
    let stands = with_fallback(acknowledged, Fallback::Stands, &old);
    assert_eq!(said(&stands), "True/Acknowledged");
}

#[test]
fn waits_for_a_previous_bundle_that_cannot_be_read() {
    let held = Programmed::Held {
        message: "delete it".to_owned(),
    };
    let judged = judge_programmed(&held, None, &Value::Null);
    assert_eq!(said(&judged), "False/PreviousUnreadable");
    assert_eq!(judged.message, "delete it");
}
