//! A test binary whose tests share one control plane.
//!
//! Rust's own runner has no "after the last test": statics are never dropped. This one has the same arguments, output and
//! summary, starts the control plane with the first test that runs, and stops it after the last.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::ControlPlane;

/// No test may hang.
const LONGEST_TEST: Duration = Duration::from_mins(5);

type Prepare<T> = Box<dyn FnOnce(&Runtime, &ControlPlane) -> Result<T> + Send>;

/// The tests of one binary. `T` is what its preparation made for all of them.
pub struct Suite<T = ()> {
    stage: Arc<Stage<T>>,
    trials: Vec<Trial>,
}

struct Stage<T> {
    runtime: Runtime,
    prepare: Mutex<Option<Prepare<T>>>,
    /// A failure is kept as well: every test fails by it, and none starts again.
    state: OnceLock<Result<(ControlPlane, T), String>>,
    /// The end of the logs is shown with the first failure, while it is near; the summary stays last.
    logs_shown: Once,
}

impl Suite<()> {
    /// A suite that needs nothing but a control plane.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new() -> Result<Self> {
        Self::prepared(async |_| Ok(()))
    }
}

impl<T: Send + Sync + 'static> Suite<T> {
    /// A suite whose tests all need `prepare` to have run, once.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn prepared(prepare: impl AsyncFnOnce(&ControlPlane) -> Result<T> + Send + 'static) -> Result<Self> {
        let runtime = Runtime::new().context("start the runtime")?;
        let prepare: Prepare<T> = Box::new(move |runtime, cluster| runtime.block_on(prepare(cluster)));
        let stage = Stage {
            runtime,
            prepare: Mutex::new(Some(prepare)),
            state: OnceLock::new(),
            logs_shown: Once::new(),
        };
        Ok(Self {
            stage: Arc::new(stage),
            trials: Vec::new(),
        })
    }

    /// Adds a test. It runs beside others: what it does to the control plane itself is seen by them.
    #[must_use]
    pub fn test<F>(mut self, name: impl Into<String>, test: F) -> Self
    where
        F: AsyncFnOnce(&ControlPlane, &T) -> Result<()> + Send + 'static,
    {
        let stage = Arc::clone(&self.stage);
        self.trials.push(Trial::test(name, move || {
            stage
                .run(test)
                .map_err(|error| Failed::from(format!("{error:#}")))
        }));
        self
    }

    /// Runs what the command line selects, stops the control plane and tells how it went.
    pub fn run(self) -> ExitCode {
        let Self { stage, trials } = self;
        let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
        // Every trial has run or was dropped, so this is the only holder.
        if let Some(Stage { runtime, state, .. }) = Arc::into_inner(stage) {
            if let Some(Ok((mut cluster, prepared))) = state.into_inner() {
                if conclusion.has_failed() {
                    cluster.keep_logs();
                    eprintln!("logs of the control plane are in {}", cluster.logs().display());
                }
                drop(prepared);
                drop(cluster);
            }
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        conclusion.exit_code()
    }
}

impl<T> Stage<T> {
    fn run<F>(&self, test: F) -> Result<()>
    where
        F: AsyncFnOnce(&ControlPlane, &T) -> Result<()>,
    {
        let state = self
            .state
            .get_or_init(|| self.set().inspect_err(|message| eprintln!("{message}")));
        let (cluster, prepared) = state.as_ref().map_err(|message| {
            anyhow!(
                "no control plane to test on (all of it above): {}",
                message.lines().next().unwrap_or_default()
            )
        })?;
        // Inside the runtime, because a timer needs one.
        let outcome = self
            .runtime
            .block_on(async { timeout(LONGEST_TEST, test(cluster, prepared)).await });
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("the test ran for more than {LONGEST_TEST:?}")));
        if outcome.is_err() {
            self.logs_shown
                .call_once(|| eprintln!("{}", cluster.log_tails(10)));
        }
        outcome
    }

    fn set(&self) -> Result<(ControlPlane, T), String> {
        let mut cluster = self
            .runtime
            .block_on(ControlPlane::start())
            .map_err(|error| format!("{error:#}"))?;
        let times = cluster.times();
        eprintln!(
            "control plane ready in {:.1?} (keys {:.1?}, etcd {:.1?}, API server {:.1?}, controllers {:.1?})",
            times.total(),
            times.pki,
            times.etcd,
            times.api_server,
            times.controller_manager
        );
        let prepare = self.prepare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let prepare = prepare.ok_or("prepared twice")?;
        match prepare(&self.runtime, &cluster) {
            Ok(prepared) => Ok((cluster, prepared)),
            Err(error) => {
                cluster.keep_logs();
                Err(format!(
                    "prepare the control plane: {error:#}\n{}",
                    cluster.log_tails(15)
                ))
            }
        }
    }
}
