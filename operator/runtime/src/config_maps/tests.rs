use std::io::Read;
use std::sync::Arc;

use attune_api::labels::{CA_CONFIG_MAP, PACKED_RULES_KEY, REVISION, RULES_KEY};
use flate2::read::GzDecoder;
use serde_json::json;

use super::document::{is_of, print};
use super::*;
use crate::fixture::publication;

const SHOP: &str = "shop";

fn delivery(name: &str, touchpoint: &str) -> Delivery {
    Delivery {
        config_map: serde_json::from_value(json!({"name": name})).unwrap(),
        publication: publication(SHOP, "web", touchpoint),
        owner: Some("uid-web".to_owned()),
        standing: None,
    }
}

/// The same with a bundle of so many bytes, which gzip halves.
fn of_size(bytes: usize) -> Delivery {
    let mut delivery = delivery("rules", "one");
    let mut state = 7_u64;
    let digits = (0..bytes).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b"0123456789abcdef"[usize::try_from(state >> 60).unwrap()]
    });
    delivery.publication.canonical = Arc::from(digits.collect::<Vec<_>>());
    delivery
}

fn web() -> Key {
    (SHOP.to_owned(), "web".to_owned())
}

fn place(name: &str) -> (String, String) {
    (SHOP.to_owned(), name.to_owned())
}

fn seen(print: u64) -> Seen {
    Seen {
        channel: "web".to_owned(),
        print,
    }
}

/// One that leads and wants the rules of `web` in `rules`.
fn keeper() -> ConfigMaps {
    let keeper = ConfigMaps::default();
    settle(&keeper, Some(delivery("rules", "one")));
    assert_eq!(due(&keeper), Some(web()));
    keeper.note(&web(), |wanted| wanted.note(&Established::Written(1)));
    keeper
}

fn settle(keeper: &ConfigMaps, delivery: Option<Delivery>) {
    let wanted = delivery.map(|delivery| (web(), delivery));
    keeper.settle(wanted.into_iter().collect(), BTreeSet::new());
}

fn due(keeper: &ConfigMaps) -> Option<Key> {
    keeper.changed.take_if_due().map(|task| task.key)
}

fn stands(keeper: &ConfigMaps) -> Delivered {
    match keeper.receiver(SHOP, "web") {
        Receiver::Known(delivered) => *delivered,
        Receiver::Unknown => panic!("nothing is wanted"),
    }
}

#[test]
fn small_rules_are_written_as_text_and_large_ones_gzipped() {
    let wanted = delivery("rules", "one");
    let document = Document::build("web", &wanted).unwrap().0;
    let data = document.data.clone().unwrap();
    assert_eq!(data[RULES_KEY].as_bytes(), &*wanted.publication.canonical);
    assert_eq!(document.binary_data, None);
    assert_eq!(
        document.metadata.annotations.as_ref().unwrap()[REVISION],
        wanted.publication.revision
    );
    assert!(is_of(&document, "web"));
    assert!(!is_of(&document, "blog"));

    let wanted = of_size(400 * 1024);
    let document = Document::build("web", &wanted).unwrap().0;
    assert_eq!(document.data, None);
    let packed = &document.binary_data.unwrap()[PACKED_RULES_KEY].0;
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, &*wanted.publication.canonical);
}

#[test]
fn rules_that_no_config_map_holds_are_refused() {
    let refused = Document::build("web", &of_size(3 * 1024 * 1024)).unwrap_err();
    assert_eq!(refused.reason, Reason::TooLarge);
    assert!(
        refused.message.contains("a ConfigMap holds 1008"),
        "{}",
        refused.message
    );
}

#[test]
fn names_that_the_operator_uses_itself_are_taken() {
    for name in [CA_CONFIG_MAP, "attune-bundle-web", "attune-bundle-other"] {
        let refused = Document::build("web", &delivery(name, "one")).unwrap_err();
        assert_eq!(refused.reason, Reason::NameTaken, "{name}");
    }
}

#[test]
fn only_what_is_ours_is_compared() {
    let document = Document::build("web", &delivery("rules", "one")).unwrap().0;
    let ours = print(&document);
    let changed = |change: &dyn Fn(&mut k8s_openapi::api::core::v1::ConfigMap)| {
        let mut other = document.clone();
        change(&mut other);
        print(&other) != ours
    };
    assert!(changed(&|map| drop(
        map.data
            .as_mut()
            .unwrap()
            .insert(RULES_KEY.to_owned(), "{}".to_owned())
    )));
    assert!(changed(&|map| map.data = None));
    assert!(changed(&|map| map.metadata.labels = None));
    assert!(changed(&|map| map.metadata.annotations = None));
    assert!(changed(&|map| map.metadata.owner_references = None));
    assert!(!changed(&|map| {
        map.data
            .as_mut()
            .unwrap()
            .insert("theirs".to_owned(), "x".to_owned());
        map.metadata
            .labels
            .as_mut()
            .unwrap()
            .insert("theirs".to_owned(), "x".to_owned());
        map.metadata.resource_version = Some("7".to_owned());
    }));
}

