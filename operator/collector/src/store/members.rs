//! Reading the units of splits, one by one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::params;

use super::{Snapshot, Split, SplitKind, StoreError, micros};

/// A unit of a split: itself, its arm and its first exposure in microseconds, the first two as the store numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) unit: i64,
    pub(crate) arm: i64,
    pub(crate) first: i64,
}

/// An exposure under a holdout; names and splits as the store numbers them, the time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encounter {
    pub(crate) unit: i64,
    pub(crate) time: i64,
    pub(crate) held: bool,
    pub(crate) binding: Option<i64>,
    /// The phase of an experiment and the arm in it.
    pub(crate) arm: Option<(i64, i64)>,
    pub(crate) bucket: Option<u32>,
    pub(crate) salt: Option<i64>,
}

/// Exposures that are looked through for units that were shown something lately: the last ones to arrive.
const LATEST: i64 = 500_000;

impl Snapshot {
    /// The units that were exposed by one of these bindings after `from` and not later than `until`, with their first such
    /// exposure in microseconds, in the order of units; among the last half a million exposures.
    pub(crate) fn exposed_by(
        &self,
        namespace: &str,
        bindings: &[String],
        (from, until): (i64, i64),
    ) -> Result<BTreeMap<i64, i64>, StoreError> {
        let mut units = BTreeMap::new();
        let Some(namespace) = self.name(namespace)? else {
            return Ok(units);
        };
        let mut statement = self.connection().prepare_cached(
            "SELECT unit, min(time) FROM (SELECT namespace, unit, time, binding FROM exposure ORDER BY seq DESC LIMIT ?1)
             WHERE namespace = ?2 AND binding = ?3 AND time > ?4 AND time <= ?5 GROUP BY unit",
        )?;
        for binding in bindings {
            let Some(binding) = self.name(binding)? else {
                continue;
            };
            let mut rows = statement.query(params![LATEST, namespace, binding, from, until])?;
            while let Some(row) = rows.next()? {
                let (unit, time): (i64, i64) = (row.get(0)?, row.get(1)?);
                let first = units.entry(unit).or_insert(time);
                *first = time.min(*first);
            }
        }
        Ok(units)
    }

    /// Visits every exposure under a holdout within a period and not later than `at`, in the order of units and of time.
    pub(crate) fn each_encounter(
        &self,
        holdout: Split,
        (from, until): (Timestamp, Timestamp),
        at: Timestamp,
        mut visit: impl FnMut(Encounter),
    ) -> Result<(), StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT unit, time, held, binding, experiment, arm, bucket, salt FROM exposure
             WHERE holdout = ?1 AND time >= ?2 AND time < ?3 AND time <= ?4 ORDER BY unit, time",
        )?;
        let mut rows = statement.query([holdout.0, micros(from), micros(until), micros(at)])?;
        while let Some(row) = rows.next()? {
            let experiment: Option<i64> = row.get(4)?;
            let arm: Option<i64> = row.get(5)?;
            visit(Encounter {
                unit: row.get(0)?,
                time: row.get(1)?,
                held: row.get::<_, Option<bool>>(2)?.unwrap_or_default(),
                binding: row.get(3)?,
                arm: experiment.zip(arm),
                bucket: row.get(6)?,
                salt: row.get(7)?,
            });
        }
        Ok(())
    }

    /// The phases of an experiment up to `last` that exposures named, the first one first.
    pub(crate) fn phases(
        &self,
        namespace: &str,
        experiment: &str,
        last: i32,
    ) -> Result<Vec<(i32, Split)>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT split.phase, split.id FROM split
             JOIN name AS n ON n.id = split.namespace JOIN name AS s ON s.id = split.name
             WHERE n.text = ?1 AND split.kind = ?2 AND s.text = ?3 AND split.phase <= ?4 ORDER BY split.phase",
        )?;
        let kind = SplitKind::Experiment.id();
        let rows = statement.query_map(params![namespace, kind, experiment, last], |row| {
            Ok((row.get(0)?, Split(row.get(1)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Visits every unit of a split with its first exposure not later than `at`, in the order of units.
    pub(crate) fn each_assignment(
        &self,
        split: Split,
        at: Timestamp,
        mut visit: impl FnMut(Assignment),
    ) -> Result<(), StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT unit, arm, first FROM assignment WHERE split = ?1 AND first <= ?2 ORDER BY unit",
        )?;
        let mut rows = statement.query([split.0, micros(at)])?;
        while let Some(row) = rows.next()? {
            visit(Assignment {
                unit: row.get(0)?,
                arm: row.get(1)?,
                first: row.get(2)?,
            });
        }
        Ok(())
    }

    /// The time of the last exposure that retention took from a split with its units, in microseconds; nothing while it is
    /// whole.
    pub(crate) fn dropped(&self, split: Split) -> Result<Option<i64>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT dropped FROM split WHERE id = ?1")?;
        Ok(statement.query_row([split.0], |row| row.get(0))?)
    }

    /// Whether any unit of a split was exposed by `at`.
    pub(crate) fn is_exposed(&self, split: Split, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM assignment WHERE split = ?1 AND first <= ?2)";
        let mut statement = self.connection().prepare_cached(sql)?;
        Ok(statement.query_row([split.0, micros(at)], |row| row.get(0))?)
    }

    /// The units of a split that were seen in a second arm by `at`, in order.
    pub(crate) fn crossed_over(&self, split: Split, at: Timestamp) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT DISTINCT unit FROM crossing WHERE split = ?1 AND first <= ?2 ORDER BY unit",
        )?;
        let rows = statement.query_map([split.0, micros(at)], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many outcomes of an event the units of a range have, about: as many as if all units had equally many.
    pub(crate) fn outcomes(&self, event: i64, (first, last): (i64, i64)) -> Result<f64, StoreError> {
        let sql = "SELECT coalesce(sum(events), 0), (SELECT coalesce(max(id), 0) FROM unit) FROM activity WHERE event = ?1";
        let mut statement = self.connection().prepare_cached(sql)?;
        let (events, units): (i64, i64) =
            statement.query_row([event], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let share = (last - first + 1) as f64 / units.max(1) as f64;
        Ok(events as f64 * share)
    }

    /// The text of an interned name.
    pub(crate) fn text(&self, name: i64) -> Result<String, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("SELECT text FROM name WHERE id = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0))?)
    }
}
