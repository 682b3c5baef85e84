use super::*;
use crate::moments::{CompanionSums, Sums};

fn arm(units: &[(f64, f64)]) -> ArmMoments {
    let mut arm = ArmMoments::EMPTY;
    for &(m, d) in units {
        arm.push_unit(m, None, Some(d)).unwrap();
    }
    arm
}

#[test]
fn a_constant_denominator_makes_it_a_mean() {
    let ratio = ratio(&arm(&[(1.0, 2.0), (3.0, 2.0), (5.0, 2.0), (7.0, 2.0)])).unwrap();
    let mean = crate::difference::mean(arm(&[(1.0, 2.0), (3.0, 2.0), (5.0, 2.0), (7.0, 2.0)]).outcome());
    assert!((ratio.value - mean.value / 2.0).abs() < 1e-15);
    assert!((ratio.variance - mean.variance / 4.0).abs() < 1e-15);
}

#[test]
fn units_that_all_have_the_same_ratio_leave_no_variance() {
    let ratio = ratio(&arm(&[(1.0, 2.0), (2.0, 4.0), (5.0, 10.0)])).unwrap();
    assert_eq!((ratio.value, ratio.n), (0.5, 3));
    assert!(ratio.variance < 1e-30);
}

#[test]
fn there_is_no_ratio_to_nothing() {
    assert_eq!(ratio(&arm(&[(0.0, 0.0), (0.0, 0.0)])), None);
    assert_eq!(ratio(&arm(&[(1.0, 1.0)])), None, "one unit has no spread");
    let negative = CompanionSums {
        sum: -4.0,
        sum_squares: 9.0,
        cross_sum: 0.0,
    };
    let negative = ArmMoments::from_sums(&Sums {
        n: 3,
        denominator: Some(negative),
        ..Sums::default()
    });
    assert_eq!(ratio(&negative.unwrap()), None);
}
