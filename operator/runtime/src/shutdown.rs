//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or ctrl-c.
pub(crate) async fn requested() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
