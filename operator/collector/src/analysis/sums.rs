//! What every unit did within a stretch of time around its first exposure.

use super::AnswerError;
use super::filter::Selection;
use crate::store::Snapshot;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// So many rows are read in a row in the time of one search.
const ROWS_PER_SEARCH: f64 = 8.0;

/// A unit with its first exposure, in the order of which everything here comes: by unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    /// The unit, as the store numbers it.
    pub(super) unit: i64,
    /// Its first exposure, in microseconds since 1970.
    pub(super) first: i64,
    /// The place of its arm in the question.
    pub(super) place: usize,
}

/// A stretch of time around a first exposure, in microseconds from it; its beginning belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// What one unit did within a stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    /// How many outcomes match.
    pub(super) matches: u64,
    /// The sum of their numbers.
    pub(super) sum: f64,
}

impl Stretch {
    /// The window of a metric: from the first exposure on.
    pub(super) fn after(seconds: i64) -> Self {
        Self {
            from: 0,
            to: length(seconds),
        }
    }

    /// The time before the first exposure.
    pub(super) fn before(seconds: i64) -> Self {
        Self {
            from: -length(seconds),
            to: 0,
        }
    }

    fn around(self, first: i64) -> (i64, i64) {
        (first.saturating_add(self.from), first.saturating_add(self.to))
    }
}

/// Seconds as microseconds, the length of a window; never negative.
pub(super) fn length(seconds: i64) -> i64 {
    seconds.max(0).saturating_mul(SECOND)
}

impl Sum {
    pub(super) fn take(&mut self, number: f64) {
        self.matches += 1;
        self.sum += number;
    }
}

/// The sums of all members, in their order; zero for those whose first exposure is later than `last`.
pub(super) fn sums(
    snapshot: &Snapshot,
    selection: &Selection<'_>,
    members: &[Member],
    stretch: Stretch,
    last: i64,
) -> Result<Vec<Sum>, AnswerError> {
    let mut sums = vec![Sum::default(); members.len()];
    each(snapshot, selection, members, (stretch, last), |outcome| {
        if let Some(sum) = sums.get_mut(outcome.member) {
            sum.take(outcome.number);
        }
    })?;
    Ok(sums)
}

/// One outcome that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// The place of its unit among the members.
    pub(super) member: usize,
    /// How long after the first exposure it happened, in microseconds.
    pub(super) after: i64,
    /// Its number.
    pub(super) number: f64,
}

/// Visits every outcome that matches and lies in the stretch of a member whose first exposure is not later than `last`, in
/// the order of the members and of time.
///
/// Either all outcomes of the event are read in a row, or those of each member are searched for, whichever is less.
pub(super) fn each(
    snapshot: &Snapshot,
    selection: &Selection<'_>,
    members: &[Member],
    (stretch, last): (Stretch, i64),
    visit: impl FnMut(Counted),
) -> Result<(), AnswerError> {
    let Some(event) = snapshot.name(selection.event())? else {
        return Ok(());
    };
    let (Some(first), Some(end)) = (members.first(), members.last()) else {
        return Ok(());
    };
    let rows = snapshot.outcomes(event, (first.unit, end.unit))?;
    let pass = Pass {
        snapshot,
        selection,
        event,
        members,
        stretch,
        last,
    };
    if rows <= members.len() as f64 * ROWS_PER_SEARCH {
        pass.read(visit)
    } else {
        pass.search(visit)
    }
}

struct Pass<'a> {
    snapshot: &'a Snapshot,
    selection: &'a Selection<'a>,
    event: i64,
    members: &'a [Member],
    stretch: Stretch,
    last: i64,
}

impl Pass<'_> {
    /// INVARIANT: outcomes are clustered by event, unit and time, so this reads them in order and sorts nothing.
    fn read(&self, mut visit: impl FnMut(Counted)) -> Result<(), AnswerError> {
        let (Some(first), Some(end)) = (self.members.first(), self.members.last()) else {
            return Ok(());
        };
        let sql = "SELECT unit, time, value, properties FROM outcome
                   WHERE event = ?1 AND unit BETWEEN ?2 AND ?3 ORDER BY unit, time";
        let mut statement = self.snapshot.connection().prepare_cached(sql)?;
        let mut rows = statement.query([self.event, first.unit, end.unit])?;
        let mut place = 0;
        while let Some(row) = rows.next()? {
            let unit: i64 = row.get(0)?;
            while self.members.get(place).is_some_and(|member| member.unit < unit) {
                place += 1;
            }
            let Some(member) = self.members.get(place) else {
                break;
            };
            if member.unit != unit || member.first > self.last {
                continue;
            }
            let time: i64 = row.get(1)?;
            let (from, to) = self.stretch.around(member.first);
            if time < from || time >= to {
                continue;
            }
            if let Some(number) = self.selection.number(time, row)? {
                visit(Counted {
                    member: place,
                    after: time.saturating_sub(member.first),
                    number,
                });
            }
        }
        Ok(())
    }

    fn search(&self, mut visit: impl FnMut(Counted)) -> Result<(), AnswerError> {
        let sql = "SELECT unit, time, value, properties FROM outcome
                   WHERE event = ?1 AND unit = ?2 AND time >= ?3 AND time < ?4 ORDER BY time";
        let mut statement = self.snapshot.connection().prepare_cached(sql)?;
        for (place, member) in self.members.iter().enumerate() {
            if member.first > self.last {
                continue;
            }
            let (from, to) = self.stretch.around(member.first);
            let mut rows = statement.query([self.event, member.unit, from, to])?;
            while let Some(row) = rows.next()? {
                let time: i64 = row.get(1)?;
                if let Some(number) = self.selection.number(time, row)? {
                    visit(Counted {
                        member: place,
                        after: time.saturating_sub(member.first),
                        number,
                    });
                }
            }
        }
        Ok(())
    }
}
