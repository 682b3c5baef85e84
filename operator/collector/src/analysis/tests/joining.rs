//! Which outcomes count for which unit.

use super::*;

#[test]
fn counts_outcomes_from_the_first_exposure_until_the_window_ends() {
    let mut shop = Shop::new();
    for (unit, bought) in [
        ("before", 99),
        ("same-instant", 100),
        ("within", 101),
        ("last", DAY + 99),
        ("after", DAY + 100),
    ] {
        shop.show(unit, "control", 100);
        shop.show(unit, "control", 500);
        shop.buy(unit, None, bought);
    }
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), 3 * DAY);
    close(answer.results[0].control.outcome.mean, 3.0 / 5.0);
}

#[test]
fn leaves_units_out_whose_window_is_still_open() {
    let mut shop = Shop::new();
    shop.show("early", "control", 0);
    shop.show("late", "control", 1);
    shop.show("future", "control", 2 * DAY);
    shop.buy("late", None, 2);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    assert_eq!(
        answer.arms[0],
        ArmCount {
            name: "control".into(),
            exposed: 2,
            matured: 1,
            crossed_over: 0,
            excluded: 0
        }
    );
    close(answer.arms[0].matured_share(), 0.5);
    assert_eq!(
        answer.results[0].control.outcome,
        MomentsOf {
            n: 1,
            mean: 0.0,
            m2: 0.0
        }
    );
}

#[test]
fn joins_outcomes_that_arrive_before_their_exposure() {
    let mut shop = Shop::new();
    shop.buy("u1", None, 5);
    shop.show("u1", "control", 0);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), DAY);
    close(answer.results[0].control.outcome.mean, 1.0);
}

#[test]
fn counts_a_crossed_over_unit_in_its_first_arm_only() {
    let mut shop = Shop::new();
    shop.show("u1", "reminder", 10);
    shop.show("u1", "control", 0);
    shop.buy("u1", None, 20);
    let answer = shop.answer(&question(metric(MetricKind::Proportion)), 2 * DAY);
    assert_eq!(
        answer.arms[0],
        ArmCount {
            name: "control".into(),
            exposed: 1,
            matured: 1,
            crossed_over: 1,
            excluded: 0
        }
    );
    assert_eq!(answer.arms[1].exposed, 0);
    assert_eq!(answer.results[0].control.outcome.n, 1);
    assert_eq!(answer.results[0].treatment.outcome.n, 0);
}

#[test]
fn counts_only_outcomes_that_meet_the_condition() {
    let count = |source: &str, value: Option<&str>| {
        let mut filtered = metric(MetricKind::Count);
        filtered.event.filter = Some(condition(source));
        filtered.event.value = value.map(str::to_owned);
        let mut shop = Shop::new();
        shop.show("u1", "control", 0);
        shop.act(
            "u1",
            "purchase",
            Some(3.0),
            &[
                ("kind", Property::Text("gift".into())),
                ("amount", Property::Int(7)),
            ],
            1,
        );
        shop.act(
            "u1",
            "purchase",
            Some(-1.0),
            &[("kind", Property::Text("return".into()))],
            2,
        );
        shop.act(
            "u1",
            "purchase",
            None,
            &[
                ("tags", Property::List(vec!["a".into()])),
                ("paid", Property::Bool(true)),
            ],
            3,
        );
        shop.answer(&question(filtered), DAY).results[0]
            .control
            .outcome
            .mean
    };
    close(count("value > 0.0", None), 1.0);
    close(count("value < 5.0", None), 2.0);
    close(count("value < 10.0", Some("amount")), 1.0);
    close(
        count("properties.kind == 'gift' && properties.amount == 7", None),
        1.0,
    );
    close(count("properties.amount * 2.0 > 13.5", None), 1.0);
    close(
        count(
            "has(properties.paid) && properties.paid && 'a' in properties.tags",
            None,
        ),
        1.0,
    );
    close(count("properties.missing == 'x'", None), 0.0);
    close(count("!has(properties.kind)", None), 1.0);
}

#[test]
fn takes_the_number_from_the_property_that_the_metric_names() {
    let mut named = metric(MetricKind::Mean);
    named.event.value = Some("amount".into());
    let mut shop = Shop::new();
    shop.show("u1", "control", 0);
    shop.act(
        "u1",
        "purchase",
        Some(100.0),
        &[("amount", Property::Double(2.5))],
        1,
    );
    shop.act(
        "u1",
        "purchase",
        Some(100.0),
        &[("amount", Property::Text("three".into()))],
        2,
    );
    close(
        shop.answer(&question(named), DAY).results[0].control.outcome.mean,
        2.5,
    );
}

#[test]
fn counts_neither_other_namespaces_nor_other_phases() {
    let mut shop = Shop::new();
    shop.show("u1", "control", 0);
    let mut phase = question(metric(MetricKind::Proportion));
    phase.phase = 2;
    assert_eq!(shop.answer(&phase, DAY).arms[0].exposed, 0);
    let mut namespace = question(metric(MetricKind::Proportion));
    namespace.namespace = "other".into();
    assert_eq!(shop.answer(&namespace, DAY).arms[0].exposed, 0);
}
