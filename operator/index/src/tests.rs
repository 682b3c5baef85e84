//! Resources in, exact effects out, then silence. No runtime, no network, no clock.

mod again;
mod counting;
mod knowing;
mod leading;
mod restarts;
mod server;
mod writers;

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_compile::ObjectId;
use attune_compile::status::{Bare, Deciders, Heard};
use attune_testkit::{AT, Strategy, instant, stands};
use serde_json::json;

use self::server::Server;
use super::{Effect, Index, Undecodable};

const NOBODY: Deciders = Deciders::Heard(Heard {
    desired: 0,
    injected: 0,
    current: 0,
    stale: 0,
    bare: Bare {
        count: 0,
        first: Vec::new(),
    },
    refused: None,
});

fn id(kind: Kind, name: &str) -> ObjectId {
    let namespace = if kind.is_namespaced() { "shop" } else { "" };
    ObjectId {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// Effects in one line each: `publish shop/web`, `status Channel/shop/web True/Ready`.
fn told(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Publish {
                namespace, channel, ..
            } => format!("publish {namespace}/{channel}"),
            Effect::Withdraw { namespace, channel } => format!("withdraw {namespace}/{channel}"),
            Effect::Status { id, status, .. } => format!("status {id} {}", stands(status, "Ready")),
        })
        .collect()
}

/// An index that has written everything about the example, and the server that it wrote to.
fn settled(strategy: &Strategy) -> (Index, Server) {
    let mut index = Index::default();
    let mut server = Server::holding(strategy);
    server.list(&mut index);
    for channel in ["web", "email"] {
        index.hear("shop", channel, NOBODY);
    }
    server.take(&index.settle(AT));
    (index, server)
}

#[test]
fn publishes_each_channel_and_writes_each_status_then_is_silent() {
    let mut index = Index::default();
    Strategy::example()
        .stored()
        .into_iter()
        .for_each(|resource| index.apply(resource));
    for channel in ["web", "email"] {
        index.hear("shop", channel, NOBODY);
    }
    assert_eq!(
        told(&index.settle(AT)),
        [
            "publish shop/email",
            "publish shop/web",
            "status GovernancePolicy/default True/Ready",
            "status Program/shop/spring-retention True/Ready",
            "status DataContract/shop/shopper True/Ready",
            "status Audience/shop/cart-abandoner True/Ready",
            "status Audience/shop/lapsed True/Ready",
            "status Audience/shop/loyal-high-value True/Ready",
            "status ContentModule/shop/hero True/Ready",
            "status Channel/shop/email True/Ready",
            "status Channel/shop/web True/Ready",
            "status ChannelBinding/shop/retention-home-hero True/Ready",
            "status ChannelBinding/shop/retention-newsletter True/Ready",
            "status Metric/shop/repeat-purchase True/Ready",
            "status Metric/shop/unsubscribe True/Ready",
            "status Experiment/shop/cart-hero True/Ready",
            "status Holdout/shop/always-baseline True/Ready",
        ]
    );
    assert_eq!(index.settle(AT), []);
    let found: Vec<_> = index.findings().map(|finding| finding.reason).collect();
    assert_eq!(found, [Reason::CoverageTooLow], "the example lacks some words");
}

#[test]
fn is_silent_about_its_own_writes_and_a_second_apply() {
    let (mut index, server) = settled(&Strategy::example());
    let compilations = index.compilations();
    for resource in server.resources() {
        index.apply(resource);
    }
    assert_eq!(index.settle(AT), []);
    assert_eq!(
        index.compilations(),
        compilations,
        "a change of nothing but status compiles nothing"
    );
    server.list(&mut index);
    index.resync();
    assert_eq!(index.settle(AT), [], "nor does a relist write anything");
}

#[test]
fn says_only_what_an_edit_changes() {
    let (mut index, mut server) = settled(&Strategy::example());
    let priority = Strategy::example().edit(
        Kind::ChannelBinding,
        "retention-newsletter",
        json!({"priority": 7}),
    );
    server.hold(&priority.resource(Kind::ChannelBinding, "retention-newsletter"));
    server.list(&mut index);
    let effects = index.settle(AT);
    assert_eq!(
        told(&effects),
        [
            "publish shop/email",
            "status Channel/shop/email True/Ready",
            "status ChannelBinding/shop/retention-newsletter True/Ready",
        ]
    );
    server.take(&effects);
    assert_eq!(index.settle(AT), []);
}

