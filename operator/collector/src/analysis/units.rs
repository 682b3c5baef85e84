//! One pass over the units of a split with what each of them did.

use jiff::Timestamp;
use rusqlite::{CachedStatement, Row, Rows, params};

use super::AnswerError;
use super::filter::Selection;
use crate::store::{Snapshot, Split, StoreError, micros};

/// The stretch after a unit's first exposure in which its outcomes count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    length: i64,
    at: i64,
}

impl Window {
    pub(super) fn new(seconds: i64, at: Timestamp) -> Self {
        Self {
            length: seconds.max(0).saturating_mul(1_000_000),
            at: micros(at),
        }
    }

    /// The latest first exposure whose window is over at the data cut.
    pub(super) fn last_start(self) -> Timestamp {
        crate::store::instant(self.last_start_micros())
    }

    /// A unit before its first outcome.
    fn open(self, row: &Row<'_>) -> rusqlite::Result<UnitSum> {
        let first: i64 = row.get(FIRST_COLUMN)?;
        Ok(UnitSum {
            arm: row.get(1)?,
            matured: first.saturating_add(self.length),
            matches: 0,
            sum: 0.0,
        })
    }

    fn last_start_micros(self) -> i64 {
        self.at.saturating_sub(self.length)
    }
}

/// What one unit did within its window.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnitSum {
    /// Its arm, as the store numbers it.
    pub(super) arm: i64,
    /// When its window ended, in microseconds since 1970.
    pub(super) matured: i64,
    /// How many outcomes match.
    pub(super) matches: u64,
    /// The sum of their numbers.
    pub(super) sum: f64,
}

/// A prepared pass.
pub(super) struct UnitSums<'a> {
    statement: CachedStatement<'a>,
    selection: &'a Selection<'a>,
    split: Split,
    event: i64,
    window: Window,
}

/// A pass under way.
pub(super) struct Stream<'a> {
    rows: Rows<'a>,
    selection: &'a Selection<'a>,
    window: Window,
    pending: Option<(i64, UnitSum)>,
}

/// INVARIANT: both tables are clustered by unit, so this reads them in order and sorts nothing; every matured unit of
/// the split comes at least once, those with several outcomes in consecutive rows.
const PASS: &str = "
    SELECT a.unit, a.arm, o.time, o.value, o.properties, a.first
    FROM assignment AS a
    LEFT JOIN outcome AS o
      ON o.event = ?2 AND o.unit = a.unit AND o.time >= a.first AND o.time < a.first + ?3
    WHERE a.split = ?1 AND a.first <= ?4
    ORDER BY a.unit";

/// Column of the first exposure.
const FIRST_COLUMN: usize = 5;

/// No event has this name; the join then finds nothing.
const NO_EVENT: i64 = -1;

impl<'a> UnitSums<'a> {
    pub(super) fn prepare(
        snapshot: &'a Snapshot,
        split: Split,
        selection: &'a Selection<'a>,
        window: Window,
    ) -> Result<Self, AnswerError> {
        let event = snapshot.name(selection.event())?.unwrap_or(NO_EVENT);
        let statement = snapshot.connection().prepare_cached(PASS)?;
        Ok(Self {
            statement,
            selection,
            split,
            event,
            window,
        })
    }

    pub(super) fn stream(&mut self) -> Result<Stream<'_>, AnswerError> {
        let parameters = params![
            self.split.0,
            self.event,
            self.window.length,
            self.window.last_start_micros()
        ];
        Ok(Stream {
            window: self.window,
            rows: self.statement.query(parameters)?,
            selection: self.selection,
            pending: None,
        })
    }
}

impl Stream<'_> {
    /// The next unit, in the order of their ids.
    pub(super) fn next(&mut self) -> Result<Option<UnitSum>, StoreError> {
        while let Some(row) = self.rows.next()? {
            let unit: i64 = row.get(0)?;
            let mut done = None;
            let (_, sums) = match &mut self.pending {
                Some(pending) if pending.0 == unit => pending,
                other => {
                    done = other.take();
                    other.insert((unit, self.window.open(row)?))
                }
            };
            if let Some(time) = row.get::<_, Option<i64>>(2)?
                && let Some(number) = self.selection.number(time, row)?
            {
                sums.matches += 1;
                sums.sum += number;
            }
            if let Some((_, done)) = done {
                return Ok(Some(done));
            }
        }
        Ok(self.pending.take().map(|(_, sums)| sums))
    }
}
