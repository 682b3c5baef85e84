//! The tables and how a database comes to them.
//!
//! Wide rows cost twice, on the way in and on the way out, so names are interned and units are integers. The tables
//! that the analysis reads are clustered by what it joins on: a split's units in order beside an event's outcomes in
//! the same order of units, so that one pass over both gives the moments.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Marks the file as ours: `Attn`.
const APPLICATION_ID: i64 = 0x4174_746e;

/// Every step from an empty file to the current schema, by its number; a released step never changes.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("schema/0001_events.sql")),
    (2, include_str!("schema/0002_measurement.sql")),
    (3, include_str!("schema/0003_lifecycle.sql")),
    (4, include_str!("schema/0004_plain.sql")),
    (5, include_str!("schema/0005_sweep.sql")),
    (6, include_str!("schema/0006_dropped.sql")),
    (7, include_str!("schema/0007_decisions.sql")),
];

/// How long a statement waits for somebody else's.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the database for writing, new or not.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::OpenDatabase {
        path: path.to_owned(),
        source,
    };
    let connection = Connection::open(path).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    let id: i64 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(connection);
    }
    Err(StoreError::RecognizeDatabase {
        path: path.to_owned(),
    })
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    // Before anything is written: a file can give pages back only if it was made that way.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // INVARIANT: what is erased is overwritten with zeros, in pages and in the list of free ones.
    connection.pragma_update(None, "secure_delete", "ON")?;
    // INVARIANT: acknowledged means durable; NORMAL would lose the last commits in a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    // 128 MiB: a page that many commits change is moved into the file once for all of them. Ids and units come in no
    // order, so a commit of a few thousand events changes as many pages; with a shorter log each one would move them.
    connection.pragma_update(None, "wal_autocheckpoint", 32_000)?;
    connection.pragma_update(None, "journal_size_limit", 128 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Opens the database once more, for reading.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    Ok(connection)
}

/// Brings the database to the current schema, each step in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let done = steps(connection).map_err(|source| StoreError::Migrate { version: 0, source })?;
    let known = MIGRATIONS.iter().map(|(version, _)| *version).max().unwrap_or(0);
    if let Some(found) = done.last().copied().filter(|found| *found > known) {
        return Err(StoreError::KnowSchema { found, known });
    }
    for (version, sql) in MIGRATIONS {
        if !done.contains(version) {
            let version = *version;
            step(connection, version, sql).map_err(|source| StoreError::Migrate { version, source })?;
        }
    }
    Ok(())
}

/// Lets a file that was made before files could shrink do so, by writing it anew; once, and only if there is room.
pub(super) fn allow_shrinking(connection: &Connection) {
    let mode = connection.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i64>(0));
    if mode.is_ok_and(|mode| mode != 0) {
        return;
    }
    tracing::info!("writing the event database anew, so that it can shrink from now on");
    let rewritten = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
    if let Err(error) = rewritten {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(
            error,
            "the event database cannot be written anew; it does not shrink"
        );
    }
}

/// The steps that the database has taken; none when it is empty.
fn steps(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    let exists: i64 = connection.query_row(table, [], |row| row.get(0))?;
    if exists == 0 {
        return Ok(BTreeSet::new());
    }
    let mut statement = connection.prepare("SELECT version FROM schema_version")?;
    let steps = statement.query_map([], |row| row.get(0))?;
    steps.collect()
}

fn step(connection: &mut Connection, version: i64, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.execute("INSERT INTO schema_version (version) VALUES (?1)", [version])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}
