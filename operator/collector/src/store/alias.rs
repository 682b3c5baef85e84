//! Joining ids that turned out to be one unit.
//!
//! INVARIANT: what is stored does not depend on the order in which aliases and other events arrive. Ids are joined into
//! sets: chains are one set, a cycle adds nothing to it, and an alias that comes again changes nothing. A unit that is
//! absorbed leaves its hash behind, which leads to the unit from then on.

use rusqlite::{OptionalExtension, params};

use super::apply::{Pass, splits, variants};
use super::key::UnitHash;

impl Pass<'_> {
    /// Makes two ids one unit, and notes which event said so.
    pub(super) fn join(
        &mut self,
        namespace: i64,
        (known, alias): (UnitHash, UnitHash),
        seq: i64,
    ) -> rusqlite::Result<()> {
        let unit = match (self.find(known)?, self.find(alias)?) {
            (Some(unit), Some(other)) => {
                if unit != other {
                    self.absorb(namespace, unit, other)?;
                }
                unit
            }
            (Some(unit), None) => self.also(unit, alias)?,
            (None, Some(unit)) => self.also(unit, known)?,
            (None, None) => {
                let unit = self.unit(known, None)?;
                self.also(unit, alias)?
            }
        };
        self.connection
            .prepare_cached("INSERT INTO naming (unit, seq) VALUES (?1, ?2)")?
            .execute([unit, seq])?;
        Ok(())
    }

    /// The unit that a hash stands for.
    pub(super) fn find(&mut self, hash: UnitHash) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.caches.units.get(&hash) {
            return Ok(Some(id));
        }
        let mut found = self
            .connection
            .prepare_cached("SELECT id FROM unit WHERE hash = ?1")?
            .query_row([hash.0], |row| row.get(0))
            .optional()?;
        if found.is_none() && self.has_aliases {
            found = self
                .connection
                .prepare_cached("SELECT unit FROM alias WHERE hash = ?1")?
                .query_row([hash.0], |row| row.get(0))
                .optional()?;
        }
        if let Some(id) = found {
            self.caches.units.put(hash, id);
        }
        Ok(found)
    }

    /// Keeps an id in plain beside its hash.
    pub(super) fn keep_plain(&self, hash: UnitHash, plain: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE unit SET plain = ?2 WHERE hash = ?1 AND plain IS NULL")?
            .execute(params![hash.0, plain])?;
        if self.has_aliases {
            self.connection
                .prepare_cached("UPDATE alias SET plain = ?2 WHERE hash = ?1 AND plain IS NULL")?
                .execute(params![hash.0, plain])?;
        }
        Ok(())
    }

    /// Lets a hash that nothing is known of stand for a unit, too.
    fn also(&mut self, unit: i64, hash: UnitHash) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("INSERT INTO alias (hash, unit) VALUES (?1, ?2)")?
            .execute(params![hash.0, unit])?;
        self.has_aliases = true;
        self.caches.units.put(hash, unit);
        Ok(unit)
    }

    /// Moves everything of one unit to another, and its hashes with it.
    fn absorb(&mut self, namespace: i64, unit: i64, other: i64) -> rusqlite::Result<()> {
        self.move_arms(namespace, unit, other)?;
        for event in self.outcomes(namespace)? {
            self.connection
                .prepare_cached("UPDATE outcome SET unit = ?2 WHERE event = ?1 AND unit = ?3")?
                .execute([event, unit, other])?;
        }
        for variant in variants(self.connection, namespace)? {
            self.move_sightings(namespace, variant, unit, other)?;
        }
        for table in ["exposure", "decision", "naming", "alias"] {
            self.connection
                .prepare_cached(&format!("UPDATE {table} SET unit = ?1 WHERE unit = ?2"))?
                .execute([unit, other])?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO alias (hash, unit, plain) SELECT hash, ?1, plain FROM unit WHERE id = ?2",
            )?
            .execute([unit, other])?;
        for sql in [
            "DELETE FROM unit WHERE id = ?1",
            "DELETE FROM touched WHERE id = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([other])?;
        }
        self.has_aliases = true;
        self.remember(unit)
    }

    /// The earliest exposure counts; every arm that contradicts it is one that the unit crossed over from or to.
    fn move_arms(&self, namespace: i64, unit: i64, other: i64) -> rusqlite::Result<()> {
        for split in splits(self.connection, namespace)? {
            let mut arms = self.take_arms("assignment", split, other)?;
            if arms.is_empty() {
                continue;
            }
            arms.extend(self.take_arms("crossing", split, other)?);
            for (arm, first) in arms {
                self.enter(split, unit, arm, first)?;
            }
        }
        Ok(())
    }

    fn take_arms(&self, table: &str, split: i64, unit: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
        let sql = format!("DELETE FROM {table} WHERE split = ?1 AND unit = ?2 RETURNING arm, first");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let arms = statement.query_map([split, unit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        arms.collect()
    }

    fn move_sightings(&self, namespace: i64, variant: i64, unit: i64, other: i64) -> rusqlite::Result<()> {
        let taken = self
            .connection
            .prepare_cached(
                "DELETE FROM sighting WHERE namespace = ?1 AND variant = ?2 AND unit = ?3
                 RETURNING first, last, shows",
            )?
            .query_row([namespace, variant, other], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })
            .optional()?;
        let Some((first, last, shows)) = taken else {
            return Ok(());
        };
        self.connection
            .prepare_cached(
                "INSERT INTO sighting (namespace, variant, unit, first, last, shows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
                 shows = shows + excluded.shows",
            )?
            .execute([namespace, variant, unit, first, last, shows])?;
        Ok(())
    }

    /// Hashes that led to a unit that is no more lead to the one that absorbed it.
    fn remember(&mut self, unit: i64) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT hash FROM alias WHERE unit = ?1")?;
        let hashes = statement.query_map([unit], |row| row.get::<_, [u8; 16]>(0))?;
        for hash in hashes {
            self.caches.units.put(UnitHash(hash?), unit);
        }
        Ok(())
    }
}
