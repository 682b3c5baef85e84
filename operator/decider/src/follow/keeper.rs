//! The bundles that are there without the operator: on disk and in the mounted ConfigMap.

use std::time::{Duration, Instant};

use attune_core::bundle::Bundle;
use tracing::{info, warn};

use super::fallback::{Fallback, Ledger, Unpacked};
use super::poll::Published;
use super::store::Store;
use crate::complaint::Complaint;
use crate::decider::{Decider, Source};
use crate::metrics::Operation;

/// Keeps what was adopted, and finds it again. Its work blocks.
#[derive(Debug)]
pub(super) struct Keeper {
    decider: Decider,
    store: Option<Store>,
    fallback: Option<Fallback>,
    ledger: Ledger,
    /// What the disk has not taken yet.
    unsaved: Option<Unsaved>,
    /// Least time from one attempt to write to the next.
    pause: Duration,
    disk_complaint: Complaint,
    fallback_complaint: Complaint,
}

#[derive(Debug)]
struct Unsaved {
    /// The bundle; `None` where only the ledger is to be written.
    json: Option<Vec<u8>>,
    since: Instant,
}

impl Keeper {
    pub(super) fn new(
        decider: Decider,
        store: Option<Store>,
        fallback: Option<Fallback>,
        pause: Duration,
    ) -> Self {
        Self {
            decider,
            store,
            fallback,
            ledger: Ledger::default(),
            unsaved: None,
            pause,
            disk_complaint: Complaint::default(),
            fallback_complaint: Complaint::default(),
        }
    }

    /// Adopts the newer one of what is on disk and the fallback, or the other one where that is of no use.
    pub(super) fn restore(&mut self) {
        let kept = self.load();
        let fallback = self.look();
        let is_news = fallback
            .as_ref()
            .is_some_and(|fallback| self.ledger.observe(&fallback.revision));
        let fallback = fallback.map(|Unpacked { json, .. }| (Source::Fallback, json));
        let kept = kept.map(|json| (Source::Disk, json));
        let candidates = if is_news {
            [fallback, kept]
        } else {
            [kept, fallback]
        };
        for (source, json) in candidates.into_iter().flatten() {
            if self.try_adopt(&json, source) {
                if source == Source::Fallback {
                    self.save(Some(json));
                }
                return;
            }
        }
        info!("no bundle without the operator");
    }

    /// Adopts what the operator published. Tells whether its content is what its name says, and why it is of no use, if it is of
    /// none.
    pub(super) fn take(&mut self, published: Published) -> (bool, Result<(), String>) {
        if !published.is_intact() {
            return (false, Err("its content does not hash to its revision".to_owned()));
        }
        let Published { revision, json } = published;
        let adopted = self.decider.adopt_named(&json, &revision, Source::Operator);
        if let Err(error) = adopted {
            return (true, Err(error.to_string()));
        }
        self.ledger.adopt(&revision);
        self.save(Some(json));
        (true, Ok(()))
    }

    /// Looks at the fallback and at what the disk has not taken yet.
    ///
    /// While the operator answers, its word counts and a fallback is only taken note of; one that changes while it does
    /// not, or while there is nothing else to decide by, counts.
    pub(super) fn tend(&mut self, is_alone: bool) {
        if let Some(Unpacked { revision, json }) = self.look() {
            let is_news = self.ledger.observe(&revision);
            let counts = match self.decider.revision() {
                None => true,
                Some(known) => is_alone && is_news && known != revision,
            };
            let is_adopted = counts && self.try_adopt(&json, Source::Fallback);
            self.save(is_adopted.then_some(json));
        }
        self.retry();
    }

    /// What is on disk; a damaged file is counted and as good as none.
    fn load(&mut self) -> Option<Vec<u8>> {
        let store = self.store.clone()?;
        self.ledger = store.load_ledger();
        match store.load() {
            Ok(json) => json,
            Err(error) => {
                self.count(Operation::Load);
                let error = &error as &dyn std::error::Error;
                warn!(error, "the bundle on disk is of no use");
                None
            }
        }
    }

    /// The fallback, if it has changed.
    fn look(&mut self) -> Option<Unpacked> {
        match self.fallback.as_mut()?.look() {
            Ok(looked) => {
                if looked.is_some() {
                    self.fallback_complaint.settle();
                }
                looked
            }
            Err(error) => {
                self.count(Operation::Fallback);
                if self.fallback_complaint.is_news(&error) {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "the fallback is of no use");
                }
                None
            }
        }
    }

    fn try_adopt(&self, json: &[u8], source: Source) -> bool {
        // It was published as canonical JSON, which is named by its hash.
        match self.decider.adopt_named(json, &Bundle::revision(json), source) {
            Ok(revision) => {
                info!(
                    revision,
                    source = source.as_str(),
                    "adopted a bundle without the operator"
                );
                true
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, source = source.as_str(), "a bundle is of no use");
                false
            }
        }
    }

    fn save(&mut self, json: Option<Vec<u8>>) {
        if self.store.is_none() {
            return;
        }
        // A bundle that waits for the disk waits on; only another one takes its place.
        let waiting = self.unsaved.take().and_then(|unsaved| unsaved.json);
        self.unsaved = Some(Unsaved {
            json: json.or(waiting),
            since: Instant::now(),
        });
        self.write();
    }

    /// Writes what the disk did not take, once in a while.
    fn retry(&mut self) {
        let is_due = |unsaved: &Unsaved| unsaved.since.elapsed() >= self.pause;
        if self.unsaved.as_ref().is_some_and(is_due) {
            self.write();
        }
    }

    fn write(&mut self) {
        let (Some(store), Some(unsaved)) = (&self.store, &mut self.unsaved) else {
            return;
        };
        let saved = unsaved.json.as_ref().map_or(Ok(()), |json| store.save(json));
        match saved.and_then(|()| store.save_ledger(&self.ledger)) {
            Ok(()) => {
                self.unsaved = None;
                if self.disk_complaint.settle() {
                    info!("the disk takes bundles again");
                }
            }
            Err(error) => {
                unsaved.since = Instant::now();
                self.count(Operation::Save);
                if self.disk_complaint.is_news(&error) {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "the bundle decides but is not kept on disk; trying again");
                }
            }
        }
    }

    fn count(&self, operation: Operation) {
        self.decider.metrics().rules.store_failures.inc(operation);
    }
}
