//! What `kubectl` said and how it ended.

use std::process::ExitStatus;

use anyhow::{Result, bail};

/// The outcome of one `kubectl` command.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about: warnings of the API server are here.
    pub stderr: String,
}

impl Kubectl {
    /// Itself, when it succeeded.
    ///
    /// # Errors
    /// When it did not; with all it said.
    pub fn succeeded(self) -> Result<Self> {
        if !self.status.success() {
            bail!(
                "`{}` ended with {}\n{}{}",
                self.command,
                self.status,
                self.stdout,
                self.stderr
            );
        }
        Ok(self)
    }

    /// Itself, when it succeeded and wrote nothing at all on stderr, where warnings go.
    ///
    /// # Errors
    /// When it did not, or complained.
    pub fn without_complaint(self) -> Result<Self> {
        let outcome = self.succeeded()?;
        if !outcome.stderr.is_empty() {
            bail!(
                "`{}` succeeded, but complained:\n{}",
                outcome.command,
                outcome.stderr
            );
        }
        Ok(outcome)
    }
}
