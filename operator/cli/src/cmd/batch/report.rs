//! The counts of a run for whoever started it and cannot see standard error.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::Done;
use jiff::Timestamp;

/// The most characters of what went wrong: a termination message has 4,096 bytes.
const LONGEST: usize = 1024;

/// What `--report` writes: small whatever the strategy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    succeeded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    counts: Option<Counts>,
    finished_at: Timestamp,
    seconds: u64,
}

#[derive(Debug, Serialize)]
struct Counts {
    revision: String,
    at: Timestamp,
    units: u64,
    decisions: u64,
    rejected: u64,
    exposures: u64,
    held: u64,
}

impl Report {
    pub(super) fn of(result: &anyhow::Result<Done>, took: Duration) -> Self {
        let counts = result.as_ref().ok().map(|done| Counts {
            revision: done.revision.clone(),
            at: done.at,
            units: done.summary.units,
            decisions: done.summary.decisions,
            rejected: done.summary.rejected,
            exposures: done.summary.exposures,
            held: done.summary.held(),
        });
        let error = result.as_ref().err();
        Self {
            succeeded: error.is_none(),
            error: error.map(|error| format!("{error:#}").chars().take(LONGEST).collect()),
            counts,
            finished_at: Timestamp::now(),
            seconds: took.as_secs(),
        }
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec(self)?;
        std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }
}
