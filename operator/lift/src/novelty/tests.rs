use super::*;
use crate::{ArmMoments, Method, MetricKind, Moments, Verdict};

fn question(direction: Direction) -> Question {
    Question::new(MetricKind::Mean, direction, Method::Fixed, 0.05)
}

fn week(gain: f64) -> Look {
    let arm = |mean| ArmMoments::new(Moments::from_parts(5_000, mean, 4.0 * 4_999.0).unwrap());
    Look {
        control: arm(10.0),
        treatment: arm(10.0 + gain),
    }
}

#[test]
fn a_lift_that_wears_off_is_judged_by_its_latest_week() {
    for (direction, sign) in [(Direction::Increase, 1.0), (Direction::Decrease, -1.0)] {
        let weeks = [0.9, 0.6, 0.3, 0.0].map(|gain| week(sign * gain));
        let novelty = novelty(&question(direction), &weeks).unwrap();
        let trend = novelty.trend.unwrap();
        assert!(
            trend.falling && trend.p < 1e-6 && (trend.slope + 0.3).abs() < 1e-9,
            "{trend:?}"
        );
        let overall = analyse(
            &question(direction),
            &week(0.0).control,
            &week(sign * 0.45).treatment,
        )
        .unwrap();
        assert_eq!(overall.verdict, Verdict::Lift);
        assert_eq!(novelty.verdict_from(&overall).verdict, Verdict::Unproven);
    }
}

#[test]
fn a_steady_or_growing_lift_keeps_the_overall_verdict() {
    for gains in [[0.5, 0.5, 0.5], [0.1, 0.4, 0.8]] {
        let novelty = novelty(&question(Direction::Increase), &gains.map(week)).unwrap();
        assert!(!novelty.trend.unwrap().falling);
        let overall = analyse(
            &question(Direction::Increase),
            &week(0.0).control,
            &week(0.5).treatment,
        )
        .unwrap();
        assert_eq!(novelty.verdict_from(&overall), &overall);
    }
}

#[test]
fn too_few_weeks_make_no_line() {
    let short = novelty(&question(Direction::Increase), &[week(0.9), week(0.1)]).unwrap();
    assert_eq!((short.trend, short.latest), (None, Some(1)));
    let empty = Look {
        control: ArmMoments::EMPTY,
        treatment: ArmMoments::EMPTY,
    };
    let immature = novelty(&question(Direction::Increase), &[week(0.9), week(0.1), empty]).unwrap();
    assert_eq!((immature.trend, immature.latest), (None, Some(1)));
    assert_eq!(novelty(&question(Direction::Increase), &[]).unwrap().latest, None);
}

#[test]
fn weeks_of_one_phase_are_weeks_without_phases() {
    let question = question(Direction::Increase);
    let weeks = [0.9, 0.6, 0.3].map(week);
    let phases = weeks.map(|week| alloc::vec![week]);
    assert_eq!(
        novelty_of_phases(&question, &phases).unwrap(),
        novelty(&question, &weeks).unwrap()
    );
}

#[test]
fn phases_of_a_week_are_combined_and_not_pooled() {
    // No effect in either phase, but the second has another level and another split: pooled, the arms would differ.
    let arm = |n, mean| ArmMoments::new(Moments::from_parts(n, mean, 4.0 * (n as f64 - 1.0)).unwrap());
    let phases = alloc::vec![
        Look {
            control: arm(9_000, 10.0),
            treatment: arm(1_000, 10.0),
        },
        Look {
            control: arm(5_000, 20.0),
            treatment: arm(5_000, 20.0),
        },
    ];
    let novelty = novelty_of_phases(&question(Direction::Increase), &[phases]).unwrap();
    assert!(novelty.blocks[0].absolute.unwrap().estimate.abs() < 1e-12);
}
