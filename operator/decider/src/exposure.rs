//! Who was exposed to what, on its way to the collector.
//!
//! An exposure is sent once per unit, experiment or holdout, and arm in 24 hours. The queue is bounded: once it is more
//! than half full, units are shed by a hash that knows no arm, so that no arm is favoured, and counted. What the collector
//! does not take waits on disk where there is one ([`spool`]), else in the queue.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use attune_core::bucket::{BASIS_POINTS, Salt};
use attune_core::bundle::{Bundle, Exposure};
use attune_core::decide::{Decision, HoldoutTest};
use attune_core::event::{self, Event, EventData};
use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use crate::clock::At;
use crate::metrics::{Counters, Label, label};

mod kept;
pub mod post;
pub mod report;
mod seen;
pub mod spool;
#[cfg(test)]
mod tests;

use kept::Bundles;
pub(crate) use kept::Sample;
use report::{Counted, Delivery};
use seen::{Key, Seen};

/// Events that wait for the collector unless told otherwise.
pub const DEFAULT_QUEUE: usize = 8192;

/// Exposures remembered as sent: about 5 MB when full.
const SEEN_ENTRIES: usize = 65_536;

label! {
    /// What became of an exposure.
    Fate as "fate" {
        /// It is on its way.
        Queued = "queued",
        /// It was sent in the last 24 hours.
        Repeated = "repeated",
        /// The queue is filling up and the unit's hash says that it goes first.
        Shed = "shed",
        /// The queue is full or closed.
        Overflowed = "overflowed",
        /// The unit's id is nothing that an event may carry.
        Unreportable = "unreportable",
        /// One that the bounded memory no longer knew to be sent.
        Forgotten = "forgotten",
    }
}

/// Where a decider's exposures go.
#[derive(Debug)]
pub struct Exposures {
    queue: Option<mpsc::Sender<Event>>,
    seen: Mutex<Seen>,
    /// For units, which callers name.
    units: RandomState,
    /// For what the bundle names, of which nobody can choose one that is mistaken for another: a fast hash.
    places: foldhash::quality::RandomState,
    pressure: Pressure,
    fates: Counters<Fate>,
    /// What became of decisions that are kept.
    kept: Counters<Fate>,
    deliveries: Deliveries,
}

/// What became of events that were queued; whoever delivers them counts it.
#[derive(Debug, Clone)]
pub struct Deliveries {
    counted: Counted,
    /// What is to be delivered before them.
    bundles: Option<Arc<Bundles>>,
    /// Bytes that wait on disk.
    spooled: Gauge,
}

/// Exposures since the start, with the decisions that are kept, and those that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// That are on their way or arrived.
    pub queued: u64,
    /// That the collector has.
    pub delivered: u64,
    /// That were dropped: shed, without room, unwanted, or lost when the process ended.
    pub dropped: u64,
    /// Bytes of those that wait on disk.
    pub spooled_bytes: u64,
}

/// Which units go first when room runs short.
#[derive(Debug, Clone)]
struct Pressure(Salt);

impl Pressure {
    fn new() -> Self {
        Self(Salt::new("attune:exposure-pressure"))
    }

    /// From half full on, the share of units that are shed grows evenly up to all of them when there is no room. The hash
    /// knows the unit only, so that every arm loses the same share.
    fn sheds(&self, unit: &str, free: u64, room: u64) -> bool {
        let half = room.div_ceil(2).max(1);
        if free >= half {
            return false;
        }
        let kept = u128::from(free) * u128::from(BASIS_POINTS) / u128::from(half);
        u128::from(self.0.bucket(unit, BASIS_POINTS)) >= kept
    }
}

/// What an exposure is about.
#[derive(Debug, Clone, Copy)]
pub struct Exposed<'a> {
    /// Names the decision, and with it the event.
    pub decision: &'a str,
    /// Who was exposed.
    pub unit: &'a str,
    /// The Channel's namespace.
    pub namespace: &'a str,
    /// The Channel.
    pub channel: &'a str,
    /// When it was decided.
    pub at: Timestamp,
}

/// What was sent by then is sent again.
pub(crate) fn over(now: Timestamp) -> At {
    seen::over(now)
}

/// Whether an event can carry a unit's id.
pub fn is_reportable(unit: &str) -> bool {
    event::is_unit(unit)
}

/// The events by which a decider tells of a decision that counts as shown: none where nothing is measured by it, or where
/// the channel reports what it renders.
pub fn events(decision: &Decision<'_>, exposed: &Exposed<'_>) -> Vec<Event> {
    let is_shown = decision
        .winner
        .is_some_and(|winner| winner.exposure == Exposure::OnDecision);
    if !is_shown || !is_reportable(exposed.unit) {
        return Vec::new();
    }
    let own = is_measured(decision).then(|| event(decision, exposed, ""));
    let passed = passed(decision).map(|passed| event(&passed, exposed, PASSED));
    own.into_iter().chain(passed).collect()
}

