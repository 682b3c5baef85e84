//! How far a run has come, beside its output: `NAME.progress`.
//!
//! A mark is written when everything before it is durable: decisions on the disk, exposures on the disk or with the
//! collector. A run that is gone on with cuts its files back to the last mark, reads over the units before it, and makes the
//! same decisions under the same names as it would have made.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::Ids;
use super::part::{beside, rename};
use super::summary::Summary;

/// What a run is of: only the same is gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// The rules.
    pub(crate) revision: String,
    pub(crate) touchpoints: Vec<String>,
    pub(crate) units: String,
    pub(crate) format: String,
    /// Where exposures and rejects go.
    pub(crate) exposures: Option<String>,
    pub(crate) rejects: Option<String>,
    /// What it is an attempt of, where somebody starts one after the other (`ATTUNE_RUN`).
    #[serde(default)]
    pub(crate) run: Option<String>,
    /// The instant that was asked for, if one was.
    pub(crate) asked_at: Option<Timestamp>,
}

/// A mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkpoint {
    pub(crate) of: Identity,
    /// The instant of all its decisions.
    pub(crate) at: Timestamp,
    pub(crate) ids: Ids,
    /// Units that were read, broken ones included, and a checksum of them.
    pub(crate) records: u64,
    pub(crate) checksum: u32,
    /// How far the output and the files beside it are written.
    pub(crate) output: u64,
    pub(crate) exposures: u64,
    pub(crate) rejects: u64,
    /// Whether nothing is left but to put the files where they belong.
    pub(crate) is_whole: bool,
    pub(crate) summary: Summary,
}

/// Where marks are written.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// Beside an output.
    pub(crate) fn of(output: &Path) -> Self {
        Self(beside(output, ".progress"))
    }

    /// The last mark; `None` where there is none, or none that can be read.
    pub(crate) fn read(&self) -> Option<Checkpoint> {
        let text = std::fs::read(&self.0).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes a mark in place of the last one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let new = beside(&self.0, ".new");
        let told = || format!("cannot write `{}`", new.display());
        let text = serde_json::to_vec(checkpoint)?;
        let mut file = std::fs::File::create(&new).with_context(told)?;
        file.write_all(&text).with_context(told)?;
        file.sync_data().with_context(told)?;
        rename(&new, &self.0)
    }

    /// Forgets the run: it is over, or begins anew.
    ///
    /// # Errors
    /// When the mark cannot be removed.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove `{}`", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}
