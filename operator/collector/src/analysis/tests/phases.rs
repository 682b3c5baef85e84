//! Changed splits.

use attune_core::measure::PhaseWeights;

use super::*;

fn asked(phase: i32, weights: [i64; 2]) -> Question {
    let mut asked = question(metric(MetricKind::Proportion));
    asked.phase = phase;
    for (arm, weight) in asked.arms.iter_mut().zip(weights) {
        arm.weight = weight;
    }
    asked
}

/// `units` of an arm in a phase, of which so many of ten buy.
fn expose(shop: &mut Shop, (phase, arm): (i32, &str), units: i64, tenths: i64, seconds: i64) {
    for i in 0..units {
        let unit = format!("p{phase}-{arm}-{i}");
        shop.show_in(phase, &unit, arm, seconds);
        if i % 10 < tenths {
            shop.buy(&unit, None, seconds);
        }
    }
}

/// No effect in either phase; the second has another split and another level. Pooled, the reminder would buy 69 % more.
fn simpson() -> Shop {
    let mut shop = Shop::new();
    expose(&mut shop, (1, "control"), 9_000, 1, 0);
    expose(&mut shop, (1, "reminder"), 1_000, 1, 0);
    expose(&mut shop, (2, "control"), 5_000, 4, 10 * DAY);
    expose(&mut shop, (2, "reminder"), 5_000, 4, 10 * DAY);
    shop
}

#[test]
fn phases_are_combined_and_never_pooled() {
    let mut asked = asked(2, [50, 50]);
    asked.earlier = vec![PhaseWeights {
        phase: 1,
        weights: vec![90, 10],
    }];
    let answer = simpson().answer(&asked, 20 * DAY);
    let result = &answer.results[0];
    assert!(result.absolute.unwrap().estimate.abs() < 1e-12, "{result:?}");
    assert_eq!((result.n, result.verdict()), (20_000, Some(Verdict::Unproven)));
    // 10,000 units each: both means are the middle of the levels.
    close(result.control.outcome.mean, 0.25);
    close(result.treatment.outcome.mean, 0.25);
    assert_eq!(
        (result.phases.len(), result.phases[0].control.outcome.n),
        (2, 9_000)
    );
    assert_eq!(
        (
            answer.phases[0].exposed.as_slice(),
            answer.phases[0].weights.as_slice()
        ),
        (&[9_000, 1_000][..], &[90, 10][..])
    );
}

#[test]
fn every_phase_is_checked_against_its_own_weights() {
    let mut asked = asked(2, [50, 50]);
    let unknown = simpson().answer(&asked, 20 * DAY);
    assert_eq!(
        unknown.phases[0].sample_ratio, None,
        "nobody knows the weights of phase 1"
    );
    assert!(!unknown.sample_ratio.unwrap().blocked);
    asked.earlier = vec![PhaseWeights {
        phase: 1,
        weights: vec![50, 50],
    }];
    let broken = simpson().answer(&asked, 20 * DAY);
    assert!(broken.phases[0].sample_ratio.as_ref().unwrap().blocked);
    assert!(!broken.phases[1].sample_ratio.as_ref().unwrap().blocked);
    assert!(broken.sample_ratio.unwrap().blocked);
    assert_eq!(broken.results[0].reason.as_str(), "SampleRatio");
}

#[test]
fn the_weights_of_earlier_phases_are_remembered() {
    let shop = simpson();
    let mut first = asked(1, [90, 10]);
    first.registration = "r".into();
    shop.answer(&first, 5 * DAY);
    let mut second = asked(2, [50, 50]);
    second.registration = "r".into();
    let answer = answer(&shop.store, &second, after(20 * DAY)).unwrap();
    assert_eq!(answer.phases[0].weights, [90, 10]);
    assert!(!answer.phases[0].sample_ratio.as_ref().unwrap().blocked);
    assert_eq!(answer.results[0].verdict(), Some(Verdict::Unproven));
}

#[test]
fn later_phases_do_not_count_yet_and_one_phase_is_as_before() {
    let shop = simpson();
    let one = shop.answer(&asked(1, [90, 10]), 20 * DAY);
    assert_eq!((one.phases.len(), one.results[0].n), (1, 10_000));
    assert!(one.results[0].phases.is_empty());
}

#[test]
fn earlier_looks_of_a_sequential_design_keep_their_phases() {
    let mut asked = asked(2, [50, 50]);
    asked.method = measure::Method::Continuous;
    asked.planned_units = Some(20_000);
    let shop = simpson();
    let first = shop.answer(&asked, 5 * DAY).results.remove(0);
    assert_eq!(first.n, 10_000);
    let both = shop.answer(&asked, 20 * DAY).results.remove(0);
    let (first, both_figures) = (first.absolute.unwrap(), both.absolute.unwrap());
    assert!(
        both_figures.low >= first.low && both_figures.high <= first.high,
        "the sequence only narrows"
    );
    assert!(both_figures.e.is_some());
}

#[test]
fn a_guardrail_is_judged_over_all_phases() {
    let mut asked = asked(2, [50, 50]);
    asked.metrics[0].role = MetricRole::Guardrail { margin_bp: 100 };
    asked.planned_units = Some(20_000);
    let mut shop = simpson();
    expose(&mut shop, (2, "control"), 9_000, 8, 10 * DAY + 1);
    let result = shop.answer(&asked, 20 * DAY).results.remove(0);
    assert_eq!(result.phases.len(), 2);
    assert!(result.absolute.is_none(), "the split of phase 2 is broken");
    let result = simpson().answer(&asked, 20 * DAY).results.remove(0);
    assert_eq!((result.n, result.phases.len()), (20_000, 2));
    assert!(result.absolute.unwrap().estimate.abs() < 1e-12);
}

#[test]
fn refuses_more_phases_than_any_experiment_has() {
    let mut shop = Shop::new();
    for phase in 1..=101 {
        shop.show_in(phase, "u1", "control", 0);
    }
    shop.store.append_blocking(shop.events.clone(), start()).unwrap();
    let error = answer(&shop.store, &asked(200, [50, 50]), after(DAY)).unwrap_err();
    assert!(error.to_string().contains("name 101 phases"), "{error}");
}
