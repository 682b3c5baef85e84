use std::collections::BTreeSet;
use std::sync::Arc;

use attune_api::Kind;
use attune_core::engine::Engine;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::{LiveRules, Rules};
use crate::coverage::Engines;
use crate::tests::{compile_over, published, snapshot};
use crate::{Compiled, Previous};

const HOME: &str = "retention-home-hero";

fn counted(strategy: &Strategy, previous: &Previous, hidden: &[(&str, usize)]) -> LiveRules {
    let compiled: Compiled = compile_over(strategy, previous);
    let engines: Engines = compiled
        .channels
        .iter()
        .map(|(name, one)| {
            (
                name.clone(),
                Arc::new(Engine::load(Arc::clone(&one.bundle)).unwrap()),
            )
        })
        .collect();
    let hidden: BTreeSet<_> = hidden
        .iter()
        .map(|(name, index)| ((*name).to_owned(), *index))
        .collect();
    LiveRules::of(&snapshot(strategy), &engines, &hidden, AT)
}

fn fresh(strategy: &Strategy) -> LiveRules {
    counted(strategy, &Previous::new(), &[])
}

const fn rules(declared: usize, live: usize) -> Rules {
    Rules { declared, live }
}

#[test]
fn counts_candidates_per_program_channel_binding_and_altogether() {
    let all = fresh(&Strategy::example());
    assert_eq!(all.all(), rules(3, 3));
    assert_eq!(all.of_program("spring-retention"), rules(3, 3));
    assert_eq!(
        (all.of_channel("web"), all.of_channel("email")),
        (rules(2, 2), rules(1, 1))
    );
    assert_eq!(
        (all.of_binding(HOME), all.of_binding("unheard")),
        (rules(2, 2), rules(0, 0))
    );
}

#[test]
fn a_rule_that_cannot_win_is_declared_and_not_live() {
    let suspended = Strategy::example().edit(Kind::ChannelBinding, HOME, json!({"suspend": true}));
    assert_eq!(fresh(&suspended).of_channel("web"), rules(2, 0));
    let closed = Strategy::example().edit(Kind::ChannelBinding, HOME, json!({"rollout": {"shareBp": 0}}));
    assert_eq!(fresh(&closed).of_channel("web"), rules(2, 0));
    let broken = Strategy::example().edit(Kind::Audience, "lapsed", json!({"match": "user.tier =="}));
    assert_eq!(
        fresh(&broken).all(),
        rules(3, 0),
        "both bindings name it and were never published"
    );
    let hidden = counted(&Strategy::example(), &Previous::new(), &[(HOME, 1)]);
    assert_eq!(hidden.of_binding(HOME), rules(2, 1));
}

#[test]
fn the_same_rule_twice_is_one() {
    let twice = Strategy::example().change(Kind::ChannelBinding, HOME, |spec| {
        let again = spec["candidates"][0].clone();
        spec["candidates"].as_array_mut().unwrap().push(again);
    });
    assert_eq!(fresh(&twice).of_binding(HOME), rules(3, 2));
}

#[test]
fn what_serves_on_in_its_last_form_is_live() {
    let example = Strategy::example();
    let previous = published(&compile_over(&example, &Previous::new()));
    let broken = example.edit(Kind::Audience, "lapsed", json!({"match": "user.tier =="}));
    assert_eq!(counted(&broken, &previous, &[]).all(), rules(3, 3));
}
