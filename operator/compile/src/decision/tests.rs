use attune_api::experiment::{Decision, Outcome};
use attune_api::{Experiment, Kind, Resource};
use attune_core::measure::answer::Answer;
use attune_core::measure::{Direction, Threshold};
use attune_testkit::{AT, Strategy, instant};
use serde_json::{Value, json};

use super::{Advice, Rules, advise};
use crate::{Compiled, Previous, Snapshot, compile};

fn compiled(strategy: &Strategy) -> Compiled {
    let mut snapshot = Snapshot::new("shop");
    strategy
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    compile(&snapshot, &Previous::new(), AT)
}

/// An answer with this primary verdict and guardrail standing, `matured` units in each arm.
fn answer(verdict: &str, standing: &str, matured: u64) -> Answer {
    answer_at("2026-12-31T00:00:00Z", verdict, standing, matured)
}

fn answer_at(as_of: &str, verdict: &str, standing: &str, matured: u64) -> Answer {
    let sides = json!({"n": matured, "mean": 0.1});
    serde_json::from_value(json!({
        "asOf": as_of, "question": "q", "namespace": "shop", "experiment": "cart-hero", "phase": 1, "version": "0",
        "arms": [
            {"name": "control", "exposed": matured, "matured": matured, "crossedOver": 0},
            {"name": "reminder", "exposed": matured, "matured": matured, "crossedOver": 0},
        ],
        "results": [
            {
                "metric": "repeat-purchase", "role": "primary", "arm": "reminder", "method": "Continuous",
                "n": 2 * matured, "control": sides, "treatment": sides, "verdict": verdict, "reason": "r",
                "message": "the split is broken",
            },
            {
                "metric": "unsubscribe", "role": "guardrail", "marginBp": 500, "arm": "reminder", "method": "Continuous",
                "n": 2 * matured, "control": sides, "treatment": sides, "standing": standing, "reason": "r",
                "message": "",
            },
        ],
    }))
    .unwrap()
}

fn threshold(metric: &str) -> Threshold {
    Threshold {
        metric: metric.to_owned(),
        url: "http://prometheus".to_owned(),
        query: "rate".to_owned(),
        limit: 0.5,
        direction: Direction::Decrease,
    }
}

fn advice_on(strategy: &Strategy, answer: &Answer) -> Option<Advice> {
    advice_beside(strategy, None, answer)
}

/// With a threshold that is watched.
fn advice_beside(strategy: &Strategy, watched: Option<&str>, answer: &Answer) -> Option<Advice> {
    let Resource::Experiment(experiment) = strategy.resource(Kind::Experiment, "cart-hero") else {
        panic!("no experiment")
    };
    let experiment: Experiment = *experiment;
    let compiled = compiled(strategy);
    let mut question = compiled.question("cart-hero").unwrap().clone();
    question.planned_units = Some(40_000);
    question.thresholds.clear();
    question.thresholds.extend(watched.map(threshold));
    let rules = Rules {
        spec: &experiment.spec,
        registration: &compiled.registrations["cart-hero"],
        question: &question,
    };
    advise(&rules, answer)
}

fn decided(answer: &Answer) -> Option<Decision> {
    match advice_on(&Strategy::example(), answer)? {
        Advice::Decide(decision) => Some(decision),
        Advice::Say(_) => None,
    }
}

