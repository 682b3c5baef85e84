//! What a candidate has seen of the Lease, and what follows. No clock but the one it is told.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use super::DURATION;

/// The Lease as it was last seen to change.
#[derive(Debug)]
pub(super) struct Record {
    identity: String,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The Lease's resource version: another one is a change, whatever changed.
    version: Option<String>,
    holder: Option<String>,
    duration: Duration,
    /// When this candidate first saw it so.
    since: Instant,
}

/// What a candidate does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no Lease: makes one and holds it.
    Create,
    /// Nobody holds it, or whoever did has not renewed it: takes it.
    Take,
    /// Holds it already: renews it.
    Renew,
    /// Another holds it.
    Wait,
}

impl Record {
    pub(super) fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            seen: None,
        }
    }

    /// Looks at the Lease.
    pub(super) fn observe(&mut self, lease: Option<&Lease>, now: Instant) -> Step {
        let Some(lease) = lease else {
            self.seen = None;
            return Step::Create;
        };
        let version = lease.metadata.resource_version.clone();
        let is_unchanged = |seen: &Seen| seen.version == version;
        let since = match self.seen.take().filter(is_unchanged) {
            Some(seen) => seen.since,
            None => now,
        };
        let spec = lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let holder = spec.and_then(|spec| spec.holder_identity.clone());
        let seen = self.seen.insert(Seen {
            version,
            holder: holder.filter(|holder| !holder.is_empty()),
            duration: duration.map_or(DURATION, Duration::from_secs),
            since,
        });
        match &seen.holder {
            None => Step::Take,
            Some(holder) if *holder == self.identity => Step::Renew,
            Some(_) if now.duration_since(seen.since) > seen.duration => Step::Take,
            Some(_) => Step::Wait,
        }
    }

    /// Who holds the Lease, if anybody.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.holder.as_deref()
    }

    pub(super) fn is_mine(&self) -> bool {
        self.holder() == Some(self.identity.as_str())
    }
}

#[cfg(test)]
mod tests;
