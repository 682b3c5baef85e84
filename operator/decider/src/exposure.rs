//! Who was exposed to what, on its way to the collector.
//!
//! An exposure is sent once per unit, experiment or holdout, and arm in 24 hours. The queue is bounded: once it is more
//! than half full, units are shed by a hash that knows no arm, so that no arm is favoured, and counted.

use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::PoisonError;

use attune_core::bucket::{BASIS_POINTS, Salt};
use attune_core::decide::{Decision, HoldoutTest};
use attune_core::event::{self, Event, EventData, MAX_UNIT_BYTES};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;

use crate::metrics::{Counters, Label, label};

pub mod report;
mod seen;
#[cfg(test)]
mod tests;

use report::Counted;
use seen::Seen;

/// Events that wait for the collector unless told otherwise.
pub const DEFAULT_QUEUE: usize = 8192;

/// Exposures remembered as sent: about 3 MB when full.
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
    hasher: RandomState,
    pressure: Salt,
    fates: Counters<Fate>,
    deliveries: Deliveries,
}

/// What became of exposures that were queued; whoever delivers them counts it.
#[derive(Debug, Clone)]
pub struct Deliveries(Counted);

/// What an exposure is about.
pub(crate) struct Exposed<'a> {
    /// Names the decision, and with it the event.
    pub decision: &'a str,
    pub unit: &'a str,
    pub namespace: &'a str,
    pub channel: &'a str,
    pub at: Timestamp,
}

impl Exposures {
    /// No exposures: whoever embeds the decider reports them itself.
    pub fn off() -> Self {
        Self::with_queue(None)
    }

    /// A queue of at most `capacity` events and its other end.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self::with_queue(Some(sender)), receiver)
    }

    /// The same queue that other deciders fill too.
    pub fn shared(queue: mpsc::Sender<Event>) -> Self {
        Self::with_queue(Some(queue))
    }

    fn with_queue(queue: Option<mpsc::Sender<Event>>) -> Self {
        Self {
            queue,
            seen: Mutex::new(Seen::new(SEEN_ENTRIES)),
            hasher: RandomState::new(),
            pressure: Salt::new("attune:exposure-pressure"),
            fates: Counters::new(),
            deliveries: Deliveries(Counted::new(Counters::new())),
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
        self.deliveries.0.register(
            registry,
            "attune_decider_exposure_deliveries",
            "Queued exposures by what the collector made of them",
        );
    }

    /// Sends the exposure of a decision that some experiment or holdout is measured by, unless it was sent already.
    pub(crate) fn offer(&self, decision: &Decision<'_>, exposed: &Exposed<'_>) {
        let Some(queue) = &self.queue else { return };
        if decision.enrolment.is_some() || decision.holdout.is_some() {
            self.fates.inc(self.send(queue, decision, exposed, ""));
        }
        // An event names one holdout; a unit that two could have held counts for both.
        if let Some(name) = decision.passed_holdout {
            let passed = Decision {
                holdout: Some(HoldoutTest { name, held: false }),
                enrolment: None,
                ..decision.clone()
            };
            self.fates.inc(self.send(queue, &passed, exposed, ":passed"));
        }
    }

    /// Sends one event, named after the decision and `suffix`.
    fn send(
        &self,
        queue: &mpsc::Sender<Event>,
        decision: &Decision<'_>,
        exposed: &Exposed<'_>,
        suffix: &str,
    ) -> Fate {
        if exposed.unit.len() > MAX_UNIT_BYTES || exposed.unit.chars().any(char::is_control) {
            return Fate::Unreportable;
        }
        let keys = self.keys(decision, exposed.unit);
        if self.seen().knows(keys, exposed.at) {
            return Fate::Repeated;
        }
        if self.is_shed(queue, exposed.unit) {
            return Fate::Shed;
        }
        let Ok(permit) = queue.try_reserve() else {
            return Fate::Overflowed;
        };
        // Of two requests of one unit at the same time only one reports.
        let Some(forgotten) = self.seen().insert(keys, exposed.at) else {
            return Fate::Repeated;
        };
        self.fates.add(Fate::Forgotten, forgotten);
        permit.send(event(decision, exposed, suffix));
        Fate::Queued
    }

    /// What is sent once: the unit in its arm, and the unit in or out of its holdout.
    fn keys(&self, decision: &Decision<'_>, unit: &str) -> [Option<u64>; 2] {
        let enrolment = decision.enrolment.map(|enrolment| {
            let place = (enrolment.experiment, enrolment.phase, enrolment.arm);
            self.hasher.hash_one((unit, 'e', place))
        });
        let holdout = decision
            .holdout
            .map(|test| self.hasher.hash_one((unit, 'h', test.name, test.held)));
        [enrolment, holdout]
    }

    /// From half full on, the share of units that are shed grows evenly up to all of them when it is full. The hash
    /// knows the unit only, so that every arm loses the same share.
    fn is_shed(&self, queue: &mpsc::Sender<Event>, unit: &str) -> bool {
        let (free, half) = (queue.capacity(), queue.max_capacity().div_ceil(2));
        if free >= half {
            return false;
        }
        let kept = free as u64 * u64::from(BASIS_POINTS) / half.max(1) as u64;
        u64::from(self.pressure.bucket(unit, BASIS_POINTS)) >= kept
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
