//! Two indexes of one cluster, of which one writes at a time.

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_compile::status::{Deciders, Fallback, Heard};
use attune_core::bundle::Bundle;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::{NOBODY, Server, id, settled, stands, told};
use crate::{Effect, Index};

/// An index beside the one that leads.
fn follower(server: &Server) -> Index {
    let mut index = Index::default();
    index.follow();
    server.list(&mut index);
    hear(&mut index);
    index
}

fn hear(index: &mut Index) {
    for channel in ["web", "email"] {
        index.hear("shop", channel, NOBODY);
    }
}

/// Rewrites the priority of a binding on the server.
fn edit(server: &mut Server) {
    let name = "retention-newsletter";
    let edited = Strategy::example().edit(Kind::ChannelBinding, name, json!({"priority": 7}));
    server.hold(&edited.resource(Kind::ChannelBinding, name));
}

#[test]
fn a_follower_compiles_and_writes_nothing() {
    let server = Server::holding(&Strategy::example());
    let mut index = follower(&server);
    assert_eq!(
        told(&index.settle(AT)),
        ["publish shop/email", "publish shop/web"]
    );
    assert!(index.publication("shop", "web").is_some());
}

#[test]
fn a_new_leader_that_agrees_is_silent() {
    let (_, server) = settled(&Strategy::example());
    let mut index = follower(&server);
    index.settle(AT);
    index.lead();
    assert_eq!(index.settle(AT), []);
}

#[test]
fn a_new_leader_writes_once_what_the_one_before_it_left_undone() {
    let (_, mut server) = settled(&Strategy::example());
    let mut index = follower(&server);
    index.settle(AT);
    edit(&mut server);
    server.list(&mut index);
    assert_eq!(told(&index.settle(AT)), ["publish shop/email"]);
    index.lead();
    let effects = index.settle(AT);
    assert_eq!(
        told(&effects),
        [
            "status Channel/shop/email True/Ready",
            "status ChannelBinding/shop/retention-newsletter True/Ready",
        ]
    );
    assert_eq!(index.settle(AT), []);
    server.take(&effects);
    server.list(&mut index);
    assert_eq!(index.settle(AT), []);
}

#[test]
fn what_was_not_written_when_leadership_was_lost_is_written_after_it_came_back() {
    let (mut index, mut server) = settled(&Strategy::example());
    edit(&mut server);
    server.list(&mut index);
    let lost = index.settle(AT);
    assert_eq!(told(&lost).len(), 3);
    index.follow();
    index.lead();
    let again = index.settle(AT);
    assert_eq!(told(&again), told(&lost)[1..]);
}

#[test]
fn counts_may_wait_and_conditions_may_not() {
    let (mut index, _) = settled(&Strategy::example());
    let heard = |desired, current| {
        Deciders::Heard(Heard {
            desired,
            current,
            ..Heard::default()
        })
    };
    let mut channel = |deciders| {
        index.hear("shop", "web", deciders);
        let effects = index.settle(AT);
        let turned = effects.iter().find_map(|effect| match effect {
            Effect::Status {
                id, turns, may_wait, ..
            } if id.kind == Kind::Channel => Some((*may_wait, turns.clone())),
            _ => None,
        });
        turned.unwrap()
    };
    let (may_wait, turns) = channel(heard(2, 1));
    assert!(!may_wait);
    let reasons: Vec<_> = turns.iter().map(|turn| turn.reason).collect();
    assert_eq!(reasons, [Reason::Converging]);
    let (may_wait, turns) = channel(heard(3, 1));
    assert!(may_wait, "one more is missing");
    assert!(turns.is_empty());
    let (may_wait, turns) = channel(heard(3, 3));
    assert!(!may_wait);
    assert_eq!(turns[0].reason, Reason::Converged);
}

