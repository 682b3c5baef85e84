//! Steps 1 to 5: touchpoint, consent, unit, audiences, candidates.

use super::*;
use crate::bundle::Window;
use crate::context::Context;
use crate::decide::{Request, decide};
use crate::history::NoHistory;
use crate::trace::Trace;
use crate::value::AttributeType;

#[test]
fn names_the_touchpoints_that_there_are_when_asked_for_another() {
    let engine = shop().engine();
    let context = Context::decode(&engine, b"{}").unwrap();
    let request = Request {
        touchpoint: "hime",
        context: &context,
        history: &NoHistory,
        now: instant(NOW),
    };
    let error = decide(&engine, request, &mut Trace::off()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "touchpoint `hime` is not declared by channel `web`; it declares `home`"
    );
}

#[test]
fn refuses_everything_without_consent_also_without_a_unit() {
    for context in [
        json!({}),
        json!({"targetingKey": "u1"}),
        json!({"targetingKey": "u1", "consent": {}}),
    ] {
        assert_eq!(
            shop().ask(context.clone()).reason_and_variant(),
            (NoConsent, "hero/everyone"),
            "{context}"
        );
    }
}

#[test]
fn asks_for_a_unit_once_a_program_survives_consent() {
    for unit in [json!(null), json!("")] {
        let context = json!({"targetingKey": unit, "consent": granted()});
        assert_eq!(
            shop().ask(context).reason_and_variant(),
            (NoUnit, "hero/everyone")
        );
    }
}

#[test]
fn lets_only_the_programs_drop_out_whose_purpose_is_not_granted() {
    let strategy = shop()
        .program("help", "service")
        .open_binding("z-help", "hero", None, None)
        .binding("z-help", |binding| binding.program = "help".into());
    let refused = json!({"targetingKey": "u1", "session": {"cartValue": 80}});
    assert_eq!(strategy.ask(refused).binding(), "z-help");
    assert_eq!(
        strategy.ask(json!({})).reason,
        NoUnit,
        "the purpose service is always granted"
    );
    assert_eq!(strategy.ask(cart("u1")).binding(), "hero-home");
}

#[test]
fn prefers_the_fallback_as_unit_where_it_is_present() {
    let strategy = shop().experiment("split", |_| {});
    let engine = strategy.engine();
    let arm_of = |context: Value| Ask::new(context).of(&engine).arm().unwrap().to_owned();
    let other = unit_where(|unit| arm_of(cart(unit)) != arm_of(cart("u0")));
    let with_device = |device: Value| with(cart("u0"), "device", json!({"id": device}));
    assert_eq!(arm_of(with_device(json!(other))), arm_of(cart(&other)));
    assert_eq!(
        arm_of(with_device(json!(""))),
        arm_of(cart("u0")),
        "an empty one is not present"
    );
    assert_eq!(arm_of(with_device(json!(null))), arm_of(cart("u0")));
}

#[test]
fn never_matches_on_missing_data_and_never_fails() {
    let cases = [
        (json!({}), "absent"),
        (
            json!({"user": {"tier": 7}, "session": {"cartValue": "much"}}),
            "of a wrong type",
        ),
        (json!({"user": {"tier": null}, "session": null}), "null"),
        (json!({"user": "gold", "session": [80]}), "of another shape"),
    ];
    for (attributes, how) in cases {
        let mut context = nobody("u1");
        context
            .as_object_mut()
            .unwrap()
            .extend(attributes.as_object().unwrap().clone());
        assert_eq!(
            shop().ask(context).reason_and_variant(),
            (NotEligible, "hero/everyone"),
            "{how}"
        );
    }
}

#[test]
fn withholds_an_attribute_whose_purpose_is_not_granted() {
    let strategy = shop()
        .program("help", "service")
        .binding("hero-home", |binding| binding.program = "help".into());
    let mut context = gold("u1");
    assert_eq!(strategy.ask(context.clone()).variant(), "hero/gold");
    context["consent"] = json!({});
    assert_eq!(strategy.ask(context).reason, NotEligible);
}

#[test]
fn needs_explicit_consent_for_a_sensitive_attribute() {
    let strategy = shop().attribute_with("user.tier", AttributeType::String, "personalization", |tier| {
        tier.sensitive = true;
    });
    for (consent, reason) in [
        (json!({"personalization": "Explicit"}), Targeted),
        (json!(["personalization"]), Targeted),
        (json!({"personalization": "Implied"}), NotEligible),
        (json!({"personalization": "Denied"}), NoConsent),
    ] {
        assert_eq!(
            strategy.ask(with(gold("u1"), "consent", consent.clone())).reason,
            reason,
            "{consent}"
        );
    }
}

#[test]
fn takes_the_first_of_the_candidates_audiences_that_matched_as_the_winners() {
    let both = with(cart("u1"), "user", json!({"tier": "gold"}));
    for (listed, expected) in [(["cart", "gold"], "cart"), (["gold", "cart"], "gold")] {
        let strategy = shop().binding("hero-home", |binding| {
            binding.candidates = vec![candidate("hero", &listed)];
        });
        let answer = strategy.ask(both.clone());
        assert_eq!(answer.audience(), Some(expected));
        assert_eq!(answer.variant(), format!("hero/{expected}"));
    }
}

#[test]
fn admits_everybody_to_a_candidate_without_audiences() {
    let answer = shop().open_binding("open", "hero", None, None).ask(nobody("u1"));
    assert_eq!(
        (answer.binding(), answer.audience(), answer.variant()),
        ("open", None, "hero/everyone")
    );
}

