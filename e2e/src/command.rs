//! Runs `kubectl`, `helm` and the like, and tells what they said and how they ended.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The outcome of one command.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained about: warnings of the API server are here.
    pub stderr: String,
}

impl Outcome {
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

/// Runs a program that takes a kubeconfig; what it caches goes to `home`.
pub(crate) async fn run(
    program: &Path,
    kubeconfig: &Path,
    home: &Path,
    args: &[&str],
    input: &str,
) -> Result<Outcome> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{name} {}", args.join(" "));
    let mut child = Command::new(program)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(args)
        .env("HOME", home)
        .env_remove("KUBECONFIG")
        .env_remove("KUBECACHEDIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start `{line}`"))?;
    let mut stdin = child.stdin.take().context("take its input")?;
    let feed = async {
        // A command that does not read its input closes it: no failure.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.with_context(|| format!("wait for `{line}`"))?;
    Ok(Outcome {
        command: line,
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
