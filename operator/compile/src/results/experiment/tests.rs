use attune_core::measure::answer::Answer;
use attune_testkit::{AT, Strategy, instant, stands};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{About, render, says_the_same};
use crate::{Previous, Snapshot, compile};

/// The men of the Open Bandit replay: 46 clicks of 10,000 against 69 of 10,000.
fn answer(change: impl FnOnce(&mut Value)) -> Answer {
    let mut answer = json!({
        "asOf": "2026-12-01T00:00:00Z",
        "question": "9f86d081884c",
        "namespace": "shop",
        "experiment": "cart-hero",
        "phase": 1,
        "version": "0.1.0",
        "arms": [
            {"name": "control", "exposed": 10_000, "matured": 10_000, "crossedOver": 1},
            {"name": "reminder", "exposed": 10_000, "matured": 5_000, "crossedOver": 0},
        ],
        "results": [
            {
                "metric": "repeat-purchase", "role": "primary", "arm": "reminder", "method": "Fixed", "n": 15_000,
                "control": {"n": 10_000, "mean": 0.0046}, "treatment": {"n": 10_000, "mean": 0.0069},
                "absolute": {"estimate": 0.0023, "low": 0.0002, "high": 0.0044, "p": 0.031},
                "relative": {"estimate": 0.5, "low": 0.032, "high": 1.212, "p": 0.031},
                "verdict": "Lift", "reason": "Lift", "message": "better than control",
            },
            {
                "metric": "unsubscribe", "role": "guardrail", "marginBp": 500, "arm": "reminder", "method": "Fixed",
                "n": 15_000, "control": {"n": 10_000, "mean": 0.1}, "treatment": {"n": 10_000, "mean": 0.1},
                "standing": "Safe", "reason": "Safe", "message": "",
            },
        ],
        "sampleRatio": {"p": 0.9, "blocked": false, "message": ""},
    });
    change(&mut answer);
    serde_json::from_value(answer).unwrap()
}

/// What verdicts wrote.
fn standing() -> Value {
    json!({"arms": [
        {"name": "control", "weight": 50, "effectiveTrafficBp": 4750},
        {"name": "reminder", "weight": 50, "effectiveTrafficBp": 4750},
    ]})
}

fn rendered(change: impl FnOnce(&mut Value)) -> Value {
    laid_onto(&standing(), change)
}

/// Results on the example's experiment with this status.
fn laid_onto(old: &Value, change: impl FnOnce(&mut Value)) -> Value {
    laid(&answer(change), old, AT)
}

fn laid(answer: &Answer, old: &Value, now: Timestamp) -> Value {
    laid_after(None, answer, old, now)
}

/// What was asked with this registration; with the one that stands, where none is given.
fn laid_after(asked: Option<&str>, answer: &Answer, old: &Value, now: Timestamp) -> Value {
    let mut snapshot = Snapshot::new("shop");
    Strategy::example()
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    let compiled = compile(&snapshot, &Previous::new(), AT);
    let mut experiment = snapshot.experiments["cart-hero"].as_ref().clone();
    experiment.metadata.generation = Some(2);
    let mut question = compiled.question("cart-hero").unwrap().clone();
    if let Some(hash) = old["registration"]["hash"].as_str() {
        asked.unwrap_or(hash).clone_into(&mut question.registration);
    }
    let about = About {
        experiment: &experiment,
        question: &question,
        old,
    };
    render(answer, about, now)
}

#[test]
fn shows_the_lift_with_its_interval_as_people_read_it() {
    let status = rendered(|_| {});
    assert_eq!(status["headline"]["arm"], "reminder");
    assert_eq!(status["headline"]["lift"], "+50.0% [+3.2%, +121.2%]");
    assert_eq!(status["headline"]["units"], 20_000);
    let primary = &status["results"][0];
    assert_eq!(primary["liftPercent"], "+50.0%");
    assert_eq!(primary["armMean"], 0.0069);
    assert_eq!(primary["relative"]["p"], 0.031);
    assert_eq!(status["arms"][0]["exposed"], 10_000);
    assert_eq!(status["arms"][0]["crossedOver"], 1);
    assert_eq!(status["analysisHash"], "9f86d081884c");
    assert_eq!(stands(&status, "Conclusive"), "True/Lift");
    assert_eq!(stands(&status, "GuardrailsHealthy"), "True/GuardrailsHealthy");
    assert_eq!(stands(&status, "SampleRatioHealthy"), "True/SampleRatioHealthy");
}

