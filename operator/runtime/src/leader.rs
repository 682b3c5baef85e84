//! Who leads: one replica at a time, by a Lease.
//!
//! After client-go's election: a Lease is expired when it has not *changed* for its duration, by the observer's own
//! monotonic clock. What the holder's wall clock said when it renewed decides nothing, so that a node whose clock is
//! minutes off neither steals the Lease nor holds it for ever.
//!
//! INVARIANT: a leader stops leading before anybody else may begin: it stands down [`RENEW_WITHIN`] after its last
//! renewal that the API server took, and others wait [`DURATION`] from when they saw it.

mod record;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::clock::Clock;
use crate::metrics::Metrics;
use record::{Record, Step};

/// How long a Lease holds after it was last renewed.
pub const DURATION: Duration = Duration::from_secs(15);

/// A leader that could not renew for so long stands down.
pub const RENEW_WITHIN: Duration = Duration::from_secs(10);

/// Pause between looks at the Lease.
const PAUSE: Duration = Duration::from_secs(2);

/// How long the API server may take for one request.
const PATIENCE: Duration = Duration::from_secs(4);

/// Who leads, as far as this replica knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Leader {
    /// Nobody is known to.
    #[default]
    Nobody,
    /// This replica.
    Myself,
    /// Another: what it wrote into the Lease.
    Other(String),
}

