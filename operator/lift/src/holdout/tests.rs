use super::*;
use crate::{Direction, MetricKind, Moments, Reason, Verdict};

fn revenue() -> Question {
    let mut question = Question::new(MetricKind::Mean, Direction::Increase, Method::Continuous, 0.05);
    question.planned_units = Some(100_000);
    question
}

fn arm(n: u64, mean: f64) -> ArmMoments {
    let outcome = Moments::from_parts(n, mean, 25.0 * n as f64).unwrap();
    ArmMoments::new(outcome).with_non_zero(n / 10).unwrap()
}

fn matched(contaminated: u64, slice: u64) -> Matched {
    Matched {
        holdout: arm(50_000, 2.0),
        slice: arm(slice, 2.3),
        contaminated,
    }
}

#[test]
fn a_programme_is_worth_its_difference_times_the_exposed() {
    let lift = programme_lift(&revenue(), &matched(0, 50_100)).unwrap();
    assert_eq!(lift.analysis.verdict, Verdict::Lift);
    assert_eq!(lift.contamination, Contamination::Clean);
    let value = incremental_value(&lift.analysis, 1_000_000).unwrap();
    assert!((value.estimate - 300_000.0).abs() < 1e-3);
    assert!(value.low > 0.0 && value.low < value.estimate && value.estimate < value.high);
}

#[test]
fn no_value_is_quoted_of_a_withheld_figure() {
    let contaminated = programme_lift(&revenue(), &matched(501, 50_000)).unwrap();
    assert_eq!(
        contaminated.analysis.verdict,
        Verdict::Invalid(InvalidCause::Contamination)
    );
    assert_eq!(incremental_value(&contaminated.analysis, 1_000_000), None);
    let unequal = programme_lift(&revenue(), &matched(0, 60_000)).unwrap();
    assert_eq!(unequal.analysis.reason, Reason::SampleRatio);
    assert!(unequal.sample_ratio.blocked);
}

#[test]
fn contamination_warns_before_it_refuses() {
    assert_eq!(Contamination::of(0, 0), Contamination::Clean);
    assert_eq!(Contamination::of(50, 50_000), Contamination::Clean);
    assert_eq!(Contamination::of(51, 50_000), Contamination::Suspect);
    assert_eq!(Contamination::of(500, 50_000), Contamination::Suspect);
    assert_eq!(Contamination::of(501, 50_000), Contamination::Refused);
}

#[test]
fn a_holdout_is_never_read_as_a_fixed_design() {
    let mut question = revenue();
    question.method = Method::Fixed;
    let lift = programme_lift(&question, &matched(0, 50_000)).unwrap();
    assert_eq!(lift.analysis.method, Method::Continuous);
}
