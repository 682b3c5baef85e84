//! Steps 7 to 9: holdouts and experiments.

use std::collections::BTreeMap;

use std::collections::BTreeSet;

use super::*;
use crate::bundle::{Arm, Effect, Exclusion, ExperimentMode, Window};

fn always() -> Window {
    Window::default()
}

fn won_by_cart() -> (String, String, Option<String>) {
    ("retention".into(), "hero-home".into(), Some("cart".into()))
}

#[test]
fn gives_a_held_unit_the_baseline_and_lets_no_lower_candidate_win() {
    let strategy = shop()
        .holdout("never", 500, always())
        .module("other", |_| {})
        .open_binding("z-open", "other", None, None);
    let held = strategy.unit_with(HeldOut);
    let answer = strategy.ask(cart(&held));
    assert_eq!(answer.reason_and_variant(), (HeldOut, "hero/everyone"));
    assert_eq!(answer.holdout, Some(("never".into(), true)));
    assert_eq!(answer.winner, Some(won_by_cart()), "what it would have been");
    let other = strategy.unit_with(Targeted);
    let answer = strategy.ask(cart(&other));
    assert_eq!(
        (answer.variant(), answer.holdout.clone()),
        ("hero/cart", Some(("never".into(), false)))
    );
}

#[test]
fn holds_nobody_outside_of_the_period() {
    let held = shop().holdout("never", 500, always()).unit_with(HeldOut);
    for (from, until, reason) in [
        (None, Some(NOW), Targeted),
        (Some("2026-12-01T00:00:01Z"), None, Targeted),
        (Some(NOW), Some("2026-12-01T00:00:01Z"), HeldOut),
    ] {
        let answer = shop().holdout("never", 500, window(from, until)).ask(cart(&held));
        assert_eq!(answer.reason, reason);
        assert_eq!(answer.holdout.is_some(), reason == HeldOut, "none was tested");
    }
}

#[test]
fn tests_the_namespaces_holdout_before_the_programs() {
    let strategy = shop()
        .holdout("everybody", 2_000, always())
        .holdout("ours", 2_000, always());
    let engine = strategy.engine();
    let ask = |unit: &str| Ask::new(cart(unit)).of(&engine);
    let by_first = ask(&unit_where(|unit| {
        ask(unit).holdout == Some(("everybody".into(), true))
    }));
    assert_eq!((by_first.reason, by_first.passed_holdout), (HeldOut, None));
    let by_second = ask(&unit_where(|unit| {
        ask(unit).holdout == Some(("ours".into(), true))
    }));
    assert_eq!(
        (by_second.reason, by_second.passed_holdout.as_deref()),
        (HeldOut, Some("everybody"))
    );
    let by_none = ask(&unit_where(|unit| ask(unit).reason == Targeted));
    assert_eq!(by_none.holdout, Some(("ours".into(), false)));
    assert_eq!(by_none.passed_holdout.as_deref(), Some("everybody"));
}

#[test]
fn tests_no_holdout_and_no_experiment_without_a_winner() {
    let answer = shop()
        .holdout("never", 5_000, always())
        .experiment("split", |_| {})
        .ask(nobody("u1"));
    assert_eq!(
        (answer.reason, answer.holdout, answer.enrolment),
        (NotEligible, None, None)
    );
}

#[test]
fn holds_out_before_any_experiment_and_before_a_promoted_arm() {
    let held = shop().holdout("never", 500, always()).unit_with(HeldOut);
    for mode in [
        ExperimentMode::Split,
        ExperimentMode::Control,
        ExperimentMode::Promoted {
            arm: "treatment".into(),
        },
    ] {
        let strategy = shop()
            .holdout("never", 500, always())
            .experiment("split", |split| split.mode = mode);
        let answer = strategy.ask(cart(&held));
        assert_eq!(
            (answer.reason_and_variant(), answer.enrolment.clone()),
            ((HeldOut, "hero/everyone"), None)
        );
    }
}