/// Which Lease, and as whom.
#[derive(Debug, Clone)]
pub struct Candidacy {
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub lease: String,
    /// Who this replica is: `<pod name>@<address:port>`.
    pub identity: String,
    /// What time it writes into the Lease; nobody decides by it.
    pub clock: Clock,
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum ElectionError {
    #[error("the Lease cannot be read: {0}")]
    Read(#[source] kube::Error),
    #[error("the Lease cannot be written: {0}")]
    Write(#[source] kube::Error),
    #[error("the API server does not answer within {} s", PATIENCE.as_secs())]
    Wait,
}

/// A replica that stands for election.
pub struct Election {
    candidacy: Candidacy,
    leases: Api<Lease>,
    leader: watch::Sender<Leader>,
    record: Record,
    /// When the request of the last renewal that was taken began.
    renewed: Option<Instant>,
}

impl Election {
    /// A candidate for the Lease, which tells `leader` what is known.
    pub fn new(client: Client, candidacy: Candidacy, leader: watch::Sender<Leader>) -> Self {
        Self {
            leases: Api::namespaced(client, &candidacy.namespace),
            record: Record::new(&candidacy.identity),
            candidacy,
            leader,
            renewed: None,
        }
    }

    /// Stands for election until `stop`; then gives the Lease up, so that the next need not wait for its end.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.turn() => {}
            }
            let pause = self.within(PAUSE);
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep_until(pause) => self.tell(),
            }
        }
        self.give_up().await;
    }

    /// When so much time is over, but not later than a leader has to stand down: everything that it waits for ends then.
    fn within(&self, time: Duration) -> Instant {
        let now = Instant::now();
        let until = now + time;
        let stand_down = self.renewed.map(|at| at + RENEW_WITHIN);
        stand_down
            .filter(|at| *at > now)
            .map_or(until, |at| at.min(until))
    }

    /// One look at the Lease and what follows from it.
    async fn turn(&mut self) {
        // Standing down must not wait for an API server that does not answer.
        let patience = self.within(PATIENCE);
        let attempt = tokio::time::timeout_at(patience, self.attempt()).await;
        match attempt.unwrap_or(Err(ElectionError::Wait)) {
            Ok(()) => {}
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "election goes on without the API server"
            ),
        }
        self.tell();
    }

    async fn attempt(&mut self) -> Result<(), ElectionError> {
        let began = Instant::now();
        let lease = self
            .leases
            .get_opt(&self.candidacy.lease)
            .await
            .map_err(ElectionError::Read)?;
        let written = match self.record.observe(lease.as_ref(), began) {
            Step::Wait => return Ok(()),
            Step::Create => {
                self.leases
                    .create(&PostParams::default(), &self.lease(None))
                    .await
            }
            Step::Take | Step::Renew => {
                let lease = self.lease(lease.as_ref());
                self.leases
                    .replace(&self.candidacy.lease, &PostParams::default(), &lease)
                    .await
            }
        };
        match written {
            Ok(lease) => {
                self.record.observe(Some(&lease), began);
                self.renewed = Some(began);
                Ok(())
            }
            // Somebody else was faster; the next look says who.
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_already_exists() => {
                debug!("another candidate was faster");
                Ok(())
            }
            Err(error) => Err(ElectionError::Write(error)),
        }
    }

    /// The Lease as it is once this replica holds it; `before` is replaced only if nobody changed it meanwhile.
    fn lease(&self, before: Option<&Lease>) -> Lease {
        let now = MicroTime(self.candidacy.clock.now());
        let old = before.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let is_mine = old.holder_identity.as_deref() == Some(self.candidacy.identity.as_str());
        let transitions = old.lease_transitions.unwrap_or(0);
        Lease {
            metadata: ObjectMeta {
                name: Some(self.candidacy.lease.clone()),
                resource_version: before.and_then(ResourceExt::resource_version),
                labels: before.and_then(|lease| lease.metadata.labels.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.candidacy.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                renew_time: Some(now.clone()),
                acquire_time: if is_mine { old.acquire_time } else { Some(now) },
                lease_transitions: Some(if is_mine {
                    transitions
                } else {
                    transitions.saturating_add(1)
                }),
                ..LeaseSpec::default()
            }),
        }
    }

    /// Says who leads now.
    fn tell(&mut self) {
        let is_mine = self.renewed.is_some_and(|at| at.elapsed() < RENEW_WITHIN) && self.record.is_mine();
        let leader = match self.record.holder() {
            _ if is_mine => Leader::Myself,
            Some(other) if !self.record.is_mine() => Leader::Other(other.to_owned()),
            _ => Leader::Nobody,
        };
        self.leader.send_if_modified(|current| {
            let changed = *current != leader;
            if changed {
                info!(leader = ?leader, "who leads has changed");
                *current = leader;
            }
            changed
        });
    }

    async fn give_up(mut self) {
        let was_leading = *self.leader.borrow() == Leader::Myself;
        self.leader.send_replace(Leader::Nobody);
        if !was_leading {
            return;
        }
        let released = tokio::time::timeout(PATIENCE, self.release()).await;
        match released.unwrap_or(Err(ElectionError::Wait)) {
            Ok(()) => info!("gave the lease up"),
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "the lease was not given up; it ends by itself"
            ),
        }
    }

    async fn release(&mut self) -> Result<(), ElectionError> {
        let lease = self.leases.get_opt(&self.candidacy.lease).await;
        let Some(mut lease) = lease.map_err(ElectionError::Read)? else {
            return Ok(());
        };
        self.record.observe(Some(&lease), Instant::now());
        if !self.record.is_mine() {
            return Ok(());
        }
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        let replaced = self
            .leases
            .replace(&self.candidacy.lease, &PostParams::default(), &lease)
            .await;
        match replaced {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(answer)) if answer.is_conflict() => Ok(()),
            Err(error) => Err(ElectionError::Write(error)),
        }
    }
}

/// Whether this replica leads, from who does. Ends when the sender is gone.
pub async fn watch_leadership(
    mut leader: watch::Receiver<Leader>,
    leads: watch::Sender<bool>,
    metrics: Arc<Metrics>,
) {
    loop {
        let is_leader = *leader.borrow_and_update() == Leader::Myself;
        metrics.led(is_leader);
        leads.send_if_modified(|leads| std::mem::replace(leads, is_leader) != is_leader);
        if leader.changed().await.is_err() {
            leads.send_replace(false);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
