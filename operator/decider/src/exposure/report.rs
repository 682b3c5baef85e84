//! Sending exposures to the collector, in batches.
//!
//! While the collector takes them, exposures go from the queue straight to it. While it does not, they go to the
//! [`Spool`] where there is one, else they wait in the queue; either way one batch is tried again and again, with pauses
//! that grow. Sending a batch twice is harmless: ids make events idempotent.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attune_core::event::Event;
use reqwest::{StatusCode, Url};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};

use super::post::{PATIENCE, PostError, post};
use super::spool::{Oldest, Spool};
use super::{Deliveries, Pressure};
use crate::complaint::Complaint;
use crate::follow::Backoff;
use crate::link::{Credentials, Link};
use crate::metrics::{Counters, Label, label};

mod bundles;
mod erase;
#[cfg(test)]
mod tests;

use erase::Order;
pub use erase::{Cleared, EraseError, Eraser};

/// Most events of one batch.
pub(super) const BATCH: usize = 500;

/// How long a batch waits for company.
const LINGER: Duration = Duration::from_millis(500);

/// How long the end of the process waits for the collector to take what is queued and what is on disk.
const FLUSH: Duration = Duration::from_secs(5);

/// Orders that wait while a batch is on its way.
const ORDERS: usize = 64;

label! {
    /// What became of an exposure that was queued.
    Delivery as "result" {
        /// The collector has it.
        Delivered = "delivered",
        /// The collector does not want it.
        Refused = "refused",
        /// The disk or the memory is filling up and the unit's hash says that it goes first.
        Shed = "shed",
        /// The process ended before the collector took it, or the file that it waited in is damaged or cannot
        /// be read.
        Lost = "lost",
        /// Its unit was erased before the collector took it.
        Erased = "erased",
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
    collector: Url,
    url: Url,
    queue: mpsc::Receiver<Event>,
    orders: mpsc::Receiver<Order>,
    eraser: Eraser,
    spool: Option<Arc<Mutex<Spool>>>,
    deliveries: Deliveries,
    pressure: Pressure,
    backoff: Backoff,
    /// When the collector is asked again.
    due: Instant,
    complaint: Complaint,
    disk_complaint: Complaint,
}

/// What is to be done with the files after a delivery.
enum Rest {
    /// Nothing.
    None,
    /// The batch waits there.
    Keep,
    /// A file is delivered.
    Remove(Done),
}

/// A file that is delivered, and what is to be counted of it once it is removed: until then it may be delivered again.
struct Done {
    number: u64,
    counted: Counters<Delivery>,
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
        let (sender, orders) = mpsc::channel(ORDERS);
        Ok(Self {
            link: Link::new(credentials, collector, PATIENCE),
            url: below(collector, &["v1", "events"])?,
            collector: collector.clone(),
            queue,
            orders,
            eraser: Eraser::new(sender),
            spool: None,
            deliveries,
            pressure: Pressure::new(),
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(15)),
            due: Instant::now(),
            complaint: Complaint::default(),
            disk_complaint: Complaint::default(),
        })
    }

    /// Keeps on disk what the collector does not take.
    #[must_use]
    pub fn with_spool(mut self, spool: Spool) -> Self {
        self.deliveries.show(&spool);
        self.spool = Some(Arc::new(Mutex::new(spool)));
        self
    }

    /// Erases units from what waits, and at the collector.
    pub fn eraser(&self) -> Eraser {
        self.eraser.clone()
    }

    /// Sends until `stop` turns true; then sends what is queued, for a few seconds at most, and leaves the rest on disk.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        loop {
            let wait = Wait {
                is_backlogged: self.is_backlogged(),
                can_spool: self.spool.is_some() && !self.disk_complaint.is_open(),
                due: self.due,
            };
            let next = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(order) = self.orders.recv() => Some(order),
                () = gather(&mut self.queue, &mut batch, wait) => None,
            };
            if let Some(order) = next {
                self.obey(order, &mut batch).await;
                continue;
            }
            let rest = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                rest = self.work(&mut batch) => rest,
            };
            // Not to be cut off: the disk would hold what the batch holds, too.
            self.tidy(rest, &mut batch).await;
        }
        self.finish(batch).await;
    }

    /// Delivers what is due. Cancelled at any point, nothing is lost: the batch, or the disk, holds what is not delivered.
    async fn work(&mut self, batch: &mut Vec<Event>) -> Rest {
        let is_due = Instant::now() >= self.due;
        if !self.is_backlogged() {
            return if !is_due || self.deliver_batch(batch).await {
                Rest::None
            } else {
                Rest::Keep
            };
        }
        if is_due && let Some(done) = self.deliver_oldest().await {
            return Rest::Remove(done);
        }
        Rest::Keep
    }

    /// Does with the files what is to be done after a delivery.
    async fn tidy(&mut self, rest: Rest, batch: &mut Vec<Event>) {
        match rest {
            Rest::None => {}
            Rest::Keep => self.keep(batch).await,
            Rest::Remove(Done { number, counted }) => {
                if self.on_disk(move |spool| spool.remove(number)).await.is_some() {
                    for what in [Delivery::Delivered, Delivery::Refused, Delivery::Lost] {
                        self.deliveries.counted.add(what, counted.get(what));
                    }
                }
                if batch.len() >= BATCH {
                    self.keep(batch).await;
                }
            }
        }
    }

    /// Sends the last events and what waits on disk, which may go with the pod; what the collector does not take in time
    /// stays on disk, or is lost.
    async fn finish(&mut self, mut batch: Vec<Event>) {
        self.queue.close();
        let deadline = Instant::now() + FLUSH;
        self.due = Instant::now();
        self.backoff.reset();
        while let Ok(Some(rest)) = timeout_at(deadline, self.flush(&mut batch)).await {
            self.tidy(rest, &mut batch).await;
        }
        while let Ok(event) = self.queue.try_recv() {
            batch.push(event);
        }
        self.keep(&mut batch).await;
        if !batch.is_empty() {
            let lost = batch.len();
            self.deliveries.counted.add(Delivery::Lost, lost as u64);
            warn!(lost, "the collector did not take the last exposures in time");
        }
        let bytes = self.deliveries.spooled.get();
        if bytes > 0 {
            warn!(
                bytes,
                "exposures are left behind on disk; they are lost if it goes with the pod"
            );
        }
    }

    /// Sends the oldest of what is left of a queue that is closed; `None` when nothing is. May be cancelled like `work`.
    async fn flush(&mut self, batch: &mut Vec<Event>) -> Option<Rest> {
        while batch.len() < BATCH && self.queue.recv_many(batch, BATCH).await > 0 {}
        let is_backlogged = self.is_backlogged();
        if is_backlogged && !batch.is_empty() && !self.disk_complaint.is_open() {
            // On disk it outlives a process that is killed meanwhile.
            return Some(Rest::Keep);
        }
        if !is_backlogged && batch.is_empty() {
            return None;
        }
        sleep_until(self.due).await;
        if is_backlogged {
            let done = self.deliver_oldest().await;
            return Some(done.map_or(Rest::None, Rest::Remove));
        }
        let is_done = self.deliver_batch(batch).await;
        Some(if is_done { Rest::None } else { Rest::Keep })
    }

    /// Sends events from memory, and counts at once what became of each.
    async fn deliver_batch(&mut self, batch: &mut Vec<Event>) -> bool {
        let counted = Arc::clone(&self.deliveries.counted);
        self.deliver(batch, &counted).await
    }

    /// Sends events until the batch is empty; `false` when the rest has to wait. The collector refuses a batch as a whole:
    /// then its halves are tried, so that one event that it does not want costs no other.
    async fn deliver(&mut self, batch: &mut Vec<Event>, counted: &Counters<Delivery>) -> bool {
        let mut size = batch.len();
        while !batch.is_empty() {
            size = size.clamp(1, batch.len().min(BATCH));
            let Some(part) = batch.get(..size) else {
                return true;
            };
            match self.try_post(part).await {
                Some(Verdict::Taken) => {
                    self.backoff.reset();
                    counted.add(Delivery::Delivered, size as u64);
                    batch.drain(..size);
                    size = batch.len();
                }
                Some(Verdict::Unwanted(status)) if size == 1 => {
                    counted.inc(Delivery::Refused);
                    warn!(%status, "the collector does not want an exposure");
                    batch.drain(..1);
                    size = batch.len();
                }
                Some(Verdict::Unwanted(_)) => size /= 2,
                None => {
                    self.due = Instant::now() + self.backoff.next();
                    return false;
                }
            }
        }
        true
    }

    /// Delivers the oldest file; what was delivered of one that has to wait is delivered again.
    async fn deliver_oldest(&mut self) -> Option<Done> {
        let Oldest {
            number,
            mut events,
            damaged,
        } = self.on_disk(Spool::oldest).await??;
        let counted = Counters::new();
        counted.add(Delivery::Lost, damaged as u64);
        if !self.deliver(&mut events, &counted).await {
            return None;
        }
        Some(Done { number, counted })
    }

    /// Moves events to the disk, if there is one and it takes them.
    async fn keep(&mut self, batch: &mut Vec<Event>) {
        if self.spool.is_none() || batch.is_empty() {
            return;
        }
        let events = batch.clone();
        if let Some(shed) = self.on_disk(move |spool| spool.append(&events)).await {
            self.deliveries.counted.add(Delivery::Shed, shed);
            batch.clear();
        }
    }

    fn is_backlogged(&self) -> bool {
        let spool = self.spool.as_ref();
        spool.is_some_and(|spool| !spool.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }

    /// Works on the files, on a thread that may block; `None` when there are none or the disk fails, which is said.
    async fn on_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        let spool = Arc::clone(self.spool.as_ref()?);
        let deliveries = self.deliveries.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let worked = work(&mut spool);
            deliveries.counted.add(Delivery::Lost, spool.take_lost());
            deliveries.show(&spool);
            worked
        });
        match task.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(done) => {
                if self.disk_complaint.settle() {
                    info!("exposures wait on disk again");
                }
                Some(done)
            }
            Err(error) => {
                self.due = Instant::now() + self.backoff.next();
                if self.disk_complaint.is_news(&error) {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "exposures cannot wait on disk, they wait in memory");
                }
                None
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
        self.bring_bundles().await?;
        match post(&mut self.link, &self.url, body).await {
            Ok(()) => Ok(Verdict::Taken),
            Err(PostError::Unwanted { status }) => Ok(Verdict::Unwanted(status)),
            Err(error) => Err(error),
        }
    }
}