#[test]
fn admits_only_those_whom_the_condition_admits() {
    let strategy = shop()
        .binding("hero-home", |binding| binding.candidates.clear())
        .open_binding("hero-home", "hero", Some("session.cartValue > 10.0"), None);
    for (value, reason) in [
        (json!(11), Targeted),
        (json!(10), NotEligible),
        (json!(null), NotEligible),
    ] {
        let context = with(nobody("u1"), "session", json!({"cartValue": value}));
        assert_eq!(strategy.ask(context).reason, reason);
    }
}

#[test]
fn admits_no_unit_beyond_the_rollout() {
    let half = shop().binding("hero-home", |binding| binding.rollout_bp = 5_000);
    let inside = half.unit_with(Targeted);
    let outside = half.unit_with(NotEligible);
    let none = shop().binding("hero-home", |binding| binding.rollout_bp = 0);
    assert_eq!(
        none.ask(cart(&inside)).reason_and_variant(),
        (NotEligible, "hero/everyone")
    );
    assert_eq!(shop().ask(cart(&outside)).reason, Targeted);
}

#[test]
fn passes_a_candidate_over_that_has_nothing_valid_to_show() {
    let strategy = shop()
        .module("late", |late| {
            late.variants = vec![variant("everyone", json!({})).valid(Some("2027-01-01T00:00:00Z"), None)];
        })
        .open_binding("a-late", "late", None, None)
        .binding("a-late", |binding| binding.priority = 900);
    assert_eq!(strategy.ask(cart("u1")).binding(), "hero-home");
}

/// Four bindings of one candidate each: `(name, priority, score)`.
fn ranked(bindings: &[(&str, i64, Option<&str>)]) -> String {
    let mut strategy = shop();
    strategy.0.bindings.clear();
    for (name, priority, score) in bindings {
        strategy = strategy
            .open_binding(name, "hero", None, *score)
            .binding(name, |binding| binding.priority = *priority);
    }
    strategy.ask(cart("u1")).binding().to_owned()
}

#[test]
fn ranks_by_priority_then_score_then_name() {
    assert_eq!(
        ranked(&[("a", 1, Some("9.0")), ("b", 2, None)]),
        "b",
        "priority before score"
    );
    assert_eq!(
        ranked(&[("a", 1, None), ("b", 1, Some("-5.0"))]),
        "b",
        "scored before unscored"
    );
    assert_eq!(
        ranked(&[("a", 1, Some("1")), ("b", 1, Some("1.5"))]),
        "b",
        "higher score, Int or Double"
    );
    assert_eq!(
        ranked(&[("b", 1, Some("1.0")), ("a", 1, Some("1.0"))]),
        "a",
        "binding name"
    );
    assert_eq!(ranked(&[("b", 1, None), ("a", 1, None)]), "a", "binding name");
    assert_eq!(
        ranked(&[("a", -1, None), ("b", 0, None)]),
        "b",
        "negative priority"
    );
    assert_eq!(
        ranked(&[("a", 1, Some("-0.0")), ("b", 1, Some("0.0"))]),
        "a",
        "zero has one rank"
    );
}

#[test]
fn leaves_a_candidate_unscored_whose_score_is_missing_or_not_finite() {
    for score in ["session.cartValue", "1.0 / 0.0", "0.0 / 0.0", "1 / 0"] {
        let strategy = shop()
            .binding("hero-home", |binding| binding.candidates.clear())
            .open_binding("hero-home", "hero", None, Some("-1.0"))
            .open_binding("a-broken", "hero", None, Some(score));
        assert_eq!(strategy.ask(nobody("u1")).binding(), "hero-home", "{score}");
    }
}

#[test]
fn ranks_candidates_of_one_binding_by_score_and_then_by_index() {
    let strategy = |scores: [&str; 2]| {
        let empty = shop()
            .module("other", |_| {})
            .binding("hero-home", |binding| binding.candidates.clear());
        let first = empty.open_binding("hero-home", "hero", None, Some(scores[0]));
        first.open_binding("hero-home", "other", None, Some(scores[1]))
    };
    assert_eq!(
        strategy(["1.0", "2.0"]).ask(nobody("u1")).variant(),
        "other/everyone"
    );
    assert_eq!(
        strategy(["1.0", "1.0"]).ask(nobody("u1")).variant(),
        "hero/everyone"
    );
}

#[test]
fn is_not_eligible_where_there_are_no_candidates() {
    let strategy = empty().module("hero", |_| {}).baseline("home", "hero");
    assert_eq!(
        strategy.ask(nobody("u1")).reason_and_variant(),
        (NotEligible, "hero/everyone")
    );
    assert_eq!(
        strategy.ask(json!({})).reason,
        NoUnit,
        "no program was lost to consent"
    );
}

#[test]
fn leaves_it_to_the_code_default_where_there_is_no_baseline() {
    let strategy = shop().change(|bundle| bundle.touchpoints.get_mut("home").unwrap().baseline = None);
    let answer = strategy.ask(nobody("u1"));
    assert_eq!(
        (answer.reason_and_variant(), &answer.value),
        ((NotEligible, "code default"), &Value::Null)
    );
}

#[test]
fn reads_a_window_as_half_open() {
    assert!(Window::default().contains(instant(NOW)));
    let from_now = window(Some(NOW), None);
    let until_now = window(None, Some(NOW));
    assert!(
        from_now.contains(instant(NOW)) && !until_now.contains(instant(NOW)),
        "[from, until)"
    );
}
