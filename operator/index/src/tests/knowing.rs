//! What no resource states, and what follows from it.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_compile::access::Answer;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::{id, settled, stands, told};
use crate::Index;

#[expect(clippy::unnecessary_wraps, reason = "labels may be unknown")]
fn labels(region: &str) -> Option<BTreeMap<String, String>> {
    Some(BTreeMap::from([("region".to_owned(), region.to_owned())]))
}

fn answered(index: &mut Index, answer: Answer) {
    let needed: Vec<_> = index
        .access_needed()
        .map(|(namespace, needed)| (namespace.to_owned(), needed))
        .collect();
    for (namespace, needed) in needed {
        let answers = needed.into_iter().map(|question| (question, answer)).collect();
        index.learn_access(&namespace, answers);
    }
}

#[test]
fn a_label_of_the_namespace_changes_which_policies_rule_it() {
    let strategy = Strategy::example()
        .edit(
            Kind::GovernancePolicy,
            "default",
            json!({"namespaceSelector": {"matchLabels": {"region": "eu"}}}),
        )
        .edit(Kind::Metric, "unsubscribe", json!({"owner": {"group": "nobody"}}));
    let (mut index, _) = settled(&strategy);
    let found = |index: &Index| {
        index
            .findings()
            .filter(|finding| finding.field == "spec.owner.group")
            .count()
    };
    let ruled =
        |index: &Index| index.status(&id(Kind::GovernancePolicy, "default")).unwrap()["namespaces"].clone();
    assert_eq!((found(&index), ruled(&index)), (0, json!(0)));
    index.learn_labels("shop", labels("eu"));
    index.settle(AT);
    assert_eq!((found(&index), ruled(&index)), (1, json!(1)));
    index.learn_labels("shop", None);
    index.settle(AT);
    assert_eq!((found(&index), ruled(&index)), (0, json!(0)));
}

#[test]
fn an_owner_that_loses_access_and_gets_it_back_turns_the_condition_both_ways() {
    let (mut index, mut server) = settled(&Strategy::example());
    let program = id(Kind::Program, "spring-retention");
    let resolved = |index: &Index| stands(index.status(&program).unwrap(), "OwnersResolved");
    assert_eq!(resolved(&index), "Unknown/AccessUnknown");
    for (answer, expected) in [
        (Answer::Allowed, "True/OwnersResolved"),
        (Answer::Denied, "False/AccessMissing"),
        (Answer::Allowed, "True/OwnersResolved"),
    ] {
        answered(&mut index, answer);
        let effects = index.settle(AT);
        assert!(
            told(&effects).iter().all(|line| !line.starts_with("publish")),
            "{:?}",
            told(&effects)
        );
        assert!(told(&effects).contains(&"status Program/shop/spring-retention True/Ready".to_owned()));
        server.take(&effects);
        assert_eq!(resolved(&index), expected);
    }
    let before = index.compilations();
    answered(&mut index, Answer::Allowed);
    assert_eq!(index.settle(AT), [], "nothing is news");
    assert_eq!(index.compilations(), before);
}
