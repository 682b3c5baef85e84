//! What units were shown and did, in a memory that several deciders share: Redis or Valkey.
//!
//! One round trip reads what is known of a unit, one adds what it was shown if nobody else added meanwhile; if somebody
//! did, the request is decided again by what is there then. So, as long as the server answers, a cap holds over all
//! deciders together exactly, however many ask at once. What need not be waited for is written behind, in order, and waits
//! in bounded memory while there is no server.
//!
//! No decision waits for longer than the Channel says. Where there is no connection nobody waits at all, and a connection
//! on which requests stay unanswered is given up at once; a new one is taken only when it answers in time.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use attune_core::bundle::SharedState;
use attune_core::decide::Winner;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use redis::{RedisError, Script, Value};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::warn;

use crate::clock::Clock;
use crate::state::{MAX_SHOWS, ReportedShow};
use connection::Connection;
use entry::Entry;
use gauge::{Failure, Gauges, Operation};
use names::Names;
use past::{Lists, Version};
use waiting::Waiting;

mod connection;
mod entry;
mod gauge;
mod keeper;
mod names;
mod past;
mod place;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use gauge::Instead;
pub(crate) use past::Past;

/// Adds to what is known of a unit.
const WRITE: &str = include_str!("shared/write.lua");

/// Most outcomes kept of one unit.
const MOST_OUTCOMES: usize = 256;

/// Kept longer than any rule looks back, so that clocks need not agree to the second.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// How long a decision waits before a bundle says so.
const FIRST_LIMIT: Duration = Duration::from_millis(20);

/// How long nobody on a page waits: writing behind, and forgetting.
const PATIENCE: Duration = Duration::from_secs(1);

/// A memory that deciders share.
#[derive(Debug)]
pub struct Shared {
    core: Arc<Core>,
    tasks: [AbortHandle; 2],
}

/// What the tasks work on too.
#[derive(Debug)]
struct Core {
    connection: ArcSwapOption<Connection>,
    /// Once the place was known for the first time.
    names: ArcSwapOption<Names>,
    script: Script,
    waiting: Waiting,
    gauges: Gauges,
    /// How long a decision waits, in milliseconds.
    limit_millis: AtomicU64,
    /// How far back any rule looks, in seconds.
    window_seconds: AtomicI64,
    /// There is no connection any more.
    lost: Notify,
    /// There is one again.
    found: Notify,
    clock: Clock,
}

/// Why a shared memory gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Nobody said where it is.
    #[error("this decider has no address of the shared memory")]
    Unconfigured,
    /// Nobody is there, or nobody who answers.
    #[error("there is no connection to the shared memory")]
    Disconnected,
    /// It took too long.
    #[error("the shared memory did not answer in time")]
    Timeout,
    /// It has a reason of its own.
    #[error("the shared memory refused")]
    Refused,
}

impl Shared {
    /// The memory of a namespace at the server that `directory` names: a mounted Secret with the `url`, where needed the
    /// authority to trust (`ca.crt`), and the `key` that units are hashed with. The files are followed and need not be
    /// there yet. Has to be called within a tokio runtime.
    pub fn open(directory: &Path, namespace: &str, clock: Clock) -> Self {
        let core = Arc::new(Core::new(clock.clone()));
        let folder = place::Folder::new(directory, namespace, clock);
        let keeper = tokio::spawn(keeper::keep(Arc::clone(&core), folder));
        let writer = tokio::spawn(waiting::write_behind(Arc::clone(&core)));
        Self {
            core,
            tasks: [keeper.abort_handle(), writer.abort_handle()],
        }
    }

    /// A memory of which the address is not known: nobody answers.
    pub fn nowhere() -> Self {
        let core = Arc::new(Core::new(Clock::system()));
        let ended = tokio::spawn(async {}).abort_handle();
        Self {
            core,
            tasks: [ended.clone(), ended],
        }
    }

    /// Keeps what is written from now on for as long as the rules ask.
    pub(crate) fn serve(&self, state: &SharedState) {
        self.core
            .limit_millis
            .store(state.timeout_millis.into(), Ordering::Relaxed);
        self.core
            .window_seconds
            .store(state.window_seconds, Ordering::Relaxed);
    }

