//! Decisions that are kept, and the bundles that made them.

use std::io::{Read as _, Write as _};

use attune_core::event::Decided;
use attune_core::replay::Inputs;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::apply::{Pass, Place};
use super::{AppendError, Snapshot, Store, StoreError, instant, micros, unreadable};

/// How long a bundle stays without anything that it decided once another has followed it: what it decided may be late.
const BUNDLE_GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a decision is kept at most, whatever its Channel says.
const MOST_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A decision that was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptDecision {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub time: Timestamp,
    /// Name of the Channel.
    pub channel: String,
    /// Name of the touchpoint.
    pub touchpoint: String,
    /// The bundle that decided.
    pub revision: String,
    /// Why it came out like this.
    pub reason: String,
    /// `<module>/<variant>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Name of the `ChannelBinding` that won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// Name of the Audience that it won with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A decision with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayable {
    /// What it came out as.
    #[serde(flatten)]
    pub decision: KeptDecision,
    /// Ids of the unit, where its Channel keeps ids in plain.
    pub units: Vec<String>,
    /// What it depended on.
    pub inputs: Inputs,
}

/// Which bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleName {
    /// The Channel's namespace.
    pub namespace: String,
    /// The hash of its JSON.
    pub revision: String,
}

/// A stretch of time, from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within {
    /// The first instant.
    pub since: Timestamp,
    /// Where it ends; absent: never.
    pub before: Option<Before>,
}

/// An end that decisions come before: an instant, or one of them, since several may be of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    time: i64,
    seq: i64,
}

impl Before {
    /// What was made before an instant.
    pub fn instant(at: Timestamp) -> Self {
        Self {
            time: micros(at),
            seq: 0,
        }
    }
}

/// The columns of a [`KeptDecision`].
const COLUMNS: &str = "d.id, d.time, channel.text, touchpoint.text, revision.text, reason.text, variant.text, \
    binding.text, audience.text";
/// Where they are.
const TABLES: &str = "decision AS d
    JOIN name AS channel ON channel.id = d.channel JOIN name AS touchpoint ON touchpoint.id = d.touchpoint
    JOIN name AS revision ON revision.id = d.revision JOIN name AS reason ON reason.id = d.reason
    LEFT JOIN name AS variant ON variant.id = d.variant LEFT JOIN name AS binding ON binding.id = d.binding
    LEFT JOIN name AS audience ON audience.id = d.audience
    WHERE d.namespace = (SELECT id FROM name WHERE text = ?1)";
/// The unit that a hash (?2) stands for.
const UNIT: &str = "(SELECT id FROM unit WHERE hash = ?2 UNION ALL SELECT unit FROM alias WHERE hash = ?2)";

impl Pass<'_> {
    /// Keeps a decision.
    pub(super) fn decision(&mut self, place: Place, id: &str, decided: &Decided) -> rusqlite::Result<()> {
        let inputs = serde_json::to_string(&decided.inputs)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let kept = SignedDuration::from_secs(decided.retention_seconds.into()).min(MOST_KEPT);
        let until = instant(place.time).checked_add(kept).unwrap_or(Timestamp::MAX);
        let channel = self.name(&decided.channel)?;
        let touchpoint = self.name(&decided.touchpoint)?;
        let revision = self.name(&decided.revision)?;
        let reason = self.name(&decided.reason)?;
        let variant = self.optional_name(decided.variant.as_deref())?;
        let binding = self.optional_name(decided.binding.as_deref())?;
        let audience = self.optional_name(decided.audience.as_deref())?;
        self.connection
            .prepare_cached(
                "INSERT INTO decision (seq, namespace, id, unit, time, until, channel, touchpoint, revision, reason,
                 variant, binding, audience, inputs)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                place.seq,
                place.namespace,
                id,
                place.unit,
                place.time,
                micros(until),
                channel,
                touchpoint,
                revision,
                reason,
                variant,
                binding,
                audience,
                inputs
            ])?;
        Ok(())
    }
}

