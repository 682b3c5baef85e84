use super::*;
use crate::ArmMoments;
use crate::difference::proportion;

fn contrast(control: u64, treatment: u64) -> Contrast {
    let arm = |successes| proportion(ArmMoments::proportion(1_000, successes).unwrap().outcome());
    Contrast::of(&arm(control), &arm(treatment))
}

#[test]
fn a_belief_names_its_prior_and_says_that_it_is_not_protected() {
    let prior = Prior::Normal {
        mean: 0.0,
        variance: 0.09,
    };
    let belief = belief_in_lift(&contrast(100, 130), Direction::Increase, prior, 0.05).unwrap();
    assert_eq!(
        belief.to_string(),
        "94.7 % chance to win on a normal prior with mean 0 and variance 0.09; not protected against peeking"
    );
}

#[test]
fn a_decrease_wins_when_the_figure_falls() {
    let of = |direction| belief_in_lift(&contrast(100, 80), direction, Prior::Flat, 0.05).unwrap();
    let (up, down) = (of(Direction::Increase), of(Direction::Decrease));
    assert!((up.chance_to_win + down.chance_to_win - 1.0).abs() < 1e-12);
    assert!(down.chance_to_win > 0.9);
    assert_eq!((up.estimate, up.interval), (down.estimate, down.interval));
    assert_eq!(
        (up.risk_control, up.risk_treatment),
        (down.risk_treatment, down.risk_control)
    );
}

#[test]
fn a_firm_prior_holds_the_estimate_back() {
    let firm = Prior::Normal {
        mean: 0.0,
        variance: 1e-6,
    };
    let belief = belief_in_lift(&contrast(100, 130), Direction::Increase, firm, 0.05).unwrap();
    assert!(belief.estimate.abs() < 1e-3 && belief.interval.high < 0.01);
}

#[test]
fn what_cannot_be_believed_is_refused() {
    let normal = |mean, variance| Prior::Normal { mean, variance };
    let ask = |prior, alpha| belief_in_lift(&contrast(100, 130), Direction::Increase, prior, alpha);
    let out = |field| Err(BayesError::OutOfRange { field });
    assert_eq!(ask(Prior::Flat, 0.0), out("alpha"));
    assert_eq!(ask(Prior::Flat, f64::NAN), out("alpha"));
    assert_eq!(ask(normal(f64::NAN, 1.0), 0.05), out("prior.mean"));
    assert_eq!(ask(normal(0.0, 0.0), 0.05), out("prior.variance"));
    let none = belief_in_lift(&contrast(0, 130), Direction::Increase, Prior::Flat, 0.05);
    assert_eq!(none, Err(BayesError::NoLift));
    assert!(BetaArm::of_counts(3, 4).is_err());
    assert!(BetaArm::new(0.5, 1.0).is_err());
    assert!(BetaArm::new(1.0, f64::NAN).is_err());
}

#[test]
fn equal_arms_are_equally_likely_to_be_best_and_chances_add_up() {
    let arm = |n, successes| BetaArm::of_counts(n, successes).unwrap();
    for equal in [arm(0, 0), arm(10, 0), arm(1_000_000, 500_000)] {
        for chance in chances_to_be_best(&[equal; 4]) {
            assert!((chance - 0.25).abs() < 1e-9, "{equal:?}: {chance}");
        }
    }
    for arms in [
        [arm(10, 1), arm(100_000, 9_000), arm(0, 0)],
        [arm(50, 50), arm(7, 0), arm(3, 2)],
    ] {
        let total: f64 = chances_to_be_best(&arms).iter().sum();
        assert!((total - 1.0).abs() < 1e-8, "{arms:?}: {total}");
    }
    assert!(chances_to_be_best(&[]).is_empty());
}
