use super::*;
use crate::fixture::publication;

fn config_map_of(channel: &str, packed: Vec<u8>) -> ConfigMap {
    let mut config_map = config_map(channel, Some("uid-1"), "revision", packed);
    config_map.metadata.namespace = Some("shop".to_owned());
    config_map
}

#[test]
fn reads_back_what_it_wrote() {
    let publication = publication("shop", "web", "headline");
    let written = config_map_of("web", pack(&publication.canonical).unwrap());
    let read = restored(written).unwrap();
    assert_eq!((read.namespace.as_str(), read.channel.as_str()), ("shop", "web"));
    assert!(matches!(read.found, Found::Bundle(bundle) if *bundle == *publication.bundle));
}

#[test]
fn says_why_a_bundle_cannot_be_read() {
    let mut empty = config_map_of("web", Vec::new());
    empty.binary_data = None;
    let truncated = {
        let mut packed = pack(&publication("shop", "web", "headline").canonical).unwrap();
        packed.truncate(packed.len() / 2);
        packed
    };
    for (config_map, why) in [
        (empty, "it has no `bundle.json.gz`"),
        (config_map_of("web", b"plain text, and no gzip".to_vec()), "gzip"),
        (config_map_of("web", truncated), ""),
        (config_map_of("web", pack(b"{}").unwrap()), ""),
    ] {
        match restored(config_map).unwrap().found {
            Found::Unreadable(error) => assert!(error.contains(why) && !error.is_empty(), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn takes_a_copy_under_another_name_for_nobodys() {
    let mut copy = config_map_of("web", Vec::new());
    copy.metadata.name = Some("backup-of-web".to_owned());
    assert!(restored(copy).is_none());
}
