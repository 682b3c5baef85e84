//! Decisions that are kept, so that they can be explained later.
//!
//! They go the way of exposures, which go before them: a measurement is worth more than an explanation. The bundle that
//! decided goes ahead, once for each revision.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attune_core::bucket::Salt;
use attune_core::bundle::{Bundle, Replay};
use attune_core::decide::Decision;
use attune_core::event::{Decided, Event, EventData, MAX_INPUTS_BYTES};
use attune_core::replay::Inputs;
use tokio::sync::mpsc;

use super::{Exposed, Exposures, Fate, is_reportable};

/// Bundles that wait for the collector at most; of more, the oldest are gone, and what they decided cannot be made again.
const MOST: usize = 8;

/// Which decisions are kept.
#[derive(Debug)]
pub(crate) struct Sample {
    salt: Salt,
    replay: Replay,
}

impl Sample {
    /// What a bundle's Channel asks for.
    pub(crate) fn of(bundle: &Bundle) -> Option<Self> {
        Some(Self {
            salt: Salt::new(&format!("{}/{}:replay", bundle.namespace, bundle.channel)),
            replay: bundle.settings.replay?,
        })
    }

    /// Whether those of a unit are: all of them or none, so that what somebody calls about is there as a whole.
    pub(crate) fn admits(&self, unit: &str) -> bool {
        self.salt.admits(unit, self.replay.sample_bp)
    }
}

impl Exposures {
    /// Sends what a decision depended on, unless room runs short.
    pub(crate) fn keep(
        &self,
        decision: &Decision<'_>,
        exposed: &Exposed<'_>,
        inputs: Inputs,
        sample: &Sample,
    ) {
        let Some(queue) = &self.queue else { return };
        self.kept
            .inc(send(queue, || event(decision, exposed, inputs, sample)));
    }

    /// Takes note that a bundle decides of which decisions are kept.
    pub(crate) fn owe(&self, bundle: &Bundle, revision: &str) {
        let Some(bundles) = &self.deliveries.bundles else {
            return;
        };
        if bundle.settings.replay.is_none() {
            return;
        }
        // INVARIANT: what was loaded can be written.
        if let Ok(json) = bundle.canonical() {
            bundles.owe(Owed {
                namespace: bundle.namespace.clone(),
                revision: revision.to_owned(),
                json: json.into(),
            });
        }
    }
}

fn send(queue: &mpsc::Sender<Event>, event: impl FnOnce() -> Option<Event>) -> Fate {
    if queue.capacity() < queue.max_capacity() / 2 {
        return Fate::Shed;
    }
    let Ok(permit) = queue.try_reserve() else {
        return Fate::Overflowed;
    };
    let Some(event) = event() else {
        return Fate::Unreportable;
    };
    permit.send(event);
    Fate::Queued
}

/// `None` where no event can carry it.
fn event(decision: &Decision<'_>, exposed: &Exposed<'_>, inputs: Inputs, sample: &Sample) -> Option<Event> {
    let bytes = serde_json::to_vec(&inputs).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_INPUTS_BYTES || !is_reportable(exposed.unit) {
        return None;
    }
    let winner = decision.winner;
    let decided = Decided {
        unit: exposed.unit.to_owned(),
        channel: exposed.channel.to_owned(),
        touchpoint: decision.touchpoint.to_owned(),
        revision: decision.revision.to_owned(),
        reason: decision.reason.as_str().to_owned(),
        variant: decision.content.map(|content| content.variant.to_owned()),
        binding: winner.map(|winner| winner.binding.to_owned()),
        audience: winner.and_then(|winner| winner.audience.map(str::to_owned)),
        retention_seconds: i32::try_from(sample.replay.retention_seconds).unwrap_or(i32::MAX),
        inputs,
    };
    Some(Event {
        id: exposed.decision.to_owned(),
        source: format!("/attune/{}/{}/decisions", exposed.namespace, exposed.channel),
        time: exposed.at,
        namespace: Some(exposed.namespace.to_owned()),
        data: EventData::Decision(Box::new(decided)),
    })
}

/// Bundles that the collector is to have.
#[derive(Debug, Default)]
pub(super) struct Bundles(Mutex<VecDeque<Owed>>);

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Owed {
    pub namespace: String,
    pub revision: String,
    /// As the revision is the hash of.
    pub json: Arc<[u8]>,
}

impl Bundles {
    fn owe(&self, owed: Owed) {
        let mut all = self.all();
        if all.iter().any(|known| known.revision == owed.revision) {
            return;
        }
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(owed);
    }

    /// The one that waits longest.
    pub(super) fn next(&self) -> Option<Owed> {
        self.all().front().cloned()
    }

    /// It is there, or never will be.
    pub(super) fn settle(&self, revision: &str) {
        self.all().retain(|owed| owed.revision != revision);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Owed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
