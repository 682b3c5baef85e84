use proptest::prelude::*;

use super::*;

fn contrast(base: f64, top: f64, base_variance: f64, top_variance: f64, correlation: f64) -> Contrast {
    let covariance = correlation * libm::sqrt(base_variance) * libm::sqrt(top_variance);
    Contrast {
        base,
        top,
        base_variance,
        top_variance,
        covariance,
        df: f64::INFINITY,
    }
}

proptest! {
    #[test]
    fn never_contradicts_the_absolute_test(
        base in 1e-6..10.0_f64, top in -10.0..10.0_f64,
        va in 0.0..4.0_f64, vb in 1e-9..4.0_f64, correlation in -0.99..0.99_f64, critical in 0.5..6.0_f64,
    ) {
        let contrast = contrast(base, top, va, vb, correlation);
        let absolute = contrast.difference().interval(critical);
        prop_assume!(absolute.low.abs() > 1e-9 && absolute.high.abs() > 1e-9);
        if let Ok(lift) = relative_lift(&contrast, critical) {
            prop_assert_eq!(lift.interval.low > 0.0, absolute.low > 0.0);
            prop_assert_eq!(lift.interval.high < 0.0, absolute.high < 0.0);
            prop_assert!(lift.interval.low <= lift.estimate && lift.estimate <= lift.interval.high);
        }
    }

    #[test]
    fn bounds_are_where_the_contrast_is_just_rejected(
        base in 1.0..10.0_f64, top in -10.0..10.0_f64,
        va in 1e-6..0.05_f64, vb in 1e-6..0.05_f64, correlation in -0.9..0.9_f64, critical in 0.5..4.0_f64,
    ) {
        let contrast = contrast(base, top, va, vb, correlation);
        let lift = relative_lift(&contrast, critical).unwrap();
        for bound in [lift.interval.low, lift.interval.high] {
            let z = contrast.against(1.0 + bound).z().abs();
            prop_assert!((z - critical).abs() < 1e-6, "{} at {}", z, bound);
        }
    }
}

#[test]
fn refuses_a_percentage_of_what_may_be_nothing() {
    let refused = |base, va| relative_lift(&contrast(base, 1.0, va, 0.1, 0.0), 2.0).unwrap_err();
    assert_eq!(refused(0.0, 0.0), NoPercentage::ControlNotPositive);
    assert_eq!(refused(-1.0, 0.01), NoPercentage::ControlNotPositive);
    assert_eq!(refused(1.0, 0.25), NoPercentage::ControlNearZero, "A = 0");
    assert_eq!(refused(1.0, 0.3), NoPercentage::ControlNearZero, "A < 0");
    assert_eq!(
        refused(f64::MIN_POSITIVE, 0.0),
        NoPercentage::BeyondNumbers,
        "the quotient overflows"
    );
}

#[test]
fn a_treatment_of_nothing_is_a_loss_of_everything() {
    let lift = relative_lift(&contrast(1.0, 0.0, 0.01, 0.0, 0.0), 2.0).unwrap();
    assert_eq!(
        (lift.estimate, lift.interval.low, lift.interval.high),
        (-1.0, -1.0, -1.0)
    );
}
