use serde_json::json;

use super::*;
use crate::bundle::{Cap, CapScope, Effect, Exclusion, Experiment, ExperimentMode};
use crate::strategy::*;

/// A holdout, an experiment, a capped binding ahead of the winner and one that does not admit the unit.
fn strategy() -> Plan {
    shop()
        .program("ads", "advertising")
        .open_binding("ad", "hero", None, None)
        .binding("ad", |ad| ad.program = "ads".into())
        .open_binding("capped", "hero", None, Some("session.cartValue / 2.0"))
        .binding("capped", |capped| {
            capped.caps = vec![Cap {
                per: CapScope::Unit,
                max: 1,
                window_seconds: 3_600,
            }];
        })
        .open_binding("conditional", "hero", Some("session.cartValue > 100.0"), None)
        .open_binding("slow", "hero", None, None)
        .binding("slow", |slow| slow.rollout_bp = 0)
        .holdout("always-baseline", 500, window(None, None))
        .experiment("cart-hero", |split| {
            split.arms = vec![
                arm("control", 50, Effect::Baseline),
                arm("reminder", 50, Effect::Personalize),
            ];
        })
}

fn trace(context: serde_json::Value) -> String {
    let past = Past::default().shown("capped", "2026-11-30T23:30:00Z");
    Ask::new(context).after(past).of(&strategy().engine()).trace
}

#[test]
fn tells_a_person_why_a_unit_is_in_an_arm() {
    insta::assert_snapshot!(trace(cart("u1")), @r#"
     1 touchpoint   home: 6 candidates
     2 consent      personalization (Explicit), service (always)
                    program ads drops out: its purpose is not granted
                    user.tier is absent
     3 unit         u1 (from identity.unit)
     4 audiences    cart matches: session.cartValue >= 50.0
                    gold does not match: user.tier == "gold" (`user.tier` is absent)
     5 candidates   ad[0] hero at priority 100: its program's purpose is not granted
                    capped[0] hero at priority 100, score 40: admits the unit
                    conditional[0] hero at priority 100: its condition is not met: session.cartValue > 100.0
                    hero-home[0] hero at priority 100: admits the unit
                    hero-home[1] hero at priority 100: none of its audiences matches
                    slow[0] hero at priority 100: the unit is outside of the rollout of 0 %
     6 suppression  capped[0] drops out: a cap or the minimum gap is reached (CAPPED)
                    hero-home[0] wins
     7 holdout      always-baseline: not held (bucket 8434 of 10000, held below 500)
     8 audience     cart
     9 experiment   cart-hero: arm reminder
    10 content      hero/cart in en
    "#);
}

#[test]
fn tells_a_person_why_a_unit_is_held_out() {
    let unit = strategy().unit_with(Reason::HeldOut);
    insta::assert_snapshot!(trace(cart(&unit)), @r#"
     1 touchpoint   home: 6 candidates
     2 consent      personalization (Explicit), service (always)
                    program ads drops out: its purpose is not granted
                    user.tier is absent
     3 unit         u15 (from identity.unit)
     4 audiences    cart matches: session.cartValue >= 50.0
                    gold does not match: user.tier == "gold" (`user.tier` is absent)
     5 candidates   ad[0] hero at priority 100: its program's purpose is not granted
                    capped[0] hero at priority 100, score 40: admits the unit
                    conditional[0] hero at priority 100: its condition is not met: session.cartValue > 100.0
                    hero-home[0] hero at priority 100: admits the unit
                    hero-home[1] hero at priority 100: none of its audiences matches
                    slow[0] hero at priority 100: the unit is outside of the rollout of 0 %
     6 suppression  capped[0] drops out: a cap or the minimum gap is reached (CAPPED)
                    hero-home[0] wins
     7 holdout      always-baseline: held out (bucket 468 of 10000, held below 500)
     8 audience     cart
    11 baseline     hero/everyone
    "#);
}

#[test]
fn tells_a_person_why_nobody_won() {
    insta::assert_snapshot!(trace(json!({"session": {"cartValue": "much"}})), @r#"
     1 touchpoint   home: 6 candidates
     2 consent      service (always)
                    program ads drops out: its purpose is not granted
                    program retention drops out: its purpose is not granted
                    session.cartValue is of the wrong type or too long, thus absent
                    user.tier is absent
     3 unit         none: the context names nobody
    11 baseline     hero/everyone
    "#);
}

#[test]
fn tells_a_person_where_a_unit_falls_outside_of_an_experiment() {
    let outside = |change: fn(&mut Experiment)| {
        let strategy = shop().experiment("cart-hero", change);
        let trace = strategy.ask(cart("u1")).trace;
        trace
            .lines()
            .find(|line| line.starts_with(" 9"))
            .unwrap()
            .to_owned()
    };
    let lines = [
        outside(|split| split.traffic_bp = 250),
        outside(|split| {
            let salt = "shop/home-page:exclusion".into();
            split.exclusion = Some(Exclusion {
                salt,
                from_bp: 0,
                to_bp: 100,
            });
        }),
        outside(|split| split.mode = ExperimentMode::Control),
        outside(|split| {
            split.mode = ExperimentMode::Promoted {
                arm: "treatment".into(),
            }
        }),
        outside(|split| split.audiences = vec!["gold".into()]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
     9 experiment   cart-hero: not enrolled: bucket 8145 is outside of the traffic of 2.5 %
     9 experiment   cart-hero: not enrolled: bucket 7073 is outside of its exclusion range [0, 100)
     9 experiment   cart-hero: not enrolled: the split is off, everybody gets the control's effect
     9 experiment   cart-hero: arm treatment won and is for all
     9 experiment   none
    ");
}

#[test]
fn writes_each_step_once_and_in_order() {
    let engine = strategy().engine();
    let json = cart("u1").to_string();
    let context = crate::context::Context::decode(&engine, json.as_bytes()).unwrap();
    let request = crate::decide::Request {
        touchpoint: "home",
        context: &context,
        history: &crate::history::NoHistory,
        now: instant(NOW),
    };
    let mut trace = Trace::on();
    crate::decide::decide(&engine, request, &mut trace).unwrap();
    let names: Vec<_> = trace
        .steps()
        .iter()
        .map(|step| serde_json::to_value(step).unwrap()["step"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "touchpoint",
            "consent",
            "unit",
            "audiences",
            "candidates",
            "suppression",
            "holdout",
            "audience",
            "experiment",
            "content"
        ]
    );
}

#[test]
fn keeps_nothing_while_off() {
    let mut trace = Trace::off();
    trace.write(|| unreachable!("nothing asks for the step"));
    assert!(trace.steps().is_empty() && !trace.is_on());
}
