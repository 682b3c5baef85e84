//! Statuses to the API server, by server-side apply.
//!
//! Of each object only the newest status waits; what cannot be written is tried again with a growing pause.

use std::sync::Arc;

use attune_api::API_VERSION;
use attune_compile::ObjectId;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tracing::{debug, warn};

use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::watch::api_resource;

/// Statuses that wait to be written under one field manager.
#[derive(Debug)]
pub struct Writer {
    manager: &'static str,
    waiting: Queue<ObjectId, Value>,
    metrics: Arc<Metrics>,
}

impl Writer {
    /// A writer with nothing to write.
    pub fn new(manager: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            manager,
            waiting: Queue::default(),
            metrics,
        }
    }

    /// Lets a status be written; an older one of the same object that still waits is dropped.
    pub fn put(&self, id: ObjectId, status: Value) {
        self.waiting.put(id, status);
    }

    /// Writes until cancelled.
    pub async fn run(&self, client: &Client) {
        loop {
            let task = self.waiting.next().await;
            if let Err(error) = self.write(client, &task.key, &task.work).await {
                self.metrics.status_failed(task.key.kind);
                warn!(
                    object = %task.key,
                    error = &error as &dyn std::error::Error,
                    "status not written, trying again"
                );
                self.waiting.put_back(task);
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
                debug!(object = %id, manager = self.manager, "status written");
                Ok(())
            }
            // It was deleted meanwhile; there is nobody to tell.
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}
