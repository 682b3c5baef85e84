//! Whether events come in at all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which outcomes are asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityQuestion {
    /// Namespace of the outcomes.
    pub namespace: String,
    /// Their event name.
    pub event: String,
}

/// How lively they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityAnswer {
    /// When one happened last; absent when none ever has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// How many happen in an hour, over the last 24 hours or since the first of them.
    pub per_hour: f64,
}
