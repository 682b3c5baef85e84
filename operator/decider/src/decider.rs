//! One Channel's decisions: the rules in force, the units' past and the way of exposures.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use attune_core::bundle::{Bundle, Exposure};
use attune_core::context::{Context, ContextError, Scratch};
use attune_core::decide::{Decision, Request, Taken, UnknownTouchpoint, Winner};
use attune_core::engine::{Engine, EngineError};
use attune_core::event::{Event, EventData};
use attune_core::history::{History, NoHistory, UnknownHistory};
use attune_core::measure::counts::Counts;
use attune_core::replay::Inputs;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use uuid::Uuid;

use crate::access::Access;
use crate::clock::Clock;
use crate::exposure::report::Eraser;
use crate::exposure::{Exposed, Exposures, Sample, Tally};
use crate::limits::Limits;
use crate::metrics::{Adoption, Metrics};
use crate::relay::Relay;
use crate::shared::Shared;
use crate::state::State;
use crate::sums::{Account, Sums};

mod agreed;
mod builder;
mod kept;
mod news;
mod reported;
mod source;
#[cfg(test)]
mod tests;

pub use builder::{Builder, Introspection};
pub(crate) use news::News;
pub use source::Source;

/// Decides for one Channel by the newest good bundle. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Decider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The Channel it is for, where that was said.
    channel: Option<ChannelName>,
    engine: ArcSwapOption<Loaded>,
    refused: ArcSwapOption<Refused>,
    is_started: AtomicBool,
    is_draining: AtomicBool,
    clock: Clock,
    state: Arc<State>,
    shared: Option<Arc<Shared>>,
    /// Whether the rules say that it is to be used.
    is_sharing: AtomicBool,
    exposures: Exposures,
    eraser: Option<Eraser>,
    metrics: Metrics,
    account: Account,
    access: Access,
    limits: Limits,
    /// Precedes paths that answers name.
    mounted_at: String,
    /// Tells event streams what changed.
    news: watch::Sender<News>,
    streams: Arc<AtomicUsize>,
    introspection: Introspection,
    /// Where events of clients go.
    relay: Option<Relay>,
}

/// A Channel's name with its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ChannelName {
    namespace: String,
    channel: String,
}

/// A bundle in force.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    /// What is counted of its decisions.
    pub(crate) sums: Arc<Sums>,
    /// Which of its decisions are kept.
    pub(crate) sample: Option<Sample>,
    since: Timestamp,
}

/// What a decider runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The revision that decides now, and since when; `None` before the first.
    pub serving: Option<(String, Timestamp)>,
    /// The last bundle that was refused, until one is adopted.
    pub refused: Option<Refused>,
    /// What became of exposures since the start.
    pub exposures: Tally,
}

/// A bundle that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its revision, as far as it is known.
    pub revision: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Why a bundle was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] EngineError),
    /// It is for another Channel than the one that this decider decides for.
    #[error(
        "the bundle is for channel `{found}`, this decider decides for `{serving}`; point it at the right channel"
    )]
    MatchChannel {
        /// `<namespace>/<channel>` of the bundle.
        found: String,
        /// `<namespace>/<channel>` of this decider.
        serving: String,
    },
}

impl Decider {
    /// A decider without a bundle, to be configured.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Loads a bundle's JSON and decides by it from now on; requests under way finish by the old one.
    ///
    /// # Errors
    /// When it is no bundle, of a newer format, does not resolve, or is another Channel's. Then the old one decides on
    /// and [`Decider::status`] tells why.
    pub fn adopt(&self, json: &[u8]) -> Result<String, AdoptError> {
        self.adopt_from(json, Source::Embedding)
    }

    /// As [`Decider::adopt`], saying who vouches for the bundle.
    ///
    /// # Errors
    /// As [`Decider::adopt`].
    pub fn adopt_from(&self, json: &[u8], source: Source) -> Result<String, AdoptError> {
        let loaded = Engine::parse(json).map_err(AdoptError::from);
        self.offer(loaded, source, || Some(Bundle::revision(json)))
    }

    /// As [`Decider::adopt_from`], where the JSON is known to hash to its revision.
    ///
    /// # Errors
    /// As [`Decider::adopt`].
    pub(crate) fn adopt_named(
        &self,
        json: &[u8],
        revision: &str,
        source: Source,
    ) -> Result<String, AdoptError> {
        let loaded = Engine::parse_named(json, revision).map_err(AdoptError::from);
        self.offer(loaded, source, || Some(revision.to_owned()))
    }