/// What a batch waits for.
#[derive(Debug, Clone, Copy)]
struct Wait {
    is_backlogged: bool,
    can_spool: bool,
    due: Instant,
}

/// Waits until there is something to do, and takes from the queue meanwhile. Cancelled at any point, the batch holds what was
/// taken.
async fn gather(queue: &mut mpsc::Receiver<Event>, batch: &mut Vec<Event>, wait: Wait) {
    let is_stuck = !wait.is_backlogged && !batch.is_empty();
    if batch.len() >= BATCH || is_stuck {
        // What could not be delivered waits here, and everything else in the queue.
        if is_stuck || !wait.can_spool {
            sleep_until(wait.due).await;
        }
        return;
    }
    let room = BATCH - batch.len();
    if wait.is_backlogged {
        let some = async {
            queue.recv_many(batch, room).await;
            sleep(LINGER).await;
        };
        // Old events come first; new ones wait behind them.
        let _ = timeout_at(wait.due, some).await;
    } else {
        queue.recv_many(batch, room).await;
        if batch.len() < BATCH {
            sleep(LINGER).await;
        }
    }
    while batch.len() < BATCH {
        let Ok(event) = queue.try_recv() else { break };
        batch.push(event);
    }
}

/// A URL below another.
pub(crate) fn below(base: &Url, path: &[&str]) -> Result<Url, ReportError> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| ReportError::ExtendUrl { url: base.clone() })?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

impl Deliveries {
    /// Shows how much waits on disk.
    fn show(&self, spool: &Spool) {
        self.spooled.set(i64::try_from(spool.bytes()).unwrap_or(i64::MAX));
    }
}

/// What is counted of deliveries, shared with whoever shows it.
pub(super) type Counted = Arc<Counters<Delivery>>;
