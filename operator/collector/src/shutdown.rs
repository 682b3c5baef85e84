//! When to stop.

/// Waits for the signal to end: ctrl-c, or SIGTERM as Kubernetes sends it.
pub async fn shutdown() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    if tokio::signal::ctrl_c().await.is_err() {
        tracing::warn!("cannot listen for signals; this process ends only when it is killed");
        std::future::pending::<()>().await;
    }
}