impl Store {
    /// Keeps the JSON of a bundle of a Channel for as long as anything that it decided, and for as long as the Channel has no
    /// newer one: the newest is the one that was kept or touched last.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn keep_bundle(
        &self,
        name: BundleName,
        channel: String,
        json: &[u8],
        now: Timestamp,
    ) -> Result<(), AppendError> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(json).and_then(|()| packed.finish());
        let packed = packed.map_err(|error| AppendError::Commit {
            reason: error.to_string(),
        })?;
        let until = grace(now);
        let task = self.shared.writer.run(move |connection, caches| {
            let transaction = connection.transaction()?;
            let mut pass = Pass::begin(&transaction, caches)?;
            let (namespace, revision) = (pass.name(&name.namespace)?, pass.name(&name.revision)?);
            let channel = pass.name(&channel)?;
            transaction.execute(
                "INSERT INTO bundle (namespace, revision, channel, until, json) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
                params![namespace, revision, channel, until, packed],
            )?;
            transaction.commit()
        });
        task.await
    }

    /// Takes note that a bundle decides; whether it is kept.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn touch_bundle(&self, name: BundleName, now: Timestamp) -> Result<bool, AppendError> {
        let until = grace(now);
        let task = self.shared.writer.run(move |connection, _| {
            let touched = connection
                .prepare_cached(
                    "UPDATE bundle SET until = max(until, ?3)
                     WHERE namespace = (SELECT id FROM name WHERE text = ?1)
                     AND revision = (SELECT id FROM name WHERE text = ?2)",
                )?
                .execute(params![name.namespace, name.revision, until])?;
            Ok(touched > 0)
        });
        task.await
    }
}

impl Snapshot {
    /// The decision of an id; with a hash, only where it is about that unit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn decision(
        &self,
        namespace: &str,
        id: &str,
        unit: Option<super::UnitHash>,
    ) -> Result<Option<Replayable>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, d.unit, d.inputs FROM {TABLES} AND d.id = ?3 AND (?2 IS NULL OR d.unit IN {UNIT})
             ORDER BY d.seq LIMIT 1"
        );
        let found = self
            .connection()
            .prepare_cached(&sql)?
            .query_row(params![namespace, unit.map(|unit| unit.0), id], |row| {
                let inputs: String = row.get(10)?;
                let inputs = serde_json::from_str(&inputs).map_err(|error| unreadable(10, error))?;
                Ok((kept(row)?, row.get(9)?, inputs))
            })
            .optional()?;
        let Some((decision, unit, inputs)) = found else {
            return Ok(None);
        };
        Ok(Some(Replayable {
            decision,
            units: self.ids(unit)?,
            inputs,
        }))
    }

    /// The decisions about a unit within a stretch of time, the latest first, at most so many.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn decisions(
        &self,
        (namespace, unit): (&str, super::UnitHash),
        within: Within,
        limit: usize,
    ) -> Result<Vec<KeptDecision>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} AND d.unit IN {UNIT} AND d.time >= ?3 AND (d.time, d.seq) < (?4, ?5)
             ORDER BY d.time DESC, d.seq DESC LIMIT ?6"
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let (time, seq) = within
            .before
            .map_or((i64::MAX, 0), |before| (before.time, before.seq));
        let since = micros(within.since);
        let rows = statement.query_map(params![namespace, unit.0, since, time, seq, most], kept)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The place of a decision among those about a unit: what is listed before it is longer ago.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn place_of(
        &self,
        (namespace, unit): (&str, super::UnitHash),
        id: &str,
    ) -> Result<Option<Before>, StoreError> {
        let sql = format!(
            "SELECT d.time, d.seq FROM decision AS d WHERE d.namespace = (SELECT id FROM name WHERE text = ?1)
             AND d.id = ?3 AND d.unit IN {UNIT} ORDER BY d.seq LIMIT 1"
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let place = statement.query_row(params![namespace, unit.0, id], |row| {
            let (time, seq) = (row.get(0)?, row.get(1)?);
            Ok(Before { time, seq })
        });
        Ok(place.optional()?)
    }

    /// The JSON of a bundle that is kept.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn bundle(&self, namespace: &str, revision: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let packed: Option<Vec<u8>> = self
            .connection()
            .prepare_cached(
                "SELECT json FROM bundle WHERE namespace = (SELECT id FROM name WHERE text = ?1)
                 AND revision = (SELECT id FROM name WHERE text = ?2)",
            )?
            .query_row([namespace, revision], |row| row.get(0))
            .optional()?;
        let Some(packed) = packed else {
            return Ok(None);
        };
        let mut json = Vec::new();
        GzDecoder::new(packed.as_slice())
            .read_to_end(&mut json)
            .map_err(|error| unreadable(0, error))?;
        Ok(Some(json))
    }
}

/// Until when a bundle stays that decides now.
fn grace(now: Timestamp) -> i64 {
    micros(now.checked_add(BUNDLE_GRACE).unwrap_or(Timestamp::MAX))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptDecision> {
    Ok(KeptDecision {
        id: row.get(0)?,
        time: instant(row.get(1)?),
        channel: row.get(2)?,
        touchpoint: row.get(3)?,
        revision: row.get(4)?,
        reason: row.get(5)?,
        variant: row.get(6)?,
        binding: row.get(7)?,
        audience: row.get(8)?,
    })
}
