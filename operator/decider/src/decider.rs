//! One Channel's decisions: the rules in force, the units' past and the way of exposures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::{ArcSwapOption, Guard};
use attune_core::bundle::Exposure;
use attune_core::decide::{Decision, Request, UnknownTouchpoint, Winner};
use attune_core::engine::Engine;
use attune_core::event::{Event, EventData};
use attune_core::history::{History, NoHistory, UnknownHistory};
use attune_core::measure::counts::Counts;
use attune_core::replay::Inputs;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::access::Access;
use crate::answers::Answers;
use crate::clock::Clock;
use crate::exposure::report::Eraser;
use crate::exposure::{self, Exposed, Exposures, Sample, Tally};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::relay::Relay;
use crate::shared::Shared;
use crate::state::State;
use crate::sums::{Account, Sums};

mod adopt;
mod agreed;
mod builder;
mod ids;
mod kept;
mod news;
mod question;
mod reported;
mod source;
#[cfg(test)]
mod tests;

use adopt::ChannelName;
pub use adopt::{AdoptError, Refused};
pub use builder::{Builder, Introspection};
pub(crate) use ids::{DecisionIds, decision_id};
pub(crate) use news::News;
pub(crate) use question::{Question, with_context};
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

/// A bundle in force.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    /// What is counted of its decisions.
    pub(crate) sums: Arc<Sums>,
    /// Which of its decisions are kept.
    pub(crate) sample: Option<Sample>,
    /// Answers that were given by it.
    pub(crate) answers: Answers,
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

impl Decider {
    /// A decider without a bundle, to be configured.
    pub fn builder() -> Builder {
        Builder::default()
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
        let mut report = Report::Offered;
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
                    report = match self.0.exposures.place(&decision) {
                        Some(place) if record.is_reported(place, exposure::over(now)) => Report::Sent,
                        Some(place) => Report::Remembered(place),
                        None => Report::Offered,
                    };
                    record.charge(&winner, &bundle.channel, now);
                    drop(record);
                    if let Some(shared) = self.sharing() {
                        shared.write(unit, &winner, &bundle.channel, now, id);
                    }
                }
                (decision, inputs)
            }
        };
        self.tell(loaded, unit, (&decision, inputs, report), now, id);
        Ok(decision)
    }

    /// Counts a decision, reports the exposure where the winner's binding says so, and keeps what it depended on.
    fn tell(
        &self,
        loaded: &Loaded,
        unit: Option<&str>,
        (decision, inputs, report): (&Decision<'_>, Option<Inputs>, Report),
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
                self.report(decision, &exposed, report);
            }
            if let Some(inputs) = inputs {
                self.keep(loaded, (decision, inputs), &exposed);
            }
        }
    }

    fn report(&self, decision: &Decision<'_>, exposed: &Exposed<'_>, report: Report) {
        if matches!(report, Report::Sent) {
            self.0.exposures.repeat(decision);
            return;
        }
        let since = self.0.exposures.offer(decision, exposed);
        if let (Some(since), Report::Remembered(place)) = (since, report) {
            self.0.state.report(exposed.unit, place, since);
        }
    }
}

/// How a decision that counts as shown is reported.
#[derive(Debug, Clone, Copy)]
enum Report {
    /// The memory of the unit says that all of it was sent less than 24 hours ago.
    Sent,
    /// It does not, and is told once it is: what it is reported for, as a hash.
    Remembered(u64),
    /// Nobody asked the memory of the unit.
    Offered,
}

/// Whether deciding is showing: the winner's binding counts its exposures with the decision.
pub(crate) fn is_shown(winner: &Winner<'_>) -> bool {
    winner.exposure == Exposure::OnDecision
}
