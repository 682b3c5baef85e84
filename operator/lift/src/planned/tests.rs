use proptest::prelude::*;

use super::*;

#[test]
fn five_equal_looks_have_the_published_boundaries() {
    // ldbounds and gsDesign, sfLDOF, alpha = 0.05 two-sided.
    let values = critical_values(0.05, &[0.2, 0.4, 0.6, 0.8, 1.0]);
    for (value, published) in values.iter().zip([4.8769, 3.3569, 2.6803, 2.2898, 2.0310]) {
        assert!((value - published).abs() < 2e-4, "{value} {published}");
    }
}

#[test]
fn one_look_at_the_end_is_the_fixed_test() {
    let values = critical_values(0.05, &[1.0]);
    assert!((values[0] + normal_quantile(0.025)).abs() < 1e-12);
    assert!((repeated_p(1.7, &[1.0]) - 2.0 * normal_tail(1.7)).abs() < 1e-9);
}

#[test]
fn very_early_and_very_dense_looks_still_end() {
    let early: Vec<f64> = (1..=20).map(|look| f64::from(look) * 1e-3).chain([1.0]).collect();
    let values = critical_values(0.05, &early);
    assert!(
        values
            .iter()
            .all(|value| value.is_finite() && *value <= MOST_CRITICAL),
        "{values:?}"
    );
    assert!((values[20] - 1.96).abs() < 0.01, "{values:?}");
    let dense: Vec<f64> = (1..=1000).map(|look| f64::from(look) * 1e-3).collect();
    let values = critical_values(0.05, &dense);
    assert!(values[999] > 2.0 && values[999] < 2.3, "{}", values[999]);
}

#[test]
fn looks_that_do_not_rise_are_bounded_work() {
    let nonsense = [
        0.5,
        0.5,
        0.2,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        1e300,
        0.0,
    ];
    for value in critical_values(0.05, &nonsense) {
        assert!(value.is_finite() && value > 0.0, "{value}");
    }
    assert!((0.0..=1.0).contains(&repeated_p(2.0, &nonsense)));
    assert!(critical_values(0.05, &[]).is_empty());
}

#[test]
fn more_information_than_planned_is_not_punished_twice() {
    let values = critical_values(0.05, &[0.5, 1.2]);
    assert!(values[1] > 1.95 && values[1] < 2.0, "{values:?}");
}

fn looks() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.02..0.3_f64, 1..12).prop_map(|steps| {
        let mut time = 0.0;
        let mut looks: Vec<f64> = steps
            .iter()
            .map(|step| {
                time += step;
                time
            })
            .collect();
        looks.retain(|time| *time < 0.99);
        looks.push(1.0);
        looks
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_level_is_spent_as_promised(looks in looks(), alpha in 0.001..0.3_f64) {
        // Upwards half of it under no effect, and all of the power under a large one.
        prop_assert!((power(alpha, &looks, 0.0) - 0.5 * alpha).abs() < 1e-9, "{}", power(alpha, &looks, 0.0));
        prop_assert!(power(alpha, &looks, 12.0) > 0.999_999);
        prop_assert!(power(alpha, &looks, 12.0) < 1.0 + 1e-9);
    }

    #[test]
    fn p_is_below_alpha_exactly_beyond_the_boundary(
        looks in looks(), alpha in 0.0001..0.5_f64, off in -0.3..0.3_f64, at in any::<prop::sample::Index>(),
    ) {
        prop_assume!(off.abs() > 1e-5);
        let seen = &looks[..=at.index(looks.len())];
        let critical = *critical_values(alpha, seen).last().unwrap();
        prop_assume!(critical < 30.0);
        let p = repeated_p(critical * (1.0 + off), seen);
        prop_assert_eq!(p < alpha, off > 0.0, "p {} alpha {} critical {}", p, alpha, critical);
    }
}
