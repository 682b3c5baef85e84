use std::collections::BTreeMap;

use attune_api::conditions::ConditionType;
use attune_api::{Day, Kind};
use attune_testkit::{AT, Strategy};
use jiff::SignedDuration;
use serde_json::json;

use crate::live::Row;
use crate::observed::Idle;
use crate::tests::{all_findings, compile, compile_over, published, snapshot, stands, verdict};
use crate::{Compiled, Previous, Severity};

const PROGRAM: &str = "spring-retention";
const HOME: &str = "retention-home-hero";

/// Findings with a reason.
fn told(strategy: &Strategy, reason: &str) -> Vec<String> {
    let findings = all_findings(strategy).into_iter();
    findings
        .filter(|line| line.contains(&format!(" {reason}: ")))
        .collect()
}

/// A change of the example's policy.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn ruled(rules: serde_json::Value) -> Strategy {
    Strategy::example().edit(Kind::GovernancePolicy, "default", json!({"rules": rules}))
}

/// The example with the words that it lacks.
fn covered(strategy: Strategy) -> Strategy {
    strategy.change(Kind::ContentModule, "hero", |spec| {
        for (name, audience, headline) in [
            ("loyal-de", "loyal-high-value", "Zuerst für Sie"),
            ("lapsed-de", "lapsed", "Neu für Sie"),
        ] {
            spec["variants"].as_array_mut().unwrap().push(json!({
                "name": name, "audiences": [audience], "locales": ["de"],
                "content": {"headline": headline, "cta": "Ansehen"},
                "approval": {"by": "content-studio", "at": "2026-11-10T12:00:00Z"},
            }));
        }
    })
}

#[test]
fn too_little_coverage_is_told_with_what_is_open() {
    assert_eq!(
        told(&Strategy::example(), "CoverageTooLow"),
        [
            "warning Program spring-retention spec.coverage.minimumBp CoverageTooLow: 6 of 9 cells have words of their own, 1 waived: \
          77.77 % is less than the 100 % asked for; open are `lapsed` at `web/home-hero` in `de` (Untranslated), \
          `loyal-high-value` at `web/home-hero` in `de` (Untranslated): write them (`attune coverage` lists all), or waive cells \
          for a time (policy `default`)"
        ]
    );
    let compiled = compile(&Strategy::example());
    assert_eq!(
        stands(&compiled, Kind::Program, PROGRAM, ConditionType::Covered),
        "False/CoverageTooLow"
    );
    let figures = &verdict(&compiled, Kind::Program, PROGRAM).figures;
    assert_eq!(
        (
            &figures["coverage"]["coveredBp"],
            &figures["coverage"]["untranslated"]
        ),
        (&json!(7777), &json!(2))
    );
    assert_eq!(
        figures["contentDebt"],
        json!([{"group": "content-studio", "needed": 6, "present": 4, "renew": 0, "review": 0, "capacity": 40}])
    );
}

#[test]
fn enough_coverage_is_silent() {
    let example = covered(Strategy::example());
    assert_eq!(told(&example, "CoverageTooLow"), [""; 0]);
    let compiled = compile(&example);
    assert_eq!(
        stands(&compiled, Kind::Program, PROGRAM, ConditionType::Covered),
        "True/Covered"
    );
    let modest = Strategy::example().edit(Kind::Program, PROGRAM, json!({"coverage": {"minimumBp": 7777}}));
    assert_eq!(told(&modest, "CoverageTooLow"), [""; 0]);
}

#[test]
fn a_policy_that_does_not_ask_says_nothing_of_coverage() {
    for rules in [
        json!({"coverage": null, "capacity": null}),
        json!({"coverage": {"enforcement": "Ignore"}, "capacity": null}),
        json!({"coverage": {"enforcement": "Ignore"}, "capacity": {"enforcement": "Warn"}}),
    ] {
        let strategy = ruled(rules);
        assert_eq!(told(&strategy, "CoverageTooLow"), [""; 0]);
        let compiled = compile(&strategy);
        assert_eq!(
            stands(&compiled, Kind::Program, PROGRAM, ConditionType::Covered),
            "Unknown/NotJudged"
        );
    }
}

