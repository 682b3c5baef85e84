//! Who saw a variant.

use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;

use super::Snapshot;
use crate::store::{StoreError, instant, micros, unsigned};

/// Who saw a variant since some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recall {
    /// How many units.
    pub units: u64,
    /// How many of them are known by id: only where their Channel keeps ids in plain.
    pub named: u64,
    /// Some of those, in the order in which they were first heard of.
    pub seen: Vec<Sighted>,
    /// Where the next ones begin, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// A unit that saw a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighted {
    /// Every id that it is known by, in order.
    pub ids: Vec<String>,
    /// When it saw the variant first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// How many exposures were reported.
    pub shows: u64,
}

/// Units that saw a variant (?2) of a namespace (?1) at or after an instant (?3).
const SEEN: &str = "sighting AS s JOIN unit AS u ON u.id = s.unit
    WHERE s.namespace = (SELECT id FROM name WHERE text = ?1)
      AND s.variant = (SELECT id FROM name WHERE text = ?2) AND s.last >= ?3";
/// Of those the ones that are known by an id.
const IS_NAMED: &str =
    "(u.plain IS NOT NULL OR EXISTS (SELECT 1 FROM alias AS a WHERE a.unit = u.id AND a.plain IS NOT NULL))";

impl Snapshot {
    /// Who saw a variant (`<module>/<variant>`) of a namespace at or after `since`; up to `limit` units by id, those that
    /// come after `after`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn recall(
        &self,
        (namespace, variant): (&str, &str),
        since: Timestamp,
        after: i64,
        limit: usize,
    ) -> Result<Recall, StoreError> {
        let (units, named) = self
            .connection
            .prepare_cached(&format!(
                "SELECT count(*), count(*) FILTER (WHERE {IS_NAMED}) FROM {SEEN}"
            ))?
            .query_row(params![namespace, variant, micros(since)], |row| {
                Ok((unsigned(row, 0)?, unsigned(row, 1)?))
            })?;
        let sql = format!(
            "SELECT s.unit, s.first, s.last, s.shows FROM {SEEN} AND s.unit > ?4 AND {IS_NAMED}
             ORDER BY s.unit LIMIT ?5"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows = statement.query_map(params![namespace, variant, micros(since), after, most], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, unsigned(row, 3)?))
        })?;
        let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(unit, ..)| *unit).filter(|_| has_more);
        let mut seen = Vec::with_capacity(rows.len());
        for (unit, first, last, shows) in rows {
            seen.push(Sighted {
                ids: self.ids(unit)?,
                first: instant(first),
                last: instant(last),
                shows,
            });
        }
        Ok(Recall {
            units,
            named,
            seen,
            next,
        })
    }

    /// The ids that are kept of a unit.
    pub(in crate::store) fn ids(&self, unit: i64) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT plain FROM unit WHERE id = ?1 AND plain IS NOT NULL
             UNION SELECT plain FROM alias WHERE unit = ?1 AND plain IS NOT NULL ORDER BY plain",
        )?;
        let ids = statement.query_map([unit], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }
}
