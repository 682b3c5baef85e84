//! Child processes: each with a log of its own, stopped by its id, none left behind.

pub(crate) mod guardian;
#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a process that was told to stop is asked whether it has.
const POLL: Duration = Duration::from_millis(10);

/// What to start: a program with its arguments, its environment and the place of its log.
#[derive(Clone, Debug)]
pub struct Launch {
    name: String,
    path: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    log: PathBuf,
}

impl Launch {
    /// The program at `path`, called `name` in messages, writing both its outputs to `<logs>/<name>.log`.
    pub fn new(name: &str, path: &Path, logs: &Path) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            log: logs.join(format!("{name}.log")),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts it through another command, which becomes it: its process id is then the program's.
    #[must_use]
    pub(crate) fn through(mut self, command: &[String]) -> Self {
        if let Some((program, args)) = command.split_first() {
            let own = std::mem::replace(&mut self.path, program.into());
            let mut all = args.to_vec();
            all.push(own.display().to_string());
            all.append(&mut self.args);
            self.args = all;
        }
        self
    }

    /// Sets one variable beside the inherited environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }
}

/// A running child process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    child: Child,
    /// The status once it was reaped: from then on its id is not ours any more.
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts it. The log is appended to, so that a restart keeps what came before.
    ///
    /// # Errors
    /// When the program or its log cannot be opened.
    pub fn spawn(launch: Launch) -> Result<Self> {
        let child = launch_child(&launch)?;
        let process = Self {
            launch,
            child,
            ended: None,
        };
        guardian::adopt_process(process.id())?;
        Ok(process)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Where both its outputs go.
    pub fn log(&self) -> &Path {
        &self.launch.log
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .with_context(|| format!("ask about `{}`", self.name()))?;
            if self.ended.is_some() {
                guardian::release_process(self.id())?;
            }
        }
        Ok(self.ended)
    }

    /// Fails, with the end of its log, when it has ended.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!(
                "`{}` ended with {status}; the end of {}:\n{}",
                self.name(),
                self.log().display(),
                self.log_tail(30)
            );
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM) and kills it (SIGKILL) when it has not after `grace`. The status says which it was.
    ///
    /// # Errors
    /// When the system refuses the signal.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.signal_and_wait(Signal::TERM, grace).await? {
            return Ok(status);
        }
        self.kill().await
    }

    /// Kills it (SIGKILL), as a crash would.
    ///
    /// # Errors
    /// When the system refuses the signal, or it does not die of it.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        let status = self
            .signal_and_wait(Signal::KILL, Duration::from_secs(10))
            .await?;
        status.with_context(|| format!("`{}` (process {}) survives SIGKILL", self.name(), self.id()))
    }

    /// Starts the same program with the same arguments again, after it has ended.
    ///
    /// # Errors
    /// When it still runs, or cannot be started.
    pub fn start_again(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            bail!(
                "`{}` still runs as process {}; stop it first",
                self.name(),
                self.id()
            );
        }
        self.child = launch_child(&self.launch)?;
        self.ended = None;
        guardian::adopt_process(self.id())
    }

    /// The last `lines` lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(self.log(), lines)
    }

    async fn signal_and_wait(&mut self, signal: Signal, patience: Duration) -> Result<Option<ExitStatus>> {
        if self.ended()?.is_none() {
            // INVARIANT: not reaped yet, so this id is still our child's.
            kill_process(Pid::from_child(&self.child), signal)
                .with_context(|| format!("signal `{}` (process {})", self.name(), self.id()))?;
        }
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Nothing can be reported from here, and the guardian catches what these miss.
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = guardian::release_process(self.id());
        }
    }
}

/// The last `lines` lines of a file, or why it cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    match fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all.get(all.len().saturating_sub(lines)..)
                .unwrap_or_default()
                .join("\n")
        }
        Err(error) => format!("(cannot be read: {error})"),
    }
}

fn launch_child(launch: &Launch) -> Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&launch.log)
        .with_context(|| format!("open the log {}", launch.log.display()))?;
    Command::new(&launch.path)
        .args(&launch.args)
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the log")?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("start `{}` from {}", launch.name, launch.path.display()))
}
