//! What is counted of receivers.

use std::collections::BTreeMap;

use attune_api::conditions::Reason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;

/// What came of a call, or how a receiver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pushed {
    /// The receiver has it.
    Synced,
    /// It does not have it yet.
    Pending,
    /// It cannot be reached, or cannot take it now.
    Unreachable,
    /// It refuses it.
    Refused,
    /// It has something else.
    Drifted,
    /// A Secret is missing.
    SecretMissing,
    /// It may not be reached.
    EgressDenied,
    /// It cannot be written for it.
    Unsupported,
}

impl Pushed {
    const ALL: [Self; 8] = [
        Self::Synced,
        Self::Pending,
        Self::Unreachable,
        Self::Refused,
        Self::Drifted,
        Self::SecretMissing,
        Self::EgressDenied,
        Self::Unsupported,
    ];

    /// What a condition's reason counts as.
    pub(crate) const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Synced => Self::Synced,
            Reason::ReceiverUnreachable => Self::Unreachable,
            Reason::Refused => Self::Refused,
            Reason::Drifted => Self::Drifted,
            Reason::SecretMissing => Self::SecretMissing,
            Reason::EgressDenied => Self::EgressDenied,
            Reason::FormatUnsupported => Self::Unsupported,
            _ => Self::Pending,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Drifted => "drifted",
            Self::SecretMissing => "secret_missing",
            Self::EgressDenied => "egress_denied",
            Self::Unsupported => "unsupported",
        }
    }
}

#[derive(Debug)]
pub(super) struct Push {
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    receivers: Family<StateLabel, Gauge>,
    drifts: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    call: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

impl Push {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests = Family::default();
        let help = "Calls of receivers: rules sent, and questions for the revision, by what came of them";
        registry.register("requests", help, requests.clone());
        let durations = Histogram::new(exponential_buckets(0.005, 2.0, 13));
        let help = "Time that a call of a receiver took";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let receivers = Family::default();
        let help = "Receivers of Channels by state, where this replica leads";
        registry.register("receivers", help, receivers.clone());
        let drifts = Counter::default();
        let help = "Receivers that were found to have something else than they acknowledged";
        registry.register("drifts", help, drifts.clone());
        Self {
            requests,
            durations,
            receivers,
            drifts,
        }
    }
}

impl Metrics {
    /// A receiver was called, to `send` or to `look`.
    pub(crate) fn pushed(&self, call: &'static str, outcome: Pushed, seconds: f64) {
        let outcome = outcome.as_str();
        let labels = RequestLabels { call, outcome };
        self.push.requests.get_or_create(&labels).inc();
        self.push.durations.observe(seconds);
    }

    /// A receiver has something else than it acknowledged.
    pub(crate) fn drifted(&self) {
        self.push.drifts.inc();
    }

    /// How all receivers stand.
    pub(crate) fn counted_receivers(&self, counts: &BTreeMap<Pushed, i64>) {
        for state in Pushed::ALL {
            let count = counts.get(&state).copied().unwrap_or_default();
            let state = state.as_str();
            self.push
                .receivers
                .get_or_create(&StateLabel { state })
                .set(count);
        }
    }
}