#[test]
fn is_written_when_its_revision_changes_and_not_before() {
    let keeper = keeper();
    let stood = stands(&keeper);
    assert_eq!(stood.reason, Reason::Synced);
    settle(&keeper, Some(delivery("rules", "one")));
    assert_eq!(due(&keeper), None);
    settle(&keeper, Some(delivery("rules", "two")));
    assert_eq!(due(&keeper), Some(web()));
    let pending = stands(&keeper);
    assert_eq!(pending.reason, Reason::SyncPending);
    assert_eq!(
        pending.figures.revision, stood.figures.revision,
        "that stands meanwhile"
    );
}

#[test]
fn what_somebody_changes_or_deletes_is_looked_at_again() {
    let keeper = keeper();
    keeper.observe(place("rules"), Some(seen(1)));
    assert_eq!(due(&keeper), None, "it is as it was written");
    keeper.observe(place("rules"), Some(seen(2)));
    assert_eq!(due(&keeper), Some(web()));
    keeper.note(&web(), |wanted| wanted.note(&Established::Written(1)));
    assert!(stands(&keeper).figures.last_drift.is_some());
    keeper.observe(place("rules"), None);
    assert_eq!(due(&keeper), Some(web()));
}

#[test]
fn a_restart_finds_what_stands_and_shows_nothing_new() {
    let first = keeper();
    let standing = stands(&first);
    let second = ConfigMaps::default();
    let delivery = Delivery {
        standing: Some(standing.figures.clone()),
        ..delivery("rules", "one")
    };
    settle(&second, Some(delivery));
    assert_eq!(stands(&second), standing);
    second.note(&web(), |wanted| wanted.note(&Established::Unchanged(1)));
    assert_eq!(stands(&second), standing);
}

#[test]
fn what_is_no_longer_wanted_is_removed() {
    let keeper = keeper();
    keeper.observe(place("rules"), Some(seen(1)));
    // Another name: the old one goes, the new one comes.
    settle(&keeper, Some(delivery("other", "one")));
    assert_eq!(due(&keeper), Some(web()));
    assert_eq!(keeper.lock().others(&web(), Some("other")), ["rules"]);
    // No Channel, or another delivery.
    settle(&keeper, None);
    assert_eq!(due(&keeper), Some(web()));
    assert_eq!(keeper.lock().others(&web(), None), ["rules"]);
    assert_eq!(keeper.receiver(SHOP, "web"), Receiver::Unknown);
}

#[test]
fn what_an_operator_before_this_one_left_is_removed() {
    let keeper = ConfigMaps::default();
    keeper.observe_all(None, vec![(place("rules"), seen(1))]);
    assert_eq!(due(&keeper), None, "it is not known yet what is wanted");
    settle(&keeper, None);
    assert_eq!(due(&keeper), Some(web()));
    // The same where it is seen later only.
    let keeper = ConfigMaps::default();
    settle(&keeper, None);
    keeper.observe_all(None, vec![(place("rules"), seen(1))]);
    assert_eq!(due(&keeper), Some(web()));
}

#[test]
fn what_stands_for_a_channel_that_cannot_be_read_stays() {
    let keeper = keeper();
    keeper.settle(BTreeMap::new(), BTreeSet::from([web()]));
    assert_eq!(due(&keeper), None);
    keeper.observe(place("rules"), Some(seen(1)));
    assert_eq!(due(&keeper), None);
    assert_eq!(stands(&keeper).reason, Reason::Synced);
    // Once it can be read, it is looked at whatever was done to it meanwhile.
    settle(&keeper, Some(delivery("rules", "one")));
    assert_eq!(due(&keeper), Some(web()));
}

#[test]
fn whoever_follows_writes_nothing() {
    let keeper = keeper();
    keeper.follow();
    keeper.observe(place("rules"), Some(seen(2)));
    assert_eq!(due(&keeper), None);
    assert_eq!(keeper.receiver(SHOP, "web"), Receiver::Unknown);
}

#[test]
fn a_name_that_is_taken_is_told() {
    let keeper = keeper();
    keeper.note(&web(), |wanted| wanted.note(&Established::Foreign));
    let stands = stands(&keeper);
    assert_eq!(stands.reason, Reason::NameTaken);
    assert!(stands.message.contains("`rules`"), "{}", stands.message);
    assert_eq!(
        stands.figures.revision, None,
        "it does not have what is published"
    );
}
