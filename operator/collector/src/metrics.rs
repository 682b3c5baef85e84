//! What Prometheus is told.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::store::{Receipt, Swept};

type Label = [(&'static str, &'static str); 1];

/// What became of events, since the process started. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    family: Family<Label, Counter>,
    stored: Counter,
    duplicates: Counter,
    refused: Counter,
    deferred: Counter,
    erasures: Counter,
    dropped: Family<Label, Counter>,
}

impl Default for Events {
    fn default() -> Self {
        let family = Family::<Label, Counter>::default();
        let counter = |result| family.get_or_create(&[("result", result)]).clone();
        Self {
            stored: counter("stored"),
            duplicates: counter("duplicate"),
            refused: counter("refused"),
            deferred: counter("deferred"),
            erasures: Counter::default(),
            dropped: Family::default(),
            family,
        }
    }
}

impl Events {
    pub(crate) fn take(&self, receipt: Receipt) {
        self.stored.inc_by(receipt.stored);
        self.duplicates.inc_by(receipt.duplicates);
    }

    pub(crate) fn refuse(&self, count: usize) {
        self.refused.inc_by(count as u64);
    }

    pub(crate) fn defer(&self, count: usize) {
        self.deferred.inc_by(count as u64);
    }

    pub(crate) fn erase(&self) {
        self.erasures.inc();
    }

    pub(crate) fn drop_rows(&self, swept: Swept) {
        for (what, count) in [
            ("event_ids", swept.event_ids),
            ("exposures", swept.exposures),
            ("outcomes", swept.outcomes),
            ("decisions", swept.decisions),
            ("bundles", swept.bundles),
            ("assignments", swept.assignments),
            ("sightings", swept.sightings),
            ("units", swept.units),
        ] {
            self.dropped.get_or_create(&[("what", what)]).inc_by(count);
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }

    pub(crate) fn deferred(&self) -> u64 {
        self.deferred.get()
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "attune_collector_events",
            "Events by what became of them; the sender of a deferred one was told to come again",
            self.family.clone(),
        );
        registry.register(
            "attune_collector_erasures",
            "Units that were erased on request",
            self.erasures.clone(),
        );
        registry.register(
            "attune_collector_dropped_rows",
            "Rows that were kept for as long as they are to be kept, and dropped",
            self.dropped.clone(),
        );
    }
}

/// What became of callers' tokens, since the process started. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Reviews {
    family: Family<Label, Counter>,
    /// The API server vouches for it.
    pub(crate) authenticated: Counter,
    /// The API server does not vouch for it, or not for this audience.
    pub(crate) refused: Counter,
    /// There was no verdict.
    pub(crate) failed: Counter,
    /// The verdict was remembered.
    pub(crate) remembered: Counter,
}

impl Default for Reviews {
    fn default() -> Self {
        let family = Family::<Label, Counter>::default();
        let counter = |outcome| family.get_or_create(&[("outcome", outcome)]).clone();
        Self {
            authenticated: counter("authenticated"),
            refused: counter("refused"),
            failed: counter("failed"),
            remembered: counter("remembered"),
            family,
        }
    }
}

impl Reviews {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "attune_collector_token_reviews",
            "Callers' tokens by their TokenReview, or by the verdict that was remembered",
            self.family.clone(),
        );
    }
}
