//! What no resource states, and what follows from it.

use std::collections::BTreeMap;

use attune_api::Kind;
use attune_compile::access::Answer;
use attune_core::bundle::Bundle;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::server::Server;
use super::{id, settled, stands, told};
use crate::{Effect, Index};

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

/// The example in a cluster whose policy enforces that owners may change what they own.
fn enforcing() -> (Index, Server) {
    let strategy = Strategy::example().edit(
        Kind::GovernancePolicy,
        "default",
        json!({"rules": {"ownerAccess": {"enforcement": "Enforce"}}}),
    );
    let (mut index, server) = (Index::of_cluster(), Server::holding(&strategy));
    server.list(&mut index);
    (index, server)
}

fn published(effects: &[Effect]) -> Vec<String> {
    let mut told = told(effects);
    told.retain(|line| line.starts_with("publish"));
    told
}

#[test]
fn what_owners_are_not_known_to_may_change_is_not_published_where_a_policy_enforces_that_they_may() {
    let (mut index, mut server) = enforcing();
    assert_eq!(
        told(&index.settle(AT)),
        ["status GovernancePolicy/default True/Ready"],
        "nobody was asked so far"
    );
    answered(&mut index, Answer::Unknown);
    let effects = index.settle(AT);
    assert_eq!(published(&effects), [""; 0]);
    server.take(&effects);
    let accepted = |index: &Index, kind, name| stands(index.status(&id(kind, name)).unwrap(), "Accepted");
    assert_eq!(accepted(&index, Kind::Channel, "web"), "Unknown/AccessUnknown");
    let program = index.status(&id(Kind::Program, "spring-retention")).unwrap();
    assert_eq!(stands(program, "OwnersResolved"), "Unknown/AccessUnknown");
    answered(&mut index, Answer::Allowed);
    let effects = index.settle(AT);
    assert_eq!(published(&effects), ["publish shop/email", "publish shop/web"]);
    server.take(&effects);
    assert_eq!(accepted(&index, Kind::Channel, "web"), "True/Accepted");
}

#[test]
fn what_serves_stays_after_a_restart_until_owners_are_known() {
    let (mut index, mut server) = enforcing();
    answered(&mut index, Answer::Allowed);
    server.take(&index.settle(AT));
    let mut restarted = Index::of_cluster();
    server.list(&mut restarted);
    for (namespace, channel, publication) in index.publications() {
        restarted.restore(namespace, channel, Bundle::parse(&publication.canonical).unwrap());
    }
    let revision = |index: &Index| index.publication("shop", "web").unwrap().revision.clone();
    assert_eq!(restarted.settle(AT), [], "before anybody was asked");
    assert_eq!(revision(&restarted), revision(&index));

    let edited = Strategy::example().edit(
        Kind::ChannelBinding,
        "retention-home-hero",
        json!({"priority": 7}),
    );
    server.hold(&edited.resource(Kind::ChannelBinding, "retention-home-hero"));
    server.list(&mut restarted);
    answered(&mut restarted, Answer::Unknown);
    let effects = restarted.settle(AT);
    assert_eq!(published(&effects), [""; 0], "asked in vain");
    server.take(&effects);
    let binding = restarted
        .status(&id(Kind::ChannelBinding, "retention-home-hero"))
        .unwrap();
    assert_eq!(stands(binding, "Programmed"), "False/ServingPrevious");
    assert_eq!(revision(&restarted), revision(&index));

    answered(&mut restarted, Answer::Allowed);
    assert_eq!(published(&restarted.settle(AT)), ["publish shop/web"]);
}

#[test]
fn files_have_nobody_to_ask_who_may_change_what() {
    let (_, server) = enforcing();
    let mut index = Index::default();
    server.list(&mut index);
    assert_eq!(
        published(&index.settle(AT)),
        ["publish shop/email", "publish shop/web"]
    );
}
