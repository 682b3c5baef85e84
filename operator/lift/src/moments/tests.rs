#![expect(clippy::float_cmp, reason = "these figures are exact")]

use proptest::prelude::*;

use super::*;

fn close(got: f64, want: f64, scale: f64) -> bool {
    (got - want).abs() <= 1e-9 * (scale.abs() + want.abs())
}

fn arm_of(units: &[(f64, f64, f64)]) -> ArmMoments {
    let mut arm = ArmMoments::EMPTY;
    for &(outcome, covariate, denominator) in units {
        arm.push_unit(outcome, Some(covariate), Some(denominator))
            .unwrap();
    }
    arm
}

fn same(left: &ArmMoments, right: &ArmMoments) -> bool {
    let second = |left: Option<&Companion>, right: Option<&Companion>| match (left, right) {
        (Some(l), Some(r)) => {
            close(l.mean(), r.mean(), 1e3) && close(l.m2(), r.m2(), 1e6) && close(l.co(), r.co(), 1e6)
        }
        (left, right) => left.is_none() && right.is_none(),
    };
    left.n() == right.n()
        && close(left.outcome().mean(), right.outcome().mean(), 1e3)
        && close(left.outcome().m2(), right.outcome().m2(), 1e6)
        && second(left.covariate(), right.covariate())
        && second(left.denominator(), right.denominator())
        && left.non_zero == right.non_zero
}

fn unit() -> impl Strategy<Value = (f64, f64, f64)> {
    (-1e3..1e3, -1e3..1e3, 0.0..1e3)
}

