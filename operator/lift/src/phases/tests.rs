use super::*;

fn phase(control: (u64, u64), treatment: (u64, u64)) -> Look {
    let arm = |(n, successes)| ArmMoments::proportion(n, successes).unwrap();
    Look {
        control: arm(control),
        treatment: arm(treatment),
    }
}

#[test]
fn no_effect_in_any_phase_is_no_effect_however_the_split_changed() {
    // Ninety to ten on working days at 5 %, ten to ninety at a weekend of 10 %: pooled it would be a lift of two thirds.
    let phases = [
        phase((90_000, 4_500), (10_000, 500)),
        phase((10_000, 1_000), (90_000, 9_000)),
    ];
    let contrast = combine(MetricKind::Proportion, &phases).unwrap().contrast;
    assert!(contrast.difference().value.abs() < 1e-15);
    let pooled = phases[0].control.merged(&phases[1].control).unwrap();
    let other = phases[0].treatment.merged(&phases[1].treatment).unwrap();
    assert!(other.outcome().mean() / pooled.outcome().mean() > 1.6);
}

#[test]
fn one_phase_is_exactly_the_plain_contrast() {
    let only = phase((1000, 100), (1200, 150));
    let combined = combine(MetricKind::Proportion, &[only]).unwrap().contrast;
    assert_eq!(combined, plain(MetricKind::Proportion, &only).unwrap());
}

#[test]
fn phases_weigh_as_many_units_as_they_have() {
    let phases = [phase((500, 50), (500, 100)), phase((1500, 150), (1500, 150))];
    let contrast = combine(MetricKind::Proportion, &phases).unwrap().contrast;
    assert!((contrast.difference().value - 0.025).abs() < 1e-15);
}

#[test]
fn a_phase_that_lacks_an_arm_says_nothing() {
    let complete = phase((500, 50), (500, 100));
    let half = phase((500, 400), (0, 0));
    let combined = combine(MetricKind::Proportion, &[half, complete]).unwrap();
    assert_eq!(
        combined.contrast,
        plain(MetricKind::Proportion, &complete).unwrap()
    );
    assert_eq!(
        combine(MetricKind::Proportion, &[half]).unwrap_err(),
        Reason::ArmEmpty
    );
}
