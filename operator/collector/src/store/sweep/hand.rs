//! What drops rows within one transaction.

use rusqlite::{Connection, OptionalExtension, params};

use super::Swept;
use super::walk::{Chunk, Walk, Walks};

/// Most rows that are looked at before the time is.
pub(super) const CHUNK: i64 = 256;
/// Most units that are looked at before the time is: each costs a search for every variant and every kind of outcome.
const UNITS: i64 = 16;

/// A namespace, and the number of a variant or of a kind of outcome in it.
type Pair = [i64; 2];

/// What drops rows within one transaction.
pub(super) struct Hand<'a> {
    connection: &'a Connection,
    walks: Walks<'a>,
    swept: Swept,
}

impl<'a> Hand<'a> {
    /// A hand that looks at so many chunks behind the front.
    pub(super) fn new(connection: &'a Connection, stragglers: u32) -> Self {
        Self {
            connection,
            walks: Walks::new(connection, stragglers),
            swept: Swept::default(),
        }
    }

    /// What was dropped so far.
    pub(super) fn swept(&self) -> Swept {
        self.swept
    }

    /// Ids among the next ones that arrived before `before`; where to go on.
    pub(super) fn event_ids(&mut self, before: i64, walk: Walk) -> rusqlite::Result<Option<Walk>> {
        let chunk = self.walks.chunk(
            "SELECT max(seq), min(received) FROM (SELECT seq, received FROM seen WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
            walk,
        )?;
        if let Some(Chunk { last, .. }) = chunk.filter(|chunk| chunk.oldest < before) {
            let dropped = self
                .connection
                .prepare_cached("DELETE FROM seen WHERE seq > ?1 AND seq <= ?2 AND received < ?3")?
                .execute([walk.after(), last, before])?;
            self.swept.event_ids += dropped as u64;
        }
        self.walks.go_on("event ids", walk, chunk, before)
    }

    /// Exposures from before `before` among the next ones; where to go on. A holdout that was exposed since `alive` is
    /// measured by its exposures: those stay.
    pub(super) fn exposures(
        &mut self,
        before: i64,
        alive: i64,
        walk: Walk,
    ) -> rusqlite::Result<Option<Walk>> {
        let chunk = self.walks.chunk(
            "SELECT max(seq), min(time) FROM (SELECT seq, time FROM exposure WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
            walk,
        )?;
        if let Some(Chunk { last, .. }) = chunk.filter(|chunk| chunk.oldest < before) {
            self.swept.exposures += self.delete(
                "DELETE FROM exposure WHERE seq > ?1 AND seq <= ?2 AND time < ?3
                 AND (holdout IS NULL OR NOT EXISTS (
                     SELECT 1 FROM split WHERE split.id = exposure.holdout AND split.last >= ?4
                 )) RETURNING unit",
                [walk.after(), last, before, alive],
            )?;
        }
        self.walks.go_on("exposures", walk, chunk, before)
    }

    /// Some of a split that was exposed last before `before`; whether there may be more. Its row stays, so that its number is
    /// never another's.
    pub(super) fn splits(&mut self, before: i64) -> rusqlite::Result<bool> {
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
        self.connection
            .prepare_cached("UPDATE split SET dropped = last WHERE id = ?1")?
            .execute([split])?;
        let mut dropped = 0;
        for table in ["crossing", "assignment"] {
            let sql = format!(
                "DELETE FROM {table} WHERE split = ?1 AND unit IN (SELECT unit FROM {table} WHERE split = ?1 LIMIT ?2)
                 RETURNING unit"
            );
            dropped += self.delete(&sql, [split, CHUNK])?;
        }
        self.swept.assignments += dropped;
        Ok(true)
    }

    /// Who saw what last before `before`, among the next rows; where to go on.
    pub(super) fn sightings(&mut self, before: i64, after: [i64; 3]) -> rusqlite::Result<Option<[i64; 3]>> {
        let [namespace, variant, unit] = after;
        let mut statement = self.connection.prepare_cached(
            "SELECT namespace, variant, unit, last FROM sighting
             WHERE (namespace, variant, unit) > (?1, ?2, ?3) ORDER BY namespace, variant, unit LIMIT ?4",
        )?;
        let rows = statement.query_map(params![namespace, variant, unit, CHUNK], |row| {
            Ok(([row.get(0)?, row.get(1)?, row.get(2)?], row.get::<_, i64>(3)?))
        })?;
        let rows: Vec<([i64; 3], i64)> = rows.collect::<rusqlite::Result<_>>()?;
        for (key @ [.., unit], _) in rows.iter().filter(|(_, last)| *last < before) {
            self.connection
                .prepare_cached("DELETE FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3")?
                .execute(*key)?;
            self.swept.sightings += 1;
            self.touch(*unit)?;
        }
        Ok(rows.last().map(|(key, _)| *key))
    }