proptest! {
    #[test]
    fn merging_any_split_gives_the_moments_of_the_whole(
        units in prop::collection::vec(unit(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let at = cut.index(units.len() + 1);
        let (left, right) = units.split_at(at);
        let merged = arm_of(left).merged(&arm_of(right)).unwrap();
        prop_assert!(same(&merged, &arm_of(&units)), "{merged:?}");
        let swapped = arm_of(right).merged(&arm_of(left)).unwrap();
        prop_assert!(same(&merged, &swapped), "{swapped:?}");
    }

    #[test]
    fn sums_and_units_give_the_same_moments(units in prop::collection::vec(unit(), 2..60)) {
        let sum = |f: fn(&(f64, f64, f64)) -> f64| units.iter().map(f).sum::<f64>();
        let sums = Sums {
            n: units.len() as u64,
            sum: sum(|u| u.0),
            sum_squares: sum(|u| u.0 * u.0),
            covariate: Some(CompanionSums {
                sum: sum(|u| u.1),
                sum_squares: sum(|u| u.1 * u.1),
                cross_sum: sum(|u| u.0 * u.1),
            }),
            denominator: Some(CompanionSums {
                sum: sum(|u| u.2),
                sum_squares: sum(|u| u.2 * u.2),
                cross_sum: sum(|u| u.0 * u.2),
            }),
            non_zero: Some(units.iter().filter(|u| u.0 != 0.0).count() as u64),
        };
        let from_sums = ArmMoments::from_sums(&sums).unwrap();
        prop_assert!(same(&from_sums, &arm_of(&units)), "{from_sums:?}");
    }

    #[test]
    fn counted_values_are_never_fewer_than_the_bound(
        zeros in 0_u64..50,
        values in prop::collection::vec(0.01..1e3_f64, 0..50),
    ) {
        let mut arm = ArmMoments::new(Moments::EMPTY);
        for value in values.iter().copied().chain((0..zeros).map(|_| 0.0)) {
            arm.push(value).unwrap();
        }
        let uncounted = ArmMoments { non_zero: None, ..arm };
        prop_assert!(uncounted.non_zero_at_least() <= arm.non_zero_at_least() + 1e-9);
        prop_assert_eq!(arm.non_zero_at_least(), values.len() as f64);
    }

    #[test]
    fn no_sums_panic_or_give_a_number_that_is_none(
        n in any::<u64>(),
        sum in any::<f64>(),
        squares in any::<f64>(),
        cross in any::<f64>(),
    ) {
        let companion = Some(CompanionSums { sum: squares, sum_squares: cross, cross_sum: sum });
        let sums = Sums { n, sum, sum_squares: squares, covariate: companion, denominator: None, non_zero: None };
        if let Ok(arm) = ArmMoments::from_sums(&sums) {
            prop_assert!(arm.outcome().mean().is_finite() && arm.outcome().m2().is_finite());
            prop_assert!(arm.outcome().m2() >= 0.0);
            prop_assert!(arm.covariate().unwrap().co().is_finite());
        }
    }
}

#[test]
fn a_large_mean_does_not_swallow_the_spread() {
    let mut arm = Moments::EMPTY;
    for value in [1e9, 1e9 + 1.0, 1e9 + 2.0] {
        arm.push(value).unwrap();
    }
    assert_eq!(arm.variance(), 1.0);
}

#[test]
fn a_constant_has_no_variance_whatever_the_sums_round_to() {
    for n in [2_u64, 3, 10, 1000, 999_983] {
        let sum = (0..n).map(|_| 0.1).sum::<f64>();
        let squares = (0..n).map(|_| 0.1 * 0.1).sum::<f64>();
        let moments = Moments::from_sums(n, sum, squares).unwrap();
        assert!(moments.variance() <= 1e-12, "{n}: {}", moments.variance());
    }
    assert_eq!(Moments::from_sums(1000, 100.0, 10.0).unwrap().variance(), 0.0);
}

#[test]
fn refuses_what_no_units_have() {
    let sums = |n, sum, sum_squares| Moments::from_sums(n, sum, sum_squares).unwrap_err();
    assert_eq!(sums(10, f64::NAN, 1.0), MomentsError::NotFinite { field: "sum" });
    assert_eq!(
        sums(10, 1.0, f64::INFINITY),
        MomentsError::NotFinite { field: "sum_squares" }
    );
    assert_eq!(
        sums(10, 1.0, -1.0),
        MomentsError::Negative { field: "sum_squares" }
    );
    assert_eq!(sums(0, 1.0, 1.0), MomentsError::SumWithoutUnits { field: "sum" });
    assert_eq!(
        sums(10, 10.0, 9.0),
        MomentsError::SquaresTooSmall {
            squares: "sum_squares",
            sum: "sum"
        }
    );
    assert_eq!(
        sums(u64::MAX, 1.0, 1.0),
        MomentsError::TooManyUnits { n: u64::MAX }
    );
    assert_eq!(
        ArmMoments::proportion(3, 4).unwrap_err(),
        MomentsError::MoreThanUnits {
            field: "successes",
            count: 4,
            n: 3
        }
    );
    let covariate = Some(CompanionSums {
        sum: 0.0,
        sum_squares: 10.0,
        cross_sum: 11.0,
    });
    let arm = ArmMoments::from_sums(&Sums {
        n: 10,
        sum_squares: 10.0,
        covariate,
        ..Sums::default()
    });
    assert_eq!(
        arm.unwrap_err(),
        MomentsError::CrossTooLarge {
            field: "covariate.cross_sum"
        }
    );
}

#[test]
fn a_refused_unit_leaves_the_arm_as_it_was() {
    let mut arm = arm_of(&[(1.0, 2.0, 3.0)]);
    let before = arm;
    assert!(arm.push_unit(f64::NAN, Some(1.0), Some(1.0)).is_err());
    assert!(arm.push_unit(1.0, Some(f64::INFINITY), Some(1.0)).is_err());
    assert_eq!(
        arm.push(1.0),
        Err(MomentsError::OnlyOnOneSide { field: "covariate" })
    );
    assert_eq!(arm, before);
}

#[test]
fn tells_shares_from_other_means() {
    assert!(ArmMoments::proportion(10_000, 46).unwrap().is_binary());
    assert!(ArmMoments::proportion(10, 0).unwrap().is_binary());
    assert!(ArmMoments::proportion(10, 10).unwrap().is_binary());
    let sums = |n, sum, squares| ArmMoments::new(Moments::from_sums(n, sum, squares).unwrap());
    assert!(sums(1000, 100.0, 100.0).is_binary());
    assert!(!sums(1000, 100.0, 150.0).is_binary(), "some counted twice");
    assert!(!sums(1000, 100.5, 100.5).is_binary(), "half a success");
    assert!(!sums(10, 20.0, 40.0).is_binary(), "more than one a unit");
}

#[test]
fn messages_name_the_field_and_what_is_wrong() {
    let error = Moments::from_sums(10, 10.0, 9.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sum_squares` is smaller than `sum` squared over `n`: no units have such sums"
    );
}
