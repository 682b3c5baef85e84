//! Servers: with TLS for those who call from elsewhere, without for probes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::sync::watch;
use tracing::info;

use crate::certificates::reader::Serving;

/// How long requests under way may take once the server is told to end.
const DRAIN: Duration = Duration::from_secs(5);

/// How long a caller may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Serves without TLS until `stop` turns true.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn plain(
    address: SocketAddr,
    router: Router,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let handle = ending(stop);
    let listener = listen(address)?;
    info!(address = %listener.local_addr()?, "serving");
    axum_server::from_tcp(listener)?
        .handle(handle)
        .serve(router.into_make_service())
        .await
        .context("the server ended")
}

/// Serves with TLS until `stop` turns true, from when there is a certificate; a new one counts for every new connection.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn tls(
    address: SocketAddr,
    router: Router,
    mut serving: watch::Receiver<Serving>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let listener = listen(address)?;
    let mut stopped = stop.clone();
    let first = tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        first = serving.wait_for(|serving| serving.config.is_some()) => first.ok().and_then(|first| first.config.clone()),
    };
    let Some(first) = first else { return Ok(()) };
    let config = RustlsConfig::from_config(first);
    let handle = ending(stop);
    info!(address = %listener.local_addr()?, "serving with TLS");
    let server = axum_server::from_tcp(listener)?
        .acceptor(RustlsAcceptor::new(config.clone()).handshake_timeout(HANDSHAKE))
        .handle(handle)
        .serve(router.into_make_service());
    let renewed = async {
        while serving.changed().await.is_ok() {
            if let Some(new) = serving.borrow_and_update().config.clone() {
                config.reload_from_config(new);
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = server => ended.context("the server with TLS ended"),
        () = renewed => Ok(()),
    }
}

/// Bound before anything else happens, so that a port that is taken ends the process at once.
fn listen(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let listener =
        std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener
        .set_nonblocking(true)
        .with_context(|| format!("cannot listen on {address}"))?;
    Ok(listener)
}

fn ending(mut stop: watch::Receiver<bool>) -> Handle<SocketAddr> {
    let handle = Handle::new();
    let ended = handle.clone();
    tokio::spawn(async move {
        // A sender that is gone is the end as well.
        let _ = stop.wait_for(|stop| *stop).await;
        ended.graceful_shutdown(Some(DRAIN));
    });
    handle
}