#[test]
fn leaves_shares_to_the_writer_of_verdicts() {
    let status = rendered(|_| {});
    for arm in status["arms"].as_array().unwrap() {
        assert!(arm.get("effectiveTrafficBp").is_none(), "{arm}");
    }
}

#[test]
fn withholds_means_where_the_difference_is_withheld() {
    let status = rendered(|answer| {
        for field in ["absolute", "relative"] {
            answer["results"][0][field] = Value::Null;
        }
        answer["results"][0]["verdict"] = "Collecting".into();
    });
    let primary = &status["results"][0];
    for field in ["controlMean", "armMean", "absolute", "relative", "liftPercent"] {
        assert!(primary.get(field).is_none(), "{field}");
    }
    assert_eq!(stands(&status, "Conclusive"), "False/Collecting");
    assert!(status["headline"].get("lift").is_none());
}

#[test]
fn is_conclusive_only_when_every_arm_is() {
    let status = rendered(|answer| {
        let mut second = answer["results"][0].clone();
        second["arm"] = "other".into();
        second["verdict"] = "Collecting".into();
        answer["results"].as_array_mut().unwrap().push(second);
    });
    assert_eq!(stands(&status, "Conclusive"), "False/Collecting");
}

#[test]
fn turns_red_on_a_broken_guardrail_or_split() {
    let status = rendered(|answer| {
        answer["results"][1]["standing"] = "Breached".into();
        answer["sampleRatio"]["blocked"] = true.into();
    });
    assert_eq!(stands(&status, "GuardrailsHealthy"), "False/GuardrailBroken");
    assert_eq!(stands(&status, "SampleRatioHealthy"), "False/SampleRatioMismatch");
    let open = rendered(|answer| answer["results"][1]["standing"] = "Open".into());
    assert_eq!(stands(&open, "GuardrailsHealthy"), "True/GuardrailsHealthy");
}

#[test]
fn puts_the_best_arm_into_the_headline() {
    let status = rendered(|answer| {
        let mut second = answer["results"][0].clone();
        second["arm"] = "louder".into();
        second["relative"]["estimate"] = 0.7.into();
        answer["results"].as_array_mut().unwrap().push(second);
    });
    assert_eq!(status["headline"]["arm"], "louder");
}

#[test]
fn says_the_same_whatever_the_time() {
    let status = rendered(|_| {});
    let later = answer(|answer| answer["asOf"] = "2026-12-02T00:00:00Z".into());
    let again = laid(&later, &status, instant("2026-12-02T00:00:00Z"));
    assert!(says_the_same(&status, &again));
    let more = answer(|answer| answer["arms"][0]["exposed"] = 10_001.into());
    assert!(!says_the_same(&status, &laid(&more, &status, AT)));
    assert!(!says_the_same(&Value::Null, &status));
}

#[test]
fn renders_what_the_kind_decodes() {
    let mut document = Strategy::example()
        .document(attune_api::Kind::Experiment, "cart-hero")
        .clone();
    let mut status = rendered(|_| {});
    for arm in status["arms"].as_array_mut().unwrap() {
        // Laid over what verdicts wrote, as the server does.
        arm["weight"] = 50.into();
    }
    document["status"] = status.clone();
    let read = attune_api::Resource::decode(document).unwrap().status().unwrap();
    assert!(says_the_same(&read, &status), "{read} {status}");
}

/// What verdicts wrote, a registration among it.
fn registered() -> Value {
    let mut status = standing();
    status["registration"] = json!({
        "hash": "abc", "at": "2026-11-15T00:00:00Z", "phase": 1, "weights": "def", "parts": {},
    });
    status
}

#[test]
fn decides_by_the_rule_and_lets_the_decision_stand() {
    let worthwhile = |answer: &mut Value| answer["results"][0]["verdict"] = json!("WorthwhileLift");
    let status = laid_onto(&registered(), worthwhile);
    assert_eq!(status["decision"]["outcome"], "Promoted");
    assert_eq!(status["decision"]["arm"], "reminder");
    assert_eq!(status["decision"]["registration"], "abc");
    assert_eq!(status["headline"]["needed"], Value::Null);

    let mut stands = registered();
    stands["decision"] = status["decision"].clone();
    let later = laid_onto(&stands, |answer| {
        answer["asOf"] = json!("2026-12-24T00:00:00Z");
        answer["results"][0]["verdict"] = json!("Harm");
    });
    assert_eq!(later["decision"], status["decision"]);
    // Of another registration it says nothing.
    stands["registration"]["hash"] = json!("another");
    let another = laid_onto(&stands, |answer| answer["results"][0]["verdict"] = json!("Harm"));
    assert_eq!(another["decision"]["outcome"], "HarmStopped");
}

