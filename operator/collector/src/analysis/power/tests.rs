use attune_core::measure::{
    ArmQuestion, Direction, EventQuery, Method, MetricKind, MetricQuestion, MetricRole, Question,
};

use super::super::answer::{MomentsOf, SecondMoments, Summary};
use super::judge;

fn question() -> Question {
    let arm = |name: &str, control| ArmQuestion {
        name: name.to_owned(),
        weight: 50,
        control,
    };
    Question {
        namespace: "shop".to_owned(),
        experiment: "cart-hero".to_owned(),
        registration: String::new(),
        phase: 1,
        arms: vec![arm("control", true), arm("reminder", false)],
        metrics: vec![MetricQuestion {
            name: "purchase".to_owned(),
            role: MetricRole::Primary,
            kind: MetricKind::Proportion,
            event: EventQuery {
                name: "purchase".to_owned(),
                value: None,
                filter: None,
            },
            denominator: None,
            window_seconds: 3600,
            direction: Direction::Increase,
            source: None,
        }],
        method: Method::Fixed,
        alpha_bp: 500,
        power_bp: 8000,
        planned_units: Some(30_000),
        minimum_lift_bp: Some(1000),
        covariate: None,
        exclude: Vec::new(),
        earlier: Vec::new(),
        bindings: Vec::new(),
        thresholds: Vec::new(),
    }
}

fn seen(n: u64, mean: f64, m2: f64) -> Summary {
    Summary {
        outcome: MomentsOf { n, mean, m2 },
        denominator: None,
        covariate: None,
    }
}

#[test]
fn plans_by_the_share_that_the_control_has_shown() {
    let power = judge(&question(), MetricKind::Proportion, &seen(1000, 0.1, 90.0)).unwrap();
    // 10 % against 11 % with the control's variance in both: 2 * 2 * (1.96 + 0.8416)^2 * 0.09 / 0.01^2.
    assert_eq!(power.units, Some(28_256));
    assert_eq!(power.sufficient, Some(true));
    assert!(
        (power.detectable_lift.unwrap() - 0.097).abs() < 0.001,
        "{power:?}"
    );
    let smaller = Question {
        planned_units: Some(20_000),
        ..question()
    };
    let power = judge(&smaller, MetricKind::Proportion, &seen(1000, 0.1, 90.0)).unwrap();
    assert_eq!(power.sufficient, Some(false));
}

#[test]
fn a_third_arm_takes_more_units_of_all_arms() {
    let mut three = question();
    three.arms.push(ArmQuestion {
        name: "louder".to_owned(),
        weight: 50,
        control: false,
    });
    let power = judge(&three, MetricKind::Proportion, &seen(1000, 0.1, 90.0)).unwrap();
    assert_eq!(power.units, Some(42_384));
}

#[test]
fn plans_a_ratio_by_the_delta_method() {
    // Numerator and denominator proportional: nothing is left to vary.
    let exact = Summary {
        denominator: Some(SecondMoments {
            mean: 2.0,
            m2: 4000.0,
            co: 2000.0,
        }),
        ..seen(1000, 1.0, 1000.0)
    };
    assert_eq!(judge(&question(), MetricKind::Ratio, &exact), None);
    let independent = Summary {
        denominator: Some(SecondMoments {
            mean: 2.0,
            m2: 4000.0,
            co: 0.0,
        }),
        ..seen(1000, 1.0, 1000.0)
    };
    let power = judge(&question(), MetricKind::Ratio, &independent).unwrap();
    assert!((power.control_mean - 0.5).abs() < 1e-12);
}

#[test]
fn says_nothing_by_too_little_or_by_nothing() {
    for few in [
        seen(99, 0.1, 8.9),
        seen(1000, 0.0, 0.0),
        seen(1000, f64::NAN, 1.0),
    ] {
        assert_eq!(judge(&question(), MetricKind::Proportion, &few), None);
    }
}

#[test]
fn leaves_out_what_is_not_registered() {
    let open = Question {
        planned_units: None,
        minimum_lift_bp: None,
        ..question()
    };
    let power = judge(&open, MetricKind::Mean, &seen(1000, 10.0, 9000.0)).unwrap();
    assert_eq!(
        (power.units, power.detectable_lift, power.sufficient),
        (None, None, None)
    );
}
