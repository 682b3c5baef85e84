use super::*;

#[test]
fn a_policy_evaluated_on_its_own_log_is_the_mean() {
    let mut log = OffPolicy::default();
    for unit in 0..200_u32 {
        log.push(f64::from(unit % 4), 0.25, 0.25).unwrap();
    }
    let estimate = log.estimate().unwrap();
    assert!((estimate.value - 1.5).abs() < 1e-12);
    assert!((estimate.variance - 1.25 / 200.0).abs() < 1e-12);
    assert!((log.effective_units() - 200.0).abs() < 1e-9);
}

#[test]
fn policies_with_little_in_common_give_no_estimate() {
    let mut log = OffPolicy::default();
    assert_eq!((log.plain(), log.unguarded()), (None, None));
    for unit in 0..1000_u32 {
        let common = unit % 20 == 0;
        log.push(1.0, 0.5, if common { 1.0 } else { 0.0 }).unwrap();
    }
    assert!((log.effective_units() - 50.0).abs() < 1e-9);
    assert!(matches!(
        log.estimate(),
        Err(OffPolicyError::TooFewEffective { .. })
    ));
}

#[test]
fn refuses_decisions_that_cannot_have_been_logged() {
    let mut log = OffPolicy::default();
    for (reward, logged, target) in [
        (f64::NAN, 0.5, 0.5),
        (1.0, 0.0, 0.5),
        (1.0, 1.1, 0.5),
        (1.0, f64::NAN, 0.5),
        (1.0, 0.5, -0.1),
        (1.0, 0.5, f64::NAN),
        (1.0, 1e-300, 1.0),
    ] {
        assert!(
            log.push(reward, logged, target).is_err(),
            "{reward} {logged} {target}"
        );
    }
    assert_eq!(log, OffPolicy::default());
}
