//! Exposures to a collector, batch by batch.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use attune_decider::exposure::post::{PostError, Poster};
use tokio::runtime::Handle;

/// Events of one request.
const BATCH: usize = 500;

/// Pauses between attempts: each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A collector that takes events; called from outside of asynchronous code.
pub(crate) struct CollectorLink {
    runtime: Handle,
    poster: Poster,
    /// A JSON array that is still open.
    batch: Vec<u8>,
    waiting: usize,
    /// How long a batch is tried.
    patience: Duration,
}

impl CollectorLink {
    pub(crate) fn new(runtime: Handle, poster: Poster, patience: Duration) -> Self {
        Self {
            runtime,
            poster,
            batch: Vec::new(),
            waiting: 0,
            patience,
        }
    }

    /// Takes one event.
    pub(super) fn take(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> anyhow::Result<()> {
        self.batch.push(if self.waiting == 0 { b'[' } else { b',' });
        write(&mut self.batch);
        self.waiting += 1;
        if self.waiting >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what waits, and waits until the collector has it.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.batch.push(b']');
        let body = std::mem::take(&mut self.batch);
        let waiting = std::mem::take(&mut self.waiting);
        let (runtime, poster) = (self.runtime.clone(), &mut self.poster);
        runtime
            .block_on(deliver(poster, &body, self.patience))
            .with_context(|| format!("{waiting} exposures were not taken"))?;
        self.batch = body;
        self.batch.clear();
        Ok(())
    }
}

async fn deliver(poster: &mut Poster, body: &[u8], patience: Duration) -> Result<(), PostError> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match poster.post(body.to_vec()).await {
            Ok(()) => return Ok(()),
            Err(error @ PostError::Unwanted { .. }) => return Err(error),
            Err(error) => error,
        };
        if began.elapsed() + pause > patience {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
