//! Dropping what is older than it is kept for.
//!
//! A sweep goes through the tables in steps bounded by time, so that events are stored in between. What a running
//! experiment or holdout needs stays however old it is: a split ages only once nothing is exposed in it any more, and
//! then goes as a whole; outcomes stay as long as their unit is in a split that stays. Counts by hour and totals stay
//! for ever: they say nothing of anybody.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::apply::Caches;
use super::micros;

/// Most rows that are looked at before the time is.
const CHUNK: i64 = 256;
/// Pages that are given back before the time is looked at.
const PAGES: i64 = 64;
/// One page in so many may be free: what comes in needs some, and a file need not shrink only to grow again.
const SLACK: i64 = 20;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Outcomes, assignments to arms and who saw what. A split counts from its last exposure.
    pub results: SignedDuration,
    /// The log of exposures; at most as long as results are kept. Those of a holdout stay with it.
    pub exposures: SignedDuration,
    /// Ids of events: an event that is sent again later than that counts again.
    pub event_ids: SignedDuration,
}

impl Default for Retention {
    /// 400, 90 and 30 days.
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            results: days(400),
            exposures: days(90),
            event_ids: days(30),
        }
    }
}

/// How much a sweep dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Ids of events.
    pub event_ids: u64,
    /// Exposures.
    pub exposures: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Units' arms in splits that are exposed no more.
    pub assignments: u64,
    /// Who saw what.
    pub sightings: u64,
    /// Units of which nothing was left.
    pub units: u64,
    /// Pages given back to the disk.
    pub pages: u64,
}

impl Swept {
    pub(super) fn add(&mut self, other: Self) {
        self.event_ids += other.event_ids;
        self.exposures += other.exposures;
        self.outcomes += other.outcomes;
        self.assignments += other.assignments;
        self.sightings += other.sightings;
        self.units += other.units;
        self.pages += other.pages;
    }
}

/// Where a sweep is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    EventIds,
    Splits,
    /// After this number.
    Exposures(i64),
    /// After this (namespace, variant, unit).
    Sightings([i64; 3]),
    /// After this (event, unit, time, seq).
    Outcomes([i64; 4]),
    Shrink,
    Done,
}

/// A sweep under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep {
    results: i64,
    exposures: i64,
    event_ids: i64,
    stage: Stage,
}

impl Sweep {
    pub(super) fn new(retention: Retention, now: Timestamp) -> Self {
        let cut = |kept: SignedDuration| micros(now.checked_sub(kept).unwrap_or(Timestamp::MIN));
        Self {
            results: cut(retention.results),
            exposures: cut(retention.exposures.min(retention.results)),
            event_ids: cut(retention.event_ids),
            stage: Stage::EventIds,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Goes on until `deadline`, in one transaction.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        caches: &mut Caches,
        deadline: Instant,
    ) -> rusqlite::Result<Swept> {
        if matches!(self.stage, Stage::Shrink) {
            return self.shrink(connection, deadline);
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut hand = Hand {
            connection: &transaction,
            swept: Swept::default(),
            touched: BTreeSet::new(),
        };
        let mut stage = self.stage;
        while !matches!(stage, Stage::Shrink | Stage::Done) {
            stage = self.chunk(&mut hand, stage)?;
            if Instant::now() >= deadline {
                break;
            }
        }
        hand.drop_units()?;
        let swept = hand.swept;
        transaction.commit()?;
        if swept.units > 0 {
            // Rows may be gone that were remembered.
            caches.clear();
        }
        self.stage = stage;
        Ok(swept)
    }

    /// One look at some rows; gives where to go on.
    fn chunk(&self, hand: &mut Hand<'_>, stage: Stage) -> rusqlite::Result<Stage> {
        Ok(match stage {
            Stage::EventIds if hand.event_ids(self.event_ids)? => stage,
            Stage::EventIds => Stage::Splits,
            Stage::Splits if hand.splits(self.results)? => stage,
            Stage::Splits => Stage::Exposures(0),
            Stage::Exposures(after) => hand
                .exposures(self.exposures, self.results, after)?
                .map_or(Stage::Sightings([0; 3]), Stage::Exposures),
            Stage::Sightings(after) => hand
                .sightings(self.results, after)?
                .map_or(Stage::Outcomes([0, 0, i64::MIN, 0]), Stage::Sightings),
            Stage::Outcomes(after) => hand
                .outcomes(self.results, after)?
                .map_or(Stage::Shrink, Stage::Outcomes),
            Stage::Shrink | Stage::Done => stage,
        })
    }

    /// Gives free pages back, but for some that the next events take.
    fn shrink(&mut self, connection: &Connection, deadline: Instant) -> rusqlite::Result<Swept> {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let mut pages = 0;
        if number("auto_vacuum")? != 0 {
            loop {
                let free = number("freelist_count")? - number("page_count")? / SLACK;
                if free <= 0 {
                    break;
                }
                let some = free.min(PAGES);
                connection.execute_batch(&format!("PRAGMA incremental_vacuum({some})"))?;
                pages += u64::try_from(some).unwrap_or(0);
                if Instant::now() >= deadline {
                    return Ok(Swept {
                        pages,
                        ..Swept::default()
                    });
                }
            }
        }
        self.stage = Stage::Done;
        Ok(Swept {
            pages,
            ..Swept::default()
        })
    }
}

/// What drops rows within one transaction.
struct Hand<'a> {
    connection: &'a Connection,
    swept: Swept,
    /// Units that lost something.
    touched: BTreeSet<i64>,
}

impl Hand<'_> {
    /// The oldest ids; whether there may be more. They stand in the order of arrival.
    fn event_ids(&mut self, before: i64) -> rusqlite::Result<bool> {
        let dropped = self
            .connection
            .prepare_cached(
                "DELETE FROM seen WHERE received < ?1 AND seq IN (SELECT seq FROM seen ORDER BY seq LIMIT ?2)",
            )?
            .execute(params![before, CHUNK])?;
        self.swept.event_ids += dropped as u64;
        Ok(dropped > 0)
    }

