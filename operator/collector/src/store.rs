//! The durable store of events: one `SQLite` database in a directory of its own.
//!
//! Writes go through one thread that gathers what is waiting into one transaction and answers every caller when that
//! transaction is on disk (WAL, `synchronous=FULL`): the more callers wait, the more events share one sync. Reads
//! happen in [`Snapshot`]s beside it, each of which sees one state of the data.
//!
//! INVARIANT: what is stored does not depend on the order in which events arrive. A unit's arm is that of its earliest
//! exposure by time, ties go to the arm whose name comes first, and a duplicate changes nothing.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use attune_core::event::{Event, EventData};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use rusqlite::Connection;
use thiserror::Error;

mod alias;
mod apply;
mod cache;
mod decisions;
mod erase;
mod holdouts;
mod key;
mod lifecycle;
mod members;
mod plain;
mod registrations;
mod schema;
mod snapshot;
mod sweep;
#[cfg(test)]
mod tests;
mod writer;

pub use decisions::{Before, BundleName, KeptDecision, Replayable, Within};
pub use erase::Erased;
pub use holdouts::RegisterError;
pub use key::UnitHash;
pub use lifecycle::{Erasure, Pace};
pub(crate) use members::Encounter;
pub use registrations::Registered;
pub use snapshot::{Activity, Assigned, Recall, Sighted, Snapshot, Split, SplitKind};
pub use sweep::{Retention, Swept};
pub use writer::Pending;

use holdouts::{Bucket, Periods};
use key::UnitKey;
use plain::Plain;
use writer::{Row, Writer};

/// Name of the database within the data directory.
const DATABASE: &str = "events.db";
/// Name of the file that keeps a second process out.
const LOCK: &str = "collector.lock";

/// Name of the file that shows whether the disk takes anything, and its size: some pages of a database.
const PROBE: &str = "writable.probe";
const PROBE_BYTES: usize = 64 * 1024;

/// How a [`Store`] behaves; the defaults suit production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Most events that may wait for the writer; beyond that [`AppendError::Full`].
    pub max_queued_events: usize,
    /// Most events that share one transaction.
    pub max_group_events: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_queued_events: 100_000,
            max_group_events: 20_000,
        }
    }
}

/// An event with the namespace that it counts for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// The namespace of the caller.
    pub namespace: String,
    /// The event; its own `namespace` is not looked at any more.
    pub event: Event,
}

/// What became of the events of one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Events that are stored now and were not before.
    pub stored: u64,
    /// Events whose namespace, source and id were known; they changed nothing.
    pub duplicates: u64,
}

/// Counts over the whole life of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events stored.
    pub stored: u64,
    /// Events that came again.
    pub duplicates: u64,
}

/// Why a store cannot be opened or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The data directory cannot be made.
    #[error("cannot create the data directory `{}`; check the path and its permissions", path.display())]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The lock file cannot be opened, or is held.
    #[error("cannot lock `{}`; another process has this data directory open, or it is not writable", path.display())]
    LockDirectory {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key that unit ids are hashed with cannot be read.
    #[error("cannot read the unit key `{}`; check its permissions", path.display())]
    ReadKey {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key that unit ids are hashed with cannot be written.
    #[error("cannot write the unit key `{}`; check the permissions of its directory", path.display())]
    WriteKey {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system gives no random bytes.
    #[error("cannot make a unit key: the operating system gives no random bytes")]
    GenerateKey {
        /// Why.
        source: getrandom::Error,
    },
    /// The key file holds something else than a key.
    #[error("the unit key `{}` is not 64 hexadecimal digits; restore it from a backup", path.display())]
    ParseKey {
        /// The key file.
        path: PathBuf,
    },
    /// The database was written with another key, or the key is gone.
    #[error(
        "the unit key `{}` is not the one that the events of this directory were stored with; restore it from a \
         backup, because no outcome would join its exposure otherwise", path.display()
    )]
    MatchKey {
        /// The key file.
        path: PathBuf,
    },
    /// The database cannot be opened or set up.
    #[error("cannot open the event database `{}`", path.display())]
    OpenDatabase {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file is a database of something else.
    #[error("`{}` is not a database of this collector; choose another data directory", path.display())]
    RecognizeDatabase {
        /// The database.
        path: PathBuf,
    },
    /// A newer release wrote the database.
    #[error("the event database has schema {found}, this release knows {known}; start a newer release")]
    KnowSchema {
        /// Version of the database.
        found: i64,
        /// Newest version that this release knows.
        known: i64,
    },
    /// The database cannot be brought to the current schema.
    #[error("cannot bring the event database to schema {version}")]
    Migrate {
        /// The version that failed.
        version: i64,
        /// Why.
        source: rusqlite::Error,
    },
    /// The writer's thread cannot be started.
    #[error("cannot start the event writer")]
    StartWriter {
        /// Why.
        source: std::io::Error,
    },
    /// A query failed.
    #[error("cannot read the event database")]
    Query {
        /// Why.
        #[from]
        source: rusqlite::Error,
    },
}

/// Why events were not stored; none of the batch is, and sending it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Too much is waiting already.
    #[error("{queued} events are waiting to be stored; send again later")]
    Full {
        /// How many wait.
        queued: usize,
    },
    /// The store is shutting down.
    #[error("the event store is shutting down; send again later")]
    Closed,
    /// The transaction failed and was rolled back.
    #[error("the event store cannot write: {reason}; check its disk, then send again")]
    Commit {
        /// What the database said.
        reason: String,
    },
}

