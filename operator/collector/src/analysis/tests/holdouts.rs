//! What a programme is worth.

use attune_core::bucket::Salt;
use attune_core::event::HoldoutTest;
use attune_core::measure::answer as core;
use attune_core::measure::holdout::{
    BaselineArm, Contamination, HoldoutAnswer, HoldoutQuestion, HoldoutRegistration, HoldoutScope,
};

use super::*;

mod refusals;

pub(super) const SALT: &str = "shop/always:holdout";
pub(super) const SHARE: i32 = 2_000;

pub(super) fn period(salt: &str, from: i64, until: i64) -> HoldoutRegistration {
    HoldoutRegistration {
        namespace: "shop".into(),
        holdout: "always".into(),
        salt: salt.into(),
        share_bp: SHARE,
        from: after(from),
        until: after(until),
    }
}

fn scope(bindings: &[&str]) -> HoldoutScope {
    HoldoutScope {
        program: bindings.first().map(|_| "spring".to_owned()),
        bindings: bindings.iter().map(|name| (*name).to_owned()).collect(),
        metrics: vec![metric(MetricKind::Mean)],
        minimum_lift_bp: Some(100),
    }
}

pub(super) fn asked(registration: HoldoutRegistration) -> HoldoutQuestion {
    HoldoutQuestion {
        registration,
        alpha_bp: 500,
        planned_units: Some(4_000),
        scopes: vec![scope(&[])],
        baseline_arms: Vec::new(),
    }
}

pub(super) fn bucket(unit: &str) -> i32 {
    i32::try_from(Salt::new(SALT).bucket(unit, 10_000)).unwrap()
}

impl Shop {
    pub(super) fn meet(&mut self, unit: &str, held: bool, binding: &str, seconds: i64) {
        self.meet_in(unit, held, binding, None, seconds);
    }

    fn meet_in(&mut self, unit: &str, held: bool, binding: &str, arm: Option<&str>, seconds: i64) {
        let data = EventData::Exposure(Exposure {
            unit: unit.into(),
            binding: Some(binding.into()),
            holdout: Some(HoldoutTest {
                name: "always".into(),
                held,
            }),
            enrolment: arm.map(|arm| Enrolment {
                experiment: "x".into(),
                phase: 1,
                arm: arm.into(),
            }),
            ..Exposure::default()
        });
        self.push(seconds, data);
    }

    pub(super) fn worth(&self, question: &HoldoutQuestion, seconds: i64) -> HoldoutAnswer {
        self.store.append_blocking(self.events.clone(), start()).unwrap();
        answer_holdout(&self.store, question, after(seconds)).unwrap()
    }
}

/// 5,000 units that are exposed at once and spend a little, those who are not held `gain` more.
fn programme(gain: f64) -> Shop {
    let mut shop = Shop::new();
    for i in 0..5_000 {
        let unit = format!("u{i}");
        let held = bucket(&unit) < SHARE;
        shop.meet(&unit, held, "hero", 10);
        let spent = f64::from(i % 10) + if held { 0.0 } else { gain };
        shop.buy(&unit, Some(spent), 20);
    }
    shop
}

fn of_units(wanted: impl Fn(i32) -> bool) -> Vec<String> {
    (0..5_000)
        .map(|i| format!("u{i}"))
        .filter(|unit| wanted(bucket(unit)))
        .collect()
}

pub(super) fn only(answer: &HoldoutAnswer) -> &attune_core::measure::holdout::HoldoutResult {
    &answer.scopes[0].results[0]
}

#[test]
fn compares_the_held_with_a_slice_of_the_same_size() {
    let answer = programme(2.0).worth(&asked(period(SALT, 0, 90 * DAY)), 2 * DAY);
    let held = of_units(|bucket| bucket < SHARE).len() as u64;
    let slice = of_units(|bucket| (SHARE..2 * SHARE).contains(&bucket)).len() as u64;
    let units = answer.units;
    assert_eq!((units.held, units.slice), (held, slice));
    assert_eq!((units.exposed, units.unknown), (5_000 - held, 0));
    close(answer.observed_share_bp.unwrap(), 2.0 * held as f64);
    let result = only(&answer);
    assert_eq!(
        (result.held.n, result.slice.n, result.n),
        (held, slice, held + slice)
    );
    let absolute = result.absolute.unwrap();
    assert!((absolute.estimate - 2.0).abs() < 0.3, "{absolute:?}");
    assert_eq!(result.verdict, core::Verdict::WorthwhileLift);
    assert!(result.inflated, "the period is not over");
    let value = result.incremental.unwrap();
    assert_eq!(value.units, 5_000 - held);
    close(value.estimate, absolute.estimate * value.units as f64);
    close(value.low, absolute.low.unwrap() * value.units as f64);
    assert!(value.low < value.estimate && value.estimate < value.high);
    assert_eq!(answer.scopes[0].contamination, Contamination::Clean);
    assert!(!answer.scopes[0].sample_ratio.as_ref().unwrap().blocked);
}

