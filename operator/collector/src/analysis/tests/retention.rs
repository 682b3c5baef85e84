//! What was dropped is said to be missing.

use attune_core::measure::answer as core;

use super::holdouts::{SALT, SHARE, asked, bucket, only, period};
use super::*;
use crate::store::{Pace, Retention, Swept};

/// Later than anything of the first day is kept.
const LATE: i64 = 402 * DAY;

/// Sweeps, and sends nothing again that was sent before.
fn sweep(shop: &mut Shop, seconds: i64) -> Swept {
    shop.events.clear();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let sweep = shop
        .store
        .sweep(Retention::default(), after(seconds), Pace::default());
    runtime.block_on(sweep).unwrap()
}

/// The verdict and the reason of the first comparison.
fn verdict(answer: &Answer) -> (&'static str, &'static str) {
    let result = &answer.results[0];
    (result.verdict().unwrap().as_str(), result.reason.as_str())
}

#[test]
fn an_experiment_whose_units_were_dropped_shows_nothing_of_what_is_left() {
    let mut shop = six_units();
    let asked = question(metric(MetricKind::Mean));
    assert!(shop.answer(&asked, DAY).results[0].absolute.is_some());
    assert_eq!(sweep(&mut shop, LATE).assignments, 6);
    let gone = shop.answer(&asked, LATE);
    assert_eq!(verdict(&gone), ("Invalid", "Window"));
    assert!(
        gone.results[0].message.contains("collector.retention.results"),
        "{}",
        gone.results[0].message
    );
    for (unit, arm) in [
        ("c8", "control"),
        ("c9", "control"),
        ("t8", "reminder"),
        ("t9", "reminder"),
    ] {
        shop.show(unit, arm, LATE);
        shop.buy(unit, Some(f64::from(unit.as_bytes()[1])), LATE + 1);
    }
    let left = shop.answer(&asked, LATE + DAY);
    assert_eq!((left.arms[0].exposed, verdict(&left)), (2, ("Invalid", "Window")));
    assert_eq!(left.results[0].absolute, None);
}

#[test]
fn a_phase_that_was_dropped_is_missing_in_those_after_it() {
    let mut shop = six_units();
    for (unit, arm) in [
        ("c8", "control"),
        ("c9", "control"),
        ("t8", "reminder"),
        ("t9", "reminder"),
    ] {
        shop.show_in(2, unit, arm, LATE);
    }
    let mut asked = question(metric(MetricKind::Mean));
    asked.phase = 2;
    shop.answer(&asked, DAY);
    sweep(&mut shop, LATE);
    assert_eq!(verdict(&shop.answer(&asked, LATE + DAY)), ("Invalid", "Window"));
    asked.experiment = "another".into();
    assert_eq!(verdict(&shop.answer(&asked, LATE + DAY)).0, "NotStarted");
}

#[test]
fn a_period_whose_exposures_were_dropped_shows_nothing_and_the_one_after_it_does() {
    let mut shop = Shop::new();
    let held = |unit| bucket(unit) < SHARE;
    shop.meet("u1", held("u1"), "hero", 10);
    let first = asked(period(SALT, 0, 90 * DAY));
    assert_ne!(only(&shop.worth(&first, DAY)).verdict, core::Verdict::Invalid);
    sweep(&mut shop, LATE);
    let gone = shop.worth(&first, LATE);
    let result = only(&gone);
    assert_eq!(
        (result.verdict, result.reason.as_str()),
        (core::Verdict::Invalid, "Window")
    );
    let second = asked(period(SALT, 400 * DAY, 500 * DAY));
    shop.meet("u2", held("u2"), "hero", LATE);
    assert_ne!(
        only(&shop.worth(&second, LATE + 1)).verdict,
        core::Verdict::Invalid
    );
}
