use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{Fact, Facts};
use crate::policy::Policies;
use crate::report::Report;
use crate::tests::{snapshot, told};

fn policy(name: &str, enforcement: &str) -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1", "kind": "GovernancePolicy", "metadata": {"name": name},
        "spec": {"namespaceSelector": {}, "rules": {"insight": {"enforcement": enforcement}}},
    })
}

/// What is reported when every policy finds its own words for one fact.
fn reported(policies: &[Value]) -> Vec<String> {
    let strategy = Strategy::example().without(Kind::GovernancePolicy, "default");
    let strategy = policies.iter().cloned().fold(strategy, Strategy::with_json);
    let snapshot = snapshot(&strategy);
    let policies = Policies::of(&snapshot);
    let mut facts = Facts::default();
    for ruling in policies.judging(|rules| rules.insight.as_ref()) {
        let object = snapshot.id(Kind::Audience, "lapsed");
        let words = format!("as {:?} sees it", ruling.policy.name);
        facts.note(
            &ruling,
            Fact::new(object, Reason::InsightMissing, "spec.insight", words),
        );
    }
    let mut report = Report::default();
    facts.report(&mut report);
    report.into_findings().iter().map(told).collect()
}

#[test]
fn reports_one_fact_once_at_the_highest_severity_and_names_the_policies() {
    assert_eq!(
        reported(&[policy("a", "Warn"), policy("b", "Enforce"), policy("c", "Ignore")]),
        ["error Audience lapsed spec.insight InsightMissing: as Some(\"b\") sees it (policies `a`, `b`)"]
    );
    assert_eq!(
        reported(&[policy("a", "Warn"), policy("b", "Warn")]),
        ["warning Audience lapsed spec.insight InsightMissing: as Some(\"a\") sees it (policies `a`, `b`)"]
    );
}

#[test]
fn says_that_the_built_in_policy_speaks_where_no_other_does() {
    assert_eq!(
        reported(&[]),
        ["warning Audience lapsed spec.insight InsightMissing: as None sees it (built-in policy)"]
    );
    assert_eq!(
        reported(&[policy("a", "Ignore")]),
        [""; 0],
        "it was selected, and says nothing"
    );
}

#[test]
fn tells_facts_about_one_field_apart() {
    let snapshot = snapshot(&Strategy::example());
    let policies = Policies::of(&snapshot);
    let mut facts = Facts::default();
    for ruling in policies.judging(|rules| rules.insight.as_ref()) {
        for role in ["content", "rules"] {
            let object = snapshot.id(Kind::Program, "spring-retention");
            let fact = Fact::new(object, Reason::UnknownGroup, "spec.owners", role).about(role);
            facts.note(&ruling, fact);
        }
    }
    let mut report = Report::default();
    facts.report(&mut report);
    assert_eq!(report.into_findings().len(), 2);
}
