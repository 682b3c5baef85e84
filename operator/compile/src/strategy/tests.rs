use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{all_findings, compile, compile_over, published, stands, verdict};

const PROGRAM: &str = "spring-retention";

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