    /// Makes what is counted readable as metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.core.gauges.register(registry);
    }

    /// Whether there is a connection that answers.
    pub fn is_connected(&self) -> bool {
        self.core.connection.load().is_some()
    }

    /// Waits until everything that waits is written, for `patience` at most; whether it is.
    pub async fn settle(&self, patience: Duration) -> bool {
        let settled = self.core.waiting.settled();
        self.is_connected() && tokio::time::timeout(patience, settled).await.is_ok()
    }

    /// Waits as [`Shared::settle`] does before the process ends, and says what is lost with it.
    pub async fn hand_over(&self, patience: Duration) {
        if self.settle(patience).await {
            return;
        }
        let waiting = self.core.waiting.len();
        if waiting > 0 {
            warn!(
                waiting,
                "shows and outcomes that never reached the shared memory of units are lost"
            );
        }
    }

    /// How long a decision waits.
    pub(crate) fn limit(&self) -> Duration {
        self.core.limit()
    }

    /// Counts a request that was decided without it.
    pub(crate) fn count_instead(&self, instead: Instead) {
        self.core.gauges.instead.inc(instead);
    }

    /// What is known of a unit.
    pub(crate) async fn read(&self, unit: &str, deadline: Instant) -> Result<Past, Unanswered> {
        let names = self.core.names();
        let names = names.map_err(|error| self.core.count(error))?;
        let key = names.unit(unit);
        let mut both = redis::pipe();
        for list in [&key.shows, &key.outcomes] {
            both.cmd("LRANGE").arg(list).arg(0).arg(-1);
        }
        let core = &self.core;
        let lists: Lists = core
            .ask(Operation::Read, deadline, async |mut redis| {
                both.query_async(&mut redis).await
            })
            .await?;
        Ok(Past::new(key, names, lists))
    }

    /// Writes what was added to a unit's past; gives it as it is now where somebody else has written to it since it was read,
    /// and then nothing was written.
    pub(crate) async fn charge(&self, past: &Past, deadline: Instant) -> Result<Option<Past>, Unanswered> {
        let script = &self.core.script;
        let mut call = script.prepare_invoke();
        let Version { shows, outcomes } = &past.version;
        call.key(&past.key.shows).key(&past.key.outcomes);
        call.arg("if")
            .arg(shows.0)
            .arg(&shows.1)
            .arg(outcomes.0)
            .arg(&outcomes.1);
        for bound in self.core.bounds() {
            call.arg(bound);
        }
        for entry in &past.added {
            call.arg(entry);
        }
        let answer = self
            .core
            .ask(Operation::Charge, deadline, async |mut redis| {
                call.invoke_async::<Value>(&mut redis).await
            })
            .await?;
        if matches!(answer, Value::Int(_)) {
            return Ok(None);
        }
        let lists: Lists =
            redis::from_redis_value(answer).map_err(|_| self.core.count(Unanswered::Refused))?;
        self.core.gauges.conflicts.inc();
        Ok(Some(past.renewed(lists)))
    }

    /// Counts a show of the candidate that won, behind whoever asked.
    pub(crate) fn write(&self, unit: &str, winner: &Winner<'_>, channel: &str, at: Timestamp, id: &str) {
        self.core.add(unit, |names| {
            entry::show(names.id(id), &past::show_of(names, winner, channel, at))
        });
    }

    /// Counts a show that a channel reported in the event of that id.
    pub(crate) fn write_reported(
        &self,
        unit: &str,
        show: &ReportedShow<'_>,
        channel: &str,
        at: Timestamp,
        id: &str,
    ) {
        self.core.add(unit, |names| {
            entry::show(names.id(id), &past::reported(names, show, channel, at))
        });
    }

    /// Notes an outcome that the event of that id tells of.
    pub(crate) fn note(&self, unit: &str, event: &str, at: Timestamp, id: &str) {
        self.core
            .add(unit, |names| entry::outcome(names.id(id), names.event(event), at));
    }

    /// Forgets a unit, also where it only waits to be written; whether anything was known.
    pub(crate) async fn forget(&self, unit: &str) -> Result<bool, Unanswered> {
        let names = self.core.names();
        let names = names.map_err(|error| self.core.count(error))?;
        let key = names.unit(unit);
        let mut waited = self.core.waiting.forget(&key);
        // What is being written now must not come after.
        self.settle(PATIENCE).await;
        waited |= self.core.waiting.forget(&key);
        self.core.gauges.waiting.set(self.core.waiting.len());
        let mut command = redis::cmd("DEL");
        command.arg(&key.shows).arg(&key.outcomes);
        let deadline = Instant::now() + PATIENCE;
        let deleted: usize = self
            .core
            .ask(Operation::Erase, deadline, async |mut redis| {
                command.query_async(&mut redis).await
            })
            .await?;
        Ok(waited || deleted > 0)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Core {
    fn new(clock: Clock) -> Self {
        Self {
            connection: ArcSwapOption::empty(),
            names: ArcSwapOption::empty(),
            script: Script::new(WRITE),
            waiting: Waiting::default(),
            gauges: Gauges::new(),
            limit_millis: AtomicU64::new(u64::try_from(FIRST_LIMIT.as_millis()).unwrap_or(u64::MAX)),
            window_seconds: AtomicI64::new(0),
            lost: Notify::new(),
            found: Notify::new(),
            clock,
        }
    }

    fn names(&self) -> Result<Arc<Names>, Unanswered> {
        self.names.load_full().ok_or(Unanswered::Unconfigured)
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_millis.load(Ordering::Relaxed))
    }

    /// Asks the server once. Nobody waits where nobody answers.
    async fn ask<T, Q, F>(
        &self,
        operation: Operation,
        deadline: Instant,
        question: Q,
    ) -> Result<T, Unanswered>
    where
        Q: FnOnce(redis::aio::MultiplexedConnection) -> F,
        F: Future<Output = Result<T, RedisError>>,
    {
        self.gauges.requests.inc(operation);
        let connection = self.connection.load_full();
        let connection = connection.ok_or_else(|| self.count(Unanswered::Disconnected))?;
        let began = Instant::now();
        let answer = connection.ask(deadline, question(connection.redis.clone())).await;
        self.gauges.took(operation, began.elapsed());
        if connection.is_broken() {
            self.give_up(&connection);
        }
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(_)) => Err(self.count(Unanswered::Refused)),
            None => Err(self.count(Unanswered::Timeout)),
        }
    }

    /// Lets nobody ask on a connection any more, unless there is another one already.
    fn give_up(&self, connection: &Arc<Connection>) {
        let before = self.connection.compare_and_swap(connection, None);
        if before
            .as_ref()
            .is_some_and(|before| Arc::ptr_eq(before, connection))
        {
            self.gauges.connected.set(0);
            self.lost.notify_one();
        }
    }

    fn count(&self, error: Unanswered) -> Unanswered {
        self.gauges.failures.inc(match error {
            Unanswered::Unconfigured => Failure::Unconfigured,
            Unanswered::Disconnected => Failure::Disconnected,
            Unanswered::Timeout => Failure::Timeout,
            Unanswered::Refused => Failure::Refused,
        });
        error
    }

    /// What the script is told about what to keep: microseconds since 1970, milliseconds, shows, outcomes.
    fn bounds(&self) -> [u64; 4] {
        let window = SignedDuration::from_secs(self.window_seconds.load(Ordering::Relaxed)) + MARGIN;
        let since = self.clock.now().checked_sub(window);
        [
            entry::micros(since.unwrap_or(Timestamp::MIN)),
            u64::try_from(window.as_millis()).unwrap_or(0),
            MAX_SHOWS as u64,
            MOST_OUTCOMES as u64,
        ]
    }

    /// Lets an entry wait to be written.
    fn add(&self, unit: &str, entry: impl FnOnce(&Names) -> Entry) {
        let Some(names) = self.names.load_full() else {
            self.gauges.lost.inc();
            return;
        };
        let dropped = self.waiting.add(names.unit(unit), entry(&names));
        self.gauges.lost.inc_by(dropped);
        self.gauges.waiting.set(self.waiting.len());
    }
}
