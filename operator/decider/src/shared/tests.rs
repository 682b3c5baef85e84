//! Names, places, elements, and what waits.

use attune_core::history::Shown;
use jiff::Timestamp;

use super::entry;
use super::names::Names;
use super::place::Folder;
use super::waiting::Waiting;
use crate::clock::Clock;
use crate::fixture::{Authority, Secret, now};
use crate::state::Show;

#[test]
fn names_differ_by_namespace_key_and_kind() {
    let names = Names::new("shop", b"key");
    let unit = names.unit("user-1");
    assert_eq!(unit, Names::new("shop", b"key").unit("user-1"));
    for other in [
        Names::new("other", b"key"),
        Names::new("shop", b"another"),
        Names::new("shop", b""),
    ] {
        let hash = |key: &str| key.split(['{', '}']).nth(1).unwrap().to_owned();
        assert_ne!(hash(&other.unit("user-1").shows), hash(&unit.shows));
        assert_ne!(other.event("purchase"), names.event("purchase"));
    }
    let kinds = [
        Shown::Binding("hero"),
        Shown::Module("hero"),
        Shown::Program("hero"),
        Shown::Channel("hero"),
    ];
    let mut short: Vec<_> = kinds.map(|kind| names.shown(kind)).into();
    short.extend([names.event("hero"), names.id("hero")]);
    short.sort_unstable();
    short.dedup();
    assert_eq!(short.len(), 6);
}

#[test]
fn reads_what_it_wrote_to_the_microsecond() {
    let at: Timestamp = "2026-12-01T00:00:00.123456Z".parse().unwrap();
    let show = Show {
        at: at.into(),
        binding: 1,
        module: 0,
        program: u64::MAX,
        channel: 4,
    };
    assert_eq!(entry::read_show(&entry::show(7, &show)), Some(show));
    assert_eq!(
        entry::read_outcome(&entry::outcome(7, 9, at)),
        Some((9, at.into()))
    );
    assert_eq!(entry::read_outcome(&entry::show(7, &show)), None);
    assert_eq!(entry::read_show(&entry::outcome(7, 9, at)), None);
    assert_eq!(entry::read_show(b""), None);
    let before = "1969-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(
        entry::read_outcome(&entry::outcome(7, 9, before)),
        Some((9, Timestamp::UNIX_EPOCH.into()))
    );
}

#[test]
fn understands_the_urls_that_secrets_hold_and_repeats_none_of_them() {
    let secret = Secret::empty();
    let mut folder = Folder::new(&secret.path(), "shop", Clock::pinned(now()));
    assert!(folder.look().is_err(), "there is no file yet");
    for (url, host, port, database, user, password) in [
        ("redis://10.0.0.1", "10.0.0.1", 6379, 0, None, None),
        (
            "valkey://:p%40ss@redis.shop.svc:7000/3\n",
            "redis.shop.svc",
            7000,
            3,
            None,
            Some("p@ss"),
        ),
        (
            "redis://me:pass@[::1]:6380/",
            "::1",
            6380,
            0,
            Some("me"),
            Some("pass"),
        ),
    ] {
        secret.put("url", url);
        let place = folder.look().unwrap().expect("news");
        assert_eq!((place.host.as_str(), place.port), (host, port), "{url}");
        assert_eq!(place.settings.db(), database, "{url}");
        assert_eq!(
            (place.settings.username(), place.settings.password()),
            (user, password),
            "{url}"
        );
        assert!(place.tls.is_none() && !place.is_keyed);
        assert!(folder.look().unwrap().is_none(), "no news");
    }
    for wrong in [
        "",
        "10.0.0.1:6379",
        "http://secret.example",
        "redis://",
        "redis://h/x",
        "rediss://secret.example",
    ] {
        secret.put("url", wrong);
        let Err(error) = folder.look() else {
            panic!("`{wrong}` is no place");
        };
        assert!(!error.to_string().contains("secret.example"), "{error}");
        assert!(folder.look().is_err(), "it is looked at again");
    }
    secret.put("key", "a key");
    secret.put("url", "redis://10.0.0.1");
    assert!(folder.look().unwrap().expect("news").is_keyed);
}

#[test]
fn a_key_or_an_authority_that_is_removed_is_in_force_no_more() {
    let secret = Secret::empty();
    let mut folder = Folder::new(&secret.path(), "shop", Clock::pinned(now()));
    secret.put("url", "redis://10.0.0.1");
    secret.put("key", "a key");
    let keyed = folder.look().unwrap().expect("news");
    secret.remove("key");
    let bare = folder.look().unwrap().expect("news");
    assert!(keyed.is_keyed && !bare.is_keyed);
    assert_ne!(keyed.names.event("purchase"), bare.names.event("purchase"));
    assert!(folder.look().unwrap().is_none(), "no news");

    secret.put("ca.crt", &Authority::new("state").pem());
    secret.put("url", "rediss://10.0.0.1");
    assert!(folder.look().unwrap().expect("news").tls.is_some());
    secret.remove("ca.crt");
    for _ in 0..2 {
        assert!(folder.look().is_err_and(|error| error.is_distrust()));
    }
    // What was wrong is not forgotten while a file cannot be read at all.
    secret.remove("url");
    assert!(folder.look().is_err_and(|error| !error.is_distrust()));
    secret.put("url", "redis://10.0.0.1");
    assert!(folder.look().unwrap().expect("news").tls.is_none());
}

#[tokio::test]
async fn drops_the_oldest_once_too_many_wait_and_waits_for_none_that_was_dropped() {
    let (waiting, names) = (Waiting::default(), Names::new("shop", b"key"));
    let mut dropped = 0;
    for number in 0..65_540_u64 {
        dropped += waiting.add(names.unit("user-1"), entry::outcome(number, 1, now()));
    }
    assert_eq!((dropped, waiting.len()), (4, 65_536));
    waiting.add(names.unit("user-2"), entry::outcome(1, 1, now()));
    assert!(waiting.forget(&names.unit("user-1")));
    assert!(!waiting.forget(&names.unit("user-1")));
    assert_eq!(waiting.len(), 1);
    assert!(waiting.forget(&names.unit("user-2")));
    waiting.settled().await;
}