    /// Outcomes from before `before` of units that are in no split any more, among the next rows; where to go on.
    pub(super) fn outcomes(&mut self, before: i64, after: [i64; 4]) -> rusqlite::Result<Option<[i64; 4]>> {
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
                self.touch(unit)?;
            }
        }
        Ok(rows.last().copied())
    }

    /// Some decisions that were to be kept until before `now`; whether there may be more.
    pub(super) fn decisions(&mut self, now: i64) -> rusqlite::Result<bool> {
        let dropped = self.delete(
            "DELETE FROM decision WHERE seq IN (
                 SELECT seq FROM decision WHERE until < ?1 ORDER BY until LIMIT ?2
             ) RETURNING unit",
            [now, CHUNK],
        )?;
        self.swept.decisions += dropped;
        Ok(dropped > 0)
    }

    /// One bundle that decided nothing that is still kept, and that another of its Channel has followed; whether there may be
    /// more.
    pub(super) fn bundles(&mut self, now: i64) -> rusqlite::Result<bool> {
        let dropped = self
            .connection
            .prepare_cached(
                "DELETE FROM bundle WHERE (namespace, revision) IN (
                     SELECT b.namespace, b.revision FROM bundle AS b WHERE b.until < ?1 AND EXISTS (
                         SELECT 1 FROM bundle AS n
                         WHERE n.namespace = b.namespace AND n.channel = b.channel AND n.until > b.until
                     ) AND NOT EXISTS (
                         SELECT 1 FROM decision AS d WHERE d.namespace = b.namespace AND d.revision = b.revision
                     ) LIMIT 1
                 )",
            )?
            .execute([now])?;
        self.swept.bundles += dropped as u64;
        Ok(dropped > 0)
    }

    /// Whether a unit is in a split; those that are over are gone by now.
    fn is_assigned(&self, unit: i64) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM split JOIN assignment AS a ON a.split = split.id AND a.unit = ?1)",
            )?
            .query_row([unit], |row| row.get(0))
    }

    /// Looks at some units that lost something, and drops those of which nothing is left, with their hashes and ids;
    /// whether there may be more.
    pub(super) fn units(&mut self) -> rusqlite::Result<bool> {
        let mut next = self
            .connection
            .prepare_cached("SELECT id FROM touched ORDER BY id LIMIT ?1")?;
        let units = next.query_map([UNITS], |row| row.get(0))?;
        let units: Vec<i64> = units.collect::<rusqlite::Result<_>>()?;
        if units.is_empty() {
            return Ok(false);
        }
        let variants = self.pairs("sighting", "variant")?;
        let events = self.pairs("activity", "event")?;
        for unit in units {
            if !self.is_known(unit, (&variants, &events))? {
                for sql in [
                    "DELETE FROM alias WHERE unit = ?1",
                    "DELETE FROM naming WHERE unit = ?1",
                    "DELETE FROM unit WHERE id = ?1",
                ] {
                    self.connection.prepare_cached(sql)?.execute([unit])?;
                }
                self.swept.units += 1;
            }
            self.connection
                .prepare_cached("DELETE FROM touched WHERE id = ?1")?
                .execute([unit])?;
        }
        Ok(true)
    }

    /// Whether anything is left of a unit, by the variants and the kinds of outcomes that there are.
    fn is_known(&self, unit: i64, (variants, events): (&[Pair], &[Pair])) -> rusqlite::Result<bool> {
        let is_exposed = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1 FROM exposure WHERE unit = ?1 UNION ALL SELECT 1 FROM decision WHERE unit = ?1
                 )",
            )?
            .query_row([unit], |row| row.get::<_, bool>(0))?;
        if is_exposed || self.is_assigned(unit)? {
            return Ok(true);
        }
        for [namespace, variant] in variants {
            let seen = self
                .connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3)",
                )?
                .query_row([namespace, variant, &unit], |row| row.get(0))?;
            if seen {
                return Ok(true);
            }
        }
        for [_, event] in events {
            let did = self
                .connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM outcome WHERE event = ?1 AND unit = ?2)")?
                .query_row([event, &unit], |row| row.get(0))?;
            if did {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The different (namespace, `column`) of a table, each found by one look at its index.
    fn pairs(&self, table: &str, column: &str) -> rusqlite::Result<Vec<Pair>> {
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
    fn delete(&self, sql: &str, parameters: impl rusqlite::Params) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let units = statement.query_map(parameters, |row| row.get(0))?;
        let units: Vec<i64> = units.collect::<rusqlite::Result<_>>()?;
        for unit in &units {
            self.touch(*unit)?;
        }
        Ok(units.len() as u64)
    }

    /// Notes that a unit lost something.
    fn touch(&self, unit: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO touched (id) VALUES (?1)")?
            .execute([unit])?;
        Ok(())
    }
}
