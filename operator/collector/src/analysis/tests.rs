use attune_core::event::{Enrolment, Event, EventData, Exposure, Outcome, Property};
use attune_core::expr::{Attribute, Expect, Expression, Schema, compile};
use attune_core::measure::{self, EventQuery, MetricRole};
use attune_core::value::AttributeType;
use attune_lift::{Method, Verdict};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::store::{NewEvent, StoreOptions};

mod designs;

const DAY: i64 = 86_400;

fn start() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(start().as_second() + seconds).unwrap()
}

struct Shop {
    store: Store,
    events: Vec<NewEvent>,
    _directory: TempDir,
}

impl Shop {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
        Self {
            store,
            events: Vec::new(),
            _directory: directory,
        }
    }

    fn push(&mut self, seconds: i64, data: EventData) {
        let id = format!("e{}", self.events.len());
        let event = Event {
            id,
            source: "/test".into(),
            time: after(seconds),
            namespace: None,
            data,
        };
        self.events.push(NewEvent {
            namespace: "shop".into(),
            event,
        });
    }

    fn show(&mut self, unit: &str, arm: &str, seconds: i64) {
        let enrolment = Some(Enrolment {
            experiment: "x".into(),
            phase: 1,
            arm: arm.into(),
        });
        self.push(
            seconds,
            EventData::Exposure(Exposure {
                unit: unit.into(),
                enrolment,
                ..Exposure::default()
            }),
        );
    }

    fn buy(&mut self, unit: &str, value: Option<f64>, seconds: i64) {
        self.act(unit, "purchase", value, &[], seconds);
    }

    fn act(
        &mut self,
        unit: &str,
        name: &str,
        value: Option<f64>,
        properties: &[(&str, Property)],
        seconds: i64,
    ) {
        let properties = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.push(
            seconds,
            EventData::Outcome(Outcome {
                unit: unit.into(),
                event: name.into(),
                value,
                properties,
            }),
        );
    }

    fn answer(&self, question: &Question, seconds: i64) -> Answer {
        self.store.append_blocking(self.events.clone(), start()).unwrap();
        answer(&self.store, question, after(seconds)).unwrap()
    }
}

fn metric(kind: MetricKind) -> MetricQuestion {
    MetricQuestion {
        name: "repeat-purchase".into(),
        role: MetricRole::Primary,
        kind,
        event: EventQuery {
            name: "purchase".into(),
            value: None,
            filter: None,
        },
        denominator: None,
        window_seconds: DAY,
        direction: measure::Direction::Increase,
    }
}

fn question(metric: MetricQuestion) -> Question {
    let arm = |name: &str, control| ArmQuestion {
        name: name.into(),
        weight: 50,
        control,
    };
    Question {
        namespace: "shop".into(),
        experiment: "x".into(),
        phase: 1,
        arms: vec![arm("control", true), arm("reminder", false)],
        metrics: vec![metric],
        method: measure::Method::Fixed,
        alpha_bp: 500,
        planned_units: None,
        minimum_lift_bp: None,
    }
}

fn condition(source: &str) -> Expression {
    let mut schema = Schema::new();
    schema.declare(Attribute {
        name: "value".into(),
        ty: AttributeType::Double,
        values: Vec::new(),
    });
    schema.declare_dynamic("properties");
    compile(source, &schema, Expect::Bool).unwrap()
}

fn close(left: f64, right: f64) {
    assert!(
        (left - right).abs() <= 1e-12 * right.abs().max(1.0),
        "{left} is not {right}"
    );
}

/// Six units, two arms; the sums by unit are 10, 0, 5 in control and 20, 7, 0 in the other arm.
fn six_units() -> Shop {
    let mut shop = Shop::new();
    for (unit, arm) in [
        ("c1", "control"),
        ("c2", "control"),
        ("c3", "control"),
        ("t1", "reminder"),
        ("t2", "reminder"),
        ("t3", "reminder"),
    ] {
        shop.show(unit, arm, 0);
        shop.act(unit, "session", None, &[("seconds", Property::Int(100))], 10);
    }
    shop.act("t1", "session", None, &[("seconds", Property::Double(50.0))], 11);
    shop.buy("c1", Some(4.0), 60);
    shop.buy("c1", Some(6.0), 61);
    shop.buy("c3", Some(5.0), 60);
    shop.buy("t1", Some(20.0), 60);
    shop.buy("t2", Some(7.0), 60);
    shop.buy("t2", None, 61);
    shop
}

