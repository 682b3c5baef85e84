//! Replicas that do not lead tell the leader what their deciders said and counted: `POST /v1/peers/deciders`.
//!
//! So that a Channel's figures are right whichever replica its deciders call.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::counted::Counted;
use crate::deciders::Said;
use crate::distribute::Shelf;
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::siblings::{SiblingError, Siblings};

/// How often a replica tells the leader what there is, even where nothing is new.
const INTERVAL: Duration = Duration::from_secs(5);

/// Least time between two tellings.
const SPACING: Duration = Duration::from_millis(200);

/// How long the leader may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one replica tells the leader.
#[derive(Debug, Serialize, Deserialize)]
pub struct Telling {
    /// The replica's pod.
    pub replica: String,
    /// What its deciders said.
    pub deciders: Vec<Said>,
    /// What they counted since this replica last told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<Counted>,
}

/// How a replica tells.
pub struct Teller {
    /// The replica's pod.
    pub replica: String,
    /// The name that the leader's certificate is for.
    pub server_name: String,
    /// How the leader is called.
    pub siblings: Siblings,
    /// Who leads.
    pub leader: watch::Receiver<Leader>,
    /// What there is to tell.
    pub shelf: Arc<Shelf>,
    /// What Prometheus is told.
    pub metrics: Arc<Metrics>,
}

/// Why the leader was not told.
#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error("the leader's address `{address}` is none")]
    Find { address: String },
    #[error(transparent)]
    Prepare(#[from] SiblingError),
    #[error("the leader does not listen: {0}")]
    Send(#[source] reqwest::Error),
}

impl Teller {
    /// Tells whoever leads until cancelled.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(SPACING).await;
            let leader = self.leader.borrow_and_update().clone();
            let Leader::Other(identity) = leader else {
                if self.leader.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let outcome = self.tell(&identity).await;
            self.metrics.told_peer(outcome.is_ok());
            if let Err(error) = outcome {
                // A leader that has just gone is no news: the next one is told.
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the leader was not told"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.shelf.deciders.own_changed() => {}
                changed = self.leader.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn tell(&self, identity: &str) -> Result<(), TellError> {
        let address = identity.rsplit_once('@').map_or(identity, |(_, address)| address);
        let address: SocketAddr = address.parse().map_err(|_| TellError::Find {
            address: address.to_owned(),
        })?;
        let url = format!(
            "https://{}:{}/v1/peers/deciders",
            self.server_name,
            address.port()
        );
        let request = self
            .siblings
            .request(Some((&self.server_name, address)), |client| client.post(url))
            .await?;
        let telling = Telling {
            replica: self.replica.clone(),
            deciders: self.shelf.deciders.say(),
            counted: self.shelf.counted.take(),
        };
        let answer = request.timeout(PATIENCE).json(&telling).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        if let Err(error) = answer {
            // Whoever leads next is told. A leader that heard and could not say so counts twice, which a share bears.
            for counted in telling.counted {
                self.shelf.counted.put(counted);
            }
            return Err(TellError::Send(error));
        }
        debug!(
            leader = identity,
            deciders = telling.deciders.len(),
            "told the leader"
        );
        Ok(())
    }
}
