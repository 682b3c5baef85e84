//! A test binary whose tests share one control plane, or one cluster with a node.
//!
//! Rust's own runner has no "after the last test": statics are never dropped. This one has the same arguments, output and
//! summary, starts what they share with the first test that runs, and stops it after the last.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::{Cluster, ControlPlane};

/// No test may hang.
const LONGEST_TEST: Duration = Duration::from_mins(5);

type Prepare<T, S> = Box<dyn FnOnce(&Runtime, &S) -> Result<T> + Send>;

/// The tests of one binary. `T` is what its preparation made for all of them, `S` what they share: a [`ControlPlane`] or a
/// [`Cluster`].
pub struct Suite<T = (), S = ControlPlane> {
    stage: Arc<Stage<T, S>>,
    trials: Vec<Trial>,
    side_by_side: Option<usize>,
}

/// What the tests of a binary share.
pub trait Shared: Sized + Send + Sync + 'static {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not come up; with the end of the logs.
    fn begin() -> impl Future<Output = Result<Self>>;
    /// That it runs, with how long that took.
    fn announcement(&self) -> String;
    /// Where its logs are.
    fn logs_of(&self) -> PathBuf;
    /// The end of each log.
    fn tails(&self, lines: usize) -> String;
    /// Leaves the logs where they are when it is dropped.
    fn leave_logs(&mut self);
}

impl Shared for ControlPlane {
    async fn begin() -> Result<Self> {
        Self::start().await
    }

    fn announcement(&self) -> String {
        let times = self.times();
        format!(
            "control plane ready in {:.1?} (keys {:.1?}, etcd {:.1?}, API server {:.1?}, controllers {:.1?})",
            times.total(),
            times.pki,
            times.etcd,
            times.api_server,
            times.controller_manager
        )
    }

    fn logs_of(&self) -> PathBuf {
        self.logs()
    }

    fn tails(&self, lines: usize) -> String {
        self.log_tails(lines)
    }

    fn leave_logs(&mut self) {
        self.keep_logs();
    }
}

impl Shared for Cluster {
    async fn begin() -> Result<Self> {
        Self::start().await
    }

    fn announcement(&self) -> String {
        let times = self.times();
        format!(
            "cluster ready in {:.1?} (control plane {:.1?}, images {:.1?}, node {:.1?}, name server {:.1?})",
            times.total(),
            times.control_plane,
            times.images,
            times.node,
            times.name_server
        )
    }

    fn logs_of(&self) -> PathBuf {
        self.control_plane().logs()
    }

    fn tails(&self, lines: usize) -> String {
        self.control_plane().log_tails(lines)
    }

    fn leave_logs(&mut self) {
        self.keep_logs();
    }
}

struct Stage<T, S> {
    runtime: Runtime,
    prepare: Mutex<Option<Prepare<T, S>>>,
    /// A failure is kept as well: every test fails by it, and none starts again.
    state: OnceLock<Result<(S, T), String>>,
    /// Held by each test, for itself by one that runs alone.
    turn: RwLock<()>,
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
        Self::on_stage(prepare)
    }
}

impl<T: Send + Sync + 'static> Suite<T, Cluster> {
    /// A suite whose tests need a node, and `prepare` to have run, once.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn prepared_on_node(
        prepare: impl AsyncFnOnce(&Cluster) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        Self::on_stage(prepare)
    }
}

impl<T: Send + Sync + 'static, S: Shared> Suite<T, S> {
    fn on_stage(prepare: impl AsyncFnOnce(&S) -> Result<T> + Send + 'static) -> Result<Self> {
        // For the HTTP clients of tests, which have no library of their own for TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Runtime::new().context("start the runtime")?;
        let prepare: Prepare<T, S> = Box::new(move |runtime, cluster| runtime.block_on(prepare(cluster)));
        let stage = Stage {
            runtime,
            prepare: Mutex::new(Some(prepare)),
            state: OnceLock::new(),
            turn: RwLock::new(()),
            logs_shown: Once::new(),
        };
        Ok(Self {
            stage: Arc::new(stage),
            trials: Vec::new(),
            side_by_side: None,
        })
    }

    /// Runs so many tests beside each other, unless the command line says otherwise; by default one a processor. For
    /// tests that wait for others to work more than they work.
    #[must_use]
    pub fn side_by_side(mut self, tests: usize) -> Self {
        self.side_by_side = Some(tests);
        self
    }

    /// Adds a test. It runs beside others: what it does to the control plane itself is seen by them.
    #[must_use]
    pub fn test<F>(mut self, name: impl Into<String>, test: F) -> Self
    where
        F: AsyncFnOnce(&S, &T) -> Result<()> + Send + 'static,
    {
        let stage = Arc::clone(&self.stage);
        self.trials.push(Trial::test(name, move || {
            let _beside_others = stage.turn.read().unwrap_or_else(PoisonError::into_inner);
            stage
                .run(test)
                .map_err(|error| Failed::from(format!("{error:#}")))
        }));
        self
    }

    /// Adds a test that no other of this binary runs beside: it may stop what they share, and has it running when it ends.
    #[must_use]
    pub fn test_alone<F>(mut self, name: impl Into<String>, test: F) -> Self
    where
        F: AsyncFnOnce(&S, &T) -> Result<()> + Send + 'static,
    {
        let stage = Arc::clone(&self.stage);
        self.trials.push(Trial::test(name, move || {
            let _alone = stage.turn.write().unwrap_or_else(PoisonError::into_inner);
            stage
                .run(test)
                .map_err(|error| Failed::from(format!("{error:#}")))
        }));
        self
    }

    /// Runs what the command line selects, stops the control plane and tells how it went.
    pub fn run(self) -> ExitCode {
        let Self {
            stage,
            trials,
            side_by_side,
        } = self;
        let mut arguments = Arguments::from_args();
        arguments.test_threads = arguments.test_threads.or(side_by_side);
        let conclusion = libtest_mimic::run(&arguments, trials);
        // Every trial has run or was dropped, so this is the only holder.
        if let Some(Stage { runtime, state, .. }) = Arc::into_inner(stage) {
            if let Some(Ok((mut cluster, prepared))) = state.into_inner() {
                if conclusion.has_failed() {
                    cluster.leave_logs();
                    eprintln!("logs are in {}", cluster.logs_of().display());
                }
                drop(prepared);
                // What it waits for needs the runtime's threads.
                let _inside = runtime.enter();
                drop(cluster);
            }
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        conclusion.exit_code()
    }
}

impl<T, S: Shared> Stage<T, S> {
    fn run<F>(&self, test: F) -> Result<()>
    where
        F: AsyncFnOnce(&S, &T) -> Result<()>,
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
            self.logs_shown.call_once(|| eprintln!("{}", cluster.tails(10)));
        }
        outcome
    }

    fn set(&self) -> Result<(S, T), String> {
        let mut cluster = self
            .runtime
            .block_on(S::begin())
            .map_err(|error| format!("{error:#}"))?;
        eprintln!("{}", cluster.announcement());
        let prepare = self.prepare.lock().unwrap_or_else(PoisonError::into_inner).take();
        let prepare = prepare.ok_or("prepared twice")?;
        match prepare(&self.runtime, &cluster) {
            Ok(prepared) => Ok((cluster, prepared)),
            Err(error) => {
                cluster.leave_logs();
                Err(format!(
                    "prepare the control plane: {error:#}\n{}",
                    cluster.tails(15)
                ))
            }
        }
    }
}
