//! What deciders report, on its way into the store.

use std::time::Duration;

use attune_collector::Collector;
use attune_core::event::Event;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// The most exposures written at once.
const BATCH: usize = 512;

/// Pause before a batch that could not be written is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// Attempts before a batch is given up.
const ATTEMPTS: usize = 20;

/// Writes exposures until it is told to stop, and then those that wait.
pub(super) async fn drain(
    mut queue: mpsc::Receiver<Event>,
    collector: Collector,
    mut stop: oneshot::Receiver<()>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            taken = queue.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                write(&collector, std::mem::take(&mut batch)).await;
            }
            // A closed queue gives what is in it and then ends; a sender that is gone means the same.
            _ = &mut stop, if !queue.is_closed() => queue.close(),
        }
    }
}

async fn write(collector: &Collector, batch: Vec<Event>) {
    for _ in 0..ATTEMPTS {
        match collector.take(batch.clone(), None).await {
            Ok(_) => return,
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "exposures not written, trying again"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    warn!(events = batch.len(), "exposures given up");
}
