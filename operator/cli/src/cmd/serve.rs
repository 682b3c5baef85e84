//! `attune serve`.

use std::future::IntoFuture as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::ServeArgs;
use crate::serve::{Server, files};
use crate::terminal::say;

/// How long requests that are open when the process is told to stop may take.
const DRAIN: Duration = Duration::from_secs(3);

/// How often verdicts, and what deciders counted, are looked at.
const JUDGE_EVERY: Duration = Duration::from_secs(15);

/// Serves until ctrl-c.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    log();
    let data = DataDirectory::new(&args)?;
    let server = Arc::new(Server::open(&args, data.path())?);
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; choose another address by --listen",
            args.listen
        )
    })?;
    let address = listener.local_addr()?;
    let watching = files::watch(&args.source.paths, data.path(), Arc::clone(&server))?;
    // What changed between reading and watching was seen by neither.
    server.reload()?;
    let stops = Stops::new()?;
    // Only now, so that whoever reads the address may edit files and end the process.
    server.announce(address);
    let judging = tokio::spawn(judge(Arc::clone(&server)));
    until_stopped(listener, crate::serve::http::router(Arc::clone(&server)), stops).await?;
    drop(watching);
    judging.abort();
    server.close().await;
    say(format_args!("stopped; {}", data.describe()));
    Ok(ExitCode::SUCCESS)
}

/// Sums up what deciders counted and acts on verdicts, again and again.
async fn judge(server: Arc<Server>) {
    let mut turns = tokio::time::interval(JUDGE_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        server.sum_up();
        if let Err(error) = server.judge().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "verdicts not acted on, trying again"
            );
        }
    }
}

/// Serves until it is told to stop, then takes no new requests and lets those that are open end, but not for ever.
async fn until_stopped(listener: TcpListener, routes: axum::Router, mut stops: Stops) -> anyhow::Result<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    // A sender that is gone stops as well.
    let serving = axum::serve(listener, routes).with_graceful_shutdown(async { drop(stopped.await) });
    let stopping = async {
        stops.next().await;
        drop(stop);
        say("stopping; ctrl-c again cuts off what is open");
        tokio::select! {
            () = tokio::time::sleep(DRAIN) => {}
            () = stops.next() => {}
        }
    };
    tokio::select! {
        ended = serving.into_future() => ended.context("the server ended"),
        () = stopping => Ok(()),
    }
}

/// Warnings of the parts go to standard error; `RUST_LOG` asks for more.
fn log() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // One that is set already stays.
    let _ = subscriber.try_init();
}

/// Where events are kept.
enum DataDirectory {
    Given(std::path::PathBuf),
    Own(tempfile::TempDir),
}

impl DataDirectory {
    fn new(args: &ServeArgs) -> anyhow::Result<Self> {
        match &args.data {
            Some(path) => Ok(Self::Given(path.clone())),
            None => Ok(Self::Own(
                tempfile::tempdir().context("cannot make a directory for events; give one by --data")?,
            )),
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Given(path) => path,
            Self::Own(directory) => directory.path(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Given(path) => format!("every acknowledged event is in {}", path.display()),
            Self::Own(_) => {
                "events went with the process: give a directory by --data to keep them".to_owned()
            }
        }
    }
}

/// Ctrl-c, and what a service manager sends.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
