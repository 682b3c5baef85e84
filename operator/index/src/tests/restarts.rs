//! What a new process does with what the one before it published.

use attune_api::Kind;
use attune_core::bundle::Bundle;
use attune_testkit::{AT, Strategy, condition};
use jiff::SignedDuration;
use serde_json::json;

use super::{NOBODY, id, settled, told};
use crate::Index;

#[test]
fn is_silent_after_a_restart() {
    let (index, server) = settled(&Strategy::example());
    let mut restarted = Index::default();
    server.list(&mut restarted);
    for (namespace, channel, publication) in index.publications() {
        restarted.restore(namespace, channel, Bundle::parse(&publication.canonical).unwrap());
    }
    assert_eq!(
        told(&restarted.settle(AT)),
        [""; 0],
        "before any decider has called"
    );
    for channel in ["web", "email"] {
        restarted.hear("shop", channel, NOBODY);
    }
    assert_eq!(told(&restarted.settle(AT)), [""; 0]);
}

#[test]
fn files_that_are_read_again_keep_the_time_of_what_did_not_turn() {
    let list = |index: &mut Index, strategy: &Strategy| {
        for kind in Kind::ALL {
            let mut listed = strategy.stored();
            listed.retain(|resource| resource.kind() == kind);
            assert!(listed.iter().all(|resource| resource.status().is_none()));
            index.reset(kind, None, listed, Vec::new());
        }
    };
    let since = |index: &Index, name| {
        let status = index.status(&id(Kind::Audience, name)).unwrap();
        condition(status, "Accepted")["lastTransitionTime"].clone()
    };
    let mut index = Index::default();
    list(&mut index, &Strategy::example());
    index.settle(AT);
    let broken = Strategy::example().edit(Kind::Audience, "lapsed", json!({"owner": {"group": "nobody"}}));
    for (strategy, hours) in [(&broken, 1), (&broken, 2)] {
        list(&mut index, strategy);
        index.settle(AT + SignedDuration::from_hours(hours));
        assert_eq!(since(&index, "loyal-high-value"), AT.to_string());
        assert_eq!(since(&index, "lapsed"), "2026-12-01T01:00:00Z");
    }
}

#[test]
fn carries_what_was_published_before_a_restart() {
    let (index, mut server) = settled(&Strategy::example());
    server.drop(&id(Kind::Audience, "lapsed"));
    let mut restarted = Index::default();
    server.list(&mut restarted);
    for (namespace, channel, publication) in index.publications() {
        restarted.restore(namespace, channel, Bundle::parse(&publication.canonical).unwrap());
    }
    let effects = told(&restarted.settle(AT));
    assert!(
        effects.iter().all(|effect| effect.starts_with("status ")),
        "{effects:#?}"
    );
    assert_eq!(
        restarted.publication("shop", "web").unwrap().revision,
        index.publication("shop", "web").unwrap().revision
    );
}

#[test]
fn withdraws_a_channel_that_is_gone_also_while_it_was_away() {
    let (mut index, mut server) = settled(&Strategy::example());
    let bundle = index.publication("shop", "web").unwrap().bundle.as_ref().clone();
    index.delete(&id(Kind::Channel, "web"));
    server.drop(&id(Kind::Channel, "web"));
    let effects = told(&index.settle(AT));
    assert_eq!(effects[0], "withdraw shop/web");
    assert!(effects.contains(&"status ChannelBinding/shop/retention-home-hero False/RefNotFound".to_owned()));
    assert!(index.publication("shop", "web").is_none());

    let mut restarted = Index::default();
    server.list(&mut restarted);
    restarted.restore("shop", "web", bundle.clone());
    assert!(told(&restarted.settle(AT)).contains(&"withdraw shop/web".to_owned()));

    let mut alone = Index::default();
    alone.restore("gone", "web", bundle);
    assert_eq!(told(&alone.settle(AT)), ["withdraw gone/web"]);
    assert_eq!(alone.settle(AT), []);
}
