use std::collections::BTreeMap;

use attune_api::Kind;
use attune_core::measure::counts::{AttributeCounts, BindingCounts, Counts};
use attune_testkit::{AT, Strategy};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Traffic;
use crate::tests::{compile, snapshot};
use crate::{Compiled, Snapshot};

const HOME: &str = "retention-home-hero";
/// A second binding at the same touchpoint.
const OTHER: &str = "second-home-hero";

struct World {
    snapshot: Snapshot,
    compiled: Compiled,
    traffic: Traffic,
}

impl World {
    fn new() -> Self {
        let strategy = Strategy::example().copy(Kind::ChannelBinding, HOME, OTHER).edit(
            Kind::ChannelBinding,
            OTHER,
            json!({"priority": 10}),
        );
        Self {
            snapshot: snapshot(&strategy),
            compiled: compile(&strategy),
            traffic: Traffic::default(),
        }
    }

    /// What deciders call the candidate of a binding.
    fn rule(&self, binding: &str, candidate: usize) -> String {
        let bundle = &self.compiled.channels["web"].bundle;
        bundle.rule_key(&bundle.bindings[binding].candidates[candidate])
    }

    fn add(&mut self, counts: &Counts, at: Timestamp) {
        self.traffic.add(&self.snapshot, "web", counts, at);
    }

    fn figures(&self, kind: Kind, name: &str, at: Timestamp) -> Map<String, Value> {
        let told = self.traffic.tell(&self.snapshot, &self.compiled.live_rules, at);
        told.of(kind, name)
    }
}

