//! What Prometheus is told.

use attune_api::channel::DeciderFigures;
use attune_api::{EventReason, Kind};
use attune_compile::live::Rules;
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
    leader: Gauge,
    cluster: Cluster,
    push: Push,
}

mod push;

use push::Push;
pub(crate) use push::Pushed;

/// What the parts of a cluster do to the operator, and it to them.
#[derive(Debug)]
struct Cluster {
    webhooks: Family<WebhookLabels, Counter>,
    webhook_times: Family<WebhookLabel, Histogram>,
    reviews: Family<OutcomeLabel, Counter>,
    peers: Family<OutcomeLabel, Counter>,
    certificates: Family<CertificateLabel, Gauge>,
    deciders: Family<StateLabel, Gauge>,
    rules: Family<StateLabel, Gauge>,
    events: Family<ReasonLabel, Counter>,
    lost_events: Counter,
}

/// A question of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Webhook {
    /// Whether a pod gets a decider.
    Inject,
    /// Whether a resource may be written.
    Validate,
}

impl Webhook {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Validate => "validate",
        }
    }
}

/// What came of a look at who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reviewed {
    /// It is known who asks.
    Accepted,
    /// It is known, and may not have what it asks for.
    Denied,
    /// The token proves nothing.
    Refused,
    /// The API server could not be asked.
    Failed,
}

impl Reviewed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabel {
    webhook: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
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
    pub(crate) const fn as_str(self) -> &'static str {
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
        let mut whole = Registry::with_prefix("attune");
        let push = Push::new(whole.sub_registry_with_prefix("push"));
        let registry = whole.sub_registry_with_prefix("operator");
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
        let leader = Gauge::default();
        registry.register("leader", "1 while this replica writes", leader.clone());
        let cluster = Cluster::new(registry);
        Self {
            registry: whole,
            watch_failures,
            settles,
            compilations,
            answers,
            publishes,
            status_writes,
            status_failures,
            polls,
            ready,
            leader,
            cluster,
            push,
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

    /// Whether this replica writes.
    pub(crate) fn led(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A webhook answered; the outcome comes from a closed set of what answers.
    pub(crate) fn webhook_answered(&self, webhook: Webhook, outcome: &'static str, seconds: f64) {
        let webhook = webhook.as_str();
        let labels = WebhookLabels { webhook, outcome };
        self.cluster.webhooks.get_or_create(&labels).inc();
        let times = &self.cluster.webhook_times;
        times.get_or_create(&WebhookLabel { webhook }).observe(seconds);
    }

    /// Somebody said who it is.
    pub(crate) fn reviewed(&self, reviewed: Reviewed) {
        let outcome = reviewed.as_str();
        self.cluster
            .reviews
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
    }

    /// The leader was told what deciders said here, or could not be.
    pub(crate) fn told_peer(&self, is_told: bool) {
        let outcome = if is_told { "told" } else { "failed" };
        self.cluster.peers.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// A certificate ends at this second of Unix time.
    pub(crate) fn certificate_expires(&self, certificate: &'static str, at: i64) {
        let label = CertificateLabel { certificate };
        self.cluster.certificates.get_or_create(&label).set(at);
    }

    /// Deciders of all Channels together.
    pub(crate) fn counted(&self, deciders: &DeciderFigures) {
        for (state, count) in [
            ("desired", deciders.desired),
            ("injected", deciders.injected),
            ("current", deciders.current),
            ("stale", deciders.stale),
            ("missing", deciders.missing),
        ] {
            let gauge = self.cluster.deciders.get_or_create(&StateLabel { state });
            gauge.set(i64::from(count));
        }
    }

    /// Rules of all namespaces together, and how many of the live ones have won somebody within seven days.
    pub(crate) fn counted_rules(&self, rules: Rules, fired: i32) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in [
            ("declared", count(rules.declared)),
            ("live", count(rules.live)),
            ("fired", i64::from(fired)),
        ] {
            self.cluster.rules.get_or_create(&StateLabel { state }).set(count);
        }
    }

    /// An Event was posted.
    pub(crate) fn told(&self, reason: EventReason) {
        let reason = reason.as_str();
        self.cluster.events.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// An Event was not posted: there were too many, or the API server did not take it.
    pub(crate) fn event_lost(&self) {
        self.cluster.lost_events.inc();
    }

    /// In the text format of `OpenMetrics`.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

impl Cluster {
    fn new(registry: &mut Registry) -> Self {
        let webhooks = Family::default();
        let help = "Webhook requests, by what came of them";
        registry.register("webhook_requests", help, webhooks.clone());
        let times = || Histogram::new(exponential_buckets(0.0005, 2.0, 12));
        let webhook_times = Family::new_with_constructor(times as fn() -> Histogram);
        let help = "Time to answer a webhook request";
        registry.register_with_unit("webhook_duration", help, Unit::Seconds, webhook_times.clone());
        let reviews = Family::default();
        let help = "Looks at who asks for a bundle, by what came of them";
        registry.register("token_reviews", help, reviews.clone());
        let peers = Family::default();
        let help = "Reports to the leader of what deciders said to another replica, by what came of them";
        registry.register("peers", help, peers.clone());
        let certificates = Family::default();
        let help = "When a certificate ends, in seconds of Unix time";
        let unit = Unit::Other("timestamp_seconds".to_owned());
        registry.register_with_unit("certificate_expiry", help, unit, certificates.clone());
        let deciders = Family::default();
        let help = "Deciders of all Channels by state, where this replica leads";
        registry.register("deciders", help, deciders.clone());
        let rules = Family::default();
        let help = "Rules of all namespaces by state, where this replica leads: fired is live and won somebody within seven days";
        registry.register("rules", help, rules.clone());
        let events = Family::default();
        registry.register("events", "Events posted, by reason", events.clone());
        let lost_events = Counter::default();
        let help = "Events not posted: too many at a time, or not taken";
        registry.register("events_lost", help, lost_events.clone());
        Self {
            webhooks,
            webhook_times,
            reviews,
            peers,
            certificates,
            deciders,
            rules,
            events,
            lost_events,
        }
    }
}

#[cfg(test)]
mod tests;
