//! Questions as they come and answers as they go.

use super::*;

#[test]
fn names_arms_that_the_question_does_not_know() {
    let mut shop = Shop::new();
    shop.show("u1", "control", 0);
    shop.show("u2", "renamed", 0);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    assert_eq!(answer.unknown_arms.len(), 1);
    assert_eq!(
        (
            answer.unknown_arms[0].name.as_str(),
            answer.unknown_arms[0].exposed
        ),
        ("renamed", 1)
    );
    assert_eq!(answer.results[0].n, 1);
}

#[test]
fn refuses_questions_that_contradict_themselves() {
    let shop = six_units();
    let refused = |asked: &Question| answer(&shop.store, asked, start()).unwrap_err().to_string();
    let mut asked = question(metric(MetricKind::Ratio));
    shop.answer(&question(metric(MetricKind::Mean)), DAY);
    assert_eq!(
        refused(&asked),
        "metric `repeat-purchase` is a ratio without a denominator; name the denominator's event"
    );
    asked.arms[1].control = true;
    assert!(refused(&asked).contains("2 control arms among 2"));
    asked.arms.truncate(1);
    assert!(refused(&asked).contains("1 control arms among 1"));
}

#[test]
fn pins_the_question_by_a_hash_of_everything_in_it() {
    let asked = question(metric(MetricKind::Mean));
    let hash = question_hash(&asked).unwrap();
    assert_eq!(hash.len(), 64);
    let json = serde_json::to_value(&asked).unwrap();
    assert_eq!(
        question_hash(&serde_json::from_value(json).unwrap()).unwrap(),
        hash
    );
    let mut changed = asked;
    changed.metrics[0].window_seconds += 1;
    assert_ne!(question_hash(&changed).unwrap(), hash);
}

#[test]
fn writes_names_in_camel_case() {
    let answer = six_units().answer(&question(metric(MetricKind::Mean)), DAY);
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["asOf"], json!("2026-12-02T00:00:00Z"));
    assert_eq!(
        json["arms"][0],
        json!({"name": "control", "exposed": 3, "matured": 3, "crossedOver": 0})
    );
    let result = &json["results"][0];
    assert_eq!(result["role"], json!("primary"));
    assert_eq!(result["method"], json!("Fixed"));
    assert_eq!(result["control"], json!({"n": 3, "mean": 5.0, "m2": 50.0}));
    assert!(result["absolute"]["p"].is_f64(), "{result}");
    assert!(result["verdict"].is_string() && result["reason"].is_string() && result["message"].is_string());
}

#[test]
fn writes_what_readers_of_the_protocol_understand() {
    let mut asked = question(metric(MetricKind::Proportion));
    let mut guardrail = metric(MetricKind::Proportion);
    guardrail.role = MetricRole::Guardrail { margin_bp: 100 };
    guardrail.name = "unsubscribe".into();
    asked.metrics.push(guardrail);
    asked.planned_units = Some(6);
    let json = serde_json::to_string(&six_units().answer(&asked, DAY)).unwrap();
    let read: attune_core::measure::answer::Answer = serde_json::from_str(&json).unwrap();
    let exposed: u64 = read.arms.iter().map(|arm| arm.exposed).sum();
    assert_eq!(
        (read.experiment.as_str(), exposed),
        (asked.experiment.as_str(), 6)
    );
    assert!(
        read.results[0].verdict.is_some() && read.results[0].standing.is_none(),
        "{json}"
    );
    assert!(
        read.results[1].verdict.is_none() && read.results[1].standing.is_some(),
        "{json}"
    );
    assert!(read.sample_ratio.is_some(), "{json}");
}
