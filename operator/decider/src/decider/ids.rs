//! Names of decisions.

use jiff::Timestamp;
use uuid::Uuid;

/// A new decision's name: a version 7 UUID of the instant of the decision.
pub(crate) fn decision_id(now: Timestamp) -> Uuid {
    let since_epoch = now.as_duration();
    let seconds = u64::try_from(since_epoch.as_secs()).unwrap_or(0);
    let nanos = u32::try_from(since_epoch.subsec_nanos()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

/// Names for the decisions of one request: of one instant and one random number, and counted from there, so that they
/// are as unlikely to meet others as one.
pub(crate) struct DecisionIds(u128);

impl DecisionIds {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(decision_id(now).as_u128())
    }

    pub(crate) fn draw(&mut self) -> Uuid {
        /// The random bits below the variant's.
        const RANDOM: u128 = (1 << 62) - 1;
        let counted = (self.0 & RANDOM).wrapping_add(1) & RANDOM;
        self.0 = (self.0 & !RANDOM) | counted;
        Uuid::from_u128(self.0)
    }
}
