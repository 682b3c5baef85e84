//! Laws that hold for every unit, context and bundle.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, and helpers of tests"
)]

mod strategy;

#[path = "properties/arbitrary.rs"]
mod arbitrary;

use std::collections::BTreeMap;

use attune_core::bucket::{BASIS_POINTS, Salt, Weights};
use attune_core::bundle::{Bundle, Window};
use attune_core::context::{Context, ContextError};
use attune_core::decide::{Reason, Request, decide, decide_everywhere};
use attune_core::engine::Engine;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::strategy::*;

/// Pearson's statistic of counts against equal expectations.
fn chi_square(counts: &[u32]) -> f64 {
    let total: u32 = counts.iter().sum();
    let expected = f64::from(total) / counts.len() as f64;
    counts
        .iter()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum()
}

/// The quantile of chi-square at 1 - 1e-6 by the cube-root approximation of Wilson and Hilferty (1931).
fn limit(cells: usize) -> f64 {
    const Z: f64 = 4.753_424;
    let freedom = (cells - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + Z * spread.sqrt()).powi(3)
}

proptest! {
    // Each case counts 100,000 units; the figure is fixed so that a false alarm is one in 10^6 a case.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn spreads_units_evenly(salt in "[a-z0-9/:-]{0,40}", prefix in "[a-z]{0,12}", cells in 2_u32..200) {
        let salt = Salt::new(&salt);
        let mut counts = vec![0; cells as usize];
        for unit in 0..100_000 {
            counts[salt.bucket(&format!("{prefix}{unit}"), cells) as usize] += 1;
        }
        let statistic = chi_square(&counts);
        prop_assert!(statistic < limit(counts.len()), "{statistic} over {cells} cells");
    }

    #[test]
    fn assigns_arms_independently_of_traffic(name in "[a-z-]{1,20}") {
        let (arms, traffic) = (Salt::new(&name), Salt::new(&format!("{name}:traffic")));
        let mut counts = [0; 40];
        for unit in 0..100_000 {
            let unit = format!("visitor-{unit}");
            counts[(traffic.bucket(&unit, 10) * 4 + arms.bucket(&unit, 4)) as usize] += 1;
        }
        let statistic = chi_square(&counts);
        prop_assert!(statistic < limit(counts.len()), "{statistic}");
    }

    #[test]
    fn holds_out_independently_of_arms(name in "[a-z-]{1,20}", holdout in "[a-z-]{1,20}") {
        let (arms, held) = (Salt::new(&format!("shop/{name}")), Salt::new(&format!("shop/{holdout}:holdout")));
        let mut counts = [0; 40];
        for unit in 0..100_000 {
            let unit = format!("visitor-{unit}");
            counts[(held.bucket(&unit, 20) / 2 * 4 + arms.bucket(&unit, 4)) as usize] += 1;
        }
        let statistic = chi_square(&counts);
        prop_assert!(statistic < limit(counts.len()), "{statistic}");
    }
}

proptest! {
    #[test]
    fn picks_by_nothing_but_salt_unit_and_weights(salt: String, unit: String, weights in prop::collection::vec(0_u32..1_000, 0..8)) {
        let pick = || Some(Weights::new(weights.iter().copied())?.pick(&Salt::new(&salt), &unit));
        let picked = pick();
        prop_assert_eq!(picked, pick());
        let has_weight = picked.map(|index| weights[index] > 0);
        prop_assert_eq!(has_weight.unwrap_or(false), weights.iter().sum::<u32>() > 0);
    }

    #[test]
    fn only_lets_units_in_as_a_share_grows(salt: String, unit: String, mut shares in [0..=BASIS_POINTS, 0..=BASIS_POINTS]) {
        shares.sort_unstable();
        let salt = Salt::new(&salt);
        prop_assert!(!salt.admits(&unit, shares[0]) || salt.admits(&unit, shares[1]));
        prop_assert!(salt.admits(&unit, BASIS_POINTS) && !salt.admits(&unit, 0));
    }
}

/// Everything on: a holdout, a rollout, an experiment with traffic.
fn measured(rollout_bp: u32, traffic_bp: u32, held_bp: u32) -> Plan {
    shop()
        .binding("hero-home", |binding| binding.rollout_bp = rollout_bp)
        .holdout("never", held_bp, Window::default())
        .experiment("split", |split| split.traffic_bp = traffic_bp)
}

