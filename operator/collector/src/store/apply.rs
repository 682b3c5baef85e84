//! Writing events within one transaction.

use std::collections::{BTreeSet, HashMap};

use attune_core::event::{EventData, Exposure, Outcome, Property};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::cache::{Cache, MOST_NAMES};
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
    names: Cache<String, MOST_NAMES>,
    pub(super) units: Cache<UnitHash>,
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
    pub(super) connection: &'a Connection,
    pub(super) caches: &'a mut Caches,
    stored: u64,
    duplicates: u64,
    activity: HashMap<(i64, i64, i64), Burst>,
    /// The last exposure of each split.
    exposed: HashMap<i64, i64>,
    /// Whether any unit has more than one id; as long as none has, nobody looks for them.
    pub(super) has_aliases: bool,
}

/// What the tables say about the place of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) namespace: i64,
    pub(super) unit: i64,
    pub(super) time: i64,
    pub(super) seq: i64,
}

impl<'a> Pass<'a> {
    pub(super) fn begin(connection: &'a Connection, caches: &'a mut Caches) -> rusqlite::Result<Self> {
        let stored = count(connection, "stored")?;
        let duplicates = count(connection, "duplicates")?;
        let has_aliases = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM alias)")?
            .query_row([], |row| row.get(0))?;
        Ok(Self {
            connection,
            caches,
            stored,
            duplicates,
            activity: HashMap::new(),
            exposed: HashMap::new(),
            has_aliases,
        })
    }

    /// Writes one event; `false` when it is a duplicate.
    pub(super) fn write(&mut self, row: &Row, received: Timestamp) -> rusqlite::Result<bool> {
        let event = &row.new.event;
        let namespace = self.name(&row.new.namespace)?;
        let source = self.name(&event.source)?;
        let seq = i64::try_from(self.stored + 1).map_err(|error| unreadable(0, error))?;
        let new = self
            .connection
            .prepare_cached(
                "INSERT INTO seen (seq, namespace, source, id, received) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (namespace, source, id) DO NOTHING",
            )?
            .execute(params![seq, namespace, source, event.id, micros(received)])?;
        if new == 0 {
            self.duplicates += 1;
            return Ok(false);
        }
        self.stored += 1;
        if let Some(alias) = row.alias {
            self.join(namespace, (row.unit, alias), seq)?;
            return Ok(true);
        }
        let plain = row.keep_plain.then(|| event.data.unit());
        let unit = self.unit(row.unit, plain)?;
        let place = Place {
            namespace,
            unit,
            time: micros(event.time),
            seq,
        };
        let kind = match &event.data {
            EventData::Exposure(exposure) => self.exposure(place, exposure, row.bucket.as_ref())?,
            EventData::Outcome(outcome) => self.outcome(place, outcome)?,
            // INVARIANT: its row has an alias and was dealt with above.
            EventData::Alias(_) => return Ok(true),
            EventData::Decision(decided) => {
                self.decision(place, &event.id, decided)?;
                return Ok(true);
            }
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
        let mut exposed = self
            .connection
            .prepare_cached("UPDATE split SET last = ?2 WHERE id = ?1 AND last < ?2")?;
        for (split, last) in self.exposed {
            exposed.execute([split, last])?;
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
        if let Some(variant) = variant {
            self.sight(place, variant)?;
        }
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
        let arm = self.name(arm)?;
        let last = self.exposed.entry(split).or_insert(place.time);
        *last = place.time.max(*last);
        self.enter(split, place.unit, arm, place.time)?;
        Ok((split, arm))
    }

    /// Takes note that a unit was in an arm at a time.
    pub(super) fn enter(&self, split: i64, unit: i64, arm: i64, time: i64) -> rusqlite::Result<()> {
        let Some((current, first)) = self.assigned(split, unit)? else {
            self.connection
                .prepare_cached("INSERT INTO assignment (split, unit, arm, first) VALUES (?1, ?2, ?3, ?4)")?
                .execute([split, unit, arm, time])?;
            return Ok(());
        };
        if current == arm {
            if time < first {
                self.reassign(split, unit, arm, time)?;
            }
            return Ok(());
        }
        let time = self
            .crossed(split, unit, arm)?
            .map_or(time, |known| known.min(time));
        let is_earlier = time < first || (time == first && self.text(arm)? < self.text(current)?);
        if is_earlier {
            self.uncross(split, unit, arm)?;
            self.cross(split, unit, current, first)?;
            self.reassign(split, unit, arm, time)?;
        } else {
            self.cross(split, unit, arm, time)?;
        }
        Ok(())
    }

    /// Takes note that a unit saw a variant.
    fn sight(&self, place: Place, variant: i64) -> rusqlite::Result<usize> {
        self.connection
            .prepare_cached(
                "INSERT INTO sighting (namespace, variant, unit, first, last, shows) VALUES (?1, ?2, ?3, ?4, ?4, 1)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
                 shows = shows + 1",
            )?
            .execute([place.namespace, variant, place.unit, place.time])
    }

    /// The outcomes that happened in a namespace, as the tables number them.
    pub(super) fn outcomes(&self, namespace: i64) -> rusqlite::Result<BTreeSet<i64>> {
        let mut kinds = outcome_kinds(self.connection, namespace)?;
        // What came first in this very transaction is in no table yet.
        let fresh = self.activity.keys().filter(|(of, ..)| *of == namespace);
        kinds.extend(
            fresh
                .map(|(_, event, _)| *event)
                .filter(|event| *event != EXPOSURES),
        );
        Ok(kinds)
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

    pub(super) fn unit(&mut self, hash: UnitHash, plain: Option<&str>) -> rusqlite::Result<i64> {
        let id = match self.find(hash)? {
            Some(id) => id,
            None => self
                .connection
                .prepare_cached("INSERT INTO unit (hash) VALUES (?1) RETURNING id")?
                .query_row([hash.0], |row| row.get(0))?,
        };
        if let Some(plain) = plain {
            self.keep_plain(hash, plain)?;
        }
        self.caches.units.put(hash, id);
        Ok(id)
    }

    pub(super) fn optional_name(&mut self, text: Option<&str>) -> rusqlite::Result<Option<i64>> {
        text.map(|text| self.name(text)).transpose()
    }

    pub(super) fn name(&mut self, text: &str) -> rusqlite::Result<i64> {
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

/// The outcomes that happened in a namespace in the transactions before, each found by one look at an index.
pub(super) fn outcome_kinds(connection: &Connection, namespace: i64) -> rusqlite::Result<BTreeSet<i64>> {
    let mut next =
        connection.prepare_cached("SELECT min(event) FROM activity WHERE namespace = ?1 AND event > ?2")?;
    let mut kinds = BTreeSet::new();
    let mut last = EXPOSURES;
    while let Some(kind) = next.query_row([namespace, last], |row| row.get::<_, Option<i64>>(0))? {
        kinds.insert(kind);
        last = kind;
    }
    Ok(kinds)
}

/// The variants that were seen in a namespace.
pub(super) fn variants(connection: &Connection, namespace: i64) -> rusqlite::Result<BTreeSet<i64>> {
    let mut next = connection
        .prepare_cached("SELECT min(variant) FROM sighting WHERE namespace = ?1 AND variant > ?2")?;
    let mut variants = BTreeSet::new();
    let mut last = 0;
    while let Some(variant) = next.query_row([namespace, last], |row| row.get::<_, Option<i64>>(0))? {
        variants.insert(variant);
        last = variant;
    }
    Ok(variants)
}

/// The splits of a namespace.
pub(super) fn splits(connection: &Connection, namespace: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM split WHERE namespace = ?1")?;
    let splits = statement.query_map([namespace], |row| row.get(0))?;
    splits.collect()
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
