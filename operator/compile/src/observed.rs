//! What deciders saw of an attribute, and of a rule that wins nobody: counts alone, never a value of a person.

use attune_api::Day;
use jiff::SignedDuration;

/// Requests below which nothing is said of an attribute, and decisions below which nothing is said of a rule: a handful of them
/// is chance.
pub const MIN_REQUESTS: u64 = 1000;

/// Counts of one attribute over a time that whoever counts chooses, such as a day. All of them are counts of requests on
/// Channels whose rules read the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// Requests looked at.
    pub requests: u64,
    /// Requests that carried it.
    pub present: u64,
    /// Requests in which it had another type than the contract says: it counted as absent.
    pub type_clashes: u64,
    /// Requests in which it had a value that the contract does not list.
    pub outside_values: u64,
    /// Requests in which it was older than the contract allows.
    pub stale: u64,
    /// Median age of its values in seconds, where it has an `asOf`.
    pub age_seconds: Option<i64>,
}

/// How long a live rule has won nobody although its touchpoint was decided. All days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// The first day on which decisions were counted and it won none.
    pub since: Day,
    /// The last one.
    pub last: Day,
    /// Decisions at its touchpoint from the one until the other, which may not be over.
    pub decisions: u64,
}

impl Idle {
    /// A rule that wins nobody on this day, the first.
    pub const fn from(day: Day) -> Self {
        Self {
            since: day,
            last: day,
            decisions: 0,
        }
    }

    /// How long it is known to have won nobody: the whole days between the first and the last.
    pub fn known(&self) -> SignedDuration {
        self.last.start().duration_since(self.since.end())
    }
}