    /// Exposures from before `before` among the next ones, which stand in the order of arrival; where to go on, as long as
    /// there may be more. A holdout that was exposed since `alive` is measured by its exposures: those stay.
    fn exposures(&mut self, before: i64, alive: i64, after: i64) -> rusqlite::Result<Option<i64>> {
        let (last, oldest): (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached(
                "SELECT max(seq), min(time) FROM (SELECT seq, time FROM exposure WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
            )?
            .query_row([after, CHUNK], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(last), Some(oldest)) = (last, oldest) else {
            return Ok(None);
        };
        if oldest >= before {
            return Ok(None);
        }
        self.swept.exposures += self.units(
            "DELETE FROM exposure WHERE seq > ?1 AND seq <= ?2 AND time < ?3
             AND (holdout IS NULL OR NOT EXISTS (
                 SELECT 1 FROM split WHERE split.id = exposure.holdout AND split.last >= ?4
             )) RETURNING unit",
            params![after, last, before, alive],
        )?;
        Ok(Some(last))
    }

    /// Some of a split that was exposed last before `before`; whether there may be more. Its row stays, so that its number is
    /// never another's.
    fn splits(&mut self, before: i64) -> rusqlite::Result<bool> {
        let split: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT id FROM split WHERE last < ?1 AND (
                     EXISTS (SELECT 1 FROM assignment WHERE assignment.split = split.id)
                     OR EXISTS (SELECT 1 FROM crossing WHERE crossing.split = split.id)
                 ) LIMIT 1",
            )?
            .query_row([before], |row| row.get(0))
            .optional()?;
        let Some(split) = split else { return Ok(false) };
        let mut dropped = 0;
        for table in ["crossing", "assignment"] {
            let sql = format!(
                "DELETE FROM {table} WHERE split = ?1 AND unit IN (SELECT unit FROM {table} WHERE split = ?1 LIMIT ?2)
                 RETURNING unit"
            );
            dropped += self.units(&sql, params![split, CHUNK])?;
        }
        self.swept.assignments += dropped;
        Ok(true)
    }

    /// Who saw what last before `before`, among the next rows; where to go on.
    fn sightings(&mut self, before: i64, after: [i64; 3]) -> rusqlite::Result<Option<[i64; 3]>> {
        let [namespace, variant, unit] = after;
        let mut statement = self.connection.prepare_cached(
            "SELECT namespace, variant, unit, last FROM sighting
             WHERE (namespace, variant, unit) > (?1, ?2, ?3) ORDER BY namespace, variant, unit LIMIT ?4",
        )?;
        let rows = statement.query_map(params![namespace, variant, unit, CHUNK], |row| {
            Ok(([row.get(0)?, row.get(1)?, row.get(2)?], row.get::<_, i64>(3)?))
        })?;
        let rows: Vec<([i64; 3], i64)> = rows.collect::<rusqlite::Result<_>>()?;
        for (key, _) in rows.iter().filter(|(_, last)| *last < before) {
            self.connection
                .prepare_cached("DELETE FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3")?
                .execute(*key)?;
            self.swept.sightings += 1;
            self.touched.extend(key.last());
        }
        Ok(rows.last().map(|(key, _)| *key))
    }