#[test]
fn enforced_coverage_keeps_new_forms_from_being_programmed() {
    let before = compile(&covered(Strategy::example()));
    let enforced = ruled(json!({"coverage": {"enforcement": "Enforce"}}));
    assert!(told(&enforced, "CoverageTooLow")[0].starts_with("error Program "));
    let fresh = compile(&enforced);
    assert!(
        fresh.channels["web"].bundle.bindings.is_empty(),
        "never published"
    );
    assert_eq!(fresh.live_rules.all().live, 0, "counted from what is published");
    let over = compile_over(&enforced, &published(&before));
    assert_eq!(
        over.channels["web"].bundle.bindings, before.channels["web"].bundle.bindings,
        "what serves stays"
    );
    let mended = compile_over(&covered(enforced), &published(&over));
    assert_eq!(mended.channels["web"].revision, before.channels["web"].revision);
}

#[test]
fn more_work_than_a_team_can_do_is_told_in_its_quarter() {
    let tight = ruled(json!({"capacity": {"versionsPerQuarter": {"content-studio": 1}}}));
    assert_eq!(
        told(&tight, "CapacityExceeded"),
        [
            "warning Program spring-retention spec.audiences CapacityExceeded: in 2026Q4 `content-studio` has 2 versions to make, 0 to \
          renew and 0 to review, 1 more than the 1 it can do: address fewer audiences or touchpoints, waive cells, or give the team \
          more capacity (policy `default`)"
        ]
    );
    let later = covered(ruled(
        json!({"capacity": {"versionsPerQuarter": {"content-studio": 5}}}),
    ));
    assert!(
        told(&later, "CapacityExceeded")[0]
            .contains("in 2027Q1 `content-studio` has 0 versions to make, 0 to renew and 6 to review")
    );
    let enough = ruled(json!({"capacity": {"versionsPerQuarter": {"content-studio": 6}}}));
    assert_eq!(told(&enough, "CapacityExceeded"), [""; 0]);
    let unnamed = ruled(json!({"capacity": {"versionsPerQuarter": {"content-studio": null}}}));
    assert_eq!(
        told(&unnamed, "CapacityExceeded"),
        [""; 0],
        "nothing is declared of it"
    );
}

#[test]
fn a_waiver_of_no_cell_is_told() {
    let stray = Strategy::example().change(Kind::Program, PROGRAM, |spec| {
        spec["coverage"]["waivers"].as_array_mut().unwrap().push(json!({
            "audience": "lapsed", "channel": "web", "touchpoint": "home-hero", "locale": "fr",
            "reason": "no French", "until": "2027-03-31",
        }));
    });
    assert_eq!(
        told(&stray, "WaiverUnmatched"),
        [
            "warning Program spring-retention spec.coverage.waivers[1] WaiverUnmatched: the program has no cell of `lapsed` at \
          `web/home-hero` in `fr`: no binding of it leads there; remove the waiver or correct it"
        ]
    );
    assert_eq!(told(&Strategy::example(), "WaiverUnmatched"), [""; 0]);
}

#[test]
fn the_leg_that_fails_stands_on_the_audience() {
    let small = Strategy::example().edit(Kind::Audience, "lapsed", json!({"reach": {"estimate": 1000}}));
    let compiled = compile(&small);
    assert_eq!(
        stands(&compiled, Kind::Audience, "lapsed", ConditionType::Actionable),
        "False/NotMeasurable"
    );
    assert_eq!(told(&small, "NotMeasurable"), [""; 0], "the policy does not ask");
    let asked = small.edit(
        Kind::GovernancePolicy,
        "default",
        json!({"rules": {"actionable": {"enforcement": "Warn"}}}),
    );
    let told = told(&asked, "NotMeasurable");
    assert!(
        told.iter().any(|line| line.starts_with(
            "warning Audience lapsed spec NotMeasurable: holdout `always-baseline` compares 100 of its 1000 units, and a lift of 10 %"
        )),
        "{told:?}"
    );
    let compiled = compile(&Strategy::example());
    assert_eq!(
        stands(&compiled, Kind::Audience, "lapsed", ConditionType::Actionable),
        "True/Actionable"
    );
}

#[test]
fn what_lives_on_one_channel_alone_is_told() {
    let asked = ruled(json!({"actionable": {"enforcement": "Warn"}}));
    let told_of = |strategy: &Strategy| {
        let lines = told(strategy, "SingleChannel");
        lines
            .iter()
            .map(|line| line.split(' ').skip(1).take(2).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
    };
    assert_eq!(told_of(&asked), ["Audience cart-abandoner"]);
    let one = asked.without(Kind::ChannelBinding, "retention-newsletter");
    assert_eq!(
        told_of(&one),
        [
            "Program spring-retention",
            "Audience cart-abandoner",
            "Audience lapsed",
            "Audience loyal-high-value"
        ]
    );
}

#[test]
fn rules_are_counted_on_every_status_that_has_some() {
    let twice = Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
        let again = spec["candidates"][0].clone();
        spec["candidates"].as_array_mut().unwrap().push(again);
    });
    let compiled = compile(&twice);
    for (kind, name, declared, live) in [
        (Kind::Program, PROGRAM, 4, 3),
        (Kind::Channel, "web", 3, 2),
        (Kind::ChannelBinding, "retention-home-hero", 3, 2),
    ] {
        let figures = &verdict(&compiled, kind, name).figures;
        assert_eq!(
            (&figures["declaredRules"], &figures["liveRules"]),
            (&json!(declared), &json!(live)),
            "{kind}"
        );
    }
}

