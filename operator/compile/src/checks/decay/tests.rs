use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy, instant};
use serde_json::json;

use crate::tests::{compile, finding, findings, ruled, snapshot, stands, told};
use crate::{Compiled, Previous};

fn at(strategy: &Strategy, text: &str) -> Compiled {
    crate::compile(&snapshot(strategy), &Previous::new(), instant(text))
}

fn reviewed(strategy: Strategy, day: &str) -> Strategy {
    strategy.edit(Kind::Audience, "lapsed", json!({"reviewBy": day}))
}

#[test]
fn a_review_is_overdue_from_the_midnight_after_its_day() {
    let overdue = reviewed(Strategy::example(), "2026-11-30");
    assert_eq!(
        finding(&overdue),
        "warning Audience lapsed spec.reviewBy ReviewOverdue: the review was due by 2026-11-30, 1 day ago: look at it and set \
         another day (policy `default`)"
    );
    let fresh =
        |strategy: &Strategy| stands(&compile(strategy), Kind::Audience, "lapsed", ConditionType::Fresh);
    assert_eq!(fresh(&overdue), "False/ReviewOverdue");
    let today = reviewed(Strategy::example(), "2026-12-01");
    assert_eq!(findings(&today), [""; 0]);
    assert_eq!(fresh(&today), "True/Fresh");
    assert_eq!(compile(&today).next_change, Some(instant("2026-12-02T00:00:00Z")));
    let later = at(&today, "2026-12-11T00:00:00Z");
    assert!(
        told(crate::tests::others(&later)[0]).contains("10 days ago"),
        "{:?}",
        later.findings
    );
}

#[test]
fn programs_and_contracts_are_looked_at_again_too() {
    let strategy = Strategy::example()
        .edit(
            Kind::Program,
            "spring-retention",
            json!({"reviewBy": "2026-11-01"}),
        )
        .edit(Kind::DataContract, "shopper", json!({"reviewBy": "2026-11-01"}));
    let compiled = compile(&strategy);
    assert_eq!(crate::tests::others(&compiled).len(), 2);
    for (kind, name) in [
        (Kind::Program, "spring-retention"),
        (Kind::DataContract, "shopper"),
    ] {
        assert_eq!(
            stands(&compiled, kind, name, ConditionType::Fresh),
            "False/ReviewOverdue"
        );
    }
}

#[test]
fn a_review_is_neither_too_far_away_nor_missing_where_a_bound_is_set() {
    let bounded = ruled(json!({"review": {"enforcement": "Warn", "maxAhead": "8760h"}}));
    assert_eq!(findings(&reviewed(bounded.clone(), "2027-12-01")), [""; 0]);
    let told = finding(&reviewed(bounded.clone(), "2027-12-02"));
    assert_eq!(
        told,
        "warning Audience lapsed spec.reviewBy ReviewTooFar: 2027-12-02 is more than 8760h away: set an earlier day (policy \
         `default`)"
    );
    let none = json!({"reviewBy": null});
    let missing = finding(&bounded.edit(Kind::Audience, "lapsed", none.clone()));
    assert!(
        missing.contains("ReviewMissing: nobody has said when to look at it again: set a day within 8760h"),
        "{missing}"
    );
    let unbounded = ruled(json!({"review": {"enforcement": "Warn"}}));
    assert_eq!(findings(&unbounded.edit(Kind::Audience, "lapsed", none)), [""; 0]);
}

#[test]
fn each_policy_judges_reviews_by_its_own_bound() {
    let near = json!({
        "apiVersion": "attune.dev/v1alpha1", "kind": "GovernancePolicy", "metadata": {"name": "near"},
        "spec": {"namespaceSelector": {}, "rules": {"review": {"enforcement": "Enforce", "maxAhead": "2208h"}}},
    });
    let strategy = Strategy::example().with_json(near);
    let told = findings(&reviewed(strategy, "2028-01-01"));
    let lapsed: Vec<_> = told
        .iter()
        .filter(|line| line.contains("Audience lapsed"))
        .collect();
    assert_eq!(
        lapsed,
        [
            "error Audience lapsed spec.reviewBy ReviewTooFar: 2028-01-01 is more than 2208h away: set an earlier day (policies \
             `default`, `near`)"
        ]
    );
}

#[test]
fn tells_what_is_about_to_end_within_the_notice() {
    let strategy = Strategy::example();
    let told_at = |text: &str| -> Vec<_> {
        let compiled = at(&strategy, text);
        let soon = compiled.findings.iter().map(told);
        soon.filter(|line| line.contains("ExpiresSoon")).collect()
    };
    assert_eq!(told_at("2027-03-17T23:59:59Z"), [""; 0]);
    assert_eq!(
        told_at("2027-03-18T00:00:00Z"),
        [
            "warning Program spring-retention spec.coverage.waivers[0].until ExpiresSoon: the waiver ends with 2027-03-31: renew it, \
             or see to what takes its place"
        ]
    );
    let june = told_at("2027-06-20T00:00:00Z");
    assert!(
        june[0].contains("variant `lapsed` expires at 2027-06-30T00:00:00Z"),
        "{june:#?}"
    );
    assert_eq!(told_at("2027-06-30T00:00:00Z"), [""; 0], "it has");
    let soon = |rules: serde_json::Value| {
        let compiled = at(&ruled(rules), "2027-03-18T00:00:00Z");
        compiled
            .findings
            .iter()
            .filter(|one| told(one).contains("ExpiresSoon"))
            .count()
    };
    assert_eq!(
        soon(json!({"review": {"enforcement": "Warn", "notice": "1h"}})),
        0
    );
    assert_eq!(
        soon(json!({"review": {"enforcement": "Warn", "notice": "336h"}})),
        1
    );
    assert_eq!(soon(json!({})), 0, "nobody asked");
}

#[test]
fn every_instant_that_changes_a_finding_or_a_debt_is_one_that_compiles_again() {
    let strategy = Strategy::example();
    let snapshot = snapshot(&strategy);
    let lines = |at| -> (Vec<_>, _) {
        let compiled = crate::compile(&snapshot, &Previous::new(), at);
        // How long ago something was due is told anew each day only when something else compiles.
        let lines = compiled
            .findings
            .iter()
            .map(|finding| (finding.object.clone(), finding.reason, finding.field.clone()));
        let program = &crate::tests::verdict(&compiled, Kind::Program, "spring-retention").figures;
        (lines.collect(), program["contentDebt"].clone())
    };
    let (mut now, mut changes) = (AT, 0);
    while let Some(next) = crate::compile(&snapshot, &Previous::new(), now).next_change {
        let before = next.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
        assert_eq!(
            lines(now),
            lines(before),
            "nothing changes between {now} and {next}"
        );
        (now, changes) = (next, changes + 1);
        assert!(changes < 64, "time goes on");
    }
    assert!(changes > 8, "{changes}");
}
