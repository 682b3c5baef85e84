//! Writing events within one transaction.

use std::collections::HashMap;

use attune_core::event::{EventData, Exposure, Outcome, Property};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::cache::Cache;
use super::holdouts::Bucket;
use super::key::UnitHash;
use super::snapshot::SplitKind;
use super::writer::Row;
use super::{count, micros, unreadable};

/// Name of a holdout's arm of units that are held out.
const HELD: &str = "held";
/// Name of a holdout's arm of units that are not.
const OPEN: &str = "open";
/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// The event's id in `activity` that stands for exposures.
pub(super) const EXPOSURES: i64 = 0;

/// What the writer remembers between transactions.
#[derive(Debug, Default)]
pub(super) struct Caches {
    names: Cache<String>,
    units: Cache<UnitHash>,
    splits: Cache<(i64, i64, i64, i32)>,
}

impl Caches {
    pub(super) fn clear(&mut self) {
        self.names.clear();
        self.units.clear();
        self.splits.clear();
    }
}

/// How often and when last something happened in one hour.
#[derive(Debug, Clone, Copy)]
struct Burst {
    events: i64,
    last: i64,
}

/// One transaction's worth of writing.
pub(super) struct Pass<'a> {
    connection: &'a Connection,
    caches: &'a mut Caches,
    stored: u64,
    duplicates: u64,
    activity: HashMap<(i64, i64, i64), Burst>,
}

/// What the tables say about the place of an event.
#[derive(Debug, Clone, Copy)]
struct Place {
    namespace: i64,
    unit: i64,
    time: i64,
    seq: i64,
}

impl<'a> Pass<'a> {
    pub(super) fn begin(connection: &'a Connection, caches: &'a mut Caches) -> rusqlite::Result<Self> {
        let stored = count(connection, "stored")?;
        let duplicates = count(connection, "duplicates")?;
        Ok(Self {
            connection,
            caches,
            stored,
            duplicates,
            activity: HashMap::new(),
        })
    }

    /// Writes one event; `false` when it is a duplicate.
    pub(super) fn write(&mut self, row: &Row, received: Timestamp) -> rusqlite::Result<bool> {
        let event = &row.new.event;
        let namespace = self.name(&row.new.namespace)?;
        let source = self.name(&event.source)?;
        let new = self
            .connection
            .prepare_cached(
                "INSERT INTO seen (namespace, source, id, received) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![namespace, source, event.id, micros(received)])?;
        if new == 0 {
            self.duplicates += 1;
            return Ok(false);
        }
        self.stored += 1;
        let plain = row.keep_plain.then(|| event.data.unit());
        let unit = self.unit(row.unit, plain)?;
        let seq = i64::try_from(self.stored).map_err(|error| unreadable(0, error))?;
        let place = Place {
            namespace,
            unit,
            time: micros(event.time),
            seq,
        };
        let kind = match &event.data {
            EventData::Exposure(exposure) => self.exposure(place, exposure, row.bucket.as_ref())?,
            EventData::Outcome(outcome) => self.outcome(place, outcome)?,
        };
        self.note(place, kind);
        Ok(true)
    }

    /// Writes what was counted along the way.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        let mut activity = self.connection.prepare_cached(
            "INSERT INTO activity (namespace, event, hour, events, last) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET events = events + excluded.events, last = max(last, excluded.last)",
        )?;
        for ((namespace, event, hour), burst) in self.activity {
            activity.execute(params![namespace, event, hour, burst.events, burst.last])?;
        }
        let mut tally = self.connection.prepare_cached(
            "INSERT INTO tally (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?;
        for (name, value) in [("stored", self.stored), ("duplicates", self.duplicates)] {
            tally.execute(params![
                name,
                i64::try_from(value).map_err(|error| unreadable(1, error))?
            ])?;
        }
        Ok(())
    }

    fn note(&mut self, place: Place, event: i64) {
        let key = (place.namespace, event, place.time.div_euclid(HOUR));
        let burst = self.activity.entry(key).or_insert(Burst {
            events: 0,
            last: place.time,
        });
        burst.events += 1;
        burst.last = burst.last.max(place.time);
    }