fn said(strategy: &Strategy, answer: &Answer) -> String {
    match advice_on(strategy, answer) {
        Some(Advice::Say(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn promotes_a_worthwhile_lift_with_safe_guardrails() {
    let decision = decided(&answer("WorthwhileLift", "Safe", 5_000)).unwrap();
    assert_eq!(decision.outcome, Outcome::Promoted);
    assert_eq!(decision.arm.unwrap().as_str(), "reminder");
    assert_eq!(decision.units, 10_000);
    assert_eq!(decision.at.timestamp(), instant("2026-12-31T00:00:00Z"));
}

#[test]
fn waits_for_guardrails_that_are_open() {
    let text = said(&Strategy::example(), &answer("WorthwhileLift", "Open", 5_000));
    assert!(
        text.contains("guardrail `unsubscribe` is not shown to be safe yet"),
        "{text}"
    );
}

#[test]
fn waits_for_guardrails_whose_source_gives_nothing() {
    let mut away = answer("WorthwhileLift", "Safe", 5_000);
    away.results.retain(|result| result.metric != "unsubscribe");
    let text = said(&Strategy::example(), &away);
    assert!(text.contains("guardrail `unsubscribe` is not shown"), "{text}");

    let mut watched = answer("WorthwhileLift", "Safe", 5_000);
    let beside = |answer: &Answer| advice_beside(&Strategy::example(), Some("http-errors"), answer);
    for state in ["Unavailable", "Within"] {
        watched.thresholds = serde_json::from_value(json!([
            {"metric": "http-errors", "state": state, "limit": 0.5, "message": ""},
        ]))
        .unwrap();
        let promotes = matches!(beside(&watched), Some(Advice::Decide(_)));
        assert_eq!(promotes, state == "Within", "{state}");
    }
    watched.thresholds.clear();
    assert!(
        matches!(beside(&watched), Some(Advice::Say(_))),
        "not even looked at"
    );
}

#[test]
fn has_nothing_to_wait_for_once_every_arm_is_judged_at_last() {
    let mut both = answer("NoWorthwhileLift", "Open", 20_000);
    let mut other = both.results[0].clone();
    other.arm = "another".to_owned();
    other.verdict = Some(attune_core::measure::answer::Verdict::Unproven);
    both.results.push(other);
    let text = said(&Strategy::example(), &both);
    assert!(text.contains("neither lift nor harm"), "{text}");
}

#[test]
fn promotes_a_lift_that_may_not_be_worthwhile_at_the_planned_size_only() {
    assert_eq!(decided(&answer("Lift", "Safe", 19_999)), None);
    let decision = decided(&answer("Lift", "Safe", 20_000)).unwrap();
    assert_eq!(decision.outcome, Outcome::Promoted);
}

#[test]
fn retires_what_is_not_worthwhile_and_stops_harm() {
    let retired = decided(&answer("NoWorthwhileLift", "Open", 5_000)).unwrap();
    assert_eq!((retired.outcome, retired.arm), (Outcome::Retired, None));
    let harmful = decided(&answer("Harm", "Open", 5_000)).unwrap();
    assert_eq!(harmful.outcome, Outcome::HarmStopped);
    let breached = decided(&answer("WorthwhileLift", "Breached", 5_000)).unwrap();
    assert_eq!(breached.outcome, Outcome::HarmStopped);
    assert!(
        breached.reason.contains("guardrail `unsubscribe`"),
        "{}",
        breached.reason
    );
}

#[test]
fn waits_for_the_minimum_runtime_with_everything_but_harm() {
    let early = "2026-11-20T00:00:00Z";
    let text = said(
        &Strategy::example(),
        &answer_at(early, "WorthwhileLift", "Safe", 5_000),
    );
    assert!(text.starts_with("wait until 2026-11-29T00:00:00Z"), "{text}");
    let harm = decided(&answer_at(early, "Harm", "Open", 5_000)).unwrap();
    assert_eq!(harm.outcome, Outcome::HarmStopped);
}

#[test]
fn counts_the_minimum_runtime_from_the_first_exposure_where_the_registration_was_lost() {
    let without = Strategy::example().change(Kind::Experiment, "cart-hero", |spec| {
        spec["schedule"].as_object_mut().unwrap().remove("start");
    });
    // It is registered now, and two weeks are not over.
    let mut answer = answer_at("2026-12-05T00:00:00Z", "WorthwhileLift", "Safe", 5_000);
    assert!(said(&without, &answer).starts_with("wait until 2026-12-15T00:00:00Z"));
    answer.began = Some(instant("2026-11-15T00:00:00Z"));
    let advice = advice_on(&without, &answer);
    assert!(matches!(advice, Some(Advice::Decide(_))), "{advice:?}");
}

#[test]
fn acts_on_nothing_that_may_not_be_believed() {
    let text = said(&Strategy::example(), &answer("Invalid", "Breached", 5_000));
    assert_eq!(text, "do not act on this experiment: the split is broken");
}

#[test]
fn recommends_where_the_rule_does_not_act() {
    let report = json!({"decision": {"onLift": "Report"}});
    let report = Strategy::example().edit(Kind::Experiment, "cart-hero", report);
    let text = said(&report, &answer("WorthwhileLift", "Safe", 5_000));
    assert!(text.starts_with("promote it: arm `reminder`"), "{text}");
    let without: Value = json!({"decision": null});
    let without = Strategy::example().edit(Kind::Experiment, "cart-hero", without);
    assert!(said(&without, &answer("Harm", "Open", 5_000)).starts_with("stop it: "));
    let paused = Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"state": "Paused"}));
    assert!(said(&paused, &answer("NoWorthwhileLift", "Open", 5_000)).starts_with("retire it: "));
}

#[test]
fn says_nothing_while_data_come_in() {
    assert_eq!(
        advice_on(&Strategy::example(), &answer("Collecting", "Open", 5_000)),
        None
    );
}

#[test]
fn stops_beyond_an_operational_threshold() {
    let mut broken = answer("Collecting", "Open", 5_000);
    broken.thresholds = serde_json::from_value(json!([
        {"metric": "http-errors", "state": "Breached", "value": 0.7, "limit": 0.5, "message": ""},
    ]))
    .unwrap();
    let decision = decided(&broken).unwrap();
    assert_eq!(decision.outcome, Outcome::HarmStopped);
    assert_eq!(
        decision.reason,
        "operational: metric `http-errors` is beyond its threshold"
    );
    // It knows no arms, so that a broken split does not matter.
    broken.results[0].verdict = Some(attune_core::measure::answer::Verdict::Invalid);
    assert_eq!(decided(&broken).unwrap().outcome, Outcome::HarmStopped);
    broken.results[0].verdict = Some(attune_core::measure::answer::Verdict::Collecting);
    broken.thresholds[0].state = attune_core::measure::answer::ThresholdState::Unavailable;
    assert_eq!(decided(&broken), None);
}
