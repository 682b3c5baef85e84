//! Statuses to the API server, by server-side apply.
//!
//! Of each object only the newest status waits; what cannot be written is tried again with a growing pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use attune_api::API_VERSION;
use attune_compile::ObjectId;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::metrics::Metrics;
use crate::watch::api_resource;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Statuses that wait to be written under one field manager.
#[derive(Debug)]
pub struct Writer {
    manager: &'static str,
    waiting: Mutex<BTreeMap<ObjectId, Value>>,
    arrived: Notify,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// A writer with nothing to write.
    pub fn new(manager: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            manager,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            metrics,
        }
    }

    /// Lets a status be written; an older one of the same object that still waits is dropped.
    pub fn put(&self, id: ObjectId, status: Value) {
        self.lock().insert(id, status);
        self.arrived.notify_one();
    }

    /// Writes until cancelled.
    pub async fn run(&self, client: &Client) {
        let mut pause = FIRST_PAUSE;
        loop {
            let Some((id, status)) = self.lock().pop_first() else {
                self.arrived.notified().await;
                continue;
            };
            match self.write(client, &id, &status).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    self.metrics.status_failed(id.kind);
                    warn!(object = %id, error = &error as &dyn std::error::Error, "status not written, trying again");
                    // A newer one that arrived meanwhile wins.
                    self.lock().entry(id).or_insert(status);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn write(&self, client: &Client, id: &ObjectId, status: &Value) -> Result<(), kube::Error> {
        let resource = api_resource(id.kind);
        let api: Api<DynamicObject> = if id.kind.is_namespaced() {
            Api::namespaced_with(client.clone(), &id.namespace, &resource)
        } else {
            Api::all_with(client.clone(), &resource)
        };
        let patch = json!({
            "apiVersion": API_VERSION,
            "kind": id.kind.name(),
            "metadata": {"name": id.name},
            "status": status,
        });
        let params = PatchParams::apply(self.manager).force();
        match api.patch_status(&id.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => {
                self.metrics.status_written(id.kind);
                info!(object = %id, manager = self.manager, "status written");
                Ok(())
            }
            // It was deleted meanwhile; there is nobody to tell.
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectId, Value>> {
        // Every change leaves the map whole, so that a panic elsewhere does not make it unusable.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
