//! Erasing a unit from what waits for the collector, and at the collector.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{BATCH, Delivery, Reporter, below};
use crate::link::LinkError;

/// How long an erasure may take: a batch that is on its way comes first.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longest answer that is passed on, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Erases units from what waits for the collector, and at the collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Eraser(mpsc::Sender<Order>);

/// What is to be erased, and who waits for it.
#[derive(Debug)]
pub(super) struct Order {
    namespace: String,
    unit: String,
    reply: oneshot::Sender<Result<Cleared, EraseError>>,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleared {
    /// Exposures that waited.
    pub exposures: u64,
    /// What the collector said that it erased.
    pub collector: Value,
}

/// Why a unit may still be known; asking again is safe.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Too many erasures wait, or the process ends.
    #[error("the decider is busy or about to end; ask again")]
    Queue,
    /// It took too long.
    #[error("there was no answer in {} s; ask again", PATIENCE.as_secs())]
    Wait,
    /// A file of exposures cannot be read or written.
    #[error("exposures that wait on disk cannot be rewritten; check the disk, then ask again")]
    Rewrite,
    /// No request can be made.
    #[error("no request can be made to the collector: {0}")]
    Link(String),
    /// The collector does not answer.
    #[error("the collector cannot be reached; ask again: {0}")]
    Send(String),
    /// The collector refuses.
    #[error("the collector answered {status}: {detail}")]
    Answer {
        /// Its status.
        status: StatusCode,
        /// What it said.
        detail: String,
    },
}

impl Eraser {
    pub(super) fn new(orders: mpsc::Sender<Order>) -> Self {
        Self(orders)
    }

    /// Erases a unit of a namespace.
    ///
    /// # Errors
    /// See [`EraseError`].
    pub async fn erase(&self, namespace: &str, unit: &str) -> Result<Cleared, EraseError> {
        let (reply, answer) = oneshot::channel();
        let order = Order {
            namespace: namespace.to_owned(),
            unit: unit.to_owned(),
            reply,
        };
        self.0.try_send(order).map_err(|_| EraseError::Queue)?;
        let answered = tokio::time::timeout(PATIENCE, answer).await;
        answered
            .map_err(|_| EraseError::Wait)?
            .unwrap_or(Err(EraseError::Queue))
    }
}

impl Reporter {
    /// Carries an order out. No batch is on its way meanwhile, so that nothing of the unit arrives after its erasure.
    pub(super) async fn obey(&mut self, order: Order, batch: &mut Vec<super::Event>) {
        let Order {
            namespace,
            unit,
            reply,
        } = order;
        let cleared = self.clear(&namespace, &unit, batch).await;
        // Nobody waits any more when the caller went away.
        let _ = reply.send(cleared);
    }

    async fn clear(
        &mut self,
        namespace: &str,
        unit: &str,
        batch: &mut Vec<super::Event>,
    ) -> Result<Cleared, EraseError> {
        while let Ok(event) = self.queue.try_recv() {
            batch.push(event);
        }
        let before = batch.len();
        batch.retain(|event| event.data.unit() != unit);
        let mut exposures = (before - batch.len()) as u64;
        self.deliveries.counted.add(Delivery::Erased, exposures);
        self.shed(batch);
        if self.spool.is_some() {
            let whose = unit.to_owned();
            let forgotten = self.on_disk(move |spool| spool.forget(&whose)).await;
            let forgotten = forgotten.ok_or(EraseError::Rewrite)?;
            self.deliveries.counted.add(Delivery::Erased, forgotten);
            exposures += forgotten;
        }
        let collector = self.erase_there(namespace, unit).await?;
        Ok(Cleared { exposures, collector })
    }

    /// Sheds units of a batch that is larger than the queue: an erasure empties the queue into it, so that the queue takes
    /// more, and the next erasure would add that too.
    fn shed(&self, batch: &mut Vec<super::Event>) {
        let (before, room) = (batch.len(), self.queue.max_capacity().max(BATCH));
        if before <= room {
            return;
        }
        let mut kept = 0;
        batch.retain(|event| {
            let free = (room - kept) as u64;
            let stays = !self.pressure.sheds(event.data.unit(), free, room as u64);
            kept += usize::from(stays);
            stays
        });
        let shed = before - batch.len();
        self.deliveries.counted.add(Delivery::Shed, shed as u64);
    }

    async fn erase_there(&mut self, namespace: &str, unit: &str) -> Result<Value, EraseError> {
        let url = below(&self.collector, &["v1", "units", unit]);
        let mut url = url.map_err(|error| EraseError::Link(error.to_string()))?;
        url.query_pairs_mut().append_pair("namespace", namespace);
        let request = self
            .link
            .request(Method::DELETE, &url)
            .map_err(|error: LinkError| EraseError::Link(error.to_string()))?;
        let response = request.send().await;
        // The URL names the unit, which must not get into a log.
        let response = response.map_err(|error| EraseError::Send(error.without_url().to_string()))?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| EraseError::Send(error.without_url().to_string()))?;
        let body = body.get(..MAX_ANSWER_BYTES).unwrap_or(&body);
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or_default();
        Err(EraseError::Answer {
            status,
            detail: detail.chars().take(500).collect(),
        })
    }
}
