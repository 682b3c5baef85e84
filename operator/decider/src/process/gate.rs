//! The wait for a first bundle.

use tracing::warn;

use super::setting::StartupTimeout;
use crate::decider::Decider;

/// Lets the start pass once the time is up; a bundle that comes earlier lets it pass at once.
pub(super) async fn watch(decider: Decider, timeout: StartupTimeout) {
    let StartupTimeout::After(length) = timeout else {
        return;
    };
    tokio::time::sleep(length).await;
    if decider.is_started() {
        return;
    }
    decider.metrics().rules.startup_timeouts.inc();
    warn!(
        %timeout,
        "no bundle in time: starting with code defaults until there is one"
    );
    decider.mark_started();
}