#[test]
fn splits_the_units_over_the_arms() {
    let engine = shop().experiment("split", |split| split.phase = 3).engine();
    let answers: Vec<_> = (0..200)
        .map(|unit| Ask::new(cart(&format!("u{unit}"))).of(&engine))
        .collect();
    for answer in &answers {
        let expected = match answer.arm().unwrap() {
            "control" => "hero/everyone",
            _ => "hero/cart",
        };
        assert_eq!(answer.reason_and_variant(), (Experiment, expected));
        assert_eq!(answer.winner, Some(won_by_cart()));
        assert_eq!(
            answer
                .enrolment
                .as_ref()
                .map(|(name, _, phase)| (name.as_str(), *phase)),
            Some(("split", 3))
        );
    }
    let arms: BTreeSet<_> = answers.iter().filter_map(|answer| answer.arm()).collect();
    assert_eq!(arms, ["control", "treatment"].into());
}

#[test]
fn applies_to_the_bindings_and_audiences_it_names() {
    let named = |bindings: &[&str], audiences: &[&str]| {
        let strategy = shop().experiment("split", |split| {
            split.bindings = bindings.iter().map(ToString::to_string).collect();
            split.audiences = audiences.iter().map(ToString::to_string).collect();
        });
        (
            strategy.ask(cart("u1")).arm().is_some(),
            strategy.ask(gold("u1")).arm().is_some(),
        )
    };
    assert_eq!(named(&["hero-home"], &[]), (true, true), "empty: any audience");
    assert_eq!(named(&["hero-home"], &["cart"]), (true, false));
    assert_eq!(named(&["hero-home"], &["cart", "gold"]), (true, true));
    assert_eq!(named(&["elsewhere"], &[]), (false, false));
}

#[test]
fn leaves_those_without_an_audience_to_experiments_on_any() {
    let open = shop()
        .open_binding("hero-home", "hero", None, None)
        .experiment("split", |_| {});
    assert!(open.ask(nobody("u1")).arm().is_some());
    let named = open.experiment("split", |split| split.audiences = vec!["cart".into()]);
    assert_eq!(named.ask(nobody("u1")).reason, Targeted);
}

#[test]
fn gives_the_controls_effect_outside_of_the_traffic() {
    let strategy = shop().experiment("split", |split| split.traffic_bp = 5_000);
    let outside = strategy.unit_with(NotEnrolled);
    let answer = strategy.ask(cart(&outside));
    assert_eq!(
        (answer.variant(), answer.winner.clone(), answer.enrolment.clone()),
        ("hero/everyone", Some(won_by_cart()), None)
    );
    let inverse = strategy.experiment("split", |split| {
        split.arms = vec![
            arm("control", 50, Effect::Personalize),
            arm("treatment", 50, Effect::Baseline),
        ];
    });
    assert_eq!(
        inverse.ask(cart(&outside)).reason_and_variant(),
        (NotEnrolled, "hero/cart")
    );
}

fn exclusive(from_bp: u32, to_bp: u32) -> Exclusion {
    Exclusion {
        salt: "shop/home-page:exclusion".into(),
        from_bp,
        to_bp,
    }
}

#[test]
fn gives_the_controls_effect_outside_of_the_exclusion_range() {
    let strategy = |from_bp, to_bp| {
        shop().experiment("split", |split| split.exclusion = Some(exclusive(from_bp, to_bp)))
    };
    let lower = strategy(0, 5_000).unit_with(Experiment);
    assert_eq!(
        strategy(5_000, 10_000).ask(cart(&lower)).reason_and_variant(),
        (NotEnrolled, "hero/everyone")
    );
    let upper = strategy(0, 5_000).unit_with(NotEnrolled);
    assert_eq!(strategy(5_000, 10_000).ask(cart(&upper)).reason, Experiment);
}

