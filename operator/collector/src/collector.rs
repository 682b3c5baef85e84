//! The collector: rules for taking events in front of the store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attune_core::event::Event;
use attune_core::measure::Question;
use attune_core::measure::activity::{ActivityAnswer, ActivityQuestion};
use attune_core::measure::holdout::{HoldoutAnswer, HoldoutQuestion, HoldoutRegistration};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;
use thiserror::Error;

use crate::analysis::{self, Answer, AnswerError};
use crate::metrics::Events;
use crate::source::{self, Credentials, Observations};
use crate::store::{
    AppendError, Erasure, NewEvent, Pace, Recall, Receipt, RegisterError, Retention, Snapshot, Store,
    StoreError, StoreOptions, Swept, Totals,
};

/// Tells the time; tests pin it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still.
    pub fn fixed(now: Timestamp) -> Self {
        Self::new(move || now)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

/// Hears of events once they are durable, and of units once they are erased; an embedding feeds its deciders from it.
#[derive(Clone, Default)]
pub struct Observer {
    hear: Option<Arc<Hear>>,
    forget: Option<Arc<Forget>>,
}

type Hear = dyn Fn(&Event) + Send + Sync;
type Forget = dyn Fn(&str, &str) + Send + Sync;

impl Observer {
    /// Calls `hear` with every event that was stored.
    pub fn new(hear: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self {
            hear: Some(Arc::new(hear)),
            forget: None,
        }
    }

    /// Calls `forget` with the namespace and the id of every unit that is to be forgotten, before it is erased.
    #[must_use]
    pub fn forgetting(self, forget: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self {
            forget: Some(Arc::new(forget)),
            ..self
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Observer({})",
            if self.hear.is_some() { "somebody" } else { "nobody" }
        )
    }
}

/// How a [`Collector`] behaves; the defaults suit production.
#[derive(Debug, Clone)]
pub struct CollectorOptions {
    /// The store's options.
    pub store: StoreOptions,
    /// Who hears of stored events.
    pub observer: Observer,
    /// The namespace of events that name none, from callers that have none.
    pub default_namespace: String,
    /// How far an event's time may lie ahead of ours: clocks differ.
    pub future_tolerance: SignedDuration,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Most events of one batch.
    pub max_batch_events: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// What tells the time.
    pub clock: Clock,
}

impl Default for CollectorOptions {
    fn default() -> Self {
        Self {
            store: StoreOptions::default(),
            observer: Observer::default(),
            default_namespace: "default".to_owned(),
            future_tolerance: SignedDuration::from_mins(5),
            max_body_bytes: 4 * 1024 * 1024,
            max_batch_events: 10_000,
            body_timeout: Duration::from_secs(30),
            clock: Clock::default(),
        }
    }
}

/// Why a batch of well-formed events is not taken; nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TakeError {
    /// Events lie in the future.
    #[error("{} events lie in the future", .places.len())]
    CheckTime {
        /// Their places in the batch.
        places: Vec<usize>,
        /// The latest time that would have been taken.
        latest: Timestamp,
    },
    /// Events claim another namespace than the caller's.
    #[error("{} events claim another namespace than `{namespace}`", .places.len())]
    CheckNamespace {
        /// Their places in the batch.
        places: Vec<usize>,
        /// The caller's namespace.
        namespace: String,
    },
    /// The store did not take them.
    #[error(transparent)]
    Append {
        /// Why.
        #[from]
        source: AppendError,
    },
}

/// Counts for status and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Over the whole life of the store.
    pub totals: Totals,
    /// Events refused since this process started: malformed, forbidden or in the future.
    pub refused: u64,
    /// Events that were turned away since this process started because the store could not take them; their senders
    /// were told to come again.
    pub deferred: u64,
    /// Events that wait to be written.
    pub queued: usize,
}

/// Takes events and answers questions about them; clones share one store.
#[derive(Debug, Clone)]
pub struct Collector {
    store: Store,
    options: Arc<CollectorOptions>,
    events: Events,
}

