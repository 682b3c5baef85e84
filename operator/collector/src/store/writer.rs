//! The one thread that writes, and the queue before it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::apply::{Caches, Pass};
use super::holdouts::Bucket;
use super::key::UnitHash;
use super::{AppendError, NewEvent, Receipt, StoreError, StoreOptions};

/// An event, ready to be written.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) new: NewEvent,
    pub(super) unit: UnitHash,
    /// The other id, where the event joins two.
    pub(super) alias: Option<UnitHash>,
    pub(super) keep_plain: bool,
    pub(super) bucket: Option<Bucket>,
}

/// What the thread does next.
enum Job {
    /// Stores events.
    Append(Batch),
    /// Does something else between two groups of events; it brings its transaction and its answer itself.
    Do(Task),
}

type Task = Box<dyn FnOnce(&mut Connection, &mut Caches) + Send>;

/// One batch and who waits for it.
#[derive(Debug)]
struct Batch {
    rows: Vec<Row>,
    received: Timestamp,
    reply: oneshot::Sender<Result<Receipt, AppendError>>,
}

/// The queue and the thread behind it.
#[derive(Debug)]
pub(super) struct Writer {
    // Taken when the store is dropped, which ends the thread once the queue is empty.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    queued: Arc<AtomicUsize>,
    commits: Commits,
    max_queued: usize,
}

/// How commits went.
#[derive(Debug, Clone)]
pub(super) struct Commits {
    /// How long each took until it was on disk, in seconds.
    pub(super) seconds: Histogram,
    /// Those that failed.
    pub(super) failures: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            // From half a millisecond to eight seconds.
            seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 15)),
            failures: Counter::default(),
        }
    }
}

/// The answer to a batch that is on its way.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Receipt, AppendError>>);

impl Pending {
    /// Waits until the batch is durable.
    ///
    /// # Errors
    /// See [`AppendError`]; none of the batch is stored then.
    pub async fn durable(self) -> Result<Receipt, AppendError> {
        self.0.await.unwrap_or(Err(AppendError::Closed))
    }

    /// [`Pending::durable`] for threads that may block.
    ///
    /// # Errors
    /// See [`AppendError`]; none of the batch is stored then.
    pub fn wait(self) -> Result<Receipt, AppendError> {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

// === impl Writer ===

impl Writer {
    pub(super) fn start(connection: Connection, options: &StoreOptions) -> Result<Self, StoreError> {
        let (jobs, inbox) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let commits = Commits::default();
        let mut desk = Desk {
            connection,
            caches: Caches::default(),
            queued: Arc::clone(&queued),
            commits: commits.clone(),
            max_group: options.max_group_events.max(1),
        };
        let thread = std::thread::Builder::new()
            .name("attune-events".to_owned())
            .spawn(move || desk.run(&inbox))
            .map_err(|source| StoreError::StartWriter { source })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            queued,
            commits,
            max_queued: options.max_queued_events,
        })
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// A batch larger than the queue is taken when nothing else waits, so that it is not refused for ever.
    pub(super) fn submit(&self, rows: Vec<Row>, received: Timestamp) -> Result<Pending, AppendError> {
        let jobs = self.jobs.as_ref().ok_or(AppendError::Closed)?;
        let (count, max) = (rows.len(), self.max_queued);
        self.queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |queued| {
                (queued == 0 || queued.saturating_add(count) <= max).then(|| queued.saturating_add(count))
            })
            .map_err(|queued| AppendError::Full { queued })?;
        let (reply, answer) = oneshot::channel();
        jobs.send(Job::Append(Batch {
            rows,
            received,
            reply,
        }))
        .map_err(|_| AppendError::Closed)?;
        Ok(Pending(answer))
    }

    /// Runs a task in its turn: after the events that were queued before it, before those that come later.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection, &mut Caches) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, AppendError> {
        let jobs = self.jobs.as_ref().ok_or(AppendError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |connection, caches| {
            let result = task(connection, caches);
            if result.is_err() {
                caches.clear();
            }
            // Nobody waits any more when the caller went away.
            let _ = reply.send(result);
        });
        jobs.send(Job::Do(task)).map_err(|_| AppendError::Closed)?;
        let result = answer.await.map_err(|_| AppendError::Closed)?;
        result.map_err(|error| AppendError::Commit {
            reason: error.to_string(),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the event writer ended by a panic; what it had not acknowledged is not stored");
        }
    }
}

/// What the thread owns.
struct Desk {
    connection: Connection,
    caches: Caches,
    queued: Arc<AtomicUsize>,
    commits: Commits,
    max_group: usize,
}

impl Desk {
    /// Works until the queue is closed and empty.
    fn run(&mut self, inbox: &mpsc::Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| inbox.recv().ok()) {
            match job {
                Job::Append(first) => next = self.append(first, inbox),
                Job::Do(task) => task(&mut self.connection, &mut self.caches),
            }
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize") {
            tracing::debug!(%error, "cannot update the statistics of the event database");
        }
    }

    /// Stores a batch and what waits behind it; gives back what is to be done next, where that is known already.
    fn append(&mut self, first: Batch, inbox: &mpsc::Receiver<Job>) -> Option<Job> {
        let (group, next) = self.gather(first, inbox);
        let begun = Instant::now();
        let result = self.commit(&group);
        self.commits.seconds.observe(begun.elapsed().as_secs_f64());
        if let Err(error) = &result {
            self.commits.failures.inc();
            self.caches.clear();
            let error = error as &dyn std::error::Error;
            tracing::error!(error, batches = group.len(), "cannot store events");
        }
        self.answer(group, result);
        next
    }

    /// Every batch that waits, up to the size of a group, and the job that ends it.
    fn gather(&self, first: Batch, inbox: &mpsc::Receiver<Job>) -> (Vec<Batch>, Option<Job>) {
        let mut events = first.rows.len();
        let mut group = vec![first];
        while events < self.max_group {
            match inbox.try_recv() {
                Ok(Job::Append(next)) => {
                    events += next.rows.len();
                    group.push(next);
                }
                Ok(other) => return (group, Some(other)),
                Err(_) => break,
            }
        }
        (group, None)
    }

    /// Writes a group in one transaction; when this returns, it is on disk or gone without a trace.
    fn commit(&mut self, group: &[Batch]) -> rusqlite::Result<Vec<Receipt>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut pass = Pass::begin(&transaction, &mut self.caches)?;
        let receipts = group
            .iter()
            .map(|job| {
                let mut receipt = Receipt::default();
                for row in &job.rows {
                    let counter = if pass.write(row, job.received)? {
                        &mut receipt.stored
                    } else {
                        &mut receipt.duplicates
                    };
                    *counter += 1;
                }
                Ok(receipt)
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        pass.finish()?;
        transaction.commit()?;
        Ok(receipts)
    }

    fn answer(&self, group: Vec<Batch>, result: rusqlite::Result<Vec<Receipt>>) {
        let answers: Vec<Result<Receipt, AppendError>> = match result {
            Ok(receipts) => receipts.into_iter().map(Ok).collect(),
            Err(error) => {
                let failed = AppendError::Commit {
                    reason: error.to_string(),
                };
                group.iter().map(|_| Err(failed.clone())).collect()
            }
        };
        for (job, answer) in group.into_iter().zip(answers) {
            self.queued.fetch_sub(job.rows.len(), Ordering::Relaxed);
            // Nobody waits any more when the client hung up; its next attempt is a duplicate.
            let _ = job.reply.send(answer);
        }
    }
}