/// A handle to the store; clones share it. When the last one is dropped, what is waiting is stored and the files are
/// closed.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    key: UnitKey,
    writer: Writer,
    plain: Plain,
    periods: RwLock<Periods>,
    // Held for as long as the database is open.
    _lock: File,
}

impl Store {
    /// Opens the store in `directory`, which is made if it does not exist; one process at a time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(directory: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory).map_err(|source| StoreError::CreateDirectory {
            path: directory.to_owned(),
            source,
        })?;
        let lock = lock(directory.join(LOCK))?;
        let path = directory.join(DATABASE);
        let mut connection = schema::open(&path)?;
        let key = key::load(directory, &connection)?;
        schema::migrate(&mut connection)?;
        schema::allow_shrinking(&connection);
        key::remember(&key, &connection)?;
        let periods = RwLock::new(Periods::load(&connection)?);
        let plain = Plain::load(&connection)?;
        let writer = Writer::start(connection, options)?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                key,
                writer,
                plain,
                periods,
                _lock: lock,
            }),
        })
    }

    /// Queues a batch; the answer comes when it is durable, or when none of it is stored.
    ///
    /// `received` is when the batch arrived; it stands beside the ids, so that they can be forgotten again one day.
    ///
    /// # Errors
    /// [`AppendError::Full`] or [`AppendError::Closed`], at once.
    pub fn submit(&self, events: Vec<NewEvent>, received: Timestamp) -> Result<Pending, AppendError> {
        let rows = events.into_iter().map(|event| self.prepare(event)).collect();
        self.shared.writer.submit(rows, received)
    }

    /// Queues a batch and waits until it is durable.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, events: Vec<NewEvent>, received: Timestamp) -> Result<Receipt, AppendError> {
        self.submit(events, received)?.durable().await
    }

    /// [`Store::append`] for threads that may block.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append_blocking(
        &self,
        events: Vec<NewEvent>,
        received: Timestamp,
    ) -> Result<Receipt, AppendError> {
        self.submit(events, received)?.wait()
    }

    /// One state of the data to read from.
    ///
    /// # Errors
    /// When the database cannot be opened a second time.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.shared.path)
    }

    /// How many events wait for the writer.
    pub fn queued(&self) -> usize {
        self.shared.writer.queued()
    }

    /// Bytes on disk: the database and what waits to be moved into it.
    pub fn size(&self) -> u64 {
        let write_ahead = self.shared.path.with_file_name(format!("{DATABASE}-wal"));
        [&self.shared.path, &write_ahead]
            .into_iter()
            .filter_map(|path| std::fs::metadata(path).ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// Tries whether the disk takes anything, by a file that is gone again afterwards. Blocks.
    ///
    /// # Errors
    /// When it does not: it is full, read-only or broken.
    pub fn check_writable(&self) -> std::io::Result<()> {
        let path = self.shared.path.with_file_name(PROBE);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(&vec![0; PROBE_BYTES])?;
            file.sync_all()
        });
        // Half a file must not keep a full disk full.
        let removed = std::fs::remove_file(&path);
        written.and(removed)
    }

    /// Makes the times and failures of commits readable.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let commits = self.shared.writer.commits();
        registry.register(
            "attune_collector_commit_seconds",
            "How long a commit took until it was on disk",
            commits.seconds.clone(),
        );
        registry.register(
            "attune_collector_commit_failures",
            "Commits that failed; what they held was not acknowledged",
            commits.failures.clone(),
        );
    }

    /// The keyed hash that a unit of a namespace is stored under.
    pub fn unit_hash(&self, namespace: &str, unit: &str) -> UnitHash {
        self.shared.key.hash(namespace, unit)
    }

    fn prepare(&self, new: NewEvent) -> Row {
        let unit = self.unit_hash(&new.namespace, new.event.data.unit());
        let alias = match &new.event.data {
            EventData::Alias(alias) => Some(self.unit_hash(&new.namespace, &alias.alias)),
            EventData::Exposure(_) | EventData::Outcome(_) | EventData::Decision(_) => None,
        };
        let keep_plain = self.shared.plain.keeps(&new);
        let bucket = self.bucket(&new);
        Row {
            new,
            unit,
            alias,
            keep_plain,
            bucket,
        }
    }

    /// The holdout bucket of an exposed unit, where a holdout was tested.
    fn bucket(&self, new: &NewEvent) -> Option<Bucket> {
        let EventData::Exposure(exposure) = &new.event.data else {
            return None;
        };
        let test = exposure.holdout.as_ref()?;
        let bucket = self
            .periods()
            .bucket(&new.namespace, &test.name, new.event.time, &exposure.unit);
        Some(bucket)
    }
}

fn lock(path: PathBuf) -> Result<File, StoreError> {
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = opened.map_err(|source| StoreError::LockDirectory {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(error) => Err(StoreError::LockDirectory {
            path,
            source: error.into(),
        }),
    }
}

/// Microseconds since 1970, the resolution of the store; what is finer is cut off.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The instant of a stored time.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The database's error for a value that does not fit its type.
pub(crate) fn unreadable(
    column: usize,
    reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, reason.into())
}

fn count(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce((SELECT value FROM tally WHERE name = ?1), 0)")?
        .query_row([name], |row| unsigned(row, 0))
}

/// A column that is never negative.
fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|error| unreadable(column, error))
}
