//! Several arms, several metrics, and several weeks.

use super::*;

/// `n` units of an arm, of which so many of a hundred buy at once.
fn arm(shop: &mut Shop, arm: &str, n: i64, buyers: i64) {
    for i in 0..n {
        let unit = format!("{arm}-{i}");
        shop.show(&unit, arm, 0);
        if i % 100 < buyers {
            shop.buy(&unit, None, 1);
        }
    }
}

fn with_arms(arms: &[&str]) -> Question {
    let mut asked = question(metric(MetricKind::Proportion));
    asked.arms = arms
        .iter()
        .map(|name| ArmQuestion {
            name: (*name).into(),
            weight: 1,
            control: *name == "control",
        })
        .collect();
    asked
}

#[test]
fn arms_share_the_error_rate_as_holm_says() {
    let mut shop = Shop::new();
    // Against 10 of 100: p is about 1e-6, 0.03 and 0.3 alone.
    for (name, buyers) in [("control", 10), ("big", 15), ("small", 12), ("none", 11)] {
        arm(&mut shop, name, 2_000, buyers);
    }
    let both = shop
        .answer(&with_arms(&["control", "small"]), DAY)
        .results
        .remove(0);
    assert_eq!((both.verdict(), both.adjusted_p), (Some(Verdict::Lift), None));
    let p = both.absolute.unwrap().p;
    assert!((0.025..0.05).contains(&p), "{p}");

    let results = shop
        .answer(&with_arms(&["control", "big", "small", "none"]), DAY)
        .results;
    let of = |index: usize| {
        let result = &results[index];
        (
            result.verdict().unwrap(),
            result.adjusted_p.unwrap(),
            result.level.unwrap(),
        )
    };
    let (big, small, none) = (of(0), of(1), of(2));
    assert_eq!(
        (big.0, small.0, none.0),
        (Verdict::Lift, Verdict::Unproven, Verdict::Unproven)
    );
    close(small.1, 2.0 * p);
    close(big.2, 0.05 / 3.0);
    close(small.2, 0.05 / 2.0);
    close(none.2, 0.05 / 2.0);
    let low = |index: usize| results[index].absolute.unwrap().low;
    assert!(
        low(0) > 0.0 && low(1) < 0.0 && low(2) < 0.0,
        "the intervals say the same"
    );
}

#[test]
fn a_pair_of_several_arms_ends_with_its_part_of_the_plan() {
    let mut shop = Shop::new();
    for (name, buyers) in [("control", 10), ("a", 10), ("b", 10)] {
        arm(&mut shop, name, 1_000, buyers);
    }
    let mut asked = with_arms(&["control", "a", "b"]);
    asked.planned_units = Some(3_000);
    let result = shop.answer(&asked, DAY).results.remove(0);
    assert_eq!((result.n, result.verdict()), (2_000, Some(Verdict::Unproven)));
    asked.planned_units = Some(3_003);
    let result = shop.answer(&asked, DAY).results.remove(0);
    assert_eq!(result.reason.as_str(), "BeforePlannedEnd");
}

fn secondary(name: &str) -> MetricQuestion {
    let mut secondary = metric(MetricKind::Proportion);
    secondary.role = MetricRole::Secondary;
    secondary.name = name.into();
    secondary.event.name = name.into();
    secondary
}

/// 2,300 units an arm; of metric `i`, `10 + gains[i]` of a hundred in the reminder arm against 10.
fn explored(gains: &[i64]) -> (Shop, Question) {
    let mut shop = Shop::new();
    let mut asked = question(metric(MetricKind::Proportion));
    for (index, _) in gains.iter().enumerate() {
        asked.metrics.push(secondary(&format!("m{index}")));
    }
    for (arm, gains) in [("control", vec![0; gains.len()]), ("reminder", gains.to_vec())] {
        for i in 0..2_300 {
            let unit = format!("{arm}-{i}");
            shop.show(&unit, arm, 0);
            for (index, gain) in gains.iter().enumerate() {
                if i % 100 < 10 + gain {
                    shop.act(&unit, &format!("m{index}"), None, &[], 1);
                }
            }
        }
    }
    (shop, asked)
}