#[test]
fn touches_no_other_namespace() {
    let (mut index, _) = settled(&Strategy::example());
    let other = Strategy::example().in_namespace("other");
    other
        .stored()
        .into_iter()
        .for_each(|resource| index.apply(resource));
    let effects = told(&index.settle(AT));
    assert_eq!(effects.len(), 17);
    // The policy counts the namespaces that it rules.
    let is_of_policy = |effect: &String| effect == "status GovernancePolicy/default True/Ready";
    assert!(
        effects
            .iter()
            .all(|effect| effect.contains("other/") || effect.contains("/other") || is_of_policy(effect)),
        "{effects:#?}"
    );

    index.delete(&ObjectId {
        kind: Kind::Audience,
        namespace: "other".to_owned(),
        name: "lapsed".to_owned(),
    });
    let compilations = index.compilations();
    let effects = told(&index.settle(AT));
    assert!(effects.contains(&"status Program/other/spring-retention False/RefNotFound".to_owned()));
    assert!(
        effects.iter().all(|effect| effect.contains("/other/")),
        "{effects:#?}"
    );
    assert_eq!(index.compilations(), compilations + 1);
}

#[test]
fn turns_conditions_red_and_green_again_and_serves_on() {
    let (mut index, mut server) = settled(&Strategy::example());
    index.delete(&id(Kind::Audience, "lapsed"));
    let effects = index.settle(AT);
    assert_eq!(
        told(&effects),
        [
            "status Program/shop/spring-retention False/RefNotFound",
            "status ContentModule/shop/hero False/RefNotFound",
            "status ChannelBinding/shop/retention-home-hero False/RefNotFound",
            "status ChannelBinding/shop/retention-newsletter False/RefNotFound",
        ],
        "the bundle is what it was"
    );
    let Effect::Status { status, .. } = &effects[2] else {
        panic!()
    };
    assert_eq!(stands(status, "Programmed"), "False/ServingPrevious");
    assert_eq!(stands(status, "Reconciling"), "True/RefNotFound");
    server.take(&effects);
    index.apply(server.resource(&id(Kind::Audience, "lapsed")));
    let effects = told(&index.settle(AT));
    let green = effects.iter().filter(|effect| effect.ends_with("True/Ready"));
    assert_eq!(green.count(), 4, "{effects:#?}");
    assert!(
        effects.iter().all(|effect| effect.starts_with("status ")),
        "{effects:#?}"
    );
}

#[test]
fn deletes_what_a_relist_does_not_list() {
    let (mut index, server) = settled(&Strategy::example());
    let audiences = server
        .resources()
        .into_iter()
        .filter(|one| one.kind() == Kind::Audience);
    let listed: Vec<_> = audiences.filter(|one| one.name() != "lapsed").collect();
    index.reset(Kind::Audience, None, listed.clone(), Vec::new());
    assert_eq!(told(&index.settle(AT)).len(), 4);
    index.reset(Kind::Audience, Some("elsewhere"), Vec::new(), Vec::new());
    assert_eq!(
        index.settle(AT),
        [],
        "a list of one namespace says nothing of another"
    );
    index.reset(Kind::Audience, Some("shop"), listed, Vec::new());
    assert_eq!(index.settle(AT), []);
}

#[test]
fn says_what_cannot_be_read_and_serves_on() {
    let (mut index, mut server) = settled(&Strategy::example());
    let unreadable = Undecodable {
        id: id(Kind::ChannelBinding, "retention-home-hero"),
        message: "`spec.priority`: expected a number".to_owned(),
        generation: Some(2),
        status: server
            .resource(&id(Kind::ChannelBinding, "retention-home-hero"))
            .status()
            .unwrap(),
    };
    index.apply_undecodable(unreadable.clone());
    let effects = index.settle(AT);
    assert_eq!(
        told(&effects),
        [
            "status Program/shop/spring-retention True/Ready",
            "status Audience/shop/cart-abandoner True/Ready",
            "status Audience/shop/lapsed True/Ready",
            "status Audience/shop/loyal-high-value True/Ready",
            "status ContentModule/shop/hero True/Ready",
            "status ChannelBinding/shop/retention-home-hero False/Undecodable",
            "status Experiment/shop/cart-hero False/RefInvalid",
        ],
        "whose figures counted the binding, and whoever needs it"
    );
    let Effect::Status { status, .. } = &effects[5] else {
        panic!()
    };
    assert_eq!(status["observedGeneration"], 2);
    assert_eq!(stands(status, "Stalled"), "True/Undecodable");
    let compilations = index.compilations();
    let mut echo = unreadable;
    echo.status = status.clone();
    index.apply_undecodable(echo);
    assert_eq!(index.settle(AT), []);
    assert_eq!(index.compilations(), compilations);

    server.take(&effects);
    index.apply(server.resource(&id(Kind::ChannelBinding, "retention-home-hero")));
    let effects = told(&index.settle(AT));
    assert_eq!(effects.len(), 7);
    assert!(
        effects.iter().all(|effect| effect.ends_with("True/Ready")),
        "{effects:#?}"
    );
}

