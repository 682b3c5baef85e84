//! What deciders saw of an attribute: counts alone, never a value of a person.

/// Requests below which nothing is said of an attribute: a handful of them is chance.
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
