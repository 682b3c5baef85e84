//! What the designs show, and when they show nothing.

use attune_core::measure::MetricRole;
use attune_lift::guardrail::Standing;
use attune_lift::{NoPercentage, Reason};

use super::*;

#[test]
fn says_why_there_is_no_figure() {
    let asked = question(metric(MetricKind::Mean));
    let reason = |shop: &Shop| {
        let result = shop.answer(&asked, DAY).results.remove(0);
        assert!(
            result.absolute.is_none() && result.relative.is_none(),
            "{result:?}"
        );
        assert_eq!(result.relative_reason, Some(NoPercentage::Withheld));
        (result.verdict().unwrap(), result.reason)
    };
    let mut shop = Shop::new();
    assert_eq!(
        reason(&shop),
        (Verdict::NotStarted, ResultReason::Analysed(Reason::NoUnits))
    );
    shop.show("u1", "control", 0);
    shop.show("u2", "control", 0);
    assert_eq!(
        reason(&shop),
        (Verdict::Collecting, ResultReason::Analysed(Reason::ArmEmpty))
    );
    shop.show("u3", "reminder", 0);
    assert_eq!(
        reason(&shop),
        (Verdict::Collecting, ResultReason::Analysed(Reason::TooFewUnits))
    );
    shop.show("u4", "reminder", 0);
    assert_eq!(
        reason(&shop),
        (Verdict::Collecting, ResultReason::Analysed(Reason::ZeroVariance))
    );
}

#[test]
fn shows_no_figure_before_the_planned_end() {
    let mut asked = question(metric(MetricKind::Mean));
    asked.planned_units = Some(7);
    let result = six_units().answer(&asked, DAY).results.remove(0);
    assert_eq!(result.reason, ResultReason::Analysed(Reason::BeforePlannedEnd));
    assert_eq!(result.absolute, None);
}

/// `n` units an arm spread over `days`, of which the given shares (in 1/10) buy at once.
fn spread(n: i64, days: i64, (control, reminder): (i64, i64)) -> Shop {
    let mut shop = Shop::new();
    for (arm, tenths) in [("control", control), ("reminder", reminder)] {
        for i in 0..n {
            let unit = format!("{arm}-{i}");
            let seconds = i * days * DAY / n;
            shop.show(&unit, arm, seconds);
            if i % 10 < tenths {
                shop.buy(&unit, None, seconds);
            }
        }
    }
    shop
}

#[test]
fn judges_guardrails_by_their_margin_continuously_whatever_the_design() {
    let mut asked = question(metric(MetricKind::Proportion));
    let mut guardrail = metric(MetricKind::Proportion);
    guardrail.role = MetricRole::Guardrail { margin_bp: 100 };
    guardrail.name = "unsubscribe".into();
    asked.metrics.push(guardrail);
    let shop = spread(2_000, 4, (5, 3));
    let result = shop.answer(&asked, 9 * DAY).results.remove(1);
    assert_eq!(
        (result.metric.as_str(), result.method),
        ("unsubscribe", Method::Continuous)
    );
    assert_eq!(result.finding, Finding::Standing(Standing::Open));
    assert_eq!(
        result.reason.as_str(),
        "QuestionRefused",
        "without a plan there is nothing to tune it to"
    );
    asked.planned_units = Some(4_000);
    let result = shop.answer(&asked, 9 * DAY).results.remove(1);
    assert_eq!(
        (result.finding, result.verdict()),
        (Finding::Standing(Standing::Breached), None)
    );
    assert!(result.absolute.unwrap().high < 0.0);
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(
        (&json["standing"], &json["verdict"]),
        (&json!("Breached"), &serde_json::Value::Null)
    );
    assert_eq!(
        (&json["role"], &json["marginBp"]),
        (&json!("guardrail"), &json!(100))
    );
}

#[test]
fn looks_at_a_planned_design_at_midnight_only() {
    let mut asked = question(metric(MetricKind::Proportion));
    asked.method = measure::Method::Planned;
    asked.planned_units = Some(4_000);
    let shop = spread(2_000, 4, (3, 4));
    let at = |seconds| {
        let mut result = shop.answer(&asked, seconds).results.remove(0);
        // How many have been exposed is no look.
        result.exposed = 0;
        result
    };
    // The first units mature at the first midnight; 500 more of each arm in the course of every day.
    assert_eq!(at(DAY - 1).n, 0);
    assert_eq!((at(DAY).n, at(2 * DAY - 1).n), (2, 2));
    assert_eq!((at(2 * DAY).n, at(3 * DAY - 1).n), (1_002, 1_002));
    assert_eq!(
        at(3 * DAY - 1),
        at(2 * DAY),
        "whoever asks during a day spends nothing"
    );
    let early = at(2 * DAY);
    let end = at(9 * DAY);
    assert_eq!((end.n, end.verdict()), (4_000, Some(Verdict::Lift)));
    assert!(
        early.absolute.unwrap().high - early.absolute.unwrap().low
            > 2.0 * (end.absolute.unwrap().high - end.absolute.unwrap().low)
    );
}

#[test]
fn reports_a_sequential_claim_only_from_looks_that_the_design_takes() {
    let mut asked = question(metric(MetricKind::Proportion));
    asked.method = measure::Method::Continuous;
    asked.planned_units = Some(4_000);
    let shop = spread(2_000, 4, (3, 5));
    let early = shop.answer(&asked, DAY + DAY / 4).results.remove(0);
    assert_eq!(early.reason, ResultReason::Analysed(Reason::BeforeFirstLook));
    let end = shop.answer(&asked, 9 * DAY).results.remove(0);
    assert_eq!((end.n, end.verdict()), (4_000, Some(Verdict::Lift)));
    assert!(end.absolute.unwrap().e.is_some());
}

#[test]
fn withholds_everything_when_the_arms_contradict_their_weights() {
    let mut shop = spread(1_000, 2, (3, 4));
    let asked = question(metric(MetricKind::Proportion));
    let healthy = shop.answer(&asked, 9 * DAY);
    assert!(!healthy.sample_ratio.unwrap().blocked);
    for i in 0..500 {
        shop.show(&format!("more-{i}"), "control", i);
    }
    let broken = shop.answer(&asked, 9 * DAY);
    let check = broken.sample_ratio.unwrap();
    assert!(check.blocked && check.p.unwrap() < 0.001, "{check:?}");
    let result = &broken.results[0];
    assert_eq!(
        (result.verdict().unwrap().as_str(), result.reason.as_str()),
        ("Invalid", "SampleRatio")
    );
    assert_eq!((result.absolute, result.relative), (None, None));
}

#[test]
fn blocks_on_a_single_unit_in_an_arm_of_weight_zero() {
    let mut shop = six_units();
    let mut asked = question(metric(MetricKind::Mean));
    asked.arms.push(ArmQuestion {
        name: "off".into(),
        weight: 0,
        control: false,
    });
    assert!(!shop.answer(&asked, DAY).sample_ratio.unwrap().blocked);
    shop.show("z1", "off", 0);
    let check = shop.answer(&asked, DAY).sample_ratio.unwrap();
    assert!(check.blocked && check.p.is_none(), "{check:?}");
}
