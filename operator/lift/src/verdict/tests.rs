use super::*;

fn verdict(gain: (f64, f64), beyond: Option<(f64, f64)>, ended: bool) -> Verdict {
    let interval = |(low, high)| Interval { low, high };
    decide(&Evidence {
        gain: interval(gain),
        beyond_minimum: beyond.map(interval),
        ended,
    })
    .0
}

#[test]
fn harm_comes_before_everything() {
    assert_eq!(verdict((-2.0, -1.0), Some((-3.0, -2.0)), false), Verdict::Harm);
    assert_eq!(verdict((-2.0, -1.0), Some((1.0, 2.0)), true), Verdict::Harm);
}

#[test]
fn a_small_certain_lift_is_not_worthwhile() {
    assert_eq!(
        verdict((0.5, 1.0), Some((-1.5, -0.5)), false),
        Verdict::NoWorthwhileLift
    );
    assert_eq!(
        verdict((-0.5, 1.0), Some((-1.5, -0.5)), false),
        Verdict::NoWorthwhileLift
    );
}

#[test]
fn a_lift_is_worthwhile_only_beyond_the_minimum() {
    assert_eq!(
        verdict((2.0, 3.0), Some((1.0, 2.0)), false),
        Verdict::WorthwhileLift
    );
    assert_eq!(verdict((0.5, 3.0), Some((-0.5, 2.0)), false), Verdict::Lift);
    assert_eq!(verdict((0.5, 3.0), None, false), Verdict::Lift);
}

#[test]
fn beyond_the_minimum_but_not_above_zero_is_no_lift() {
    assert_eq!(verdict((-0.5, 3.0), Some((0.1, 2.0)), true), Verdict::Unproven);
}

#[test]
fn nothing_shown_is_unproven_only_at_the_end() {
    assert_eq!(
        verdict((-1.0, 1.0), Some((-2.0, 0.5)), false),
        Verdict::Collecting
    );
    assert_eq!(verdict((-1.0, 1.0), Some((-2.0, 0.5)), true), Verdict::Unproven);
    assert_eq!(
        verdict((0.0, 1.0), None, true),
        Verdict::Unproven,
        "a bound on zero proves nothing"
    );
}

#[test]
fn every_invalid_cause_is_its_own_reason() {
    for cause in [
        InvalidCause::SampleRatio,
        InvalidCause::Contamination,
        InvalidCause::Phase,
        InvalidCause::Covariate,
        InvalidCause::Window,
    ] {
        assert_eq!(Reason::from(cause).as_str(), format!("{cause:?}"));
    }
}
