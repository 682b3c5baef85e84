//! Erasure and retention, step by step beside the events that come in.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::erase::{self, Erased};
use super::sweep::{Retention, Sweep, Swept};
use super::{AppendError, Store};

/// Most rows that one step of an erasure deletes.
const ERASE_ROWS: i64 = 5_000;
/// How often the write-ahead log is tried to be cut off before that is left to the next sweep.
const SCRUB_ATTEMPTS: usize = 20;
/// Pause before it is tried again: whoever reads is done by then, as a rule.
const SCRUB_PAUSE: Duration = Duration::from_millis(100);
/// How long a step waits for readers. Events wait with it.
const SCRUB_PATIENCE: Duration = Duration::from_millis(20);

/// What came of an erasure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// How much was erased; nothing where nothing was known.
    pub erased: Erased,
    /// Whether what was erased is overwritten on disk already; else some analysis under way still reads a copy, and
    /// the next sweep or erasure overwrites it.
    pub overwritten: bool,
}

/// How much of the writer's time a sweep may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long one step may take; events wait for it.
    pub step: Duration,
    /// How many times as long it rests afterwards.
    pub rest: u32,
}

impl Default for Pace {
    /// A fifth of the time, 20 ms at once.
    fn default() -> Self {
        Self {
            step: Duration::from_millis(20),
            rest: 4,
        }
    }
}

impl Store {
    /// Erases all that is known of a unit under any of its ids, events that are queued already included. Idempotent; safe
    /// to ask for again when it was interrupted.
    ///
    /// # Errors
    /// See [`AppendError`]; what was erased by then stays erased.
    pub async fn erase(&self, namespace: &str, unit: &str) -> Result<Erasure, AppendError> {
        let hash = self.unit_hash(namespace, unit);
        let mut erased = Erased::default();
        loop {
            let namespace = namespace.to_owned();
            let step = self.shared.writer.run(move |connection, caches| {
                erase::step(connection, caches, (&namespace, hash), ERASE_ROWS)
            });
            let (more, is_done) = step.await?;
            erased.add(more);
            if is_done {
                break;
            }
        }
        Ok(Erasure {
            erased,
            overwritten: self.scrub().await?,
        })
    }

    /// Drops what is older than the retention at `now`, gives free pages back to the disk, and overwrites what is gone.
    ///
    /// # Errors
    /// See [`AppendError`]; the next sweep goes on.
    pub async fn sweep(
        &self,
        retention: Retention,
        now: Timestamp,
        pace: Pace,
    ) -> Result<Swept, AppendError> {
        let mut sweep = Sweep::new(retention, now);
        let mut swept = Swept::default();
        loop {
            let begun = Instant::now();
            let step = self.shared.writer.run(move |connection, caches| {
                let more = sweep.step(connection, caches, Instant::now() + pace.step)?;
                Ok((sweep, more))
            });
            let (next, more) = step.await?;
            sweep = next;
            swept.add(more);
            if sweep.is_done() {
                break;
            }
            tokio::time::sleep(begun.elapsed() * pace.rest).await;
        }
        self.scrub().await?;
        Ok(swept)
    }

    /// Cuts off the write-ahead log, which holds copies of what was erased.
    async fn scrub(&self) -> Result<bool, AppendError> {
        for attempt in 0..SCRUB_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(SCRUB_PAUSE).await;
            }
            if self.shared.writer.run(|connection, _| scrub(connection)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn scrub(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(SCRUB_PATIENCE)?;
    let scrubbed = erase::scrub(connection);
    connection.busy_timeout(super::schema::PATIENCE)?;
    scrubbed
}
