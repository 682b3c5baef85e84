//! Dropping what is older than it is kept for.
//!
//! A sweep goes through the tables in steps bounded by time, so that events are stored in between. What a running
//! experiment or holdout needs stays however old it is: a split ages only once nothing is exposed in it any more, and
//! then goes as a whole; outcomes stay as long as their unit is in a split that stays. Counts by hour and totals stay
//! for ever: they say nothing of anybody.
//!
//! Ids and exposures stand in the order of arrival, so that what is old stands in front; see [`walk`] for what does not.
//! Units that lost something are noted in the same transaction and looked at last, once each, by this sweep or, should it be
//! interrupted, by the next.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;

mod hand;
mod walk;

use super::apply::Caches;
use super::micros;
use hand::Hand;
use walk::Walk;

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
    /// Decisions that were kept as long as their Channels said.
    pub decisions: u64,
    /// Bundles of which no decision was left.
    pub bundles: u64,
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
        self.decisions += other.decisions;
        self.bundles += other.bundles;
        self.assignments += other.assignments;
        self.sightings += other.sightings;
        self.units += other.units;
        self.pages += other.pages;
    }
}

/// Chunks that a sweep looks at behind the front: four million rows, so that a hundred million are seen in about a day.
const STRAGGLERS: u32 = 16_384;

/// Where a sweep is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    EventIds(Walk),
    Splits,
    Exposures(Walk),
    /// After this (namespace, variant, unit).
    Sightings([i64; 3]),
    /// After this (event, unit, time, seq).
    Outcomes([i64; 4]),
    Decisions,
    Bundles,
    Units,
    Shrink,
    Done,
}

/// A sweep under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep {
    now: i64,
    results: i64,
    exposures: i64,
    event_ids: i64,
    /// Chunks that are looked at behind the front, for each of the walks.
    pub(super) stragglers: u32,
    stage: Stage,
}

impl Sweep {
    pub(super) fn new(retention: Retention, now: Timestamp) -> Self {
        let cut = |kept: SignedDuration| micros(now.checked_sub(kept).unwrap_or(Timestamp::MIN));
        Self {
            now: micros(now),
            results: cut(retention.results),
            exposures: cut(retention.exposures.min(retention.results)),
            event_ids: cut(retention.event_ids),
            stragglers: STRAGGLERS,
            stage: Stage::EventIds(Walk::START),
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
        let mut hand = Hand::new(&transaction, self.stragglers);
        let mut stage = self.stage;
        while !matches!(stage, Stage::Shrink | Stage::Done) {
            stage = self.chunk(&mut hand, stage)?;
            if Instant::now() >= deadline {
                break;
            }
        }
        let swept = hand.swept();
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
            Stage::EventIds(walk) => hand
                .event_ids(self.event_ids, walk)?
                .map_or(Stage::Splits, Stage::EventIds),
            Stage::Splits if hand.splits(self.results)? => stage,
            Stage::Splits => Stage::Exposures(Walk::START),
            Stage::Exposures(walk) => hand
                .exposures(self.exposures, self.results, walk)?
                .map_or(Stage::Sightings([0; 3]), Stage::Exposures),
            Stage::Sightings(after) => hand
                .sightings(self.results, after)?
                .map_or(Stage::Outcomes([0, 0, i64::MIN, 0]), Stage::Sightings),
            Stage::Outcomes(after) => hand
                .outcomes(self.results, after)?
                .map_or(Stage::Decisions, Stage::Outcomes),
            Stage::Decisions if hand.decisions(self.now)? => stage,
            Stage::Decisions => Stage::Bundles,
            Stage::Bundles if hand.bundles(self.now)? => stage,
            Stage::Bundles => Stage::Units,
            Stage::Units if hand.units()? => stage,
            Stage::Units => Stage::Shrink,
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