#[test]
fn enrols_each_unit_in_one_of_two_experiments_on_disjoint_ranges() {
    let strategy = shop()
        .experiment("a", |a| a.exclusion = Some(exclusive(0, 4_000)))
        .experiment("b", |b| b.exclusion = Some(exclusive(4_000, 8_000)));
    let engine = strategy.engine();
    let mut seen = BTreeSet::new();
    for unit in 0..300 {
        let answer = Ask::new(cart(&format!("u{unit}"))).of(&engine);
        let experiment = answer.enrolment.map(|(experiment, ..)| experiment);
        assert_eq!(
            answer.reason,
            if experiment.is_some() {
                Experiment
            } else {
                NotEnrolled
            }
        );
        seen.insert(experiment);
    }
    assert_eq!(seen, [None, Some("a".into()), Some("b".into())].into());
}

#[test]
fn gives_everybody_the_controls_effect_when_the_split_is_off() {
    let strategy = shop().experiment("split", |split| split.mode = ExperimentMode::Control);
    for unit in ["u1", "u2", "u3", "u4"] {
        assert_eq!(
            strategy.ask(cart(unit)).reason_and_variant(),
            (NotEnrolled, "hero/everyone")
        );
    }
}

#[test]
fn gives_everybody_the_promoted_arm() {
    let strategy = shop().experiment("split", |split| {
        split.mode = ExperimentMode::Promoted {
            arm: "treatment".into(),
        };
        split.traffic_bp = 0;
        split.schedule = window(None, Some("2026-11-01T00:00:00Z"));
    });
    for unit in ["u1", "u2", "u3", "u4"] {
        let answer = strategy.ask(cart(unit));
        assert_eq!(
            (answer.reason_and_variant(), answer.enrolment.clone()),
            ((Targeted, "hero/cart"), None)
        );
    }
}

#[test]
fn prefers_a_promoted_arm_to_the_control_of_another_experiment_in_any_order() {
    for (first, second) in [("a", "b"), ("b", "a")] {
        let strategy = shop()
            .experiment(first, |one| one.mode = ExperimentMode::Control)
            .experiment(second, |one| {
                one.mode = ExperimentMode::Promoted {
                    arm: "treatment".into(),
                }
            });
        assert_eq!(
            strategy.ask(cart("u1")).reason_and_variant(),
            (Targeted, "hero/cart")
        );
    }
}

#[test]
fn ignores_an_experiment_before_its_schedule_and_closes_it_after() {
    for (from, until, expected) in [
        (Some("2026-12-01T00:00:01Z"), None, (Targeted, "hero/cart")),
        (
            Some("2026-11-01T00:00:00Z"),
            Some(NOW),
            (NotEnrolled, "hero/everyone"),
        ),
    ] {
        let strategy = shop().experiment("split", |split| split.schedule = window(from, until));
        assert_eq!(strategy.ask(cart("u1")).reason_and_variant(), expected);
    }
    let running = shop().experiment("split", |split| {
        split.schedule = window(Some(NOW), Some("2026-12-01T00:00:01Z"));
    });
    assert_eq!(running.ask(cart("u1")).reason, Experiment);
}

/// What the units of a sole arm with this effect get.
fn effect(effect: Effect, change: impl FnOnce(Plan) -> Plan) -> String {
    let strategy = shop().module("other", |other| {
        other.variants = vec![
            variant("everyone", json!({"headline": "other"})),
            variant("cart", json!({"headline": "other cart"})).audience("cart"),
            variant("german", json!({"headline": "anderer"})).locale("de"),
            variant("old", json!({"headline": "old"})).valid(None, Some(NOW)),
        ];
    });
    let sole = Arm {
        name: "control".into(),
        weight: 1,
        control: true,
        effect,
    };
    let strategy = change(strategy.experiment("split", |split| split.arms = vec![sole]));
    let answer = strategy.ask(cart("u1"));
    assert_eq!((answer.reason, answer.arm()), (Experiment, Some("control")));
    answer.variant().to_owned()
}