    /// As [`Decider::adopt`], for a bundle in memory.
    ///
    /// # Errors
    /// When it does not resolve, or is another Channel's.
    pub fn adopt_bundle(&self, bundle: Bundle) -> Result<String, AdoptError> {
        let revision = bundle.canonical().ok().map(|json| Bundle::revision(&json));
        let loaded = Engine::load(bundle).map_err(AdoptError::from);
        self.offer(loaded, Source::Embedding, || revision)
    }

    /// What it decides by, and what it refused.
    pub fn status(&self) -> Status {
        Status {
            serving: self
                .loaded()
                .as_ref()
                .map(|loaded| (loaded.engine.revision().to_owned(), loaded.since)),
            refused: self.0.refused.load().as_deref().cloned(),
            exposures: self.0.exposures.tally(),
        }
    }

    /// The revision that decides now.
    pub fn revision(&self) -> Option<String> {
        self.loaded()
            .as_ref()
            .map(|loaded| loaded.engine.revision().to_owned())
    }

    /// Takes note of an event that was ingested for the Channel's namespace: shows of `OnRender` bindings count for
    /// caps, outcomes for stops. To be called once for each event, after duplicates were sorted out; exposures that
    /// deciders sent themselves change nothing, their shows were counted with the decision.
    pub fn observe(&self, event: &Event) {
        let loaded = self.loaded();
        let Some(loaded) = loaded.as_ref() else { return };
        let bundle = loaded.engine.bundle();
        let is_foreign = event
            .namespace
            .as_ref()
            .is_some_and(|namespace| *namespace != bundle.namespace);
        if is_foreign || !self.0.state.is_needed() {
            return;
        }
        // An event from the future would silence a unit for longer than any window.
        let at = event.time.min(self.0.clock.now());
        match &event.data {
            EventData::Outcome(outcome) => {
                self.0.state.lock(&outcome.unit).note(&outcome.event, at);
                if let Some(shared) = self.sharing() {
                    shared.note(&outcome.unit, &outcome.event, at, &agreed::id_of(event));
                }
            }
            EventData::Exposure(exposure) => {
                let Some(show) = reported::show(bundle, exposure) else {
                    return;
                };
                let mut record = self.0.state.lock(&exposure.unit);
                record.charge_reported(&show, &bundle.channel, at);
                drop(record);
                if let Some(shared) = self.sharing() {
                    let id = agreed::id_of(event);
                    shared.write_reported(&exposure.unit, &show, &bundle.channel, at, &id);
                }
            }
            // Caps and stops go by the id that a decision is asked for.
            EventData::Alias(_) | EventData::Decision(_) => {}
        }
    }

    /// Forgets what a unit was shown and did; whether anything was known. Its next exposure is reported as if it were its
    /// first.
    pub fn forget(&self, unit: &str) -> bool {
        if let Some(loaded) = self.loaded().as_ref() {
            self.0.exposures.forget(loaded.engine.bundle(), unit);
        }
        self.0.state.forget(unit)
    }

    /// What erases units from exposures that wait, and at the collector.
    pub(crate) fn eraser(&self) -> Option<&Eraser> {
        self.0.eraser.as_ref()
    }

    /// Takes note that somebody else vouches for the bundle that decides, too.
    pub(crate) fn confirm(&self, source: Source) {
        if let Some(revision) = self.revision() {
            self.0.metrics.rules.show(&revision, source.as_str());
        }
    }

    /// Says that a start need not be waited for any longer: `/startupz` answers 200 from now on. The first bundle says
    /// so by itself.
    pub fn mark_started(&self) {
        self.0.is_started.store(true, Ordering::Relaxed);
    }

    /// Says that the process is about to end: `/readyz` answers 503 from now on, everything else goes on.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// Makes what it counts readable. What it remembers of units may be shared, and is registered by [`State::register`].
    pub fn register(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
        self.0.exposures.register(registry);
    }

    /// What it remembers of units.
    pub fn state(&self) -> &State {
        &self.0.state
    }

