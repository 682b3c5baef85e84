//! Erasing all that is known of a unit.
//!
//! Done in steps of a bounded number of rows, so that events are stored in between. The unit itself goes with the last
//! step: whatever is interrupted can be asked for again, and finds what is left. What happens to the unit afterwards
//! happens to a new one; nothing stays that would tell that there was another.
//!
//! INVARIANT: joining, erasure and retention deal with every table that has a column `unit`; tests ask the schema for them.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::apply::{Caches, outcome_kinds, splits, variants};
use super::key::UnitHash;

/// How much was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Exposures.
    pub exposures: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Decisions that were kept.
    pub decisions: u64,
    /// Arms of experiments and holdouts that the unit was in, those it crossed over to included.
    pub assignments: u64,
    /// Variants that it was known to have seen.
    pub sightings: u64,
    /// Ids of events.
    pub event_ids: u64,
    /// Ids of the unit, aliases included.
    pub ids: u64,
}

impl Erased {
    pub(super) fn add(&mut self, other: Self) {
        self.exposures += other.exposures;
        self.outcomes += other.outcomes;
        self.decisions += other.decisions;
        self.assignments += other.assignments;
        self.sightings += other.sightings;
        self.event_ids += other.event_ids;
        self.ids += other.ids;
    }
}

/// Erases up to about `limit` rows of a unit; `true` once nothing is left.
pub(super) fn step(
    connection: &mut Connection,
    caches: &mut Caches,
    (namespace, hash): (&str, UnitHash),
    limit: i64,
) -> rusqlite::Result<(Erased, bool)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((unit, namespace)) = find(&transaction, namespace, hash)? else {
        return Ok((Erased::default(), true));
    };
    let mut hand = Hand {
        connection: &transaction,
        unit,
        erased: Erased::default(),
        events_and_ids: 0,
    };
    hand.arms_and_sightings(namespace)?;
    let is_done = hand.events(namespace, limit)?;
    if is_done {
        hand.ids()?;
    }
    let erased = hand.erased;
    transaction.commit()?;
    if is_done {
        // Which hashes led to it is known no more.
        caches.units.clear();
    }
    Ok((erased, is_done))
}

/// The unit that a hash stands for, and the number of the namespace.
fn find(connection: &Connection, namespace: &str, hash: UnitHash) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT u.unit, n.id FROM (
                 SELECT id AS unit FROM unit WHERE hash = ?1 UNION ALL SELECT unit FROM alias WHERE hash = ?1
             ) AS u JOIN name AS n ON n.text = ?2",
        )?
        .query_row(params![hash.0, namespace], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// What takes a unit out of the tables.
struct Hand<'a> {
    connection: &'a Connection,
    unit: i64,
    erased: Erased,
    /// Rows of events and of their ids that went. They may be many; the others are few.
    events_and_ids: u64,
}

impl Hand<'_> {
    /// First, so that no analysis meets a unit in an arm whose outcomes are gone.
    fn arms_and_sightings(&mut self, namespace: i64) -> rusqlite::Result<()> {
        for split in splits(self.connection, namespace)? {
            for table in ["assignment", "crossing"] {
                let sql = format!("DELETE FROM {table} WHERE split = ?1 AND unit = ?2");
                self.erased.assignments += self.delete(&sql, [split, self.unit])?;
            }
        }
        for variant in variants(self.connection, namespace)? {
            let sql = "DELETE FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3";
            self.erased.sightings += self.delete(sql, [namespace, variant, self.unit])?;
        }
        Ok(())
    }

    /// Events with their ids; `true` once there are none any more.
    fn events(&mut self, namespace: i64, limit: i64) -> rusqlite::Result<bool> {
        let unit = self.unit;
        let enough = limit.unsigned_abs();
        let exposures = self.rows(
            "DELETE FROM exposure WHERE seq IN (SELECT seq FROM exposure WHERE unit = ?1 LIMIT ?2) RETURNING seq",
            params![unit, limit],
        )?;
        self.erased.exposures += exposures;
        for event in outcome_kinds(self.connection, namespace)? {
            if self.events_and_ids >= enough {
                return Ok(false);
            }
            let outcomes = self.rows(
                "DELETE FROM outcome WHERE event = ?1 AND unit = ?2 AND (time, seq) IN (
                     SELECT time, seq FROM outcome WHERE event = ?1 AND unit = ?2 LIMIT ?3
                 ) RETURNING seq",
                params![event, unit, limit],
            )?;
            self.erased.outcomes += outcomes;
        }
        let decisions = self.rows(
            "DELETE FROM decision WHERE seq IN (SELECT seq FROM decision WHERE unit = ?1 LIMIT ?2) RETURNING seq",
            params![unit, limit],
        )?;
        self.erased.decisions += decisions;
        self.rows(
            "DELETE FROM naming WHERE unit = ?1 AND seq IN (SELECT seq FROM naming WHERE unit = ?1 LIMIT ?2)
             RETURNING seq",
            params![unit, limit],
        )?;
        Ok(self.events_and_ids < enough)
    }

    fn ids(&mut self) -> rusqlite::Result<()> {
        self.erased.ids += self.delete("DELETE FROM alias WHERE unit = ?1", [self.unit])?;
        self.erased.ids += self.delete("DELETE FROM unit WHERE id = ?1", [self.unit])?;
        self.delete("DELETE FROM touched WHERE id = ?1", [self.unit])?;
        Ok(())
    }

    /// Deletes rows and the ids of the events that they were of.
    fn rows(&mut self, sql: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let seqs: Vec<i64> = statement
            .query_map(parameters, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut ids = 0;
        for seq in &seqs {
            ids += self.delete("DELETE FROM seen WHERE seq = ?1", [*seq])?;
        }
        let rows = seqs.len() as u64;
        self.erased.event_ids += ids;
        self.events_and_ids += rows + ids;
        Ok(rows)
    }

    fn delete(&self, sql: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<u64> {
        let count = self.connection.prepare_cached(sql)?.execute(parameters)?;
        Ok(count as u64)
    }
}

/// Overwrites what erased rows left in the write-ahead log, by moving all of it to the database and cutting it off;
/// `false` while somebody still reads from it.
pub(super) fn scrub(connection: &Connection) -> rusqlite::Result<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}