/// Whether some experiment or holdout is measured by a decision.
fn is_measured(decision: &Decision<'_>) -> bool {
    decision.enrolment.is_some() || decision.holdout.is_some()
}

/// Follows the decision's id in that of the event about the holdout that was tested first.
const PASSED: &str = ":passed";

/// The same decision as the holdout counts it that was tested first and did not hold: an event names one holdout, and a
/// unit that two could have held counts for both.
fn passed<'e>(decision: &Decision<'e>) -> Option<Decision<'e>> {
    let name = decision.passed_holdout?;
    Some(Decision {
        holdout: Some(HoldoutTest { name, held: false }),
        enrolment: None,
        ..decision.clone()
    })
}

impl Exposures {
    /// No exposures: whoever embeds the decider reports them itself.
    pub fn off() -> Self {
        Self::with_queue(None)
    }

    /// A queue of at most `capacity` events and its other end.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let mut exposures = Self::with_queue(Some(sender));
        exposures.deliveries.bundles = Some(Arc::default());
        (exposures, receiver)
    }

    /// The same queue that other deciders fill too; whoever embeds them has the bundles anyway.
    pub fn shared(queue: mpsc::Sender<Event>) -> Self {
        Self::with_queue(Some(queue))
    }

    fn with_queue(queue: Option<mpsc::Sender<Event>>) -> Self {
        Self {
            queue,
            seen: Mutex::new(Seen::new(SEEN_ENTRIES)),
            units: RandomState::new(),
            places: foldhash::quality::RandomState::default(),
            pressure: Pressure::new(),
            fates: Counters::new(),
            kept: Counters::new(),
            deliveries: Deliveries {
                counted: Counted::new(Counters::new()),
                bundles: None,
                spooled: Gauge::default(),
            },
        }
    }

    /// Counts what becomes of the queue's events.
    pub fn deliveries(&self) -> Deliveries {
        self.deliveries.clone()
    }

    /// Makes the exposures' fates readable as metrics.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.fates.register(
            registry,
            "attune_decider_exposures",
            "Exposures by what became of them on the way to the collector",
        );
        self.kept.register(
            registry,
            "attune_decider_kept_decisions",
            "Decisions that are to be kept by what became of them on the way to the collector",
        );
        self.deliveries.counted.register(
            registry,
            "attune_decider_exposure_deliveries",
            "Queued exposures and decisions by what the collector made of them",
        );
        registry.register(
            "attune_decider_exposures_spooled_bytes",
            "Bytes of exposures that wait on disk for the collector",
            self.deliveries.spooled.clone(),
        );
    }

    /// What became of exposures so far.
    pub(crate) fn tally(&self) -> Tally {
        let fate = |fate| self.fates.get(fate);
        let delivery = |delivery| self.deliveries.counted.get(delivery);
        Tally {
            queued: fate(Fate::Queued) + self.kept.get(Fate::Queued),
            delivered: delivery(Delivery::Delivered),
            dropped: fate(Fate::Shed)
                + fate(Fate::Overflowed)
                + self.kept.get(Fate::Shed)
                + self.kept.get(Fate::Overflowed)
                + delivery(Delivery::Refused)
                + delivery(Delivery::Shed)
                + delivery(Delivery::Lost),
            spooled_bytes: u64::try_from(self.deliveries.spooled.get()).unwrap_or(0),
        }
    }

    /// Forgets that exposures of a unit were sent, as far as a bundle tells which those can be: a unit that was erased is
    /// a new one, and its next exposure counts.
    pub(crate) fn forget(&self, bundle: &Bundle, unit: &str) {
        let arms = bundle.experiments.iter().flat_map(|(name, experiment)| {
            let arms = experiment.arms.iter();
            arms.map(|arm| (name.as_str(), experiment.phase, arm.name.as_str()))
        });
        let of_unit = self.units.hash_one(unit);
        let keys: Vec<Key> = arms
            .map(|place| self.enrolment_key(of_unit, place))
            .chain(
                bundle
                    .holdouts
                    .keys()
                    .flat_map(|name| [true, false].map(|held| self.holdout_key(of_unit, name, held))),
            )
            .collect();
        self.seen().remove(&keys);
    }

    /// All that a decision is reported for, as a hash; `None` where it is not reported.
    pub(crate) fn place(&self, decision: &Decision<'_>) -> Option<u64> {
        self.queue.as_ref().filter(|_| is_measured(decision))?;
        let enrolment = decision.enrolment.map(|one| (one.experiment, one.phase, one.arm));
        let holdout = decision.holdout.map(|test| (test.name, test.held));
        Some(
            self.places
                .hash_one((enrolment, holdout, decision.passed_holdout)),
        )
    }

    /// Counts a decision all of which was sent less than 24 hours ago.
    pub(crate) fn repeat(&self, decision: &Decision<'_>) {
        let events = 1 + u64::from(decision.passed_holdout.is_some());
        self.fates.add(Fate::Repeated, events);
    }

    /// Sends the exposure of a decision that some experiment or holdout is measured by, unless it was sent already. Tells
    /// since when all of it is sent; `None` where some of it is not.
    pub(crate) fn offer(&self, decision: &Decision<'_>, exposed: &Exposed<'_>) -> Option<At> {
        let queue = self.queue.as_ref()?;
        if !is_measured(decision) {
            return None;
        }
        let (fate, own) = self.send(queue, decision, exposed, "");
        self.fates.inc(fate);
        let Some(passed) = passed(decision) else {
            return own;
        };
        let (fate, other) = self.send(queue, &passed, exposed, PASSED);
        self.fates.inc(fate);
        Some(own?.min(other?))
    }

    /// Sends one event, named after the decision and `suffix`; and since when it is sent.
    fn send(
        &self,
        queue: &mpsc::Sender<Event>,
        decision: &Decision<'_>,
        exposed: &Exposed<'_>,
        suffix: &str,
    ) -> (Fate, Option<At>) {
        if !is_reportable(exposed.unit) {
            return (Fate::Unreportable, None);
        }
        let keys = self.keys(decision, exposed.unit);
        let since = self.seen().since(keys, exposed.at);
        if since.is_some() {
            return (Fate::Repeated, since);
        }
        if self.is_shed(queue, exposed.unit) {
            return (Fate::Shed, None);
        }
        let Ok(permit) = queue.try_reserve() else {
            return (Fate::Overflowed, None);
        };
        // Of two requests of one unit at the same time only one reports.
        let Some(forgotten) = self.seen().insert(keys, exposed.at) else {
            return (Fate::Repeated, None);
        };
        self.fates.add(Fate::Forgotten, forgotten);
        permit.send(event(decision, exposed, suffix));
        (Fate::Queued, Some(exposed.at.into()))
    }

    /// What is sent once: the unit in its arm, and the unit in or out of its holdout.
    fn keys(&self, decision: &Decision<'_>, unit: &str) -> [Option<Key>; 2] {
        let unit = self.units.hash_one(unit);
        let enrolment = decision.enrolment.map(|enrolment| {
            let place = (enrolment.experiment, enrolment.phase, enrolment.arm);
            self.enrolment_key(unit, place)
        });
        let holdout = decision
            .holdout
            .map(|test| self.holdout_key(unit, test.name, test.held));
        [enrolment, holdout]
    }

    fn enrolment_key(&self, unit: u64, place: (&str, i32, &str)) -> Key {
        let place = self.places.hash_one(('e', place));
        Key { unit, place }
    }

    fn holdout_key(&self, unit: u64, name: &str, held: bool) -> Key {
        let place = self.places.hash_one(('h', name, held));
        Key { unit, place }
    }

    fn is_shed(&self, queue: &mpsc::Sender<Event>, unit: &str) -> bool {
        self.pressure
            .sheds(unit, queue.capacity() as u64, queue.max_capacity() as u64)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(decision: &Decision<'_>, exposed: &Exposed<'_>, suffix: &str) -> Event {
    let exposure = event::Exposure {
        unit: exposed.unit.to_owned(),
        decision: Some(exposed.decision.to_owned()),
        channel: Some(exposed.channel.to_owned()),
        touchpoint: Some(decision.touchpoint.to_owned()),
        binding: decision.winner.map(|winner| winner.binding.to_owned()),
        variant: decision.content.map(|content| content.variant.to_owned()),
        revision: Some(decision.revision.to_owned()),
        enrolment: decision.enrolment.map(|enrolment| event::Enrolment {
            experiment: enrolment.experiment.to_owned(),
            phase: enrolment.phase,
            arm: enrolment.arm.to_owned(),
        }),
        holdout: decision.holdout.map(|test| event::HoldoutTest {
            name: test.name.to_owned(),
            held: test.held,
        }),
    };
    Event {
        id: format!("{}{suffix}", exposed.decision),
        source: format!("/attune/{}/{}", exposed.namespace, exposed.channel),
        time: exposed.at,
        namespace: Some(exposed.namespace.to_owned()),
        data: EventData::Exposure(exposure),
    }
}
