//! What happened before the first exposure: covariates, and rules for bots.

use attune_core::measure::{CovariateQuestion, ExcludeRule};
use attune_lift::NoAdjustment;

use super::*;

fn purchases() -> EventQuery {
    EventQuery {
        name: "purchase".into(),
        value: None,
        filter: None,
    }
}

fn asked(window: i64) -> Question {
    let mut asked = question(metric(MetricKind::Mean));
    asked.covariate = Some(CovariateQuestion {
        name: "spent-before".into(),
        kind: MetricKind::Mean,
        event: purchases(),
        window_seconds: window,
    });
    asked
}

/// 400 units an arm that spend in the first day after exposure what they spent before, plus a wave and, in the reminder
/// arm, the gain.
fn habits(gain: f64) -> Shop {
    let mut shop = Shop::new();
    for (arm, gain) in [("control", 0.0), ("reminder", gain)] {
        for i in 0..400 {
            let unit = format!("{arm}-{i}");
            let habit = f64::from(i % 20);
            shop.buy(&unit, Some(habit), 10 * DAY - 3_600);
            shop.show(&unit, arm, 10 * DAY);
            shop.buy(&unit, Some(habit + f64::from(i % 7) + gain), 10 * DAY + 60);
        }
    }
    shop
}

#[test]
fn a_covariate_takes_out_what_it_explains_and_the_unadjusted_figure_stands_beside() {
    let shop = habits(0.5);
    let result = shop.answer(&asked(7 * DAY), 12 * DAY).results.remove(0);
    let adjusted = result.absolute.unwrap();
    let plain = result.unadjusted.unwrap().absolute;
    assert!(
        (0.05..0.25).contains(&result.variance_kept.unwrap()),
        "{:?}",
        result.variance_kept
    );
    assert!((adjusted.estimate - 0.5).abs() < 0.05 && (plain.estimate - 0.5).abs() < 1e-9);
    assert!(adjusted.high - adjusted.low < 0.6 * (plain.high - plain.low));
    assert_eq!(
        (result.no_adjustment, result.verdict()),
        (None, Some(Verdict::Lift))
    );
    let covariate = result.control.covariate.unwrap();
    close(covariate.mean, 9.5);
    let without = shop
        .answer(&question(metric(MetricKind::Mean)), 12 * DAY)
        .results
        .remove(0);
    assert_eq!(without.absolute.unwrap(), plain);
    assert_eq!((without.unadjusted, without.no_adjustment), (None, None));
}

#[test]
fn a_covariate_counts_neither_what_came_after_nor_what_came_too_long_before() {
    let mut shop = Shop::new();
    for (unit, arm) in [
        ("c1", "control"),
        ("c2", "control"),
        ("t1", "reminder"),
        ("t2", "reminder"),
    ] {
        shop.show(unit, arm, 10 * DAY);
    }
    shop.buy("c1", Some(1.0), 9 * DAY);
    shop.buy("c1", Some(2.0), 10 * DAY - 1);
    shop.buy("c1", Some(16.0), 9 * DAY - 1);
    shop.buy("c1", Some(32.0), 10 * DAY);
    let result = shop.answer(&asked(DAY), 12 * DAY).results.remove(0);
    close(result.control.covariate.unwrap().mean, 3.0 / 2.0);
    close(result.control.outcome.mean, 32.0 / 2.0);
}

#[test]
fn a_covariate_that_says_nothing_is_off_with_the_reason() {
    let result = habits(0.5).answer(&asked(60), 12 * DAY).results.remove(0);
    assert_eq!(result.no_adjustment, Some(NoAdjustment::WeakCorrelation));
    assert_eq!(result.variance_kept, None);
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["noAdjustment"], json!("WeakCorrelation"));
}

#[test]
fn a_covariate_that_differs_between_the_arms_is_off_with_the_reason() {
    let mut shop = habits(0.0);
    for i in 0..400 {
        shop.buy(&format!("reminder-{i}"), Some(9.0), 10 * DAY - 60);
    }
    let result = shop.answer(&asked(7 * DAY), 12 * DAY).results.remove(0);
    assert_eq!(result.no_adjustment, Some(NoAdjustment::Imbalanced));
}

#[test]
fn a_proportion_is_adjusted_too() {
    let mut asked = asked(7 * DAY);
    asked.metrics[0].kind = MetricKind::Proportion;
    let mut shop = Shop::new();
    for (arm, tenths) in [("control", 4), ("reminder", 6)] {
        for i in 0..1_000 {
            let unit = format!("{arm}-{i}");
            if i % 2 == 0 {
                shop.buy(&unit, Some(10.0), 10 * DAY - 60);
            }
            shop.show(&unit, arm, 10 * DAY);
            // Even units, who bought before, buy more often.
            if i % 10 < tenths && (i % 2 == 0 || i % 3 == 0) {
                shop.buy(&unit, None, 10 * DAY + 60);
            }
        }
    }
    let result = shop.answer(&asked, 12 * DAY).results.remove(0);
    assert!(result.variance_kept.unwrap() < 0.99, "{result:?}");
}

