//! Others who write: results, people, deciders.

use attune_api::Kind;
use attune_compile::status::{Deciders, Heard};
use attune_testkit::{AT, Strategy};
use jiff::SignedDuration;
use serde_json::json;

use super::{NOBODY, Server, id, settled, stands, told};
use crate::{Effect, Index};

#[test]
fn does_not_rewrite_what_results_wrote() {
    let (mut index, mut server) = settled(&Strategy::example());
    let experiment = id(Kind::Experiment, "cart-hero");
    server.write(
        &experiment,
        &json!({
            "conditions": [{
                "type": "Conclusive", "status": "False", "reason": "Collecting", "message": "", "observedGeneration": 1,
                "lastTransitionTime": "2026-12-01T00:00:00Z",
            }],
            "arms": [{"name": "control", "weight": 50, "exposed": 7}, {"name": "reminder", "weight": 50, "exposed": 9}],
            "analysisHash": "abc",
        }),
    );
    index.apply(server.resource(&experiment));
    index.resync();
    assert_eq!(index.settle(AT), []);

    let paused = Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"state": "Paused"}));
    server.hold(&paused.resource(Kind::Experiment, "cart-hero"));
    index.apply(server.resource(&experiment));
    let effects = index.settle(AT);
    server.take(&effects);
    let status = server.resource(&experiment).status().unwrap();
    assert_eq!(stands(&status, "Conclusive"), "False/Collecting");
    assert_eq!(stands(&status, "Running"), "False/Paused");
    assert_eq!(status["arms"][1]["exposed"], 9);
    index.apply(server.resource(&experiment));
    assert_eq!(index.settle(AT), []);
}

#[test]
fn writes_again_what_somebody_else_overwrote() {
    let (mut index, mut server) = settled(&Strategy::example());
    let audience = id(Kind::Audience, "lapsed");
    index.apply(server.resource(&audience));
    server.overwrite(&audience, json!({}));
    index.apply(server.resource(&audience));
    assert_eq!(
        told(&index.settle(AT)),
        ["status Audience/shop/lapsed True/Ready"]
    );
}

#[test]
fn writes_again_what_was_not_seen_for_long() {
    let (mut index, mut server) = (Index::of_cluster(), Server::holding(&Strategy::example()));
    server.list(&mut index);
    index.hear("shop", "web", NOBODY);
    server.take(&index.settle(AT));
    server.list(&mut index);
    let channel = id(Kind::Channel, "web");
    index.hear("shop", "web", Deciders::Heard(Heard::callers(0, 2)));
    let dropped = told(&index.settle(AT));
    assert_eq!(dropped.len(), 2);
    let later = |minutes| AT + SignedDuration::from_mins(minutes);
    assert_eq!(index.settle(later(9)), []);
    let again = index.settle(later(11));
    assert_eq!(told(&again), dropped);
    server.take(&again);
    index.apply(server.resource(&channel));
    assert_eq!(
        told(&index.settle(later(22))),
        dropped[1..],
        "what was seen is not waited for"
    );
}

#[test]
fn follows_what_deciders_say() {
    let (mut index, _) = settled(&Strategy::example());
    let heard = |current, stale| Deciders::Heard(Heard::callers(current, stale));
    index.hear("shop", "web", heard(0, 2));
    let effects = index.settle(AT);
    assert_eq!(
        told(&effects),
        [
            "status Channel/shop/web False/Published",
            "status ChannelBinding/shop/retention-home-hero False/Published",
        ]
    );
    index.hear("shop", "web", heard(1, 1));
    let effects = index.settle(AT);
    assert_eq!(told(&effects).len(), 2);
    let Effect::Status { status, .. } = &effects[0] else {
        panic!()
    };
    assert_eq!(stands(status, "Programmed"), "True/Acknowledged");
    assert_eq!(stands(status, "Converged"), "False/Converging");
    index.hear("shop", "web", heard(1, 1));
    assert_eq!(index.settle(AT), []);
}

#[test]
fn takes_another_object_of_the_same_name_for_another() {
    let (mut index, server) = settled(&Strategy::example());
    let mut again = server.resource(&id(Kind::Channel, "web"));
    again.metadata_mut().uid = Some("another".to_owned());
    index.apply(again);
    index.settle(AT);
    assert_eq!(index.channel_uid("shop", "web"), Some("another".to_owned()));
}

#[test]
fn takes_no_sighting_of_the_past_for_a_lost_write() {
    let (mut index, mut server) = settled(&Strategy::example());
    let channel = id(Kind::Channel, "web");
    let before = server.resource(&channel);
    let heard = |current, stale| Deciders::Heard(Heard::callers(current, stale));
    index.hear("shop", "web", heard(0, 2));
    server.take(&index.settle(AT));
    let first = server.resource(&channel);
    index.hear("shop", "web", heard(1, 1));
    server.take(&index.settle(AT));
    // An edit of something else in it, the first write and the second come one after the other.
    for seen in [before, first, server.resource(&channel)] {
        index.apply(seen);
        assert_eq!(index.settle(AT), []);
    }
    server.overwrite(&channel, json!({}));
    index.apply(server.resource(&channel));
    assert_eq!(told(&index.settle(AT)).len(), 1);
}

#[test]
fn writes_what_a_list_does_not_show() {
    let (mut index, server) = settled(&Strategy::example());
    index.hear("shop", "web", Deciders::Heard(Heard::callers(0, 2)));
    // It never gets there.
    let lost = index.settle(AT);
    server.list(&mut index);
    assert_eq!(told(&index.settle(AT)), told(&lost));
}
