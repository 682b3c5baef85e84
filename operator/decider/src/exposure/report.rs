//! Sending exposures to the collector, in batches.

use std::sync::Arc;
use std::time::Duration;

use attune_core::event::Event;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::Deliveries;
use crate::complaint::Complaint;
use crate::follow::Backoff;
use crate::link::{Credentials, Link, LinkError};
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
    /// The URL takes no path.
    #[error("the collector's URL `{url}` takes no path; give one like `https://attune-collector.attune.svc`")]
    ExtendUrl {
        /// The URL given.
        url: Url,
    },
}

/// Drains a queue of exposures to `POST {collector}/v1/events`.
#[derive(Debug)]
pub struct Reporter {
    link: Link,
    url: Url,
    queue: mpsc::Receiver<Event>,
    deliveries: Deliveries,
    backoff: Backoff,
    complaint: Complaint,
}

/// Why a batch has to wait.
#[derive(Debug, thiserror::Error)]
enum PostError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the collector cannot be reached")]
    Send(#[source] reqwest::Error),
    #[error("the collector does not know who sends (401); see `ATTUNE_TOKEN_FILE`")]
    Authenticate,
    #[error("the collector answered {status}")]
    Answer { status: StatusCode },
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
    /// When the URL takes no path.
    pub fn new(
        collector: &Url,
        credentials: &Credentials,
        queue: mpsc::Receiver<Event>,
        deliveries: Deliveries,
    ) -> Result<Self, ReportError> {
        let mut url = collector.clone();
        url.path_segments_mut()
            .map_err(|()| ReportError::ExtendUrl {
                url: collector.clone(),
            })?
            .pop_if_empty()
            .extend(["v1", "events"]);
        Ok(Self {
            link: Link::new(credentials, collector, Duration::from_secs(15)),
            url,
            queue,
            deliveries,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(15)),
            complaint: Complaint::default(),
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
            match self.try_post(part).await {
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
    async fn try_post(&mut self, events: &[Event]) -> Option<Verdict> {
        match self.post(events).await {
            Ok(verdict) => {
                if self.complaint.settle() {
                    info!("the collector takes exposures again");
                }
                Some(verdict)
            }
            Err(error) => {
                if self.complaint.is_news(&error) {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "exposures wait for the collector");
                }
                None
            }
        }
    }

    async fn post(&mut self, events: &[Event]) -> Result<Verdict, PostError> {
        let Ok(body) = serde_json::to_vec(events) else {
            return Ok(Verdict::Unwanted(StatusCode::BAD_REQUEST));
        };
        let request = self
            .link
            .request(Method::POST, &self.url)?
            .header(CONTENT_TYPE, "application/cloudevents-batch+json")
            .body(body);
        match request.send().await.map_err(PostError::Send)?.status() {
            status if status.is_success() => Ok(Verdict::Taken),
            status @ (StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY) => Ok(Verdict::Unwanted(status)),
            StatusCode::UNAUTHORIZED => Err(PostError::Authenticate),
            status => Err(PostError::Answer { status }),
        }
    }
}

/// What is counted of deliveries, shared with whoever shows it.
pub(super) type Counted = Arc<crate::metrics::Counters<Delivery>>;