    /// Outcomes from before `before` of units that are in no split any more, among the next rows; where to go on.
    fn outcomes(&mut self, before: i64, after: [i64; 4]) -> rusqlite::Result<Option<[i64; 4]>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT event, unit, time, seq FROM outcome
             WHERE (event, unit, time, seq) > (?1, ?2, ?3, ?4) ORDER BY event, unit, time, seq LIMIT ?5",
        )?;
        let [event, unit, time, seq] = after;
        let rows = statement.query_map(params![event, unit, time, seq, CHUNK], |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })?;
        let rows: Vec<[i64; 4]> = rows.collect::<rusqlite::Result<_>>()?;
        let mut known: Option<(i64, bool)> = None;
        for key in rows.iter().filter(|[_, _, time, _]| *time < before) {
            let [_, unit, ..] = *key;
            let is_needed = match known {
                Some((of, is_needed)) if of == unit => is_needed,
                _ => self.is_assigned(unit)?,
            };
            known = Some((unit, is_needed));
            if !is_needed {
                self.connection
                    .prepare_cached(
                        "DELETE FROM outcome WHERE event = ?1 AND unit = ?2 AND time = ?3 AND seq = ?4",
                    )?
                    .execute(*key)?;
                self.swept.outcomes += 1;
                self.touched.insert(unit);
            }
        }
        Ok(rows.last().copied())
    }

    /// Whether a unit is in a split; those that are over are gone by now.
    fn is_assigned(&self, unit: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM split JOIN assignment AS a ON a.split = split.id AND a.unit = ?1)",
            )?
            .query_row([unit], |row| row.get(0))
    }

    /// Drops the units of which nothing is left, and with them their hashes and ids.
    fn drop_units(&mut self) -> rusqlite::Result<()> {
        for unit in std::mem::take(&mut self.touched) {
            if self.is_known(unit)? {
                continue;
            }
            for sql in [
                "DELETE FROM alias WHERE unit = ?1",
                "DELETE FROM naming WHERE unit = ?1",
                "DELETE FROM unit WHERE id = ?1",
            ] {
                self.connection.prepare_cached(sql)?.execute([unit])?;
            }
            self.swept.units += 1;
        }
        Ok(())
    }

    fn is_known(&self, unit: i64) -> rusqlite::Result<bool> {
        let is_exposed = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM exposure WHERE unit = ?1)")?
            .query_row([unit], |row| row.get::<_, bool>(0))?;
        if is_exposed || self.is_assigned(unit)? {
            return Ok(true);
        }
        for [namespace, variant] in self.pairs("sighting", "variant")? {
            let seen = self
                .connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3)",
                )?
                .query_row([namespace, variant, unit], |row| row.get(0))?;
            if seen {
                return Ok(true);
            }
        }
        for [_, event] in self.pairs("activity", "event")? {
            let did = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM outcome WHERE event = ?1 AND unit = ?2)")?
                .query_row([event, unit], |row| row.get(0))?;
            if did {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The different (namespace, `column`) of a table, each found by one look at its index.
    fn pairs(&self, table: &str, column: &str) -> rusqlite::Result<Vec<[i64; 2]>> {
        let mut next = self.connection.prepare_cached(&format!(
            "SELECT namespace, {column} FROM {table} WHERE (namespace, {column}) > (?1, ?2)
             ORDER BY namespace, {column} LIMIT 1"
        ))?;
        let mut pairs = Vec::new();
        let mut last = [0, 0];
        let mut find = |after: [i64; 2]| {
            next.query_row(after, |row| Ok([row.get(0)?, row.get(1)?]))
                .optional()
        };
        while let Some(pair) = find(last)? {
            pairs.push(pair);
            last = pair;
        }
        Ok(pairs)
    }

    /// Runs a deletion that returns units; gives how many rows went.
    fn units(&mut self, sql: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let units = statement.query_map(parameters, |row| row.get(0))?;
        let units: Vec<i64> = units.collect::<rusqlite::Result<_>>()?;
        self.touched.extend(&units);
        Ok(units.len() as u64)
    }
}