    pub(crate) fn is_started(&self) -> bool {
        self.0.is_started.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.loaded().is_some() && !self.0.is_draining.load(Ordering::Relaxed)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What it counted since this was last asked: for whoever runs it in one process with the operator's work.
    pub fn take_counts(&self) -> Counts {
        self.0.account.take()
    }

    /// What it counts for the operator.
    pub(crate) fn account(&self) -> &Account {
        &self.0.account
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn relay(&self) -> Option<&Relay> {
        self.0.relay.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn mounted_at(&self) -> &str {
        &self.0.mounted_at
    }

    /// What changes, from now on.
    pub(crate) fn news(&self) -> watch::Receiver<News> {
        self.0.news.subscribe()
    }

    /// How many event streams are open.
    pub(crate) fn streams(&self) -> &Arc<AtomicUsize> {
        &self.0.streams
    }

    /// Ends all event streams: their clients go elsewhere.
    pub(crate) fn end_streams(&self) {
        self.0.news.send_modify(|news| news.is_ending = true);
    }

    pub(crate) fn introspection(&self) -> Introspection {
        self.0.introspection
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The bundle in force, for one request.
    pub(crate) fn loaded(&self) -> Guard<Option<Arc<Loaded>>> {
        self.0.engine.load()
    }

    /// Decides what is shown now: charges caps and reports the exposure where the winner's binding says so.
    pub(crate) fn decide_and_record<'e>(
        &self,
        loaded: &'e Loaded,
        question: Question<'e, '_>,
        id: &str,
    ) -> Result<Decision<'e>, UnknownTouchpoint> {
        let Question {
            touchpoint,
            context,
            now,
            taken,
            is_blind,
        } = question;
        let bundle = loaded.engine.bundle();
        let unit = context.unit().map(|(unit, _)| unit);
        let (decision, inputs) = match unit.filter(|_| self.0.state.is_needed()) {
            None => {
                let request = Request {
                    touchpoint,
                    context,
                    history: &NoHistory,
                    now,
                };
                loaded.decide(request, taken)?
            }
            Some(unit) => {
                // Decided and charged under one lock: two requests at once cannot both be the last that a cap allows.
                let mut record = self.0.state.lock(unit);
                let history: &dyn History = if is_blind { &UnknownHistory } else { &record };
                let request = Request {
                    touchpoint,
                    context,
                    history,
                    now,
                };
                let (decision, inputs) = loaded.decide(request, taken)?;
                if let Some(winner) = decision.winner.filter(is_shown) {
                    record.charge(&winner, &bundle.channel, now);
                    drop(record);
                    if let Some(shared) = self.sharing() {
                        shared.write(unit, &winner, &bundle.channel, now, id);
                    }
                }
                (decision, inputs)
            }
        };
        self.tell(loaded, unit, (&decision, inputs), now, id);
        Ok(decision)
    }

    /// Counts a decision, reports the exposure where the winner's binding says so, and keeps what it depended on.
    fn tell(
        &self,
        loaded: &Loaded,
        unit: Option<&str>,
        (decision, inputs): (&Decision<'_>, Option<Inputs>),
        now: Timestamp,
        id: &str,
    ) {
        let bundle = loaded.engine.bundle();
        loaded.sums.decided(decision);
        if let Some(unit) = unit {
            let exposed = Exposed {
                decision: id,
                unit,
                namespace: &bundle.namespace,
                channel: &bundle.channel,
                at: now,
            };
            if decision.winner.is_some_and(|winner| is_shown(&winner)) {
                self.0.exposures.offer(decision, &exposed);
            }
            if let Some(inputs) = inputs {
                self.keep(loaded, (decision, inputs), &exposed);
            }
        }
    }

    fn offer(
        &self,
        loaded: Result<Engine, AdoptError>,
        source: Source,
        revision: impl FnOnce() -> Option<String>,
    ) -> Result<String, AdoptError> {
        let now = self.0.clock.now();
        match loaded.and_then(|engine| self.check_channel(engine)) {
            Ok(engine) => {
                let revision = engine.revision().to_owned();
                self.0.state.serve(engine.bundle());
                self.serve_shared(engine.bundle());
                let sums = self.0.account.open(&engine);
                self.0.exposures.owe(engine.bundle(), &revision);
                let loaded = Loaded {
                    sample: Sample::of(engine.bundle()),
                    engine,
                    sums,
                    since: now,
                };
                let retired = self.0.engine.swap(Some(Arc::new(loaded)));
                self.0.news.send_if_modified(|news| news.adopt(&revision, now));
                self.0.refused.store(None);
                self.0.metrics.bundles.inc(Adoption::Adopted);
                self.0.metrics.ready.set(1);
                self.0.metrics.rules.show(&revision, source.as_str());
                self.0.metrics.rules.mark_adopted(now);
                self.mark_started();
                retire(retired);
                Ok(revision)
            }
            Err(error) => {
                self.0.refused.store(Some(Arc::new(Refused {
                    revision: revision(),
                    reason: error.to_string(),
                    at: now,
                })));
                self.0.metrics.bundles.inc(Adoption::Refused);
                Err(error)
            }
        }
    }

    /// A decider never changes its Channel: its exposures and caps would be another's.
    fn check_channel(&self, engine: Engine) -> Result<Engine, AdoptError> {
        let loaded = self.loaded();
        let serving = loaded
            .as_ref()
            .map(|loaded| ChannelName::of(loaded.engine.bundle()));
        let found = ChannelName::of(engine.bundle());
        match self.0.channel.clone().or(serving) {
            Some(serving) if serving != found => Err(AdoptError::MatchChannel {
                found: found.to_string(),
                serving: serving.to_string(),
            }),
            _ => Ok(engine),
        }
    }
}

/// Drops a bundle here, where nobody waits, and not in the last request that it decided, unless that takes long.
fn retire(bundle: Option<Arc<Loaded>>) {
    let Some(bundle) = bundle else { return };
    for _ in 0..20 {
        if Arc::strong_count(&bundle) == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl ChannelName {
    fn new(namespace: &str, channel: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            channel: channel.to_owned(),
        }
    }

    fn of(bundle: &Bundle) -> Self {
        Self::new(&bundle.namespace, &bundle.channel)
    }
}

impl std::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.channel)
    }
}

thread_local! {
    /// What the last request of this thread was read into.
    static SCRATCH: Cell<Scratch> = Cell::new(Scratch::default());
}

/// Reads a request, counts what it carries, and does something with what it says, in memory that is used again and again.
pub(crate) fn with_context<T>(
    loaded: &Loaded,
    body: &[u8],
    ask: impl FnOnce(&Context<'_>) -> T,
) -> Result<T, ContextError> {
    let mut scratch = SCRATCH.take();
    let context = Context::decode_request_in(&loaded.engine, body, &mut scratch)?;
    loaded.sums.read(&loaded.engine, &context);
    let answer = ask(&context);
    context.release(&mut scratch);
    SCRATCH.set(scratch);
    Ok(answer)
}

/// What is asked of a decider.
#[derive(Clone, Copy)]
pub(crate) struct Question<'e, 'r> {
    pub touchpoint: &'r str,
    pub context: &'r Context<'r>,
    pub now: Timestamp,
    /// What is on the same page already.
    pub taken: &'r Taken<'e>,
    /// What units were shown and did is not to be known: what goes by it is suppressed.
    pub is_blind: bool,
}

/// A new decision's name: a version 7 UUID of the instant of the decision.
pub(crate) fn decision_id(now: Timestamp) -> Uuid {
    let since_epoch = now.as_duration();
    let seconds = u64::try_from(since_epoch.as_secs()).unwrap_or(0);
    let nanos = u32::try_from(since_epoch.subsec_nanos()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

/// Names for the decisions of one request: of one instant and one random number, and counted from there, so that they
/// are as unlikely to meet others as one.
pub(crate) struct DecisionIds(u128);

impl DecisionIds {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(decision_id(now).as_u128())
    }

    pub(crate) fn draw(&mut self) -> Uuid {
        /// The random bits below the variant's.
        const RANDOM: u128 = (1 << 62) - 1;
        let counted = (self.0 & RANDOM).wrapping_add(1) & RANDOM;
        self.0 = (self.0 & !RANDOM) | counted;
        Uuid::from_u128(self.0)
    }
}

/// Whether deciding is showing: the winner's binding counts its exposures with the decision.
pub(crate) fn is_shown(winner: &Winner<'_>) -> bool {
    winner.exposure == Exposure::OnDecision
}
