//! What is left behind when a test binary dies without a chance to tidy up.
//!
//! A killed process runs no `Drop`, and `PR_SET_PDEATHSIG` follows the *thread* that spawned, not the process. So one
//! shell per test binary reads the list of what is alive from a pipe; the kernel closes that pipe when the binary is
//! gone, and the shell then kills and removes what is still on the list. It stands in a process group of its own, so that
//! ctrl-c and a killed job do not take it along.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, anyhow};

static GUARDIAN: OnceLock<Result<Mutex<ChildStdin>, String>> = OnceLock::new();

/// From now on the process with this id dies with us.
pub(super) fn adopt_process(id: u32) -> Result<()> {
    tell(&format!("+p{id}"))
}

/// The process with this id was reaped; the id may belong to somebody else soon.
pub(super) fn release_process(id: u32) -> Result<()> {
    tell(&format!("-p{id}"))
}

/// From now on this directory is removed when we die.
pub(crate) fn adopt_directory(path: &Path) -> Result<()> {
    tell(&format!("+d{}", path.display()))
}

/// We removed, or want to keep, this directory.
pub(crate) fn release_directory(path: &Path) -> Result<()> {
    tell(&format!("-d{}", path.display()))
}

/// From now on the cgroup of this name, with all below it, is removed when we die.
pub(crate) fn adopt_cgroup(name: &str) -> Result<()> {
    tell(&format!("+c{name}"))
}

/// We removed the cgroup.
pub(crate) fn release_cgroup(name: &str) -> Result<()> {
    tell(&format!("-c{name}"))
}

/// From now on the network interface of this name, which nobody else gives to theirs, is removed when we die.
pub(crate) fn adopt_interface(name: &str) -> Result<()> {
    tell(&format!("+i{name}"))
}

/// We removed the interface.
pub(crate) fn release_interface(name: &str) -> Result<()> {
    tell(&format!("-i{name}"))
}

fn tell(line: &str) -> Result<()> {
    let guardian = GUARDIAN
        .get_or_init(|| start().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|e| anyhow!(e.clone()))?;
    let mut pipe = guardian.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(pipe, "{line}").context("tell the guardian process; was it killed?")
}

fn start() -> Result<Mutex<ChildStdin>> {
    let mut child = Command::new("sh")
        .args(["-c", include_str!("guardian.sh"), "attune-e2e-guardian"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("start the guardian process (`sh`)")?;
    child
        .stdin
        .take()
        .map(Mutex::new)
        .context("take the guardian's input")
}