fn ask(engine: &Engine, unit: &str) -> Answer {
    Ask::new(cart(unit)).of(engine)
}

proptest! {
    #[test]
    fn keeps_everybody_in_as_the_shares_of_a_strategy_grow(
        unit in "[a-z0-9]{1,12}",
        mut rollout in [0..=10_000_u32, 0..=10_000],
        mut traffic in [0..=10_000_u32, 0..=10_000],
        mut held in [0..=5_000_u32, 0..=5_000],
    ) {
        rollout.sort_unstable();
        traffic.sort_unstable();
        held.sort_unstable();
        let eligible = |share| ask(&measured(share, 0, 0).engine(), &unit).reason != Reason::NotEligible;
        prop_assert!(!eligible(rollout[0]) || eligible(rollout[1]), "rollout");
        let enrolled = |share| ask(&measured(10_000, share, 0).engine(), &unit).enrolment;
        let before = enrolled(traffic[0]);
        prop_assert!(before.is_none() || before == enrolled(traffic[1]), "traffic, in the same arm");
        let is_held = |share| ask(&measured(10_000, 0, share).engine(), &unit).reason == Reason::HeldOut;
        prop_assert!(!is_held(held[0]) || is_held(held[1]), "holdout");
    }

    #[test]
    fn lets_units_only_in_when_traffic_grows_with_a_new_phase(unit in "[a-z0-9]{1,12}", phase in 1..9) {
        let enrolled = |phase, traffic| {
            let strategy = measured(10_000, traffic, 0).experiment("split", |split| split.phase = phase);
            ask(&strategy.engine(), &unit).enrolment.is_some()
        };
        prop_assert!(!enrolled(phase, 3_000) || enrolled(phase + 1, 4_000));
    }

    #[test]
    fn never_moves_a_holdout_whatever_else_changes(bundle in arbitrary::bundle(), unit in "[a-z0-9]{1,12}") {
        // INVARIANT: who is held depends on the holdout's salt and share and on the unit.
        let held = Salt::new("shop/never:holdout").admits(&unit, 2_500);
        let mut strategy = Plan(bundle);
        strategy.0.programs.values_mut().for_each(|program| program.holdouts.clear());
        let answer = strategy.holdout("never", 2_500, Window::default()).ask(cart(&unit));
        if let Some((_, tested)) = answer.holdout {
            prop_assert_eq!(tested, held);
            prop_assert_eq!(answer.reason == Reason::HeldOut, held);
        }
    }

    #[test]
    fn keeps_a_unit_in_its_arm_whatever_else_changes(bundle in arbitrary::bundle(), unit in "[a-z0-9]{1,12}") {
        let mut strategy = Plan(bundle);
        strategy.0.experiments.clear();
        let halves = Weights::new([50, 50]).unwrap();
        let expected = ["control", "treatment"][halves.pick(&Salt::new("shop/split"), &unit)];
        let answer = strategy.experiment("split", |_| {}).ask(cart(&unit));
        prop_assert!(answer.arm().is_none_or(|arm| arm == expected));
    }

    #[test]
    fn answers_any_context_for_any_bundle_and_alike_with_and_without_a_trace(
        bundle in arbitrary::bundle(),
        context in arbitrary::context(),
        now in arbitrary::now(),
        past in arbitrary::past(),
    ) {
        let engine = Engine::load(bundle).unwrap();
        let json = context.to_string();
        match Context::decode(&engine, json.as_bytes()) {
            Ok(context) => {
                let request = Request { touchpoint: "home", context: &context, history: &past, now };
                let mut trace = Trace::on();
                let decision = decide(&engine, request, &mut trace).unwrap();
                let untraced = decide(&engine, request, &mut Trace::off()).unwrap();
                prop_assert_eq!(&decision, &untraced);
                prop_assert!(trace.steps().iter().all(|step| !step.to_string().is_empty()));
                check(&engine, &decision)?;
                check_everywhere(&engine, &json, request)?;
            }
            Err(ContextError::TargetingKey) => prop_assert!(!context["targetingKey"].is_string()),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn decodes_or_refuses_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), json in arbitrary::json()) {
        let engine = shop().engine();
        let _ = Context::decode_request(&engine, &bytes);
        let _ = Context::decode(&engine, &bytes);
        let text = json!({"context": json}).to_string();
        let (cut, _) = text.char_indices().nth(text.chars().count() / 2).unwrap();
        prop_assert!(matches!(Context::decode_request(&engine, &text.as_bytes()[..cut]), Err(ContextError::NotJson(_))));
    }

    #[test]
    fn answers_alike_however_the_contexts_keys_are_ordered(context in arbitrary::context()) {
        let engine = shop().engine();
        let Value::Object(members) = &context else { return Ok(()) };
        let text = |members: Vec<(&String, &Value)>| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
            format!("{{{}}}", members.join(","))
        };
        let forward = text(members.iter().collect());
        let backward = text(members.iter().rev().collect());
        let decode = |json: &str| Context::decode(&engine, json.as_bytes()).map(|_| ());
        prop_assert_eq!(decode(&forward), decode(&backward));
        if decode(&forward).is_ok() {
            prop_assert_eq!(asking::decide_text(&engine, &forward), asking::decide_text(&engine, &backward));
        }
    }

    #[test]
    fn gives_one_revision_to_whatever_parses_back(bundle in arbitrary::bundle()) {
        let canonical = bundle.canonical().unwrap();
        let engine = Engine::parse(&canonical).unwrap();
        prop_assert_eq!(engine.revision(), Bundle::revision(&canonical));
        prop_assert_eq!(engine.bundle(), &bundle);
    }
}

