//! What Prometheus is told.

use attune_api::Kind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The operator's metrics; every label comes from a closed set.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    watch_failures: Family<KindLabel, Counter>,
    settles: Histogram,
    compilations: Counter,
    answers: Family<OutcomeLabel, Counter>,
    publishes: Counter,
    status_writes: Family<KindLabel, Counter>,
    status_failures: Family<KindLabel, Counter>,
    polls: Counter,
    ready: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// What came of a question to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer says what stands on the Experiment.
    Unchanged,
    /// The answer is to be written.
    Changed,
    /// The Experiment has no verdict yet that the answer could stand beside.
    Early,
    /// There was no answer.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Early => "early",
            Self::Failed => "failed",
        }
    }
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("attune_operator");
        let watch_failures = Family::default();
        registry.register(
            "watch_failures",
            "Watches that failed and were started again",
            watch_failures.clone(),
        );
        let settles = Histogram::new(exponential_buckets(0.0005, 2.0, 14));
        let help = "Time to compile what changed and to say what differs, where something was compiled";
        registry.register_with_unit("settle_duration", help, Unit::Seconds, settles.clone());
        let compilations = Counter::default();
        registry.register("compilations", "Namespaces compiled", compilations.clone());
        let answers = Family::default();
        registry.register(
            "results",
            "Questions to the collector, by what came of them",
            answers.clone(),
        );
        let publishes = Counter::default();
        registry.register(
            "publications",
            "Bundles published with a new revision",
            publishes.clone(),
        );
        let status_writes = Family::default();
        registry.register("status_writes", "Statuses written", status_writes.clone());
        let status_failures = Family::default();
        registry.register(
            "status_failures",
            "Statuses that could not be written and wait",
            status_failures.clone(),
        );
        let polls = Counter::default();
        registry.register(
            "decider_polls",
            "Requests of deciders for a bundle",
            polls.clone(),
        );
        let ready = Gauge::default();
        registry.register(
            "ready",
            "1 once everything was listed and compiled",
            ready.clone(),
        );
        Self {
            registry,
            watch_failures,
            settles,
            compilations,
            answers,
            publishes,
            status_writes,
            status_failures,
            polls,
            ready,
        }
    }

    pub(crate) fn watch_failed(&self, kind: Kind) {
        self.watch_failures
            .get_or_create(&KindLabel { kind: kind.name() })
            .inc();
    }

    /// Namespaces were compiled, which took so long with all that followed.
    pub(crate) fn compiled(&self, namespaces: u64, seconds: f64) {
        self.compilations.inc_by(namespaces);
        self.settles.observe(seconds);
    }

    pub(crate) fn is_ready(&self) {
        self.ready.set(1);
    }

    pub(crate) fn answered(&self, outcome: Outcome) {
        let outcome = outcome.as_str();
        self.answers.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(crate) fn published(&self) {
        self.publishes.inc();
    }

    pub(crate) fn status_written(&self, kind: Kind) {
        self.status_writes
            .get_or_create(&KindLabel { kind: kind.name() })
            .inc();
    }

    pub(crate) fn status_failed(&self, kind: Kind) {
        self.status_failures
            .get_or_create(&KindLabel { kind: kind.name() })
            .inc();
    }

    pub(crate) fn polled(&self) {
        self.polls.inc();
    }

    /// In the text format of `OpenMetrics`.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
