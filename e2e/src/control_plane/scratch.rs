//! The private directory of one control plane.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::{guardian, tail};

/// Data and keys, which always go, and logs, which stay when something failed.
#[derive(Debug)]
pub(crate) struct Scratch {
    root: TempDir,
}

impl Scratch {
    pub(crate) fn create() -> Result<Self> {
        let root = tempfile::Builder::new()
            .prefix("attune-e2e-")
            .tempdir()
            .context("create a private directory")?;
        let scratch = Self { root };
        for path in [scratch.data(), scratch.logs()] {
            fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        }
        // Logs are not among what an unnatural end takes along: they tell of it.
        guardian::adopt_directory(&scratch.data())?;
        Ok(scratch)
    }

    /// Keys, certificates, kubeconfigs and the database.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    /// The end of each log, with the directory they are all in.
    pub(super) fn log_tails(&self, lines: usize) -> String {
        let mut logs: Vec<PathBuf> = fs::read_dir(self.logs())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        let mut text = vec![format!("logs are in {}", self.logs().display())];
        for log in logs {
            let name = log.file_name().unwrap_or_default().to_string_lossy();
            text.push(format!("--- the end of {name}\n{}", tail(&log, lines)));
        }
        text.join("\n")
    }

    /// Leaves the logs when this is dropped; the rest goes.
    pub(super) fn keep_logs(&mut self) {
        self.root.disable_cleanup(true);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let data = self.data();
        if fs::remove_dir_all(&data).is_ok() {
            // Otherwise the guardian tries again when this process ends.
            let _ = guardian::release_directory(Path::new(&data));
        }
    }
}
