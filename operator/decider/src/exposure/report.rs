//! Sending exposures to the collector, in batches.

use std::sync::Arc;
use std::time::Duration;

use attune_core::event::Event;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::Deliveries;
use crate::follow::Backoff;
use crate::metrics::{Label, label};

#[cfg(test)]
mod tests;

/// Most events of one batch.
const BATCH: usize = 500;

/// How long a batch waits for company.
const LINGER: Duration = Duration::from_millis(500);

/// How long the end of the process waits for the collector.
const FLUSH: Duration = Duration::from_secs(5);

label! {
    /// What became of an exposure that was queued.
    Delivery as "result" {
        /// The collector has it.
        Delivered = "delivered",
        /// The collector does not want it.
        Refused = "refused",
        /// The process ended before the collector took it.
        Lost = "lost",
    }
}

/// Why there is no reporter.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client: {0}")]
    BuildClient(#[source] reqwest::Error),
    /// The URL takes no path.
    #[error("the collector's URL `{url}` takes no path; give one like `http://attune-collector:8080`")]
    ExtendUrl {
        /// The URL given.
        url: Url,
    },
}

/// Drains a queue of exposures to `POST {collector}/v1/events`.
#[derive(Debug)]
pub struct Reporter {
    client: Client,
    url: Url,
    queue: mpsc::Receiver<Event>,
    deliveries: Deliveries,
    backoff: Backoff,
}

/// What the collector said to a batch.
enum Verdict {
    Taken,
    Unwanted(StatusCode),
}

impl Reporter {
    /// A reporter to the collector at `collector`.
    ///
    /// # Errors
    /// When the URL takes no path or there is no HTTP client.
    pub fn new(
        collector: &Url,
        queue: mpsc::Receiver<Event>,
        deliveries: Deliveries,
    ) -> Result<Self, ReportError> {
        let client = Client::builder()
            .user_agent(concat!("attune-decider/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .no_proxy()
            .build()
            .map_err(ReportError::BuildClient)?;
        let mut url = collector.clone();
        url.path_segments_mut()
            .map_err(|()| ReportError::ExtendUrl {
                url: collector.clone(),
            })?
            .pop_if_empty()
            .extend(["v1", "events"]);
        Ok(Self {
            client,
            url,
            queue,
            deliveries,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(15)),
        })
    }

    /// Sends until `stop` turns true; then sends what is queued, for a few seconds at most.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.step(&mut batch) => {}
            }
        }
        self.queue.close();
        let deadline = Instant::now() + FLUSH;
        let flushed = timeout_at(deadline, async {
            while !batch.is_empty() || self.queue.recv_many(&mut batch, BATCH).await > 0 {
                self.deliver(&mut batch).await;
            }
        });
        if flushed.await.is_err() {
            let lost = batch.len() + self.queue.len();
            self.deliveries.0.add(Delivery::Lost, lost as u64);
            warn!(lost, "the collector did not take the last exposures in time");
        }
    }

    /// Gathers a batch and delivers it. Cancelled at any point, the batch holds what is not delivered.
    async fn step(&mut self, batch: &mut Vec<Event>) {
        if batch.is_empty() {
            self.queue.recv_many(batch, BATCH).await;
            if batch.len() < BATCH {
                sleep(LINGER).await;
                while batch.len() < BATCH {
                    let Ok(event) = self.queue.try_recv() else { break };
                    batch.push(event);
                }
            }
        }
        self.deliver(batch).await;
    }

    /// Sends events until the batch is empty. The collector refuses a batch as a whole: then its halves are tried, so that
    /// one event that it does not want costs no other.
    async fn deliver(&mut self, batch: &mut Vec<Event>) {
        let mut size = batch.len();
        while !batch.is_empty() {
            size = size.clamp(1, batch.len());
            let Some(part) = batch.get(..size) else { return };
            match self.post(part).await {
                Some(Verdict::Taken) => {
                    self.backoff.reset();
                    self.deliveries.0.add(Delivery::Delivered, size as u64);
                    batch.drain(..size);
                    size = batch.len();
                }
                Some(Verdict::Unwanted(status)) if size == 1 => {
                    self.deliveries.0.inc(Delivery::Refused);
                    warn!(%status, "the collector does not want an exposure");
                    batch.drain(..1);
                    size = batch.len();
                }
                Some(Verdict::Unwanted(_)) => size /= 2,
                None => sleep(self.backoff.next()).await,
            }
        }
    }

    /// `None`: try again later.
    async fn post(&self, events: &[Event]) -> Option<Verdict> {
        let Ok(body) = serde_json::to_vec(events) else {
            return Some(Verdict::Unwanted(StatusCode::BAD_REQUEST));
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents-batch+json")
            .body(body);
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Some(Verdict::Taken),
            Ok(
                status @ (StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY),
            ) => Some(Verdict::Unwanted(status)),
            Ok(status) => {
                warn!(%status, "the collector takes no exposures now");
                None
            }
            Err(error) => {
                warn!(%error, "the collector cannot be reached");
                None
            }
        }
    }
}

/// What is counted of deliveries, shared with whoever shows it.
pub(super) type Counted = Arc<crate::metrics::Counters<Delivery>>;