    fn exposure(
        &mut self,
        place: Place,
        exposure: &Exposure,
        bucket: Option<&Bucket>,
    ) -> rusqlite::Result<i64> {
        let mut experiment = None;
        if let Some(enrolment) = &exposure.enrolment {
            let split = (
                SplitKind::Experiment,
                enrolment.experiment.as_str(),
                enrolment.phase,
            );
            experiment = Some(self.assign(place, split, &enrolment.arm)?);
        }
        let mut holdout = None;
        if let Some(test) = &exposure.holdout {
            let arm = if test.held { HELD } else { OPEN };
            holdout = Some(self.assign(place, (SplitKind::Holdout, &test.name, 1), arm)?);
        }
        let channel = self.optional_name(exposure.channel.as_deref())?;
        let touchpoint = self.optional_name(exposure.touchpoint.as_deref())?;
        let binding = self.optional_name(exposure.binding.as_deref())?;
        let variant = self.optional_name(exposure.variant.as_deref())?;
        let revision = self.optional_name(exposure.revision.as_deref())?;
        let held = exposure.holdout.as_ref().map(|test| test.held);
        let salt = self.optional_name(bucket.map(|bucket| bucket.salt.as_str()))?;
        self.connection
            .prepare_cached(
                "INSERT INTO exposure (seq, namespace, unit, time, channel, touchpoint, binding, variant, revision,
                 decision, experiment, arm, holdout, held, bucket, salt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                place.seq,
                place.namespace,
                place.unit,
                place.time,
                channel,
                touchpoint,
                binding,
                variant,
                revision,
                exposure.decision,
                experiment.map(|(split, _)| split),
                experiment.map(|(_, arm)| arm),
                holdout.map(|(split, _)| split),
                held,
                bucket.map(|bucket| bucket.bucket),
                salt,
            ])?;
        Ok(EXPOSURES)
    }

    fn outcome(&mut self, place: Place, outcome: &Outcome) -> rusqlite::Result<i64> {
        let event = self.name(&outcome.event)?;
        let properties = properties_json(&outcome.properties)?;
        self.connection
            .prepare_cached(
                "INSERT INTO outcome (event, unit, time, seq, value, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![event, place.unit, place.time, place.seq, outcome.value, properties])?;
        Ok(event)
    }

    /// Takes an exposure into account for a unit's arm; gives the ids of the split and of the arm.
    ///
    /// INVARIANT: `assignment` holds the least (time, arm) of all exposures of the unit in the split, `crossing` the
    /// earliest time of each other arm, whatever the order of arrival.
    fn assign(
        &mut self,
        place: Place,
        split: (SplitKind, &str, i32),
        arm: &str,
    ) -> rusqlite::Result<(i64, i64)> {
        let split = self.split(place.namespace, split)?;
        let arm_id = self.name(arm)?;
        let Some((current, first)) = self.assigned(split, place.unit)? else {
            self.connection
                .prepare_cached("INSERT INTO assignment (split, unit, arm, first) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![split, place.unit, arm_id, place.time])?;
            return Ok((split, arm_id));
        };
        if current == arm_id {
            if place.time < first {
                self.reassign(split, place.unit, arm_id, place.time)?;
            }
            return Ok((split, arm_id));
        }
        let time = self
            .crossed(split, place.unit, arm_id)?
            .map_or(place.time, |known| known.min(place.time));
        if (time, arm) < (first, self.text(current)?.as_str()) {
            self.uncross(split, place.unit, arm_id)?;
            self.cross(split, place.unit, current, first)?;
            self.reassign(split, place.unit, arm_id, time)?;
        } else {
            self.cross(split, place.unit, arm_id, time)?;
        }
        Ok((split, arm_id))
    }

    fn assigned(&self, split: i64, unit: i64) -> rusqlite::Result<Option<(i64, i64)>> {
        self.connection
            .prepare_cached("SELECT arm, first FROM assignment WHERE split = ?1 AND unit = ?2")?
            .query_row([split, unit], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    fn reassign(&self, split: i64, unit: i64, arm: i64, first: i64) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached("UPDATE assignment SET arm = ?3, first = ?4 WHERE split = ?1 AND unit = ?2")?
            .execute([split, unit, arm, first])
    }

    fn crossed(&self, split: i64, unit: i64, arm: i64) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT first FROM crossing WHERE split = ?1 AND unit = ?2 AND arm = ?3")?
            .query_row([split, unit, arm], |row| row.get(0))
            .optional()
    }

    fn cross(&self, split: i64, unit: i64, arm: i64, first: i64) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(
                "INSERT INTO crossing (split, unit, arm, first) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET first = excluded.first",
            )?
            .execute([split, unit, arm, first])
    }

    fn uncross(&self, split: i64, unit: i64, arm: i64) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached("DELETE FROM crossing WHERE split = ?1 AND unit = ?2 AND arm = ?3")?
            .execute([split, unit, arm])
    }

    fn split(&mut self, namespace: i64, split: (SplitKind, &str, i32)) -> rusqlite::Result<i64> {
        let (kind, name, phase) = (split.0.id(), self.name(split.1)?, split.2);
        let key = (namespace, kind, name, phase);
        if let Some(id) = self.caches.splits.get(&key) {
            return Ok(id);
        }
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO split (namespace, kind, name, phase) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET phase = excluded.phase RETURNING id",
            )?
            .query_row(params![namespace, kind, name, phase], |row| row.get(0))?;
        self.caches.splits.put(key, id);
        Ok(id)
    }

    fn unit(&mut self, hash: UnitHash, plain: Option<&str>) -> rusqlite::Result<i64> {
        if plain.is_none()
            && let Some(id) = self.caches.units.get(&hash)
        {
            return Ok(id);
        }
        let known = self
            .connection
            .prepare_cached("SELECT id FROM unit WHERE hash = ?1")?
            .query_row([hash.0], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self
                .connection
                .prepare_cached("INSERT INTO unit (hash) VALUES (?1) RETURNING id")?
                .query_row([hash.0], |row| row.get(0))?,
        };
        if plain.is_some() {
            self.connection
                .prepare_cached("UPDATE unit SET plain = ?2 WHERE id = ?1 AND plain IS NULL")?
                .execute(params![id, plain])?;
        }
        self.caches.units.put(hash, id);
        Ok(id)
    }

    fn optional_name(&mut self, text: Option<&str>) -> rusqlite::Result<Option<i64>> {
        text.map(|text| self.name(text)).transpose()
    }

    fn name(&mut self, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.caches.names.get(text) {
            return Ok(id);
        }
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO name (text) VALUES (?1) ON CONFLICT DO UPDATE SET text = excluded.text RETURNING id",
            )?
            .query_row([text], |row| row.get(0))?;
        self.caches.names.put(text.to_owned(), id);
        Ok(id)
    }

    fn text(&self, name: i64) -> rusqlite::Result<String> {
        self.connection
            .prepare_cached("SELECT text FROM name WHERE id = ?1")?
            .query_row([name], |row| row.get(0))
    }
}

fn properties_json(
    properties: &std::collections::BTreeMap<String, Property>,
) -> rusqlite::Result<Option<String>> {
    if properties.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(properties)
        .map(Some)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
