//! The decision service as a process of its own: beside an app, or as a service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::decider::{DEFAULT_BODY_LIMIT, Decider, Introspection};
use crate::exposure::report::Reporter;
use crate::exposure::{DEFAULT_QUEUE, Exposures};
use crate::follow::{Config, Follower, Name, Pace, Store};
use crate::server::router;
use crate::state::{DEFAULT_ENTRIES, State};

/// How long requests under way may take once the process is told to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Decides what each visitor of one channel sees, by the rules that the operator publishes.
#[derive(Debug, Parser)]
#[command(name = "attune-decider", version)]
pub struct Args {
    /// Where to listen for requests.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8016")]
    listen: SocketAddr,
    /// Base URL of the operator, which publishes the rules.
    #[arg(long, env = "ATTUNE_OPERATOR")]
    operator: Url,
    /// Namespace of the Channel.
    #[arg(long, env = "ATTUNE_NAMESPACE")]
    namespace: Name,
    /// The Channel to decide for.
    #[arg(long, env = "ATTUNE_CHANNEL")]
    channel: Name,
    /// Directory that keeps the last good rules, to start without the operator.
    #[arg(long, env = "ATTUNE_DATA")]
    data: Option<PathBuf>,
    /// Name of this decider in the Channel's status: the pod's.
    #[arg(long, env = "POD_NAME")]
    id: Option<Name>,
    /// Base URL of the collector, which takes exposures; without it none are reported.
    #[arg(long, env = "ATTUNE_COLLECTOR")]
    collector: Option<Url>,
    /// Largest request body, in bytes.
    #[arg(long, env = "ATTUNE_BODY_LIMIT", default_value_t = DEFAULT_BODY_LIMIT)]
    body_limit: usize,
    /// Entries of memory for what units were shown and did, about 80 bytes each.
    #[arg(long, env = "ATTUNE_STATE_ENTRIES", default_value_t = DEFAULT_ENTRIES)]
    state_entries: usize,
    /// Answers `/v1/explain` to everybody who reaches the port, also for Channels whose clients are told the reason only.
    #[arg(long, env = "ATTUNE_OPEN_INTROSPECTION")]
    open_introspection: bool,
}

impl Args {
    /// Runs until SIGTERM or ctrl-c; then finishes the requests under way and hands over the last exposures.
    ///
    /// # Errors
    /// When it cannot listen or is set up wrongly; never for want of the operator, the collector or the disk.
    pub async fn run(self) -> anyhow::Result<()> {
        tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
            )
            .with_writer(std::io::stderr)
            .init();
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on `{}`", self.listen))?;
        let (stop, stopped) = watch::channel(false);
        let (decider, reporter) = self.decider(&stopped)?;
        let follower = Follower::new(decider.clone(), self.follow()?)?;
        follower.restore().await;
        let follower = tokio::spawn(follower.run(stopped));
        let address = listener.local_addr()?;
        info!(%address, namespace = %self.namespace, channel = %self.channel, "listening");
        let served = serve(listener, &decider, follower).await;
        // The exposures of the last requests are queued by now.
        stop.send_replace(true);
        if let Some(reporter) = reporter {
            reporter.await.context("the reporter of exposures ended")?;
        }
        served
    }

    fn decider(&self, stopped: &watch::Receiver<bool>) -> anyhow::Result<(Decider, Option<JoinHandle<()>>)> {
        let (exposures, reporter) = match &self.collector {
            None => (Exposures::off(), None),
            Some(collector) => {
                let (exposures, queue) = Exposures::channel(DEFAULT_QUEUE);
                let reporter = Reporter::new(collector, queue, exposures.deliveries())?;
                (exposures, Some(tokio::spawn(reporter.run(stopped.clone()))))
            }
        };
        let introspection = if self.open_introspection {
            Introspection::Open
        } else {
            Introspection::FullMetadataOnly
        };
        let decider = Decider::builder()
            .channel(self.namespace.as_str(), self.channel.as_str())
            .state(Arc::new(State::new(self.state_entries)))
            .exposures(exposures)
            .body_limit(self.body_limit)
            .introspection(introspection)
            .build();
        Ok((decider, reporter))
    }

    fn follow(&self) -> anyhow::Result<Config> {
        let data = self.data.as_deref();
        Ok(Config {
            operator: self.operator.clone(),
            namespace: self.namespace.clone(),
            channel: self.channel.clone(),
            id: self.id()?,
            store: data.map(|data| Store::new(data, &self.namespace, &self.channel)),
            pace: Pace::default(),
        })
    }

    /// The name given, else the host's, which is the pod's in a pod.
    fn id(&self) -> anyhow::Result<Name> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let host = std::env::var("HOSTNAME")
            .ok()
            .and_then(|host| host.to_lowercase().parse().ok());
        host.map_or_else(|| Ok(format!("decider-{}", std::process::id()).parse()?), Ok)
    }
}

/// Serves until a signal, then until the requests under way are answered.
async fn serve(listener: TcpListener, decider: &Decider, follower: JoinHandle<()>) -> anyhow::Result<()> {
    let (end, mut draining) = watch::channel(false);
    let graceful = async move {
        let _ = draining.wait_for(|end| *end).await;
    };
    let server = axum::serve(listener, router(decider.clone())).with_graceful_shutdown(graceful);
    let mut server = std::pin::pin!(std::future::IntoFuture::into_future(server));
    tokio::select! {
        ended = &mut server => return ended.context("cannot serve"),
        // Nobody would notice rules that never change any more.
        ended = follower => anyhow::bail!("no longer following the operator: {ended:?}"),
        signal = signal() => signal?,
    }
    info!("draining");
    decider.drain();
    end.send_replace(true);
    if let Ok(ended) = tokio::time::timeout(DRAIN, server).await {
        return ended.context("cannot serve");
    }
    warn!("requests were still under way when the time to drain ran out");
    Ok(())
}

/// Waits for SIGTERM or ctrl-c.
async fn signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot wait for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for ctrl-c"),
    }
}
