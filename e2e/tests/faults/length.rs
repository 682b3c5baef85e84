//! How long a fault lasts.

use std::time::Duration;

/// Set to `full` for faults at their full length.
const VARIABLE: &str = "ATTUNE_FAULTS";

/// Whether faults last as long as they are meant to, not only as long as `make test` has time for.
pub(crate) fn is_full() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value == "full")
}

/// So many seconds, or so many at full length.
pub(crate) fn seconds(short: u64, full: u64) -> Duration {
    Duration::from_secs(if is_full() { full } else { short })
}