impl Collector {
    /// Opens the store in `directory`, which is made if it does not exist; one process at a time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(directory: &Path, options: CollectorOptions) -> Result<Self, StoreError> {
        let store = Store::open(directory, &options.store)?;
        Ok(Self {
            store,
            options: Arc::new(options),
            events: Events::default(),
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What it was opened with.
    pub fn options(&self) -> &CollectorOptions {
        &self.options
    }

    /// Takes a batch whole or not at all; when this returns a receipt, it is on disk.
    ///
    /// `caller` is the namespace that the caller has proved to be of; without it the events' own is believed.
    ///
    /// # Errors
    /// See [`TakeError`].
    pub async fn take(&self, events: Vec<Event>, caller: Option<&str>) -> Result<Receipt, TakeError> {
        let now = self.options.clock.now();
        let count = events.len();
        if let Err(error) = self.check(&events, caller, now) {
            self.count_refused(count);
            return Err(error);
        }
        let heard = self
            .options
            .observer
            .hear
            .as_ref()
            .map(|hear| (hear, events.clone()));
        let events = events
            .into_iter()
            .map(|event| self.place(event, caller))
            .collect();
        let receipt = self.store.append(events, now).await;
        // A batch that was sent again in full is no news; one that was stored in part is news as a whole, because a show
        // counted twice errs on the side of silence.
        if let (Ok(receipt), Some((hear, events))) = (&receipt, heard)
            && receipt.stored > 0
        {
            for event in &events {
                hear(event);
            }
        }
        match &receipt {
            Ok(receipt) => self.events.take(*receipt),
            Err(_) => self.events.defer(count),
        }
        Ok(receipt?)
    }

    /// Answers a question from the store alone, as of `at`, on a thread that may block. Metrics that have their figures
    /// elsewhere are unavailable, and no threshold is asked about.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn answer(&self, question: Question, at: Timestamp) -> Result<Answer, AnswerError> {
        self.analyse(question, Observations::new(), at).await
    }

    /// Answers a question as of `at` from the store and the sources outside that the question names, with what opens them.
    ///
    /// # Errors
    /// See [`AnswerError`]. A source that gives nothing is none: it stands among the unavailable.
    pub async fn answer_with(
        &self,
        question: Question,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Answer, AnswerError> {
        let (outside, thresholds) = tokio::join!(
            source::observe(&question, credentials, at),
            source::check(&question, at)
        );
        let answer = self.analyse(question, outside, at).await?;
        Ok(Answer { thresholds, ..answer })
    }

    async fn analyse(
        &self,
        question: Question,
        outside: Observations,
        at: Timestamp,
    ) -> Result<Answer, AnswerError> {
        let store = self.store.clone();
        let task =
            tokio::task::spawn_blocking(move || analysis::answer_with(&store, &question, &outside, at));
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// How lively an outcome is at `at`, on a thread that may block.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn activity(
        &self,
        question: ActivityQuestion,
        at: Timestamp,
    ) -> Result<ActivityAnswer, AnswerError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || {
            let snapshot = store.snapshot()?;
            let activity = snapshot.outcome_activity(&question.namespace, &question.event, at)?;
            Ok(ActivityAnswer {
                last: activity.map(|activity| activity.last),
                per_hour: activity.map_or(0.0, |activity| activity.per_hour),
            })
        });
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// Answers what a holdout is asked as of `at`, on a thread that may block.
    ///
    /// # Errors
    /// See [`AnswerError`].
    pub async fn answer_holdout(
        &self,
        question: HoldoutQuestion,
        at: Timestamp,
    ) -> Result<HoldoutAnswer, AnswerError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || analysis::answer_holdout(&store, &question, at));
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// Remembers the periods of holdouts from now on, each for itself; gives why those that are left out are.
    ///
    /// # Errors
    /// When it was interrupted: some of them may be remembered.
    pub async fn register_holdouts(
        &self,
        periods: Vec<HoldoutRegistration>,
    ) -> Result<Vec<RegisterError>, AnswerError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || {
            let refused = periods
                .iter()
                .filter_map(|period| store.register_holdout(period).err());
            Ok(refused.collect())
        });
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// Names the Channels whose unit ids are kept in plain from now on; see [`Store::keep_plain_units`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_plain_units(&self, channels: BTreeSet<(String, String)>) -> Result<(), AnswerError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || Ok(store.keep_plain_units(channels)?));
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// Erases all that is known of a unit; see [`Store::erase`].
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn erase(&self, namespace: &str, unit: &str) -> Result<Erasure, AppendError> {
        if let Some(forget) = &self.options.observer.forget {
            forget(namespace, unit);
        }
        let erasure = self.store.erase(namespace, unit).await?;
        self.events.erase();
        Ok(erasure)
    }

    /// Who saw a variant, on a thread that may block; see [`Snapshot::recall`](crate::store::Snapshot::recall).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recall(
        &self,
        (namespace, variant): (String, String),
        since: Timestamp,
        after: i64,
        limit: usize,
    ) -> Result<Recall, AnswerError> {
        self.read(move |snapshot| Ok(snapshot.recall((&namespace, &variant), since, after, limit)?))
            .await
    }

    /// Reads something of one state of the data, on a thread that may block.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Snapshot) -> Result<T, AnswerError> + Send + 'static,
    ) -> Result<T, AnswerError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || ask(&store.snapshot()?));
        task.await.unwrap_or(Err(AnswerError::Interrupt))
    }

    /// Drops what is older than it is kept for; see [`Store::sweep`].
    ///
    /// # Errors
    /// See [`AppendError`]; the next sweep goes on.
    pub async fn sweep(&self, retention: Retention, pace: Pace) -> Result<Swept, AppendError> {
        let swept = self
            .store
            .sweep(retention, self.options.clock.now(), pace)
            .await?;
        self.events.drop_rows(swept);
        Ok(swept)
    }

    /// Counts for status and metrics.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        Ok(Counts {
            totals: self.store.snapshot()?.totals()?,
            refused: self.events.refused(),
            deferred: self.events.deferred(),
            queued: self.store.queued(),
        })
    }

    /// Makes what it counts readable.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.events.register(registry);
        self.store.register(registry);
    }

    /// Counts events that never became events.
    pub(crate) fn count_refused(&self, count: usize) {
        self.events.refuse(count);
    }

    fn check(&self, events: &[Event], caller: Option<&str>, now: Timestamp) -> Result<(), TakeError> {
        let latest = now
            .saturating_add(self.options.future_tolerance)
            .unwrap_or(Timestamp::MAX);
        let places = places(events, |event| event.time > latest);
        if !places.is_empty() {
            return Err(TakeError::CheckTime { places, latest });
        }
        let Some(namespace) = caller else { return Ok(()) };
        let places = self::places(events, |event| {
            event
                .namespace
                .as_ref()
                .is_some_and(|claimed| claimed != namespace)
        });
        if !places.is_empty() {
            return Err(TakeError::CheckNamespace {
                places,
                namespace: namespace.to_owned(),
            });
        }
        Ok(())
    }

    fn place(&self, mut event: Event, caller: Option<&str>) -> NewEvent {
        let claimed = event.namespace.take();
        let namespace = match (caller, claimed) {
            (Some(caller), _) => caller.to_owned(),
            (None, Some(claimed)) => claimed,
            (None, None) => self.options.default_namespace.clone(),
        };
        NewEvent { namespace, event }
    }
}

fn places(events: &[Event], wrong: impl Fn(&Event) -> bool) -> Vec<usize> {
    events
        .iter()
        .enumerate()
        .filter(|(_, event)| wrong(event))
        .map(|(place, _)| place)
        .collect()
}
