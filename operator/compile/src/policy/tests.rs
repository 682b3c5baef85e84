use attune_api::Kind;
use attune_api::governance_policy::Enforcement;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{Policies, Selector};
use crate::snapshot::Labels;
use crate::tests::snapshot;

#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn policy(name: &str, selector: Value, rules: Value) -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1", "kind": "GovernancePolicy", "metadata": {"name": name},
        "spec": {"namespaceSelector": selector, "teams": ["crm"], "rules": rules},
    })
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn rules_by_the_labels_of_the_namespace_and_by_its_name() {
    let strategy = Strategy::example()
        .without(Kind::GovernancePolicy, "default")
        .with_json(policy("all", json!({}), json!({})))
        .with_json(policy("eu", json!({"matchLabels": {"region": "eu"}}), json!({})))
        .with_json(policy(
            "shop",
            json!({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}),
            json!({}),
        ));
    let mut snapshot = snapshot(&strategy);
    let ruling = |snapshot: &crate::Snapshot| {
        let policies = Policies::of(snapshot);
        policies
            .iter()
            .map(|one| one.name.unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ruling(&snapshot), ["all", "shop"]);
    snapshot
        .namespaces
        .insert("shop".to_owned(), labels(&[("region", "eu")]));
    assert_eq!(ruling(&snapshot), ["all", "eu", "shop"]);
}

#[test]
fn warns_of_everything_where_no_policy_selects() {
    let snapshot = snapshot(&Strategy::example().without(Kind::GovernancePolicy, "default"));
    let policies = Policies::of(&snapshot);
    let ruling = policies.judging(|rules| rules.tactics.as_ref()).next().unwrap();
    assert_eq!(
        (ruling.enforcement, ruling.policy.name),
        (Enforcement::Warn, None)
    );
    assert!(policies.judges(|rules| rules.coverage.as_ref()));
    assert!(
        !policies.judges(|rules| rules.owner_access.as_ref()),
        "only a policy knows the names of groups"
    );
}

#[test]
fn judges_neither_what_is_ignored_nor_what_is_absent() {
    let strategy = Strategy::example().with_json(policy(
        "default",
        json!({}),
        json!({"insight": {"enforcement": "Ignore"}, "tactics": {"enforcement": "Enforce"}}),
    ));
    let snapshot = snapshot(&strategy);
    let policies = Policies::of(&snapshot);
    assert!(!policies.judges(|rules| rules.insight.as_ref()));
    assert!(!policies.judges(|rules| rules.coverage.as_ref()));
    assert!(
        policies
            .judging(|rules| rules.tactics.as_ref())
            .all(|one| one.is_enforced())
    );
}

#[test]
fn reads_selectors_as_kubernetes_does() {
    let matches = |selector: Value, pairs: &[(&str, &str)]| {
        let selector = serde_json::from_value(selector).unwrap();
        Selector::parse(&selector).unwrap().matches(&labels(pairs))
    };
    let one = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
    assert!(matches(one("In", json!(["x", "y"])), &[("a", "y")]));
    assert!(!matches(one("In", json!(["x"])), &[]));
    assert!(matches(one("NotIn", json!(["x"])), &[]));
    assert!(!matches(one("NotIn", json!(["x"])), &[("a", "x")]));
    assert!(matches(one("Exists", json!([])), &[("a", "")]));
    assert!(matches(one("DoesNotExist", json!([])), &[("b", "")]));
    assert!(
        !matches(
            json!({"matchLabels": {"a": "x"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}),
            &[("a", "x")]
        ),
        "all of them must hold"
    );
}

#[test]
fn names_what_is_wrong_with_a_selector() {
    let error = |expression: Value| {
        let selector = serde_json::from_value(json!({"matchExpressions": [expression]})).unwrap();
        let error = Selector::parse(&selector).unwrap_err();
        format!("{}: {error}", error.field())
    };
    assert_eq!(
        error(json!({"key": "a", "operator": "Equals", "values": ["x"]})),
        "matchExpressions[0].operator: `Equals` is no operator of a selector: use `In`, `NotIn`, `Exists` or `DoesNotExist`"
    );
    assert_eq!(
        error(json!({"key": "a", "operator": "In"})),
        "matchExpressions[0].values: `In` takes at least one value"
    );
}
