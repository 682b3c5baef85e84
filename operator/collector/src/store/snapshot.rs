//! Reading one state of the data.

use std::path::Path;

mod recall;

pub use recall::{Recall, Sighted};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::EXPOSURES;
use super::{StoreError, Totals, count, instant, micros, schema, unsigned};

/// What sorts units into arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SplitKind {
    /// A phase of an experiment.
    Experiment,
    /// A holdout, with the arms `held` and `open`.
    Holdout,
}

impl SplitKind {
    /// The number that the tables know it by.
    pub(super) const fn id(self) -> i64 {
        match self {
            Self::Experiment => 1,
            Self::Holdout => 2,
        }
    }
}

/// A split that at least one exposure named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split(pub(crate) i64);

/// How many units one arm of a split has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The arm, as exposures name it.
    pub arm: String,
    /// Units whose first exposure was in this arm.
    pub units: u64,
    /// Those of them that were later seen in another arm.
    pub crossed_over: u64,
}

/// How lively an event is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activity {
    /// When it happened last.
    pub last: Timestamp,
    /// How often in an hour, over the last 24 hours, or over the hours since it was first seen if those are fewer.
    pub per_hour: f64,
}

/// A read transaction: however long it is kept, it sees the same data.
#[derive(Debug)]
pub struct Snapshot {
    connection: Connection,
}

impl Snapshot {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = schema::open_for_reading(path).map_err(|source| StoreError::OpenDatabase {
            path: path.to_owned(),
            source,
        })?;
        // The transaction begins with its first read.
        connection.execute_batch("BEGIN; SELECT count(*) FROM schema_version")?;
        Ok(Self { connection })
    }

    /// The connection, for the queries of the analysis.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Counts over the whole life of the store.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        Ok(Totals {
            stored: count(&self.connection, "stored")?,
            duplicates: count(&self.connection, "duplicates")?,
        })
    }

    /// The split of a name, once an exposure named it; holdouts have phase 1.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn split(
        &self,
        namespace: &str,
        kind: SplitKind,
        name: &str,
        phase: i32,
    ) -> Result<Option<Split>, StoreError> {
        let id = self
            .connection
            .prepare_cached(
                "SELECT split.id FROM split
                 JOIN name AS n ON n.id = split.namespace JOIN name AS s ON s.id = split.name
                 WHERE n.text = ?1 AND split.kind = ?2 AND s.text = ?3 AND split.phase = ?4",
            )?
            .query_row(params![namespace, kind.id(), name, phase], |row| {
                row.get(0).map(Split)
            })
            .optional()?;
        Ok(id)
    }

    /// The arms of a split with their units as of `at`, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn assigned(&self, split: Split, at: Timestamp) -> Result<Vec<Assigned>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH exposed AS (
                 SELECT arm, count(*) AS units FROM assignment WHERE split = ?1 AND first <= ?2 GROUP BY arm
             ), crossed AS (
                 SELECT a.arm, count(*) AS units
                 FROM (SELECT DISTINCT unit FROM crossing WHERE split = ?1 AND first <= ?2) AS c
                 JOIN assignment AS a ON a.split = ?1 AND a.unit = c.unit
                 GROUP BY a.arm
             )
             SELECT name.text, exposed.units, coalesce(crossed.units, 0)
             FROM exposed JOIN name ON name.id = exposed.arm LEFT JOIN crossed ON crossed.arm = exposed.arm
             ORDER BY name.text",
        )?;
        let rows = statement.query_map(params![split.0, micros(at)], |row| {
            Ok(Assigned {
                arm: row.get(0)?,
                units: unsigned(row, 1)?,
                crossed_over: unsigned(row, 2)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How lively an outcome of a namespace is at `at`; `None` when none has happened by then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outcome_activity(
        &self,
        namespace: &str,
        event: &str,
        at: Timestamp,
    ) -> Result<Option<Activity>, StoreError> {
        match self.name(event)? {
            Some(event) => self.activity(namespace, event, at),
            None => Ok(None),
        }
    }

    /// How lively the exposures of a namespace are at `at`; `None` when none has happened by then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn exposure_activity(&self, namespace: &str, at: Timestamp) -> Result<Option<Activity>, StoreError> {
        self.activity(namespace, EXPOSURES, at)
    }

    fn activity(&self, namespace: &str, event: i64, at: Timestamp) -> Result<Option<Activity>, StoreError> {
        const DAY: i64 = 24;
        let Some(namespace) = self.name(namespace)? else {
            return Ok(None);
        };
        let hour = micros(at).div_euclid(3_600_000_000);
        let sql = "SELECT max(last), min(hour), sum(CASE WHEN hour > ?3 - ?4 THEN events ELSE 0 END)
                   FROM activity WHERE namespace = ?1 AND event = ?2 AND hour <= ?3";
        let (last, first, events) =
            self.connection
                .prepare_cached(sql)?
                .query_row(params![namespace, event, hour, DAY], |row| {
                    Ok((
                        row.get::<_, Option<i64>>(0)?,
                        row.get::<_, Option<i64>>(1)?,
                        row.get::<_, Option<i64>>(2)?,
                    ))
                })?;
        let (Some(last), Some(first)) = (last, first) else {
            return Ok(None);
        };
        let hours = (hour - first + 1).clamp(1, DAY);
        Ok(Some(Activity {
            last: instant(last),
            per_hour: events.unwrap_or(0) as f64 / hours as f64,
        }))
    }

    pub(crate) fn name(&self, text: &str) -> Result<Option<i64>, StoreError> {
        let id = self
            .connection
            .prepare_cached("SELECT id FROM name WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        Ok(id)
    }
}
