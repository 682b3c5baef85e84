//! Serving until a signal, and taking leave without a failed decision.

use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::decider::Decider;
use crate::limits::Limits;
use crate::listen::Connections;
use crate::listen::tls::Certificate;
use crate::server::{Front, Serves};

/// Connections for probes and metrics at once.
const PROBES: usize = 64;

/// How long requests under way may take once no more are taken.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// What is served where.
pub(super) struct Listeners {
    /// Decisions.
    pub decisions: TcpListener,
    /// What they are answered with, where that is over TLS.
    pub certificate: Option<Certificate>,
    /// Health and metrics, where they have a port of their own.
    pub probes: Option<TcpListener>,
}

/// Serves until a signal. Then it is not ready any more but takes requests for `drain`, until everybody knows; then
/// answers those under way.
pub(super) async fn serve(
    listeners: Listeners,
    decider: &Decider,
    follower: &mut JoinHandle<()>,
    drain: Duration,
) -> anyhow::Result<()> {
    let limits = *decider.limits();
    let what = match listeners.probes {
        Some(listener) => {
            probe(listener, decider);
            Serves::Decisions
        }
        None => Serves::Everything,
    };
    let (end, ending) = watch::channel(false);
    let front = Front::new(decider.clone(), what);
    let server = Connections::new(front, limits, listeners.certificate).serve(listeners.decisions, ending);
    let mut server = std::pin::pin!(server);
    tokio::select! {
        () = &mut server => return Ok(()),
        // Nobody would notice rules that never change any more.
        ended = follower => anyhow::bail!("no longer following the operator: {ended:?}"),
        signal = signal() => signal?,
    }
    info!(seconds = drain.as_secs_f64(), "draining");
    decider.drain();
    tokio::select! {
        () = &mut server => return Ok(()),
        () = tokio::time::sleep(drain) => {}
    }
    end.send_replace(true);
    decider.end_streams();
    if tokio::time::timeout(LAST_REQUESTS, server).await.is_err() {
        warn!("requests were still under way when the time to drain ran out");
    }
    Ok(())
}

/// Answers probes until the process ends, also while it drains. They have connections of their own, so that no storm of
/// requests makes the kubelet think that the process is dead.
fn probe(listener: TcpListener, decider: &Decider) {
    let front = Front::new(decider.clone(), Serves::Probes);
    let limits = Limits {
        connections: PROBES,
        ..*decider.limits()
    };
    tokio::spawn(async move {
        let (_end, ending) = watch::channel(false);
        Connections::new(front, limits, None)
            .serve(listener, ending)
            .await;
    });
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