#[test]
fn guardrails_and_ratios_are_judged_without_covariate() {
    let mut asked = asked(7 * DAY);
    let mut guardrail = metric(MetricKind::Mean);
    guardrail.role = MetricRole::Guardrail { margin_bp: 500 };
    asked.metrics.push(guardrail);
    asked.planned_units = Some(800);
    let results = habits(0.5).answer(&asked, 12 * DAY).results;
    assert!(results[0].variance_kept.is_some());
    assert_eq!(results[1].control.covariate, None);
}

#[test]
fn a_covariate_that_does_not_lie_before_the_exposure_invalidates_everything() {
    for window in [0, -DAY] {
        let result = habits(0.5).answer(&asked(window), 12 * DAY).results.remove(0);
        assert_eq!(
            (result.verdict().unwrap().as_str(), result.reason.as_str()),
            ("Invalid", "Covariate")
        );
        assert_eq!(result.absolute, None);
    }
    let mut ratio = asked(DAY);
    ratio.covariate.as_mut().unwrap().kind = MetricKind::Ratio;
    let error = answer(&habits(0.0).store, &ratio, after(12 * DAY)).unwrap_err();
    assert!(
        error.to_string().contains("covariate `spent-before` is a ratio"),
        "{error}"
    );
}

fn no_bots(more_than: u64) -> ExcludeRule {
    ExcludeRule {
        name: "crawlers".into(),
        event: EventQuery {
            name: "page".into(),
            value: None,
            filter: None,
        },
        window_seconds: 3_600,
        more_than,
    }
}

/// Four people an arm, and a bot in the reminder arm that buys a lot.
fn crawled() -> Shop {
    let mut shop = Shop::new();
    for (arm, sold) in [("control", 1.0), ("reminder", 2.0)] {
        for i in 0..4 {
            let unit = format!("{arm}-{i}");
            shop.act(&unit, "page", None, &[], DAY - 10);
            shop.show(&unit, arm, DAY);
            shop.buy(&unit, Some(sold + f64::from(i)), DAY + 10);
        }
    }
    shop.show("bot", "reminder", DAY);
    shop.show("bot", "control", DAY + 1);
    for i in 0..5 {
        shop.act("bot", "page", None, &[], DAY - 1 - i);
    }
    // What comes after the exposure, or too long before it, is nobody's fault.
    for i in 0..9 {
        shop.act("control-0", "page", None, &[], DAY + i);
        shop.act("control-1", "page", None, &[], DAY - 3_601 - i);
    }
    shop.buy("bot", Some(1_000.0), DAY + 1);
    shop
}

#[test]
fn leaves_out_bots_by_what_they_did_before_and_counts_them() {
    let mut asked = question(metric(MetricKind::Mean));
    asked.exclude = vec![no_bots(3)];
    let answer = crawled().answer(&asked, 3 * DAY);
    assert_eq!(answer.excluded, 1);
    let arms: Vec<_> = answer
        .arms
        .iter()
        .map(|arm| (arm.exposed, arm.matured, arm.crossed_over, arm.excluded))
        .collect();
    assert_eq!(arms, [(4, 4, 0, 0), (4, 4, 0, 1)]);
    let result = &answer.results[0];
    assert_eq!((result.n, result.exposed), (8, 8));
    close(result.treatment.outcome.mean, 3.5);
    assert_eq!(answer.phases[0].exposed, [4, 4]);
}

#[test]
fn keeps_units_that_do_as_much_as_a_rule_allows() {
    let mut asked = question(metric(MetricKind::Mean));
    asked.exclude = vec![no_bots(5)];
    let answer = crawled().answer(&asked, 3 * DAY);
    assert_eq!((answer.excluded, answer.arms[1].exposed), (0, 5));
    asked.exclude = vec![no_bots(5), no_bots(0)];
    assert_eq!(crawled().answer(&asked, 3 * DAY).excluded, 9, "any rule suffices");
}

#[test]
fn refuses_a_rule_that_looks_at_nothing() {
    let mut asked = question(metric(MetricKind::Mean));
    asked.exclude = vec![ExcludeRule {
        window_seconds: 0,
        ..no_bots(1)
    }];
    let error = answer(&crawled().store, &asked, after(DAY)).unwrap_err();
    assert!(
        error.to_string().starts_with("rule `crawlers` looks 0 s back"),
        "{error}"
    );
}
