//! Serving until a signal, and taking leave without a failed decision.

use std::future::IntoFuture as _;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::decider::Decider;
use crate::server;

/// How long requests under way may take once no more are taken.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// What is served where.
pub(super) struct Listeners {
    /// Decisions.
    pub decisions: TcpListener,
    /// Health and metrics, where they have a port of their own.
    pub probes: Option<TcpListener>,
}

/// Serves until a signal. Then it is not ready any more but takes requests for `drain`, until everybody knows; then
/// answers those under way.
pub(super) async fn serve(
    listeners: Listeners,
    decider: &Decider,
    follower: JoinHandle<()>,
    drain: Duration,
) -> anyhow::Result<()> {
    let routes = match listeners.probes {
        Some(listener) => {
            probe(listener, server::probes(decider.clone()));
            server::public(decider.clone())
        }
        None => server::router(decider.clone()),
    };
    let (end, mut ending) = watch::channel(false);
    let graceful = async move {
        let _ = ending.wait_for(|end| *end).await;
    };
    let server = axum::serve(listeners.decisions, routes).with_graceful_shutdown(graceful);
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.context("cannot serve"),
        // Nobody would notice rules that never change any more.
        ended = follower => anyhow::bail!("no longer following the operator: {ended:?}"),
        signal = signal() => signal?,
    }
    info!(seconds = drain.as_secs_f64(), "draining");
    decider.drain();
    tokio::select! {
        ended = &mut server => return ended.context("cannot serve"),
        () = tokio::time::sleep(drain) => {}
    }
    end.send_replace(true);
    if let Ok(ended) = tokio::time::timeout(LAST_REQUESTS, server).await {
        return ended.context("cannot serve");
    }
    warn!("requests were still under way when the time to drain ran out");
    Ok(())
}

/// Answers probes until the process ends, also while it drains.
fn probe(listener: TcpListener, routes: Router) {
    tokio::spawn(async move {
        // Accepting goes on after errors; this returns never.
        if let Err(error) = axum::serve(listener, routes).await {
            let error = &error as &dyn std::error::Error;
            warn!(error, "probes are no longer answered");
        }
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
