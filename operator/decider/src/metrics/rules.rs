//! Which rules decide, where they came from and when somebody last confirmed them.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Counters, Label, label};

label! {
    /// What a question to the operator came to.
    Poll as "result" {
        /// Nothing is newer than what decides.
        Unchanged = "unchanged",
        /// Another bundle.
        Published = "published",
        /// Nothing but the bundle that was refused before.
        Refused = "refused",
        /// The token is not accepted, or not for this Channel.
        Denied = "denied",
        /// No usable answer.
        Failed = "failed",
    }
}

label! {
    /// What a file was wanted for.
    Operation as "operation" {
        /// Reading the last good bundle from disk.
        Load = "load",
        /// Keeping a bundle on disk.
        Save = "save",
        /// Reading the bundle in the mounted ConfigMap.
        Fallback = "fallback",
    }
}

type Name = [(&'static str, String); 2];

/// Where rules come from, as a metric.
#[derive(Debug)]
pub(crate) struct Rules {
    info: Family<Name, Gauge>,
    shown: Mutex<Option<Name>>,
    since: Gauge,
    polled: Gauge,
    /// Questions to the operator.
    pub polls: Counters<Poll>,
    /// Files that could not be read or written.
    pub store_failures: Counters<Operation>,
    /// Times that the wait for a first bundle ended without one.
    pub startup_timeouts: Counter,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self {
            info: Family::default(),
            shown: Mutex::default(),
            since: Gauge::default(),
            polled: Gauge::default(),
            polls: Counters::new(),
            store_failures: Counters::new(),
            startup_timeouts: Counter::default(),
        }
    }

    /// This revision decides, from that source.
    pub(crate) fn show(&self, revision: &str, source: &'static str) {
        let name = [("revision", revision.to_owned()), ("source", source.to_owned())];
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref() == Some(&name) {
            return;
        }
        self.info.get_or_create(&name).set(1);
        // INVARIANT: one series at a time; revisions have no end.
        if let Some(last) = shown.replace(name) {
            self.info.remove(&last);
        }
    }

    /// Another bundle decides from now on.
    pub(crate) fn mark_adopted(&self, now: Timestamp) {
        self.since.set(now.as_second());
    }

    /// The operator has answered.
    pub(crate) fn mark_polled(&self, now: Timestamp) {
        self.polled.set(now.as_second());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "attune_decider_bundle_info",
            "1 for the revision that decides, with the source that vouches for it",
            self.info.clone(),
        );
        registry.register(
            "attune_decider_bundle_adopted_timestamp_seconds",
            "When the bundle that decides was adopted, 0 before the first",
            self.since.clone(),
        );
        registry.register(
            "attune_decider_last_poll_timestamp_seconds",
            "When the operator last answered, 0 before its first answer",
            self.polled.clone(),
        );
        self.polls.register(
            registry,
            "attune_decider_polls",
            "Questions to the operator by what they came to",
        );
        self.store_failures.register(
            registry,
            "attune_decider_store_failures",
            "Bundles that could not be read from or written to a file",
        );
        registry.register(
            "attune_decider_startup_timeouts",
            "Starts that waited in vain for a first bundle and went on with code defaults",
            self.startup_timeouts.clone(),
        );
    }
}