fn reasons(reasons: &[(&str, u64)]) -> BTreeMap<String, u64> {
    reasons
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

fn won(binding: &str, rule: &str, by: &[(&str, u64)]) -> Counts {
    let counts = BindingCounts {
        reasons: reasons(by),
        rules: BTreeMap::from([(rule.to_owned(), 1)]),
    };
    Counts {
        bindings: BTreeMap::from([(binding.to_owned(), counts)]),
        ..Counts::default()
    }
}

fn without(touchpoint: &str, by: &[(&str, u64)]) -> Counts {
    Counts {
        touchpoints: BTreeMap::from([(touchpoint.to_owned(), reasons(by))]),
        ..Counts::default()
    }
}

fn days(days: i64) -> Timestamp {
    AT.checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

#[test]
fn a_binding_sees_its_share_of_decisions_by_reason_and_what_others_won() {
    let mut world = World::new();
    let (first, other) = (world.rule(HOME, 0), world.rule(OTHER, 1));
    world.add(&won(HOME, &first, &[("TARGETED", 55), ("HELD_OUT", 5)]), AT);
    world.add(&won(OTHER, &other, &[("TARGETED", 20)]), AT);
    world.add(&without("home-hero", &[("NOT_ELIGIBLE", 20)]), AT);
    let figures = world.figures(Kind::ChannelBinding, HOME, AT);
    assert_eq!(figures["firedRules"], 1);
    assert_eq!(
        figures["decisions"],
        json!({
            "total": 100,
            "shares": [
                {"reason": "NOT_ELIGIBLE", "shareBp": 2000},
                {"reason": "HELD_OUT", "shareBp": 500},
                {"reason": "TARGETED", "shareBp": 5500},
            ],
            "othersBp": 2000,
            "days": [{"day": "2026-12-01", "reasons": {"NOT_ELIGIBLE": 20, "HELD_OUT": 5, "TARGETED": 55}}],
            "fired": [{"candidate": 0, "rule": first, "last": "2026-12-01"}],
        })
    );
    assert_eq!(
        world.figures(Kind::Program, "spring-retention", AT)["firedRules"],
        1
    );
    assert_eq!(world.figures(Kind::Channel, "web", AT)["firedRules"], 1);
    let email = world.figures(Kind::Channel, "email", AT);
    assert_eq!(email.get("firedRules"), None, "nobody has told of it");
}

#[test]
fn a_rule_counts_as_fired_for_seven_days_and_under_its_name_however_the_list_is_ordered() {
    let mut world = World::new();
    let rule = world.rule(HOME, 1);
    world.add(&won(HOME, &rule, &[("TARGETED", 1)]), AT);
    world.add(&without("home-hero", &[("NO_UNIT", 1)]), days(6));
    world.traffic.expire(&world.snapshot, days(6));
    let fired = |world: &World, at| world.figures(Kind::Channel, "web", at)["firedRules"].clone();
    assert_eq!(fired(&world, days(6)), 1);
    assert_eq!(fired(&world, days(7)), 0, "others were decided since");
    let turned = Strategy::example().change(Kind::ChannelBinding, HOME, |spec| {
        spec["candidates"].as_array_mut().unwrap().reverse();
    });
    (world.snapshot, world.compiled) = (snapshot(&turned), compile(&turned));
    let figures = world.figures(Kind::ChannelBinding, HOME, days(6));
    assert_eq!(figures["decisions"]["fired"][0]["candidate"], 0);
    world.traffic.expire(&world.snapshot, days(13));
    assert!(world.traffic.observed(days(13)).is_empty());
    assert_eq!(world.figures(Kind::ChannelBinding, HOME, days(13)), Map::new());
}

#[test]
fn goes_on_from_what_stands_on_statuses() {
    let mut world = World::new();
    let (first, other) = (world.rule(HOME, 0), world.rule(OTHER, 0));
    for at in [AT, days(1)] {
        world.add(&won(HOME, &first, &[("TARGETED", 3)]), at);
        world.add(&won(OTHER, &other, &[("TARGETED", 4)]), at);
        world.add(&without("home-hero", &[("NO_CONSENT", 7)]), at);
    }
    let tier = AttributeCounts {
        requests: 7,
        present: 3,
        type_clashes: 1,
        outside_values: 2,
    };
    let attributes = BTreeMap::from([("user.tier".to_owned(), tier)]);
    let seen = Counts {
        attributes,
        ..Counts::default()
    };
    world.add(&seen, days(1));
    let rules = &world.compiled.live_rules;
    world.traffic.watch(&world.snapshot, rules, days(1));
    let objects = [
        (Kind::ChannelBinding, HOME),
        (Kind::ChannelBinding, OTHER),
        (Kind::DataContract, "shopper"),
    ];
    let before = objects.map(|(kind, name)| world.figures(kind, name, days(1)));
    assert_eq!(before[0]["decisions"]["idle"][0]["since"], "2026-12-02");
    let mut after = World::new();
    for ((kind, name), status) in objects.into_iter().zip(&before) {
        let status = Value::Object(status.clone());
        after
            .traffic
            .restore(&after.snapshot, (kind, name), &status, days(1));
    }
    assert_eq!(
        objects.map(|(kind, name)| after.figures(kind, name, days(1))),
        before
    );
}

#[test]
fn shows_what_requests_carried_for_two_days() {
    let mut world = World::new();
    let tier = AttributeCounts {
        requests: 2000,
        present: 1000,
        type_clashes: 30,
        outside_values: 4,
    };
    let counts = Counts {
        attributes: BTreeMap::from([("user.tier".to_owned(), tier), ("user.shoeSize".to_owned(), tier)]),
        ..Counts::default()
    };
    world.add(&counts, AT);
    let expected = json!([
        {"name": "user.tier", "requests": 2000, "presentBp": 5000, "typeClashes": 30, "outsideValues": 4}
    ]);
    for at in [AT, days(1)] {
        assert_eq!(
            world.figures(Kind::DataContract, "shopper", at)["attributes"],
            expected
        );
    }
    assert_eq!(world.figures(Kind::DataContract, "shopper", days(2)), Map::new());
}

#[test]
fn believes_no_decider_about_what_is_not_its_channel_s() {
    let mut world = World::new();
    world.add(&won("retention-newsletter", "0123", &[("TARGETED", 9)]), AT);
    world.add(&won("nowhere", "0123", &[("TARGETED", 9)]), AT);
    world.add(&without("newsletter", &[("NO_UNIT", 9)]), AT);
    world.add(&without("home-hero", &[("INVENTED", 9), ("TARGETED", 9)]), AT);
    for (kind, name) in [
        (Kind::ChannelBinding, "retention-newsletter"),
        (Kind::ChannelBinding, HOME),
        (Kind::Program, "spring-retention"),
    ] {
        assert_eq!(world.figures(kind, name, AT), Map::new(), "{name}");
    }
}

/// The candidates of the binding that are said to win nobody, with the days between which that is known.
fn idle(world: &World, at: Timestamp) -> Vec<(String, String, String)> {
    let figures = world.figures(Kind::ChannelBinding, HOME, at);
    let listed = figures.get("decisions").map(|decisions| &decisions["idle"]);
    let listed = listed.and_then(Value::as_array).into_iter().flatten();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    listed
        .map(|one| (text(one, "rule"), text(one, "since"), text(one, "last")))
        .collect()
}

/// A day on which the first rule wins so many, as the operator sums it up.
fn pass_day(world: &mut World, wins: u64, at: Timestamp) {
    let first = world.rule(HOME, 0);
    world.add(&won(HOME, &first, &[("TARGETED", wins)]), at);
    watch(world, at);
}

fn watch(world: &mut World, at: Timestamp) {
    world.traffic.expire(&world.snapshot, at);
    let rules = &world.compiled.live_rules;
    world.traffic.watch(&world.snapshot, rules, at);
}

#[test]
fn knows_since_when_a_live_rule_wins_nobody_while_others_do() {
    let mut world = World::new();
    let second = world.rule(HOME, 1);
    for day in 0..3 {
        pass_day(&mut world, 600, days(day));
    }
    assert_eq!(
        idle(&world, days(2)),
        [(second.clone(), "2026-12-01".to_owned(), "2026-12-03".to_owned())]
    );
    let known = world.traffic.idle()[HOME][&second];
    assert_eq!(
        (known.decisions, known.known()),
        (1200, SignedDuration::from_hours(24)),
        "the first and the last day may have begun or end otherwise"
    );

    world.add(&won(HOME, &second, &[("HELD_OUT", 1)]), days(2));
    watch(&mut world, days(2));
    assert_eq!(
        idle(&world, days(2)),
        [],
        "it has won, although nobody was shown it"
    );
    pass_day(&mut world, 600, days(3));
    assert_eq!(
        idle(&world, days(3)),
        [(second, "2026-12-04".to_owned(), "2026-12-04".to_owned())]
    );
    assert!(world.traffic.idle().is_empty(), "of one day nothing is known");
}

#[test]
fn nothing_is_known_of_rules_where_nothing_was_counted() {
    let mut world = World::new();
    watch(&mut world, AT);
    assert!(world.traffic.is_empty());
    world.add(&without("home-hero", &[("NO_CONSENT", 999)]), AT);
    watch(&mut world, AT);
    world.add(&without("home-hero", &[("NO_CONSENT", 999)]), days(1));
    watch(&mut world, days(1));
    assert_eq!(idle(&world, days(1)).len(), 2);
    assert!(world.traffic.idle().is_empty(), "999 decisions are too few");

    // No decision for a week is still known, longer is not.
    watch(&mut world, days(8));
    assert_eq!(idle(&world, days(8)).len(), 2);
    let mut weekly = World::new();
    for day in [0, 7, 14] {
        pass_day(&mut weekly, 2000, days(day));
    }
    assert_eq!(
        idle(&weekly, days(14))[0].1,
        "2026-12-01",
        "a newsletter comes once a week"
    );
    watch(&mut world, days(9));
    assert_eq!(idle(&world, days(9)), []);
    pass_day(&mut weekly, 2000, days(22));
    assert_eq!(idle(&weekly, days(22))[0].1, "2026-12-23");
}

#[test]
fn a_rule_that_is_live_again_is_watched_anew() {
    let mut world = World::new();
    pass_day(&mut world, 2000, AT);
    pass_day(&mut world, 2000, days(1));
    assert_eq!(idle(&world, days(1))[0].1, "2026-12-01");
    let rules = std::mem::take(&mut world.compiled.live_rules);
    watch(&mut world, days(1));
    assert_eq!(idle(&world, days(1)), [], "it is not live");
    world.compiled.live_rules = rules;
    pass_day(&mut world, 2000, days(2));
    assert_eq!(idle(&world, days(2))[0].1, "2026-12-03");
}