#[test]
fn gives_an_arm_the_form_that_the_binding_shows() {
    let forms = |binding: &str| [(binding.to_owned(), "html".to_owned())].into();
    let shown = |effect: Effect| {
        let strategy = shop()
            .module("plain", |_| {})
            .module("html", |module| {
                module.variants = vec![
                    variant("first", json!({"headline": "first"})),
                    variant("everyone", json!({"headline": "<em>hello</em>"})),
                ];
            })
            .experiment("split", |split| {
                let sole = Arm {
                    control: true,
                    ..arm("control", 1, effect)
                };
                split.arms = vec![sole];
            });
        strategy.ask(cart("u1")).value["headline"].clone()
    };
    let named = |binding: &str| Effect::Variant {
        module: "plain".into(),
        forms: forms(binding),
        variant: "everyone".into(),
    };
    let module = |binding: &str| Effect::Module {
        module: "plain".into(),
        forms: forms(binding),
    };
    assert_eq!(shown(named("hero-home")), "<em>hello</em>");
    assert_eq!(shown(module("hero-home")), "first");
    assert_eq!(shown(named("another")), "plain", "a binding that is not here");
    assert_eq!(shown(module("another")), "plain");
}

#[test]
fn gives_what_the_arm_says() {
    let same = |strategy: Plan| strategy;
    let other = || Effect::Module {
        module: "other".into(),
        forms: BTreeMap::new(),
    };
    let named = |variant: &str| Effect::Variant {
        module: "other".into(),
        forms: BTreeMap::new(),
        variant: variant.into(),
    };
    assert_eq!(effect(Effect::Baseline, same), "hero/everyone");
    assert_eq!(effect(Effect::Personalize, same), "hero/cart");
    assert_eq!(effect(other(), same), "other/cart");
    assert_eq!(effect(named("everyone"), same), "other/everyone");
    assert_eq!(
        effect(named("german"), same),
        "hero/everyone",
        "it does not speak the locale"
    );
    assert_eq!(effect(named("old"), same), "hero/everyone", "it has expired");
    assert_eq!(
        effect(named("of-another-channel"), same),
        "hero/everyone",
        "it is not for this channel"
    );
    let suspend = |strategy: Plan| strategy.module("other", |other| other.suspended = true);
    assert_eq!(effect(other(), suspend), "hero/everyone");
    assert_eq!(effect(named("everyone"), suspend), "hero/everyone");
}

#[test]
fn buckets_by_the_salts_that_the_design_publishes() {
    use crate::bucket::{Salt, Weights};

    let strategy = |phase| {
        shop()
            .binding("hero-home", |binding| binding.rollout_bp = 9_000)
            .holdout("never", 500, always())
            .experiment("split", |split| {
                split.exclusion = Some(exclusive(1_000, 9_000));
                split.traffic_bp = 7_000;
                split.phase = phase;
                split.arms = vec![
                    arm("a", 1, Effect::Personalize),
                    arm("control", 2, Effect::Baseline),
                    arm("b", 4, Effect::Personalize),
                ];
            })
    };
    for (phase, arms_salt) in [(1, "shop/split"), (2, "shop/split:p2"), (11, "shop/split:p11")] {
        let engine = strategy(phase).engine();
        for unit in (0..400).map(|number| format!("visitor-{number}")) {
            let bucket = |salt: &str| Salt::new(salt).bucket(&unit, 10_000);
            let weights = Weights::new([1, 2, 4]).unwrap();
            let arm = ["a", "control", "b"][weights.pick(&Salt::new(arms_salt), &unit)];
            let expected = if bucket("shop/hero-home:rollout") >= 9_000 {
                (NotEligible, None)
            } else if bucket("shop/never:holdout") < 500 {
                (HeldOut, None)
            } else if !(1_000..9_000).contains(&bucket("shop/home-page:exclusion"))
                || bucket("shop/split:traffic") >= 7_000
            {
                (NotEnrolled, None)
            } else {
                (Experiment, Some(arm))
            };
            let answer = Ask::new(cart(&unit)).of(&engine);
            assert_eq!((answer.reason, answer.arm()), expected, "{unit} in phase {phase}");
        }
    }
}
