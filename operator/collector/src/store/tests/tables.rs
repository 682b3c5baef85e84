//! What is done with a unit is done in every table that says something of it.

use std::collections::BTreeSet;

use super::aliases::named;
use super::*;

/// The tables with a column `unit`, as the schema has them.
fn tables(store: &Store) -> Vec<String> {
    let snapshot = store.snapshot().unwrap();
    let mut statement = snapshot
        .connection()
        .prepare(
            "SELECT t.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND c.name = 'unit'",
        )
        .unwrap();
    let tables = statement.query_map([], |row| row.get(0)).unwrap();
    tables.map(Result::unwrap).collect()
}

/// The units that a table says something of.
fn units(store: &Store, table: &str) -> BTreeSet<i64> {
    let snapshot = store.snapshot().unwrap();
    let sql = format!("SELECT DISTINCT unit FROM {table}");
    let mut statement = snapshot.connection().prepare(&sql).unwrap();
    let units = statement.query_map([], |row| row.get(0)).unwrap();
    units.map(Result::unwrap).collect()
}

/// What fills every table about a unit, and a second id of it.
fn all_about(unit: &str) -> Vec<NewEvent> {
    let id = |kind: &str| format!("{kind}-{unit}");
    let mut seen = exposed(&id("seen"), unit, "a", now());
    if let EventData::Exposure(exposure) = &mut seen.event.data {
        exposure.variant = Some("hero/gold".into());
    }
    vec![
        seen,
        exposed(&id("crossing"), unit, "b", after(1)),
        happened(&id("outcome"), unit, "click", after(2)),
        decided(&id("decision"), unit, after(3)),
        named(&id("naming"), unit, &id("alias")),
    ]
}

async fn filled(units: &[&str]) -> (TempDir, Store) {
    let (directory, store) = fresh();
    for unit in units {
        store.append(all_about(unit), now()).await.unwrap();
    }
    for table in tables(&store) {
        let found = self::units(&store, &table).len();
        assert_eq!(found, units.len(), "`{table}` has something of every unit");
    }
    (directory, store)
}

fn is_empty(store: &Store) {
    for table in tables(store) {
        assert_eq!(units(store, &table), BTreeSet::new(), "`{table}`");
    }
    assert_eq!(count(store, "unit"), 0);
}

#[tokio::test]
async fn erasure_leaves_nothing_in_any_table() {
    let (_directory, store) = filled(&["jane"]).await;
    store.erase("shop", "jane").await.unwrap();
    is_empty(&store);
}

#[tokio::test]
async fn retention_leaves_nothing_in_any_table() {
    let (_directory, store) = filled(&["jane"]).await;
    let late = after(500 * 86_400);
    store
        .sweep(Retention::default(), late, Pace::default())
        .await
        .unwrap();
    is_empty(&store);
}

#[tokio::test]
async fn joining_leaves_nothing_of_the_other_unit_in_any_table() {
    let (_directory, store) = filled(&["jane", "device"]).await;
    let join = vec![named("join", "jane", "device")];
    store.append(join, now()).await.unwrap();
    let joined = units(&store, "outcome");
    assert_eq!(joined.len(), 1);
    for table in tables(&store) {
        assert_eq!(units(&store, &table), joined, "`{table}`");
    }
    assert_eq!(count(&store, "unit"), 1);
}
