//! Keys, hashes, and which directories are opened.

use std::collections::BTreeSet;

use rusqlite::params;

use super::*;

#[test]
fn stores_no_unit_in_plain_unless_its_channel_asks_for_it() {
    let (directory, store) = fresh();
    let seen_at = |id: &str, unit: &str, channel: &str| {
        let data = Exposure {
            unit: unit.into(),
            channel: Some(channel.into()),
            ..Exposure::default()
        };
        event(id, now(), EventData::Exposure(data))
    };
    store
        .keep_plain_units(BTreeSet::from([("shop".to_owned(), "mail".to_owned())]))
        .unwrap();
    let events = vec![
        seen_at("e1", "jane@example.org", "web"),
        happened("e2", "jane@example.org", "click", now()),
        seen_at("e3", "joe@example.org", "mail"),
    ];
    store.append_blocking(events, now()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let plain = |unit: &str| -> Option<String> {
        let hash = store.unit_hash("shop", unit);
        snapshot
            .connection()
            .query_row("SELECT plain FROM unit WHERE hash = ?1", params![hash.0], |row| {
                row.get(0)
            })
            .unwrap()
    };
    assert_eq!(plain("jane@example.org"), None);
    assert_eq!(plain("joe@example.org").as_deref(), Some("joe@example.org"));
    drop(snapshot);
    drop(store);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"jane@example.org"));
    }
}

#[test]
fn hashes_units_by_namespace_and_by_a_key_of_its_own() {
    let (_first_directory, first) = fresh();
    let (_second_directory, second) = fresh();
    assert_eq!(first.unit_hash("shop", "u1"), first.unit_hash("shop", "u1"));
    assert_ne!(first.unit_hash("shop", "u1"), first.unit_hash("other", "u1"));
    assert_ne!(first.unit_hash("shop", "u1"), second.unit_hash("shop", "u1"));
}

#[cfg(unix)]
#[test]
fn keeps_its_key_from_everybody_else() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, _store) = fresh();
    let mode = std::fs::metadata(directory.path().join("unit-ids.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn refuses_to_go_on_with_a_lost_a_foreign_or_a_damaged_key() {
    let (directory, store) = fresh();
    drop(store);
    let key = directory.path().join("unit-ids.key");
    let original = std::fs::read(&key).unwrap();
    let reopen = || Store::open(directory.path(), &StoreOptions::default());
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(reopen(), Err(StoreError::MatchKey { .. })));
    std::fs::write(&key, "00".repeat(32)).unwrap();
    assert!(matches!(reopen(), Err(StoreError::MatchKey { .. })));
    std::fs::write(&key, "00".repeat(31)).unwrap();
    assert!(matches!(reopen(), Err(StoreError::ParseKey { .. })));
    std::fs::write(&key, original).unwrap();
    assert!(reopen().is_ok());
}

#[test]
fn refuses_a_second_process_a_foreign_database_and_a_newer_schema() {
    let (directory, store) = fresh();
    let reopen = || Store::open(directory.path(), &StoreOptions::default());
    assert!(matches!(reopen(), Err(StoreError::LockDirectory { .. })));
    drop(store);
    let connection = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    connection
        .execute_batch("INSERT INTO schema_version VALUES (99)")
        .unwrap();
    assert!(matches!(reopen(), Err(StoreError::KnowSchema { found: 99, .. })));
    connection
        .execute_batch("DELETE FROM schema_version WHERE version = 99; PRAGMA application_id = 7")
        .unwrap();
    assert!(matches!(reopen(), Err(StoreError::RecognizeDatabase { .. })));
}