/// The example after its second rule on the home page has won nobody on so many days between the first and the last.
fn idle(strategy: &Strategy, days: i64) -> Compiled {
    let mut snapshot = snapshot(strategy);
    let compiled = compile(strategy);
    let row = |row: &&Row| row.binding == HOME;
    let rule = &compiled.live_rules.rows.iter().find(row).unwrap().live[&1];
    let last = Day::of(AT);
    let since = AT.checked_sub(SignedDuration::from_hours(24 * (days + 1)));
    let idle = Idle {
        since: Day::of(since.unwrap()),
        last,
        decisions: 5000,
    };
    let idle = BTreeMap::from([(rule.clone(), idle), ("gone".to_owned(), idle)]);
    snapshot.idle.insert(HOME.to_owned(), idle);
    crate::compile(&snapshot, &Previous::new(), AT)
}

/// What is said of rules that win nobody.
fn unused(compiled: &Compiled) -> Vec<String> {
    let lines = compiled.findings.iter().map(crate::tests::told);
    lines.filter(|line| line.contains(" Unused: ")).collect()
}

#[test]
fn a_live_rule_that_has_won_nobody_for_long_is_told_with_since_when() {
    let example = Strategy::example();
    let compiled = idle(&example, 30);
    assert_eq!(
        unused(&compiled),
        [
            "warning Program spring-retention spec Unused: candidate 1 of binding `retention-home-hero` has won nobody since \
             2026-10-31, while its touchpoint was decided: see whether anybody is still in its audience and what `Observed` says of \
             the attributes that it reads, or take it out"
        ]
    );
    let fresh = |compiled: &Compiled| stands(compiled, Kind::Program, PROGRAM, ConditionType::Fresh);
    assert_eq!(fresh(&compiled), "False/Unused");
    let early = idle(&example, 29);
    assert_eq!(unused(&early), [""; 0]);
    assert_eq!(fresh(&early), "True/Fresh");
    assert_eq!(unused(&compile(&example)), [""; 0], "nobody has told of anything");
}

#[test]
fn how_long_a_rule_may_be_unused_is_the_shortest_time_that_a_policy_gives() {
    let told = |review: serde_json::Value, days| {
        let example = ruled(json!({"review": review}));
        let compiled = idle(&example, days);
        let gates = compiled
            .findings
            .iter()
            .filter(|one| one.severity == Severity::Error);
        assert_eq!(gates.count(), 0, "it is a warning whatever is enforced");
        unused(&compiled).len()
    };
    let week = json!({"enforcement": "Enforce", "unusedAfter": "168h"});
    assert_eq!((told(week.clone(), 7), told(week, 6)), (1, 0));
    assert_eq!(told(json!({"enforcement": "Ignore"}), 400), 0, "nobody asked");
    let near = json!({
        "apiVersion": "attune.dev/v1alpha1", "kind": "GovernancePolicy", "metadata": {"name": "near"},
        "spec": {"namespaceSelector": {}, "rules": {"review": {"enforcement": "Warn", "unusedAfter": "24h"}}},
    });
    assert_eq!(unused(&idle(&Strategy::example().with_json(near), 1)).len(), 1);
}

#[test]
fn a_rule_that_cannot_win_is_not_told_to_win_nobody() {
    let suspended = Strategy::example().edit(Kind::ChannelBinding, HOME, json!({"suspend": true}));
    let mut snapshot = snapshot(&suspended);
    let live = idle(&Strategy::example(), 30);
    let rules = live.live_rules.rows.iter().flat_map(|row| row.live.values());
    let since = Idle::from("2026-01-01".parse().unwrap());
    let idle = Idle {
        last: Day::of(AT),
        decisions: 5000,
        ..since
    };
    let idle = rules.map(|rule| (rule.clone(), idle)).collect();
    snapshot.idle.insert(HOME.to_owned(), idle);
    assert_eq!(unused(&crate::compile(&snapshot, &Previous::new(), AT)), [""; 0]);
}
