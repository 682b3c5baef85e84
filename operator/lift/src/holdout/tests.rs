use super::*;
use crate::{ArmMoments, Direction, InvalidCause, Method, MetricKind, Moments, Question, Verdict, analyse};

/// A slice with 2.30 a unit against a holdout with 2.00.
fn compared(invalid: Option<InvalidCause>) -> Analysis {
    let mut question = Question::new(MetricKind::Mean, Direction::Increase, Method::Continuous, 0.05);
    question.planned_units = Some(100_000);
    question.invalid = invalid;
    let side = |mean: f64| {
        let outcome = Moments::from_parts(50_000, mean, 25.0 * 50_000.0).unwrap();
        ArmMoments::new(outcome).with_non_zero(5_000).unwrap()
    };
    analyse(&question, &side(2.0), &side(2.3)).unwrap()
}

#[test]
fn a_programme_is_worth_its_difference_times_the_exposed() {
    let analysis = compared(None);
    assert_eq!(analysis.verdict, Verdict::Lift);
    let value = incremental_value(&analysis, 1_000_000).unwrap();
    assert!((value.estimate - 300_000.0).abs() < 1e-3);
    assert!(value.low > 0.0 && value.low < value.estimate && value.estimate < value.high);
}

#[test]
fn no_value_is_quoted_of_a_withheld_figure() {
    let contaminated = compared(Some(InvalidCause::Contamination));
    assert_eq!(
        contaminated.verdict,
        Verdict::Invalid(InvalidCause::Contamination)
    );
    assert_eq!(incremental_value(&contaminated, 1_000_000), None);
}

#[test]
fn contamination_warns_before_it_refuses() {
    assert_eq!(Contamination::of(0, 0), Contamination::Clean);
    assert_eq!(Contamination::of(50, 50_000), Contamination::Clean);
    assert_eq!(Contamination::of(51, 50_000), Contamination::Suspect);
    assert_eq!(Contamination::of(500, 50_000), Contamination::Suspect);
    assert_eq!(Contamination::of(501, 50_000), Contamination::Refused);
}