#[test]
fn reads_46_against_69_of_10_000_as_a_lift_of_a_half() {
    let mut shop = Shop::new();
    for (arm, clicks) in [("control", 46), ("reminder", 69)] {
        for i in 0..10_000 {
            let unit = format!("{arm}-{i}");
            shop.show(&unit, arm, 0);
            if i < clicks {
                shop.buy(&unit, None, 0);
            }
        }
    }
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    let result = &answer.results[0];
    let relative = result.relative.unwrap();
    assert!((relative.estimate - 0.5).abs() < 1e-12, "{relative:?}");
    assert!((0.0305..0.0315).contains(&relative.p), "{relative:?}");
    close(result.absolute.unwrap().estimate, 23.0 / 10_000.0);
    assert!(relative.low > 0.0 && relative.low < 0.5 && relative.high > 0.5);
    assert_eq!(
        (result.verdict(), result.n, result.method),
        (Some(Verdict::Lift), 20_000, Method::Fixed)
    );
    assert_eq!(
        answer.arms[1],
        ArmCount {
            name: "reminder".into(),
            exposed: 10_000,
            matured: 10_000,
            crossed_over: 0
        }
    );
}

#[test]
fn sums_values_per_unit_for_a_mean() {
    let answer = six_units().answer(&question(metric(MetricKind::Mean)), DAY);
    let result = &answer.results[0];
    // 10, 0, 5: mean 5, squared deviations 25 + 25 + 0. 20, 7, 0: mean 9, 121 + 4 + 81.
    close(result.control.outcome.mean, 5.0);
    close(result.control.outcome.m2, 50.0);
    close(result.treatment.outcome.mean, 9.0);
    close(result.treatment.outcome.m2, 206.0);
    assert_eq!(
        (result.control.outcome.n, result.treatment.outcome.n, result.n),
        (3, 3, 6)
    );
    close(result.absolute.unwrap().estimate, 4.0);
}

#[test]
fn counts_outcomes_per_unit_for_a_count() {
    let answer = six_units().answer(&question(metric(MetricKind::Count)), DAY);
    let result = &answer.results[0];
    // 2, 0, 1 and 1, 2, 0.
    close(result.control.outcome.mean, 1.0);
    close(result.control.outcome.m2, 2.0);
    close(result.treatment.outcome.mean, 1.0);
    close(result.treatment.outcome.m2, 2.0);
}

#[test]
fn counts_units_for_a_proportion() {
    let answer = six_units().answer(&question(metric(MetricKind::Proportion)), DAY);
    let result = &answer.results[0];
    close(result.control.outcome.mean, 2.0 / 3.0);
    close(result.treatment.outcome.mean, 2.0 / 3.0);
}

#[test]
fn sums_both_sides_of_a_ratio_over_the_same_units() {
    let mut ratio = metric(MetricKind::Ratio);
    ratio.denominator = Some(EventQuery {
        name: "session".into(),
        value: Some("seconds".into()),
        filter: None,
    });
    let answer = six_units().answer(&question(ratio), DAY);
    let result = &answer.results[0];
    let bottom = result.treatment.denominator.unwrap();
    // Numerators 20, 7, 0 with mean 9; denominators 150, 100, 100 with mean 350/3.
    close(result.treatment.outcome.mean, 9.0);
    close(bottom.mean, 350.0 / 3.0);
    close(bottom.m2, 5_000.0 / 3.0);
    close(
        bottom.co,
        11.0 * (100.0 / 3.0) + 2.0 * (50.0 / 3.0) + 9.0 * (50.0 / 3.0),
    );
    close(
        result.absolute.unwrap().estimate,
        9.0 / (350.0 / 3.0) - 5.0 / 100.0,
    );
}

#[test]
fn counts_outcomes_from_the_first_exposure_until_the_window_ends() {
    let mut shop = Shop::new();
    for (unit, bought) in [
        ("before", 99),
        ("same-instant", 100),
        ("within", 101),
        ("last", DAY + 99),
        ("after", DAY + 100),
    ] {
        shop.show(unit, "control", 100);
        shop.show(unit, "control", 500);
        shop.buy(unit, None, bought);
    }
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), 3 * DAY);
    close(answer.results[0].control.outcome.mean, 3.0 / 5.0);
}