#[test]
fn claims_nothing_of_a_programme_without_effect() {
    let shop = programme(0.0);
    let question = asked(period(SALT, 0, 30 * DAY));
    let early = shop.worth(&question, 2 * DAY);
    let result = only(&early);
    assert_eq!(
        (result.verdict, result.reason.as_str()),
        (core::Verdict::Collecting, "Undecided")
    );
    let over = shop.worth(&question, 31 * DAY);
    assert_eq!(only(&over).verdict, core::Verdict::Unproven);
    assert!(only(&over).message.contains("the period is over"));
}

#[test]
fn counts_only_exposures_within_the_period_and_starts_anew_with_the_next() {
    let mut shop = programme(2.0);
    let first = period(SALT, 0, 30 * DAY);
    let second = period("2027", 30 * DAY, 60 * DAY);
    shop.store.register_holdout(&first).unwrap();
    shop.store.register_holdout(&second).unwrap();
    let salt = Salt::new("2027");
    for i in 0..4_000 {
        let unit = format!("u{i}");
        let held = salt.bucket(&unit, 10_000) < 2_000;
        shop.meet(&unit, held, "hero", 30 * DAY);
    }
    let later = shop.worth(&asked(second), 40 * DAY);
    assert_eq!(later.units.held + later.units.exposed, 4_000);
    assert_eq!((later.units.contaminated, later.units.misplaced), (0, 0));
    assert_eq!(
        only(&later).absolute,
        None,
        "nobody has bought anything since then"
    );
    let before = shop.worth(&asked(first), 40 * DAY);
    assert_eq!(before.units.held + before.units.exposed, 5_000);
    let ends_early = shop.worth(&asked(period(SALT, 0, 5)), 40 * DAY);
    assert_eq!(ends_early.units.exposed, 0, "its end may move");
}

#[test]
fn tells_programs_apart_by_the_bindings_of_their_exposures() {
    let mut shop = programme(2.0);
    for unit in of_units(|bucket| bucket % 2 == 0) {
        shop.meet(&unit, bucket(&unit) < SHARE, "mail", DAY);
    }
    let mut question = asked(period(SALT, 0, 90 * DAY));
    question.scopes = vec![
        scope(&[]),
        scope(&["mail"]),
        scope(&["mail", "hero"]),
        scope(&["unheard-of"]),
    ];
    let answer = shop.worth(&question, 3 * DAY);
    let n = |index: usize| {
        let units = answer.scopes[index].units;
        units.held + units.exposed
    };
    let even = of_units(|bucket| bucket % 2 == 0).len() as u64;
    assert_eq!((n(0), n(1), n(2), n(3)), (5_000, even, 5_000, 0));
    // What was bought before the mail is not the mail's.
    assert!(answer.scopes[1].results[0].absolute.is_none());
    let nobody = &answer.scopes[3].results[0];
    assert_eq!(
        (nobody.verdict, nobody.reason.as_str()),
        (core::Verdict::NotStarted, "NoUnits")
    );
}

#[test]
fn warns_of_contamination_and_then_refuses() {
    let held = of_units(|bucket| bucket < SHARE);
    let question = asked(period(SALT, 0, 90 * DAY));
    let contaminated = |count: usize| {
        let mut shop = programme(2.0);
        for unit in held.iter().take(count) {
            shop.meet(unit, false, "hero", 30);
        }
        shop.worth(&question, 2 * DAY)
    };
    let few = contaminated(5);
    assert_eq!(
        (few.units.contaminated, few.scopes[0].contamination),
        (5, Contamination::Suspect)
    );
    assert!(only(&few).absolute.is_some());
    let many = contaminated(held.len() / 50);
    assert_eq!(many.scopes[0].contamination, Contamination::Refused);
    let result = only(&many);
    assert_eq!(
        (result.verdict, result.reason.as_str()),
        (core::Verdict::Invalid, "Contamination")
    );
    assert_eq!(
        (result.absolute, result.relative, result.incremental),
        (None, None, None)
    );
}

