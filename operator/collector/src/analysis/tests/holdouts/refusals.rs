//! Holdouts without a figure, and why.

use super::*;

#[test]
fn refuses_a_holdout_that_deciders_draw_by_another_salt() {
    let mut shop = Shop::new();
    let other = Salt::new("other");
    for i in 0..2_000 {
        let unit = format!("u{i}");
        let held = other.bucket(&unit, 10_000) < 2_000;
        shop.meet(&unit, held, "hero", 10);
    }
    let answer = shop.worth(&asked(period(SALT, 0, 90 * DAY)), 2 * DAY);
    assert!(answer.units.misplaced > 250);
    let result = only(&answer);
    assert_eq!(
        (result.verdict, result.reason.as_str()),
        (core::Verdict::Invalid, "Contamination")
    );
}

#[test]
fn says_why_there_is_no_figure() {
    let question = asked(period(SALT, DAY, 90 * DAY));
    let reason = |shop: &Shop, at: i64| {
        let answer = shop.worth(&question, at);
        let result = only(&answer).clone();
        assert!(
            result.absolute.is_none() && result.incremental.is_none(),
            "{result:?}"
        );
        let json = serde_json::to_string(&answer).unwrap();
        assert!(!json.contains("NaN") && !json.contains("null"), "{json}");
        (result.verdict, result.reason)
    };
    let mut shop = Shop::new();
    assert_eq!(
        reason(&shop, 0),
        (core::Verdict::NotStarted, "PeriodNotBegun".to_owned())
    );
    assert_eq!(
        reason(&shop, 2 * DAY),
        (core::Verdict::NotStarted, "NoUnits".to_owned())
    );
    let held = of_units(|bucket| bucket < SHARE);
    let slice = of_units(|bucket| (SHARE..2 * SHARE).contains(&bucket));
    for unit in slice.iter().take(3) {
        shop.meet(unit, false, "hero", DAY);
    }
    assert_eq!(
        reason(&shop, 3 * DAY),
        (core::Verdict::Collecting, "NoHeldUnits".to_owned())
    );
    for unit in held.iter().take(3) {
        shop.meet(unit, true, "hero", DAY);
    }
    assert_eq!(
        reason(&shop, 3 * DAY),
        (core::Verdict::Collecting, "ZeroVariance".to_owned())
    );
    let mut only_held = Shop::new();
    only_held.meet(&held[0], true, "hero", DAY);
    assert_eq!(
        reason(&only_held, 3 * DAY),
        (core::Verdict::Collecting, "NoSlice".to_owned())
    );
}

#[test]
fn refuses_holdouts_that_cannot_be_one() {
    let shop = Shop::new();
    let refused = |registration: HoldoutRegistration| {
        answer_holdout(&shop.store, &asked(registration), after(0))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(period(SALT, DAY, DAY)).contains("before it begins"));
    for share_bp in [0, -1, 5_001] {
        let message = refused(HoldoutRegistration {
            share_bp,
            ..period(SALT, 0, DAY)
        });
        assert!(
            message.contains(&format!("a share of {share_bp} basis points")),
            "{message}"
        );
    }
}