#[test]
fn a_previous_bundle_that_cannot_be_read_holds_its_channel_back_and_no_other() {
    let (index, server) = settled(&Strategy::example());
    let email = Bundle::parse(&index.publication("shop", "email").unwrap().canonical).unwrap();
    let web = Bundle::parse(&index.publication("shop", "web").unwrap().canonical).unwrap();
    let mut restarted = Index::default();
    server.list(&mut restarted);
    restarted.restore("shop", "email", email);
    restarted.restore_unreadable("shop", "web", "it is no gzip".to_owned());
    hear(&mut restarted);
    let effects = restarted.settle(AT);
    let told_of = told(&effects);
    assert!(
        told_of.iter().all(|effect| effect.starts_with("status ")),
        "{told_of:#?}"
    );
    assert!(restarted.publication("shop", "web").is_none());
    assert!(restarted.publication("shop", "email").is_some());
    let status = restarted.status(&id(Kind::Channel, "web")).unwrap();
    assert_eq!(stands(status, "Programmed"), "False/PreviousUnreadable");
    let programmed = status["conditions"].as_array().unwrap().iter();
    let programmed = programmed
        .clone()
        .find(|one| one["type"] == "Programmed")
        .unwrap();
    let message = programmed["message"].as_str().unwrap();
    assert!(
        message.contains("`attune-bundle-web`") && message.contains("delete it"),
        "{message}"
    );
    assert_eq!(restarted.settle(AT), []);

    // Somebody brought it back.
    restarted.restore("shop", "web", web);
    let effects = told(&restarted.settle(AT));
    assert!(
        effects.iter().all(|effect| effect.ends_with("True/Ready")),
        "{effects:#?}"
    );
    assert!(restarted.publication("shop", "web").is_some());
}

#[test]
fn a_previous_bundle_that_could_not_be_read_is_given_up_when_it_is_removed_or_its_channel_is() {
    let server = Server::holding(&Strategy::example());
    let held = || {
        let mut index = Index::default();
        server.list(&mut index);
        index.restore_unreadable("shop", "web", "it is no gzip".to_owned());
        index.settle(AT);
        index
    };
    let mut removed = held();
    removed.give_up_unreadable("shop", "web");
    assert!(told(&removed.settle(AT)).contains(&"publish shop/web".to_owned()));

    let mut deleted = held();
    deleted.delete(&id(Kind::Channel, "web"));
    assert!(told(&deleted.settle(AT)).contains(&"withdraw shop/web".to_owned()));
    deleted.resync();
    assert!(!told(&deleted.settle(AT)).contains(&"withdraw shop/web".to_owned()));
}

#[test]
fn says_that_a_fallback_is_too_large_and_no_longer() {
    let (mut index, _) = settled(&Strategy::example());
    let mut said = |fallback| {
        index.note_fallback("shop", "web", fallback);
        let effects = index.settle(AT);
        let Some(Effect::Status { status, .. }) = effects.first() else {
            return String::new();
        };
        assert_eq!(effects.len(), 1, "its bindings are live as they were");
        stands(status, "Programmed")
    };
    assert_eq!(said(Fallback::Stands), "");
    assert_eq!(said(Fallback::TooLarge), "True/FallbackTooLarge");
    assert_eq!(said(Fallback::TooLarge), "");
    assert_eq!(said(Fallback::Stands), "True/NoDeciders");
}

#[test]
fn follows_a_bundle_that_the_leader_published() {
    let (leader, server) = settled(&Strategy::example());
    let mut broken = Server::holding(&Strategy::example());
    broken.drop(&id(Kind::Audience, "lapsed"));
    let mut index = follower(&broken);
    index.settle(AT);
    assert_ne!(
        index.publication("shop", "web").unwrap().revision,
        leader.publication("shop", "web").unwrap().revision,
        "it never saw the audience that the leader carries"
    );
    for (namespace, channel, publication) in leader.publications() {
        index.restore(namespace, channel, Bundle::parse(&publication.canonical).unwrap());
    }
    index.settle(AT);
    assert_eq!(
        index.publication("shop", "web").unwrap().revision,
        leader.publication("shop", "web").unwrap().revision
    );
    drop(server);
}
