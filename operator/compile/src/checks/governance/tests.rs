use attune_api::{Kind, Resource};
use attune_testkit::AT;
use serde_json::{Value, json};

use crate::snapshot::Labels;
use crate::tests::{told, verdict};
use crate::{Compiled, Previous, Snapshot};

#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn policy(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "attune.dev/v1alpha1", "kind": "GovernancePolicy", "metadata": {"name": name}, "spec": spec})
}

/// Policies as the cluster's own snapshot has them, beside two namespaces.
fn judged(policies: &[(&str, Value)]) -> Compiled {
    let mut snapshot = Snapshot::new("");
    for (name, spec) in policies {
        snapshot.insert(Resource::decode(policy(name, spec.clone())).unwrap());
    }
    for (namespace, region) in [("shop", "eu"), ("outlet", "us")] {
        let labels = Labels::from([("region".to_owned(), region.to_owned())]);
        snapshot.namespaces.insert(namespace.to_owned(), labels);
    }
    crate::compile(&snapshot, &Previous::new(), AT)
}

fn lines(policies: &[(&str, Value)]) -> Vec<String> {
    judged(policies).findings.iter().map(told).collect()
}

#[test]
fn counts_the_namespaces_that_a_policy_rules() {
    let eu = json!({"namespaceSelector": {"matchLabels": {"region": "eu"}}, "rules": {}});
    let all = json!({"namespaceSelector": {}, "rules": {}});
    let compiled = judged(&[("all", all), ("eu", eu)]);
    assert!(compiled.findings.is_empty());
    let counted = |name| verdict(&compiled, Kind::GovernancePolicy, name).figures["namespaces"].clone();
    assert_eq!((counted("all"), counted("eu")), (json!(2), json!(1)));
}

#[test]
fn tells_a_policy_that_rules_nobody_or_whose_selector_cannot_be_read() {
    let none = json!({"namespaceSelector": {"matchLabels": {"region": "mars"}}, "rules": {}});
    let told = lines(&[("none", none)]);
    assert!(
        told[0].starts_with("warning GovernancePolicy none spec.namespaceSelector SelectsNothing: "),
        "{told:#?}"
    );
    let wrong = json!({"namespaceSelector": {"matchExpressions": [{"key": "region", "operator": "Is"}]}, "rules": {}});
    let told = lines(&[("wrong", wrong)]);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with(
            "error GovernancePolicy wrong spec.namespaceSelector.matchExpressions[0].operator InvalidField: "
        ),
        "{told:#?}"
    );
}

#[test]
fn tells_what_of_a_policy_nobody_can_meet() {
    let fields = |rules: Value| -> Vec<_> {
        let told = lines(&[("p", json!({"namespaceSelector": {}, "rules": rules}))]);
        told.iter()
            .map(|line| line.split(' ').nth(3).unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        fields(json!({"ownerRoles": {"enforcement": "Warn"}})),
        ["spec.teams"]
    );
    assert_eq!(fields(json!({"ownerRoles": {"enforcement": "Ignore"}})), [""; 0]);
    assert_eq!(
        fields(json!({"holdout": {"enforcement": "Warn", "minimumBp": 5001}})),
        ["spec.rules.holdout.minimumBp"]
    );
    assert_eq!(
        fields(json!({"review": {"enforcement": "Warn", "maxAhead": "100h", "notice": "100h"}})),
        ["spec.rules.review.notice"]
    );
    assert_eq!(
        fields(json!({"tactics": {"enforcement": "Enforce"}})),
        ["spec.rules.tactics.prohibited"]
    );
    assert_eq!(
        fields(json!({"locales": {"enforcement": "Warn", "forbidden": {"de": {}}}})),
        ["spec.rules.locales.forbidden.de"]
    );
}

#[test]
fn tells_policies_that_nobody_can_meet_at_once() {
    let with = |selector: Value, teams: Value, dimensions: Value| {
        json!({"namespaceSelector": selector, "teams": teams, "rules": {
            "ownerRoles": {"enforcement": "Enforce"},
            "primaryMetric": {"enforcement": "Enforce", "dimensions": dimensions},
        }})
    };
    let one = || with(json!({}), json!(["crm"]), json!(["Business"]));
    let told = lines(&[
        ("a", one()),
        ("b", with(json!({}), json!(["web"]), json!(["Coherence"]))),
    ]);
    assert_eq!(
        told,
        [
            "warning GovernancePolicy b spec.teams Contradiction: in namespace `outlet`, policy `a` has other teams, so that no owner \
             is a team of both: share a team, or let one of them rule",
            "warning GovernancePolicy b spec.rules.primaryMetric.dimensions Contradiction: in namespace `outlet`, policy `a` lets \
             other dimensions decide, so that no metric pleases both: share a dimension",
        ]
    );
    assert_eq!(lines(&[("a", one()), ("b", one())]), [""; 0]);
    let apart =
        |region: &str, teams: Value| with(json!({"matchLabels": {"region": region}}), teams, json!([]));
    assert_eq!(
        lines(&[
            ("a", apart("eu", json!(["crm"]))),
            ("b", apart("us", json!(["web"])))
        ]),
        [""; 0]
    );
}
