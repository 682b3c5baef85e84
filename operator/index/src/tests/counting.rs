//! What deciders count, onto statuses and back.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_core::measure::counts::{AttributeCounts, BindingCounts, Counts};
use attune_testkit::{AT, Strategy, condition, instant, stands};
use jiff::SignedDuration;
use serde_json::Value;

use super::{NOBODY, Server, id, settled};
use crate::{Effect, Index};

const HOME: &str = "retention-home-hero";

/// The first rule of a binding wins, and a third of requests has no tier.
fn counts(index: &Index) -> Counts {
    let bundle = &index.publication("shop", "web").unwrap().bundle;
    let rule = bundle.rule_key(&bundle.bindings[HOME].candidates[0]);
    let tier = AttributeCounts {
        requests: 3000,
        present: 1000,
        ..AttributeCounts::default()
    };
    let won = BindingCounts {
        reasons: BTreeMap::from([("TARGETED".to_owned(), 3000)]),
        rules: BTreeMap::from([(rule, 3000)]),
    };
    Counts {
        attributes: BTreeMap::from([("user.tier".to_owned(), tier)]),
        bindings: BTreeMap::from([(HOME.to_owned(), won)]),
        ..Counts::default()
    }
}

fn status(server: &Server, kind: Kind, name: &str) -> Value {
    server.resource(&id(kind, name)).status().unwrap()
}

fn written(effects: &[Effect]) -> Vec<(String, bool)> {
    let statuses = effects.iter().filter_map(|effect| match effect {
        Effect::Status { id, may_wait, .. } => Some((id.to_string(), *may_wait)),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn what_deciders_count_stands_on_statuses_and_is_found_fault_with() {
    let (mut index, mut server) = settled(&Strategy::example());
    let counts = counts(&index);
    index.count("shop", "web", &counts, AT);
    index.sum_up(AT);
    let effects = index.settle(AT);
    let now = |name: &str| (name.to_owned(), false);
    let waits = |name: &str| (name.to_owned(), true);
    assert_eq!(
        written(&effects),
        [
            now("Program/shop/spring-retention"),
            now("DataContract/shop/shopper"),
            waits("Channel/shop/web"),
            now("ChannelBinding/shop/retention-home-hero"),
        ]
    );
    server.take(&effects);
    let contract = status(&server, Kind::DataContract, "shopper");
    assert_eq!(stands(&contract, "Observed"), "False/AttributeGaps");
    let message = condition(&contract, "Observed")["message"].as_str().unwrap();
    assert!(
        message.contains("33 %") && message.contains("`loyal-high-value`"),
        "{message}"
    );
    assert_eq!(
        status(&server, Kind::Program, "spring-retention")["firedRules"],
        1
    );
    assert_eq!(index.rules(AT).1, 1);
    server.list(&mut index);
    assert_eq!(index.settle(AT), [], "its own writes are no news");

    index.count("shop", "web", &counts, AT);
    index.sum_up(AT);
    let again = index.settle(AT);
    assert_eq!(
        written(&again),
        [
            waits("DataContract/shop/shopper"),
            waits("ChannelBinding/shop/retention-home-hero"),
        ],
        "nothing but counts differ"
    );
}

#[test]
fn another_goes_on_where_the_one_before_it_stopped() {
    let (mut index, mut server) = settled(&Strategy::example());
    let counts = counts(&index);
    index.count("shop", "web", &counts, AT);
    index.sum_up(AT);
    server.take(&index.settle(AT));

    let mut other = Index::default();
    other.follow();
    server.list(&mut other);
    for channel in ["web", "email"] {
        other.hear("shop", channel, NOBODY);
    }
    other.settle(AT);
    other.lead();
    other.recall(AT);
    assert_eq!(other.settle(AT), [], "what stands is what was counted");
    other.count("shop", "web", &counts, AT);
    other.sum_up(AT);
    server.take(&other.settle(AT));
    let binding = status(&server, Kind::ChannelBinding, HOME);
    assert_eq!(binding["decisions"]["total"], 6000);
}

#[test]
fn what_nobody_tells_of_any_more_is_forgotten() {
    let (mut index, mut server) = settled(&Strategy::example());
    let counts = counts(&index);
    index.count("shop", "web", &counts, AT);
    index.sum_up(AT);
    server.take(&index.settle(AT));
    let later = instant("2026-12-09T00:00:00Z");
    index.sum_up(later);
    server.take(&index.settle(later));
    let contract = status(&server, Kind::DataContract, "shopper");
    assert_eq!(stands(&contract, "Observed"), "Unknown/Pending");
    assert_eq!(index.rules(later).1, 0);
}

#[test]
fn a_rule_that_wins_nobody_for_a_month_is_told_and_still_by_who_takes_over() {
    let (mut index, mut server) = settled(&Strategy::example());
    let counts = counts(&index);
    let day = |days: i64| AT.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
    let fresh = |server: &Server| {
        let program = status(server, Kind::Program, "spring-retention");
        stands(&program, "Fresh").clone()
    };
    for days in 0..31 {
        index.count("shop", "web", &counts, day(days));
        index.sum_up(day(days));
        server.take(&index.settle(day(days)));
    }
    assert_eq!(fresh(&server), "True/Fresh");

    let mut other = Index::default();
    other.follow();
    server.list(&mut other);
    for channel in ["web", "email"] {
        other.hear("shop", channel, NOBODY);
    }
    other.settle(day(31));
    other.lead();
    other.recall(day(31));
    other.count("shop", "web", &counts, day(31));
    other.sum_up(day(31));
    server.take(&other.settle(day(31)));
    assert_eq!(fresh(&server), "False/Unused");
    let program = status(&server, Kind::Program, "spring-retention");
    let message = condition(&program, "Fresh")["message"].as_str().unwrap();
    assert!(
        message.contains("candidate 1 of binding `retention-home-hero` has won nobody since 2026-12-01"),
        "{message}"
    );

    let bundle = &other.publication("shop", "web").unwrap().bundle;
    let rule = bundle.rule_key(&bundle.bindings[HOME].candidates[1]);
    let won = BindingCounts {
        reasons: BTreeMap::from([("TARGETED".to_owned(), 1)]),
        rules: BTreeMap::from([(rule, 1)]),
    };
    let won = Counts {
        bindings: BTreeMap::from([(HOME.to_owned(), won)]),
        ..Counts::default()
    };
    other.count("shop", "web", &won, day(31));
    other.sum_up(day(31));
    server.take(&other.settle(day(31)));
    assert_eq!(fresh(&server), "True/Fresh", "one win is enough");
}
