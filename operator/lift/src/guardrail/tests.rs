use super::*;

fn latency(direction: Direction, margin: f64) -> Guardrail {
    Guardrail {
        metric: MetricKind::Mean,
        direction,
        margin,
        alpha: 0.05,
        planned_units: 20_000,
        looks: Vec::new(),
    }
}

fn arm(mean: f64) -> ArmMoments {
    let n = 10_000;
    ArmMoments::new(crate::Moments::from_parts(n, mean, 400.0 * 9_999.0).unwrap())
}

#[test]
fn equal_arms_are_safe_only_with_a_margin_that_can_be_shown() {
    for direction in [Direction::Increase, Direction::Decrease] {
        let standing = |margin| {
            guard(&latency(direction, margin), &arm(100.0), &arm(100.0))
                .unwrap()
                .standing
        };
        assert_eq!(standing(0.0), Standing::Open);
        assert_eq!(standing(0.001), Standing::Open);
        assert_eq!(standing(0.02), Standing::Safe);
    }
}

#[test]
fn a_breach_is_on_the_wrong_side_of_the_margin() {
    let worse = guard(&latency(Direction::Decrease, 0.02), &arm(100.0), &arm(105.0)).unwrap();
    assert_eq!(
        (worse.standing, worse.reason),
        (Standing::Breached, Reason::BeyondMargin)
    );
    assert!(worse.distance.unwrap().high < 0.0 && worse.absolute.unwrap().low > 0.0);
    let better = guard(&latency(Direction::Increase, 0.02), &arm(100.0), &arm(105.0)).unwrap();
    assert_eq!(
        (better.standing, better.reason),
        (Standing::Safe, Reason::WithinMargin)
    );
    let tolerated = guard(&latency(Direction::Increase, 0.1), &arm(100.0), &arm(95.0)).unwrap();
    assert_eq!(
        tolerated.standing,
        Standing::Safe,
        "worse, but by less than the margin"
    );
}

#[test]
fn a_guardrail_without_figures_is_open_and_says_why() {
    let few = ArmMoments::new(crate::Moments::from_parts(100, 3.0, 50.0).unwrap());
    let guarded = guard(&latency(Direction::Increase, 0.1), &few, &few).unwrap();
    assert_eq!(
        (guarded.standing, guarded.reason),
        (Standing::Open, Reason::BeforeFirstLook)
    );
    assert_eq!(guarded.distance, None);
    let negative = guard(&latency(Direction::Increase, 0.1), &arm(-100.0), &arm(-100.0)).unwrap();
    assert_eq!(
        (negative.standing, negative.reason),
        (Standing::Open, Reason::ControlNotPositive)
    );
}

#[test]
fn one_phase_is_judged_as_without_phases() {
    let guardrail = latency(Direction::Decrease, 0.02);
    let now = Look {
        control: arm(100.0),
        treatment: arm(110.0),
    };
    let judged = guard_phases(&guardrail, &[now], &[alloc::vec![now]]).unwrap();
    assert_eq!(judged.standing, Standing::Breached);
    assert_eq!(
        guard_phases(&guardrail, &[now], &[]).unwrap(),
        guard(&guardrail, &now.control, &now.treatment).unwrap()
    );
}
