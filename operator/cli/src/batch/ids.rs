//! Names of decisions: the n-th decision of a run has the same name, however often the run is gone on with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// The bits that count.
const COUNTED: u64 = (1 << 62) - 1;

/// The names of one run's decisions: UUIDs of version 7 whose random part begins anywhere and counts on from there (RFC 9562,
/// 6.2, method 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ids {
    millis: u64,
    head: u16,
    first: u64,
}

impl Ids {
    /// Of a run that begins now.
    pub(crate) fn draw(now: Timestamp) -> Self {
        let drawn = Uuid::now_v7().as_u128();
        Self {
            millis: u64::try_from(now.as_millisecond()).unwrap_or_default(),
            head: u16::try_from((drawn >> 64) & 0x0fff).unwrap_or_default(),
            first: u64::try_from(drawn & u128::from(COUNTED)).unwrap_or_default(),
        }
    }

    /// The name of the n-th decision.
    pub(crate) fn name(&self, n: u64) -> Uuid {
        let counted = self.first.wrapping_add(n) & COUNTED;
        let mut random = [0; 10];
        let bytes = self.head.to_be_bytes().into_iter().chain(counted.to_be_bytes());
        for (place, byte) in random.iter_mut().zip(bytes) {
            *place = byte;
        }
        Builder::from_unix_timestamp_millis(self.millis, &random).into_uuid()
    }
}
