use super::*;

#[test]
fn an_even_split_that_is_even_is_healthy() {
    let health = Split::new(&[1.0, 1.0])
        .unwrap()
        .check(&[vec![5_021, 4_979]])
        .unwrap();
    assert!(!health.blocked && health.p > 0.9, "{health:?}");
}

#[test]
fn a_loss_in_one_arm_blocks_and_stays_blocked() {
    let split = Split::new(&[50.0, 50.0]).unwrap();
    let broken = split.check(&[vec![50_000, 48_000]]).unwrap();
    assert!(broken.blocked && broken.p < 1e-5, "{broken:?}");
    let healed = split
        .check(&[vec![50_000, 48_000], vec![1_000_000, 1_000_000]])
        .unwrap();
    assert!(healed.blocked && healed.log_e < 0.0, "{healed:?}");
}

#[test]
fn evidence_multiplies_as_units_arrive_in_any_batches() {
    // The e-value is that of a probability: averaged over what the split promises, it is one.
    let split = Split::new(&[0.3, 0.7]).unwrap();
    let binomial = |k: f64| {
        let ways = libm::lgamma(13.0) - libm::lgamma(k + 1.0) - libm::lgamma(13.0 - k);
        libm::exp(ways + k * libm::log(0.3) + (12.0 - k) * libm::log(0.7))
    };
    let average: f64 = (0..=12_u32)
        .map(|k| binomial(f64::from(k)) * libm::exp(split.log_e(&[k.into(), (12 - k).into()]).unwrap()))
        .sum();
    assert!((average - 1.0).abs() < 1e-12, "{average}");
}

#[test]
fn an_arm_of_weight_zero_may_have_nobody() {
    let split = Split::new(&[1.0, 1.0, 0.0]).unwrap();
    let error = split.check(&[vec![500, 500, 1]]).unwrap_err();
    assert_eq!(error, SplitError::ZeroWeightArm { arm: 2, units: 1 });
    assert!(!split.check(&[vec![500, 500, 0]]).unwrap().blocked);
}

#[test]
fn refuses_splits_that_are_none() {
    for weights in [
        &[][..],
        &[0.0, 0.0],
        &[1.0, -1.0],
        &[1.0, f64::NAN],
        &[1.0, f64::INFINITY],
    ] {
        assert_eq!(Split::new(weights), Err(SplitError::Weights), "{weights:?}");
    }
    let split = Split::new(&[1.0, 1.0]).unwrap();
    assert_eq!(
        split.log_e(&[1, 2, 3]),
        Err(SplitError::Counts { arms: 2, counts: 3 })
    );
    assert_eq!(split.chi_square(&[0, 0]), Ok((0.0, 1.0)));
}
