use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn adjusted_values_keep_the_order_and_never_get_smaller(p in prop::collection::vec(0.0..=1.0_f64, 0..20)) {
        for adjusted in [holm(&p), benjamini_hochberg(&p)] {
            prop_assert_eq!(adjusted.len(), p.len());
            for (left, adjusted_left) in p.iter().zip(&adjusted) {
                prop_assert!(adjusted_left >= left && *adjusted_left <= 1.0);
                for (right, adjusted_right) in p.iter().zip(&adjusted) {
                    prop_assert!(left > right || adjusted_left <= adjusted_right);
                }
            }
        }
        for (strict, lax) in holm(&p).iter().zip(benjamini_hochberg(&p)) {
            prop_assert!(*strict >= lax);
        }
    }

    #[test]
    fn e_values_are_rejected_as_their_inverse_p_values_are(e in prop::collection::vec(0.01..1e4_f64, 1..20)) {
        let p: Vec<f64> = e.iter().map(|e| 1.0 / e.max(1.0)).collect();
        let by_p: Vec<bool> = benjamini_hochberg(&p).iter().map(|p| *p <= 0.05 * (1.0 + 1e-12)).collect();
        prop_assert_eq!(e_benjamini_hochberg(&e, 0.05), by_p);
    }
}

#[test]
fn one_comparison_is_not_adjusted() {
    assert_eq!(holm(&[0.03]), [0.03]);
    assert_eq!(benjamini_hochberg(&[0.03]), [0.03]);
    assert_eq!(e_benjamini_hochberg(&[20.0], 0.05), [true]);
    assert_eq!(e_benjamini_hochberg(&[19.9], 0.05), [false]);
}

#[test]
fn what_is_not_a_number_is_no_evidence() {
    assert_eq!(holm(&[f64::NAN, 0.01]), [1.0, 0.02]);
    assert_eq!(benjamini_hochberg(&[f64::NAN, 0.01]), [1.0, 0.02]);
    assert_eq!(e_benjamini_hochberg(&[f64::NAN, 100.0], 0.05), [false, true]);
    assert_eq!(e_benjamini_hochberg(&[], 0.05), Vec::<bool>::new());
}