#[test]
fn leaves_units_out_whose_window_is_still_open() {
    let mut shop = Shop::new();
    shop.show("early", "control", 0);
    shop.show("late", "control", 1);
    shop.show("future", "control", 2 * DAY);
    shop.buy("late", None, 2);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    assert_eq!(
        answer.arms[0],
        ArmCount {
            name: "control".into(),
            exposed: 2,
            matured: 1,
            crossed_over: 0
        }
    );
    close(answer.arms[0].matured_share(), 0.5);
    assert_eq!(
        answer.results[0].control.outcome,
        MomentsOf {
            n: 1,
            mean: 0.0,
            m2: 0.0
        }
    );
}

#[test]
fn joins_outcomes_that_arrive_before_their_exposure() {
    let mut shop = Shop::new();
    shop.buy("u1", None, 5);
    shop.show("u1", "control", 0);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    close(answer.results[0].control.outcome.mean, 1.0);
}

#[test]
fn counts_a_crossed_over_unit_in_its_first_arm_only() {
    let mut shop = Shop::new();
    shop.show("u1", "reminder", 10);
    shop.show("u1", "control", 0);
    shop.buy("u1", None, 20);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), 2 * DAY);
    assert_eq!(
        answer.arms[0],
        ArmCount {
            name: "control".into(),
            exposed: 1,
            matured: 1,
            crossed_over: 1
        }
    );
    assert_eq!(answer.arms[1].exposed, 0);
    assert_eq!(answer.results[0].control.outcome.n, 1);
    assert_eq!(answer.results[0].treatment.outcome.n, 0);
}

#[test]
fn counts_only_outcomes_that_meet_the_condition() {
    let count = |source: &str, value: Option<&str>| {
        let mut filtered = metric(MetricKind::Count);
        filtered.event.filter = Some(condition(source));
        filtered.event.value = value.map(str::to_owned);
        let mut shop = Shop::new();
        shop.show("u1", "control", 0);
        shop.act(
            "u1",
            "purchase",
            Some(3.0),
            &[
                ("kind", Property::Text("gift".into())),
                ("amount", Property::Int(7)),
            ],
            1,
        );
        shop.act(
            "u1",
            "purchase",
            Some(-1.0),
            &[("kind", Property::Text("return".into()))],
            2,
        );
        shop.act(
            "u1",
            "purchase",
            None,
            &[
                ("tags", Property::List(vec!["a".into()])),
                ("paid", Property::Bool(true)),
            ],
            3,
        );
        shop.answer(&question(filtered), DAY).results[0]
            .control
            .outcome
            .mean
    };
    close(count("value > 0.0", None), 1.0);
    close(count("value < 5.0", None), 2.0);
    close(count("value < 10.0", Some("amount")), 1.0);
    close(
        count("properties.kind == 'gift' && properties.amount == 7", None),
        1.0,
    );
    close(count("properties.amount * 2.0 > 13.5", None), 1.0);
    close(
        count(
            "has(properties.paid) && properties.paid && 'a' in properties.tags",
            None,
        ),
        1.0,
    );
    close(count("properties.missing == 'x'", None), 0.0);
    close(count("!has(properties.kind)", None), 1.0);
}

#[test]
fn takes_the_number_from_the_property_that_the_metric_names() {
    let mut named = metric(MetricKind::Mean);
    named.event.value = Some("amount".into());
    let mut shop = Shop::new();
    shop.show("u1", "control", 0);
    shop.act(
        "u1",
        "purchase",
        Some(100.0),
        &[("amount", Property::Double(2.5))],
        1,
    );
    shop.act(
        "u1",
        "purchase",
        Some(100.0),
        &[("amount", Property::Text("three".into()))],
        2,
    );
    close(
        shop.answer(&question(named), DAY).results[0].control.outcome.mean,
        2.5,
    );
}

#[test]
fn counts_neither_other_namespaces_nor_other_phases() {
    let mut shop = Shop::new();
    shop.show("u1", "control", 0);
    let mut phase = question(metric(MetricKind::Proportion));
    phase.phase = 2;
    assert_eq!(shop.answer(&phase, DAY).arms[0].exposed, 0);
    let mut namespace = question(metric(MetricKind::Proportion));
    namespace.namespace = "other".into();
    assert_eq!(shop.answer(&namespace, DAY).arms[0].exposed, 0);
}

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