/// What holds for every decision.
fn check(engine: &Engine, decision: &attune_core::decide::Decision<'_>) -> Result<(), TestCaseError> {
    let reached_winner = decision.reason >= Reason::HeldOut;
    prop_assert_eq!(decision.winner.is_some(), reached_winner);
    prop_assert_eq!(
        decision.enrolment.is_some(),
        decision.reason == Reason::Experiment
    );
    prop_assert_eq!(
        decision.holdout.is_some_and(|test| test.held),
        decision.reason == Reason::HeldOut
    );
    prop_assert!(decision.holdout.is_some() || decision.passed_holdout.is_none());
    if let Some(content) = decision.content {
        let slots: BTreeMap<String, Value> = serde_json::from_str(content.json.get()).unwrap();
        prop_assert!(!slots.is_empty() && content.variant.contains('/'));
    }
    let success = Success::new(decision, engine.metadata(), Some("d"));
    let answer = serde_json::to_value(&success).unwrap();
    let mut written = Vec::new();
    success.write(&mut written);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        serde_json::to_string(&success).unwrap()
    );
    prop_assert_eq!(answer.get("value").is_some(), answer.get("variant").is_some());
    Ok(())
}

/// All touchpoints at once are each of them alone; every context is read anew, as it remembers who is in which audience.
fn check_everywhere(engine: &Engine, json: &str, request: Request<'_>) -> Result<(), TestCaseError> {
    let Request { history, now, .. } = request;
    let read = || Context::decode(engine, json.as_bytes()).unwrap();
    let everywhere: Vec<_> = decide_everywhere(engine, &read(), history, now).collect();
    prop_assert_eq!(everywhere.len(), engine.touchpoints().count());
    for (place, (touchpoint, outcome)) in engine.touchpoints().zip(everywhere).enumerate() {
        let request = Request {
            touchpoint,
            context: &read(),
            ..request
        };
        let alone = decide(engine, request, &mut Trace::off()).unwrap();
        prop_assert_eq!(outcome.reason(), alone.reason);
        prop_assert_eq!(outcome.touchpoint(), Some(place));
        prop_assert_eq!(outcome.decision(engine), alone);
    }
    Ok(())
}

/// The laws above would hold of bundles that never decide anything.
#[test]
fn reaches_every_reason_with_arbitrary_bundles() {
    use proptest::strategy::{Strategy as _, ValueTree as _};

    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let inputs = (arbitrary::bundle(), arbitrary::context(), arbitrary::past());
    let mut reached = BTreeMap::new();
    for _ in 0..4_000 {
        let (bundle, context, past) = inputs.new_tree(&mut runner).unwrap().current();
        let engine = Engine::load(bundle).unwrap();
        if Context::decode(&engine, context.to_string().as_bytes()).is_ok() {
            *reached
                .entry(Ask::new(context).after(past).of(&engine).reason)
                .or_insert(0) += 1;
        }
    }
    let missing: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| !reached.contains_key(reason))
        .collect();
    assert!(missing.is_empty(), "{missing:?} of {reached:?}");
}
