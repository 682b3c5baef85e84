use attune_core::event::{Enrolment, Event, EventData, Exposure, Outcome, Property};
use attune_core::measure::{self, ArmQuestion, EventQuery, MetricRole};
use attune_lift::{Method, Verdict};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::fixture::condition;
use crate::store::{NewEvent, StoreOptions};

mod before;
mod comparisons;
mod designs;
mod holdouts;
mod joining;
mod phases;
mod planning;
mod registration;
mod retention;
mod wire;

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
        self.show_in(1, unit, arm, seconds);
    }

    fn show_in(&mut self, phase: i32, unit: &str, arm: &str, seconds: i64) {
        let enrolment = Some(Enrolment {
            experiment: "x".into(),
            phase,
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
        source: None,
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
        power_bp: 8000,
        planned_units: None,
        minimum_lift_bp: None,
        registration: String::new(),
        covariate: None,
        exclude: Vec::new(),
        earlier: Vec::new(),
        bindings: Vec::new(),
        thresholds: Vec::new(),
    }
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
            crossed_over: 0,
            excluded: 0
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