#[test]
fn says_how_much_of_the_slice_sits_in_baseline_arms() {
    let mut shop = programme(2.0);
    let slice = of_units(|bucket| (SHARE..2 * SHARE).contains(&bucket));
    for (index, unit) in slice.iter().enumerate() {
        let arm = if index % 4 == 0 { "control" } else { "reminder" };
        shop.meet_in(unit, false, "hero", Some(arm), 40);
    }
    let mut question = asked(period(SALT, 0, 90 * DAY));
    question.baseline_arms = vec![BaselineArm {
        experiment: "x".into(),
        arm: "control".into(),
    }];
    let answer = shop.worth(&question, 2 * DAY);
    assert_eq!(answer.units.slice_in_baseline, slice.len().div_ceil(4) as u64);
    let share = answer.scopes[0].slice_in_baseline_bp.unwrap();
    assert!((share - 2_500.0).abs() < 10.0, "{share}");
}

#[test]
fn leaves_out_units_whose_bucket_is_not_known() {
    let mut shop = programme(2.0);
    shop.store.append_blocking(shop.events.clone(), start()).unwrap();
    let question = asked(period("secret", 0, 90 * DAY));
    let unknown = shop.worth(&question, 2 * DAY);
    assert_eq!(
        (unknown.units.unknown, unknown.units.held, unknown.units.slice),
        (5_000, 0, 0)
    );
    let result = only(&unknown);
    assert_eq!(
        (result.verdict, result.reason.as_str()),
        (core::Verdict::Collecting, "BucketsUnknown")
    );
    assert!(result.message.contains("all 5000 units"), "{}", result.message);
    // Asking has registered the salt: whoever comes again has a bucket, from the first exposure on.
    let salt = Salt::new("secret");
    for i in 0..1_000 {
        let unit = format!("u{i}");
        let held = salt.bucket(&unit, 10_000) < 2_000;
        shop.meet(&unit, held, "hero", 2 * DAY);
    }
    let known = shop.worth(&question, 4 * DAY);
    assert_eq!(known.units.unknown, 4_000);
    assert!(known.units.held > 150 && known.units.slice > 150);
}

#[test]
fn a_period_keeps_its_salt_and_its_share() {
    let shop = programme(2.0);
    shop.worth(&asked(period(SALT, 0, 90 * DAY)), 2 * DAY);
    for changed in [
        period("another", 0, 90 * DAY),
        HoldoutRegistration {
            share_bp: 500,
            ..period(SALT, 0, 90 * DAY)
        },
    ] {
        let answer = shop.worth(&asked(changed), 2 * DAY);
        let result = only(&answer);
        assert_eq!(
            (result.verdict, result.reason.as_str()),
            (core::Verdict::Invalid, "Registration")
        );
        assert!(result.message.contains("period.from"), "{}", result.message);
        assert_eq!(result.absolute, None);
    }
}

#[test]
fn a_ratio_has_no_incremental_value() {
    let mut shop = programme(2.0);
    for i in 0..5_000 {
        shop.act(
            &format!("u{i}"),
            "session",
            None,
            &[("seconds", Property::Int(100))],
            30,
        );
    }
    let mut question = asked(period(SALT, 0, 90 * DAY));
    let mut ratio = metric(MetricKind::Ratio);
    ratio.denominator = Some(EventQuery {
        name: "session".into(),
        value: Some("seconds".into()),
        filter: None,
    });
    question.scopes[0].metrics = vec![ratio];
    let answer = shop.worth(&question, 2 * DAY);
    let result = only(&answer);
    assert!(result.absolute.is_some(), "{result:?}");
    assert_eq!(result.incremental, None);
    close(result.held.denominator.unwrap().mean, 100.0);
}

#[test]
fn looks_of_the_past_only_narrow_the_interval() {
    let mut shop = Shop::new();
    for i in 0..10_000 {
        let unit = format!("u{i}");
        let held = bucket(&unit) < SHARE;
        let seconds = i * 10 * DAY / 10_000;
        shop.meet(&unit, held, "hero", seconds);
        shop.buy(
            &unit,
            Some(i as f64 % 7.0 + if held { 0.0 } else { 1.0 }),
            seconds + 1,
        );
    }
    let question = asked(period(SALT, 0, 90 * DAY));
    let width = |seconds: i64| {
        let answer = shop.worth(&question, seconds);
        let figures = only(&answer).absolute.unwrap();
        (figures.low.unwrap(), figures.high.unwrap())
    };
    let (early, late) = (width(6 * DAY), width(12 * DAY));
    assert!(late.0 >= early.0 && late.1 <= early.1, "{early:?} {late:?}");
}
