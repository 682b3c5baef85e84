//! What is counted of a shared memory.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::metrics::{Counters, Label, label};

label! {
    /// What a shared memory is asked for.
    Operation as "operation" {
        /// What is known of a unit.
        Read = "read",
        /// To add what was shown if nobody else added meanwhile.
        Charge = "charge",
        /// To add what was shown or done.
        Write = "write",
        /// To forget a unit.
        Erase = "erase",
    }
}

label! {
    /// Why a shared memory gave no answer.
    Failure as "reason" {
        /// The decider has no address of it.
        Unconfigured = "unconfigured",
        /// There is no connection, or none that answers.
        Disconnected = "disconnected",
        /// It did not answer in time.
        Timeout = "timeout",
        /// It refused.
        Refused = "refused",
    }
}

label! {
    /// What decided instead of a shared memory.
    Instead as "by" {
        /// The decider's own memory.
        Own = "own",
        /// That nothing is known.
        Nothing = "nothing",
    }
}

/// What is counted of a shared memory.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub requests: Counters<Operation>,
    pub failures: Counters<Failure>,
    /// Requests that were decided without it.
    pub instead: Counters<Instead>,
    /// Charges that somebody else came before.
    pub conflicts: Counter,
    /// What was not written for want of room.
    pub lost: Counter,
    pub waiting: Gauge,
    pub connected: Gauge,
    seconds: Family<[(&'static str, &'static str); 1], Histogram>,
}

impl Gauges {
    pub(super) fn new() -> Self {
        Self {
            requests: Counters::new(),
            failures: Counters::new(),
            instead: Counters::new(),
            conflicts: Counter::default(),
            lost: Counter::default(),
            waiting: Gauge::default(),
            connected: Gauge::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new([
                    0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0,
                ])
            }),
        }
    }

    /// How long an answer took, or was waited for.
    pub(super) fn took(&self, operation: Operation, time: Duration) {
        self.seconds
            .get_or_create(&[(Operation::NAME, operation.as_str())])
            .observe(time.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.requests.register(
            registry,
            "attune_decider_state_requests",
            "Requests to the shared memory of units",
        );
        self.failures.register(
            registry,
            "attune_decider_state_failures",
            "Requests that the shared memory of units did not answer, by why",
        );
        self.instead.register(
            registry,
            "attune_decider_state_fallbacks",
            "Requests decided without the shared memory of units, by what decided instead",
        );
        registry.register(
            "attune_decider_state_conflicts",
            "Charges that another decider came before, which were decided again",
            self.conflicts.clone(),
        );
        registry.register(
            "attune_decider_state_lost",
            "Shows and outcomes that never reached the shared memory of units",
            self.lost.clone(),
        );
        registry.register(
            "attune_decider_state_waiting",
            "Shows and outcomes that wait for the shared memory of units",
            self.waiting.clone(),
        );
        registry.register(
            "attune_decider_state_connected",
            "1 while there is a connection to the shared memory of units that answers",
            self.connected.clone(),
        );
        registry.register_with_unit(
            "attune_decider_state_latency",
            "How long the shared memory of units took to answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
    }
}
