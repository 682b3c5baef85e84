use super::*;
use crate::fieller::relative_lift;

/// Units with an outcome that follows the covariate, with a little wave on top.
fn arm(n: u32, slope: f64, shift: f64, imbalance: f64) -> ArmMoments {
    let mut arm = ArmMoments::EMPTY;
    for unit in 0..n {
        let x = f64::from(unit % 17) + imbalance;
        let wave = f64::from((unit * 7) % 11);
        arm.push_unit(20.0 + slope * x + wave + shift, Some(x), None)
            .unwrap();
    }
    arm
}

#[test]
fn what_is_kept_of_the_variance_is_what_the_correlation_leaves() {
    let (control, treatment) = (arm(3740, 1.0, 0.0, 0.0), arm(3740, 1.0, 0.0, 0.0));
    let adjusted = adjusted(Denominator::UnitsLessOne, &control, &treatment).unwrap();
    let expected = 1.0 - adjusted.correlation * adjusted.correlation;
    assert!(
        (adjusted.variance_kept / expected - 1.0).abs() < 1e-9,
        "{adjusted:?}"
    );
    assert!(adjusted.variance_kept < 0.4);
}

#[test]
fn the_relative_interval_agrees_with_the_adjusted_difference() {
    for shift in [-1.0, -0.2, -0.1, 0.0, 0.1, 0.2, 1.0] {
        let adjusted = adjusted(
            Denominator::UnitsLessOne,
            &arm(900, 1.0, 0.0, 0.0),
            &arm(1100, 1.0, shift, 0.0),
        );
        let contrast = adjusted.unwrap().contrast;
        let absolute = contrast.difference().interval(1.96);
        let relative = relative_lift(&contrast, 1.96).unwrap().interval;
        assert_eq!(
            (relative.low > 0.0, relative.high < 0.0),
            (absolute.low > 0.0, absolute.high < 0.0),
            "{shift}"
        );
    }
}

#[test]
fn fiellers_interval_is_near_the_delta_methods_when_the_control_is_sure() {
    let contrast = adjusted(
        Denominator::UnitsLessOne,
        &arm(9000, 1.0, 0.0, 0.0),
        &arm(9000, 1.0, 0.5, 0.0),
    );
    let contrast = contrast.unwrap().contrast;
    let relative = relative_lift(&contrast, 1.96).unwrap();
    let delta = 1.96 * contrast.against(1.0 + relative.estimate).standard_error() / contrast.base;
    let gap = relative.interval.high - relative.estimate - delta;
    assert!(gap.abs() < 5e-3 * delta, "{gap} of {delta}");
}

#[test]
fn a_covariate_that_says_nothing_or_too_much_is_not_used() {
    let adjust = |control: &ArmMoments, treatment: &ArmMoments| {
        adjusted(Denominator::UnitsLessOne, control, treatment).unwrap_err()
    };
    assert_eq!(
        adjust(&arm(3740, 0.0, 0.0, 0.0), &arm(3740, 0.0, 0.0, 0.0)),
        NoAdjustment::WeakCorrelation
    );
    assert_eq!(
        adjust(&arm(3740, 1.0, 0.0, 0.0), &arm(3740, 1.0, 0.0, 1.0)),
        NoAdjustment::Imbalanced
    );
    let mut bare = ArmMoments::EMPTY;
    bare.push(1.0).unwrap();
    assert_eq!(adjust(&bare, &bare), NoAdjustment::NoCovariate);
    assert_eq!(adjust(&bare, &arm(10, 1.0, 0.0, 0.0)), NoAdjustment::NoCovariate);
    let mut constant = ArmMoments::EMPTY;
    for _ in 0..10 {
        constant.push_unit(1.0, Some(1.0), None).unwrap();
    }
    assert_eq!(adjust(&constant, &constant), NoAdjustment::WeakCorrelation);
}