#[test]
fn an_answer_about_what_was_registered_before_decides_nothing() {
    let worthwhile = answer(|answer| answer["results"][0]["verdict"] = json!("WorthwhileLift"));
    let status = laid_after(Some("of the one before"), &worthwhile, &registered(), AT);
    assert_eq!(status["decision"], Value::Null);
    assert_eq!(status["recommendation"], Value::Null);
}

#[test]
fn counts_what_is_still_needed() {
    let status = laid_onto(&registered(), |answer| {
        answer["results"][0]["verdict"] = json!("Collecting");
    });
    assert_eq!(status["headline"]["needed"], 25_000);
    assert_eq!(status["decision"], Value::Null);
}

#[test]
fn says_what_the_planned_size_can_show() {
    let power = |sufficient: bool| {
        laid_onto(&registered(), move |answer| {
            answer["power"] = json!({
                "units": 52_000, "detectableLift": 0.114, "controlMean": 0.1, "seenUnits": 900, "sufficient": sufficient,
            });
        })
    };
    let status = power(false);
    assert_eq!(stands(&status, "Powered"), "False/Underpowered");
    assert_eq!(status["power"]["units"], 52_000);
    assert_eq!(
        status["conditions"][2]["message"],
        "40000 planned units show a lift of +11.4%; the minimum worthwhile lift takes 52000 units"
    );
    assert_eq!(stands(&power(true), "Powered"), "True/Powered");
    assert_eq!(stands(&rendered(|_| {}), "Powered"), "Unknown/Pending");
}

#[test]
fn keeps_the_last_verdict_with_its_date_while_a_source_is_away() {
    let before = laid_onto(&registered(), |answer| {
        answer["results"][0]["verdict"] = json!("Collecting");
    });
    let mut stands = registered();
    stands["results"] = before["results"].clone();
    let status = laid_onto(&stands, |answer| {
        answer["asOf"] = json!("2026-12-02T00:00:00Z");
        answer["results"].as_array_mut().unwrap().remove(0);
        answer["unavailable"] = json!([
            {"metric": "repeat-purchase", "reason": "SourceUnavailable", "message": "the database does not answer"},
        ]);
    });
    assert_eq!(
        stands_of(&status, "repeat-purchase")["asOf"],
        "2026-12-01T00:00:00Z"
    );
    assert_eq!(stands_of(&status, "unsubscribe")["asOf"], "2026-12-02T00:00:00Z");
    assert_eq!(stands_as(&status), "Unknown/SourceUnavailable");
    assert_eq!(status["headline"]["verdict"], "Collecting");
}

#[test]
fn does_not_know_whether_guardrails_are_healthy_while_a_source_is_away() {
    let healthy =
        |change: &dyn Fn(&mut Value)| stands(&rendered(|answer| change(answer)), "GuardrailsHealthy");
    assert_eq!(healthy(&|_| {}), "True/GuardrailsHealthy");
    let away = |answer: &mut Value| {
        answer["results"].as_array_mut().unwrap().pop();
        answer["unavailable"] = json!([
            {"metric": "unsubscribe", "reason": "SourceUnavailable", "message": "the database does not answer"},
        ]);
    };
    assert_eq!(healthy(&away), "Unknown/SourceUnavailable");
    let threshold = |state: &str| json!([{"metric": "http-errors", "state": state, "limit": 0.5, "message": "no number"}]);
    let unavailable = |answer: &mut Value| answer["thresholds"] = threshold("Unavailable");
    assert_eq!(healthy(&unavailable), "Unknown/SourceUnavailable");
    let beyond = |answer: &mut Value| answer["thresholds"] = threshold("Breached");
    assert_eq!(healthy(&beyond), "False/GuardrailBroken");
}

#[test]
fn shows_of_each_metric_the_share_that_its_own_window_is_over_for() {
    let status = rendered(|answer| {
        answer["results"][0]["exposed"] = json!(20_000);
        answer["results"][1]["exposed"] = json!(60_000);
    });
    assert_eq!(stands_of(&status, "repeat-purchase")["maturedBp"], 7500);
    assert_eq!(stands_of(&status, "unsubscribe")["maturedBp"], 2500);
}

fn stands_of<'s>(status: &'s Value, metric: &str) -> &'s Value {
    let results = status["results"].as_array().unwrap();
    results.iter().find(|result| result["metric"] == metric).unwrap()
}

fn stands_as(status: &Value) -> String {
    stands(status, "Conclusive")
}
