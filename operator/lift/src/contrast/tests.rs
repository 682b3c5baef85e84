#![expect(clippy::float_cmp, reason = "these figures are exact")]

use proptest::prelude::*;

use super::*;

#[test]
fn equal_arms_have_the_degrees_of_freedom_of_the_pooled_test() {
    assert!((welch_df(&[(2.0, 11), (2.0, 11)]) - 20.0).abs() < 1e-12);
}

#[test]
fn an_arm_without_variance_adds_no_degrees_of_freedom() {
    assert!((welch_df(&[(0.0, 1000), (2.0, 11)]) - 10.0).abs() < 1e-12);
    assert_eq!(welch_df(&[(0.0, 10), (0.0, 10)]), f64::INFINITY);
}

proptest! {
    #[test]
    fn degrees_of_freedom_lie_between_the_smaller_arm_and_both(
        left in 1e-200_f64..1e200, right in 1e-200_f64..1e200, n in 2_u64..10_000, m in 2_u64..10_000,
    ) {
        let df = welch_df(&[(left, n), (right, m)]);
        prop_assert!(df >= (n.min(m) - 1) as f64 * (1.0 - 1e-9), "{df}");
        prop_assert!(df <= (n + m - 2) as f64 * (1.0 + 1e-9), "{df}");
    }

    #[test]
    fn p_is_below_alpha_exactly_when_the_interval_excludes_zero(
        a in -10.0..10.0_f64, b in -10.0..10.0_f64, va in 0.0..4.0_f64, vb in 0.01..4.0_f64,
        n in 2_u64..1000, m in 2_u64..1000, alpha in 0.001..0.5_f64,
    ) {
        let contrast = Contrast::of(
            &ArmFigure { value: a, variance: va, n },
            &ArmFigure { value: b, variance: vb, n: m },
        );
        let interval = contrast.difference().interval(contrast.critical(alpha));
        let p = contrast.p();
        prop_assume!((p - alpha).abs() > 1e-9);
        prop_assert_eq!(p < alpha, interval.low > 0.0 || interval.high < 0.0);
    }
}