#[test]
fn secondary_metrics_are_exploratory_and_share_a_false_discovery_rate() {
    let (shop, asked) = explored(&[2, 0, 0, 0]);
    let results = shop.answer(&asked, DAY).results;
    assert!(!results[0].exploratory && results[1].exploratory);
    let p = results[1].absolute.unwrap().p;
    assert!(p < 0.05);
    close(results[1].adjusted_p.unwrap(), 4.0 * p);
    assert_eq!(
        (results[1].verdict(), results[1].reason.as_str()),
        (Some(Verdict::Unproven), "ManyComparisons")
    );
    let (shop, asked) = explored(&[2, 2, 2]);
    let results = shop.answer(&asked, DAY).results;
    assert_eq!(
        results[1].verdict(),
        Some(Verdict::Lift),
        "three of three are no chance"
    );
    let (shop, asked) = explored(&[2]);
    let alone = shop.answer(&asked, DAY).results.remove(1);
    assert_eq!((alone.verdict(), alone.adjusted_p), (Some(Verdict::Lift), None));
}

#[test]
fn secondary_metrics_of_a_continuous_design_are_decided_by_e_values() {
    let continuous = |gains: &[i64]| {
        let (shop, mut asked) = explored(gains);
        asked.method = measure::Method::Continuous;
        asked.planned_units = Some(4_000);
        let result = shop.answer(&asked, DAY).results.remove(1);
        (
            result.verdict().unwrap(),
            result.reason.as_str(),
            result.adjusted_p,
        )
    };
    assert_eq!(continuous(&[10, 0, 0, 0]).0, Verdict::Lift);
    assert_eq!(continuous(&[3]).0, Verdict::Lift);
    assert_eq!(
        continuous(&[3, 0, 0, 0]),
        (Verdict::Unproven, "ManyComparisons", None)
    );
}

/// 500 units an arm whose lift falls from week to week.
fn wearing_off() -> (Shop, Question) {
    let mut shop = Shop::new();
    let mut asked = question(metric(MetricKind::Mean));
    asked.metrics[0].window_seconds = 28 * DAY;
    for (arm, gains) in [("control", [0.0; 4]), ("reminder", [4.0, 2.0, 1.0, 0.0])] {
        for i in 0..500 {
            let unit = format!("{arm}-{i}");
            shop.show(&unit, arm, 0);
            for (week, gain) in (0..).zip(gains) {
                let value = 10.0 + f64::from(i % 10) + gain;
                shop.buy(&unit, Some(value), week * 7 * DAY + 60);
            }
        }
    }
    (shop, asked)
}

#[test]
fn a_lift_that_wears_off_is_judged_by_its_latest_week() {
    let (shop, asked) = wearing_off();
    let result = shop.answer(&asked, 28 * DAY).results.remove(0);
    let novelty = result.novelty.clone().unwrap();
    assert!(novelty.falling);
    let gains: Vec<f64> = novelty
        .weeks
        .iter()
        .map(|week| week.absolute.unwrap().estimate)
        .collect();
    for (gain, expected) in gains.iter().zip([4.0, 2.0, 1.0, 0.0]) {
        assert!((gain - expected).abs() < 1e-9, "{gains:?}");
    }
    assert_eq!(
        (result.verdict(), result.reason.as_str()),
        (Some(Verdict::Unproven), "WearsOff")
    );
    assert!(result.absolute.unwrap().estimate.abs() < 1e-9);
    close(result.control.outcome.mean, 14.5);
}

#[test]
fn the_power_of_a_lift_that_wears_off_is_judged_by_the_whole_window() {
    let (shop, mut asked) = wearing_off();
    asked.planned_units = Some(1_000);
    asked.minimum_lift_bp = Some(100);
    let answer = shop.answer(&asked, 28 * DAY);
    assert_eq!(answer.results[0].reason.as_str(), "WearsOff");
    let power = answer.power.unwrap();
    assert_eq!(power.seen_units, 500);
    close(power.control_mean, 4.0 * 14.5);
}

#[test]
fn weeks_that_are_not_complete_are_not_looked_at() {
    let (shop, asked) = wearing_off();
    // After 27 days three weeks are complete, but the window is open: what has no figure is not shown by weeks either.
    let early = shop.answer(&asked, 27 * DAY).results.remove(0);
    assert_eq!(
        (early.verdict(), early.novelty),
        (Some(Verdict::NotStarted), None)
    );
    let mut shorter = asked.clone();
    shorter.metrics[0].window_seconds = 21 * DAY;
    let result = shop.answer(&shorter, 21 * DAY).results.remove(0);
    assert_eq!(result.novelty.unwrap().weeks.len(), 3);
    shorter.metrics[0].window_seconds = 20 * DAY;
    let result = shop.answer(&shorter, 21 * DAY).results.remove(0);
    assert_eq!(result.novelty, None, "two weeks make no line");
}
