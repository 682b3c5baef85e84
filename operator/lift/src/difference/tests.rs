use proptest::prelude::*;

use super::*;

fn pair(na: u64, xa: u64, nb: u64, xb: u64) -> Contrast {
    let arm = |n, x| proportion(ArmMoments::proportion(n, x).unwrap().outcome());
    Contrast::of(&arm(na, xa), &arm(nb, xb))
}

fn newcombe(na: u64, xa: u64, nb: u64, xb: u64, critical: f64) -> Bounds {
    Bounds::newcombe(pair(na, xa, nb, xb), critical, na, nb)
}

#[test]
fn newcombe_gives_the_published_interval() {
    // Newcombe 1998, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10 and 10/10 - 0/20.
    let z = 1.959_963_984_540_054;
    for (xb, nb, xa, na, low, high) in [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (10, 10, 0, 20, 0.6791, 1.0),
    ] {
        let interval = newcombe(na, xa, nb, xb, z).against(1.0);
        assert!((interval.low - low).abs() < 6e-5, "{xb}/{nb}: {interval:?}");
        assert!((interval.high - high).abs() < 6e-5, "{xb}/{nb}: {interval:?}");
    }
}

#[test]
fn a_small_cell_is_one_of_successes_or_of_failures() {
    let small = |n, x| has_small_cell(&ArmMoments::proportion(n, x).unwrap());
    assert!(small(1000, 29) && small(1000, 971));
    assert!(!small(1000, 30) && !small(1000, 970));
}

proptest! {
    #[test]
    fn absolute_and_relative_agree_in_small_cells_too(
        na in 2_u64..400, nb in 2_u64..400, share_a in 0..=1000_u64, share_b in 0..=1000_u64,
        critical in 0.5..5.0_f64,
    ) {
        let (xa, xb) = (na * share_a / 1000, nb * share_b / 1000);
        let bounds = newcombe(na, xa, nb, xb, critical);
        let absolute = bounds.against(1.0);
        prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&absolute.low), "{:?}", absolute);
        prop_assume!(absolute.low.abs() > 1e-9 && absolute.high.abs() > 1e-9);
        if let Ok(lift) = bounds.relative() {
            prop_assert_eq!(lift.interval.low > 0.0, absolute.low > 0.0, "{:?} {:?}", lift, absolute);
            prop_assert_eq!(lift.interval.high < 0.0, absolute.high < 0.0, "{:?} {:?}", lift, absolute);
            prop_assert!(lift.interval.low >= -1.0 && lift.interval.high.is_finite());
        }
    }

    #[test]
    fn relative_bounds_are_where_the_shifted_difference_touches_zero(
        na in 50_u64..400, nb in 50_u64..400, xa in 10_u64..30, xb in 1_u64..30,
    ) {
        let bounds = newcombe(na, xa, nb, xb, 1.96);
        let lift = bounds.relative().unwrap();
        prop_assert!(bounds.against(1.0 + lift.interval.low).low.abs() < 1e-9);
        prop_assert!(bounds.against(1.0 + lift.interval.high).high.abs() < 1e-9);
    }

    #[test]
    fn newcombe_becomes_welch_in_large_samples(share in 300..700_u64, other in 300..700_u64) {
        let n = 4_000_000;
        let successes = |permille: u64| n * permille / 1000;
        let contrast = pair(n, successes(share), n, successes(other));
        let (normal, score) = (Bounds::normal(contrast, 1.96), Bounds::newcombe(contrast, 1.96, n, n));
        prop_assert!((normal.against(1.0).low - score.against(1.0).low).abs() < 1e-6);
        let (normal, score) = (normal.relative().unwrap(), score.relative().unwrap());
        prop_assert!((normal.interval.high - score.interval.high).abs() < 1e-5);
    }
}