#[test]
fn judges_every_namespace_anew_when_a_policy_changes_and_only_then() {
    let (mut index, server) = settled(&Strategy::example());
    Strategy::example()
        .in_namespace("other")
        .stored()
        .into_iter()
        .for_each(|resource| index.apply(resource));
    index.settle(AT);
    let compilations = index.compilations();
    index.apply(server.resource(&id(Kind::GovernancePolicy, "default")));
    assert_eq!(index.settle(AT), []);
    assert_eq!(index.compilations(), compilations, "its status is no news");
    index.delete(&id(Kind::GovernancePolicy, "default"));
    assert_eq!(
        told(&index.settle(AT)),
        [
            "status Program/other/spring-retention True/Ready",
            "status Audience/other/loyal-high-value True/Ready",
            "status Program/shop/spring-retention True/Ready",
            "status Audience/shop/loyal-high-value True/Ready",
        ],
        "nobody asks who may change what any more, and the built-in rules ask for other things"
    );
    assert!(index.compilations() >= compilations + 2);
}

#[test]
fn wakes_when_a_quarter_begins_in_which_work_is_due() {
    let (mut index, _) = settled(&Strategy::example());
    let reviews = |index: &Index| {
        let status = index.status(&id(Kind::Program, "spring-retention")).unwrap();
        status["contentDebt"][0]["review"].clone()
    };
    assert_eq!(reviews(&index), 0);
    assert_eq!(index.next_change(), Some(instant("2027-01-01T00:00:00Z")));
    assert_eq!(index.settle(instant("2026-12-31T23:59:59Z")), []);
    let effects = index.settle(instant("2027-01-01T00:00:00Z"));
    assert_eq!(
        told(&effects),
        ["status Program/shop/spring-retention True/Ready"]
    );
    assert_eq!(reviews(&index), 4, "audiences and the program are reviewed in it");
}

#[test]
fn wakes_when_a_window_opens_or_closes() {
    let (mut index, mut server) = settled(&Strategy::example());
    server.take(&index.settle(instant("2027-01-01T00:00:00Z")));
    assert_eq!(index.next_change(), Some(instant("2027-02-15T00:00:00Z")));
    assert_eq!(index.settle(instant("2027-02-14T23:59:59Z")), []);
    let effects = index.settle(instant("2027-02-15T00:00:00Z"));
    assert_eq!(
        told(&effects),
        [
            "status Audience/shop/cart-abandoner True/Ready",
            "status Experiment/shop/cart-hero True/Ready",
        ],
        "windows are in the bundle already, and what was measured is no more"
    );
    let Effect::Status { status, .. } = &effects[1] else {
        panic!()
    };
    assert_eq!(stands(status, "Running"), "False/Ended");
    server.take(&effects);
    let effects = index.settle(instant("2027-04-30T00:00:00Z"));
    assert_eq!(
        told(&effects),
        [
            "publish shop/email",
            "publish shop/web",
            "status Program/shop/spring-retention True/Ready",
            "status Audience/shop/cart-abandoner True/Ready",
            "status Audience/shop/lapsed True/Ready",
            "status Audience/shop/loyal-high-value True/Ready",
            "status Channel/shop/email True/Ready",
            "status Channel/shop/web True/Ready",
            "status ChannelBinding/shop/retention-home-hero True/Ready",
            "status ChannelBinding/shop/retention-newsletter True/Ready",
            "status Experiment/shop/cart-hero True/Ready",
            "status Holdout/shop/always-baseline True/Ready",
        ],
        "the holdout is over, more units are reached, and reviews are due since"
    );
    assert_eq!(index.next_change(), Some(instant("2027-06-01T00:00:00Z")));
}
