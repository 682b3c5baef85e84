use proptest::prelude::*;

use super::*;
use crate::moments::Moments;

proptest! {
    #[test]
    fn the_interval_excludes_zero_exactly_when_the_e_value_reaches_one_over_alpha(
        alpha in 0.0001..0.9_f64, planned in 1.0..1e7_f64, n in 2.0..1e8_f64, off in -0.5..0.5_f64,
    ) {
        prop_assume!(off.abs() > 1e-6);
        let sequence = ConfidenceSequence::tuned_to(alpha, planned);
        let z = sequence.critical(n) * (1.0 + off);
        let rejected = sequence.log_e(z, n) > -libm::log(alpha);
        prop_assert_eq!(rejected, off > 0.0);
        prop_assert_eq!(p_of_log_e(sequence.log_e(z, n)) < alpha, off > 0.0);
    }

    #[test]
    fn nothing_is_narrower_at_the_planned_units_than_the_tuned_sequence(factor in 0.05..20.0_f64) {
        let at_plan = |tuned: f64| ConfidenceSequence::tuned_to(0.05, tuned).critical(10_000.0);
        prop_assert!(at_plan(10_000.0) <= at_plan(10_000.0 * factor) * (1.0 + 2e-3), "{}", factor);
    }
}

#[test]
fn waits_for_units_and_for_values_other_than_zero() {
    let share = |n, successes| ArmMoments::proportion(n, successes).unwrap();
    assert!(!may_be_looked_at(&share(249, 100)));
    assert!(!may_be_looked_at(&share(1000, 24)));
    assert!(may_be_looked_at(&share(250, 25)));
    // Twenty buyers among a thousand cannot hide behind a large sum of squares.
    let revenue = ArmMoments::new(Moments::from_sums(1000, 20.0 * 50.0, 20.0 * 2500.0).unwrap());
    assert!(!may_be_looked_at(&revenue));
    assert!(may_be_looked_at(&revenue.with_non_zero(25).unwrap()));
}
