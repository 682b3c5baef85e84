//! `GET /status`: every resource with the status that the operator would write.

use anyhow::Context;
use attune_api::Resource;
use serde_json::{Value, json};

use super::{Server, measured};
use crate::render::lint_entry;

/// The whole document.
pub(super) async fn document(server: &Server) -> anyhow::Result<Value> {
    let answers = measured::ask_all(server).await?;
    let counts = server
        .collector
        .counts()
        .context("the event store cannot be read")?;
    server.sum_up();
    let rules = server.rules();
    let resources: Vec<Value> = rules
        .index
        .objects()
        .map(|(resource, status)| {
            let mut status = status.cloned().unwrap_or_default();
            measured::add(server, &resource, &mut status, &answers);
            with_status(&resource, status)
        })
        .collect();
    let channels: Vec<Value> = rules
        .index
        .publications()
        .map(|(namespace, channel, publication)| {
            json!({
                "namespace": namespace,
                "channel": channel,
                "revision": publication.revision,
                "path": format!("/channels/{namespace}/{channel}/ofrep/v1/evaluate/flags"),
            })
        })
        .collect();
    Ok(json!({
        "at": server.now(),
        "resources": resources,
        "unreadable": rules.unreadable,
        "refused": rules.refused().map(lint_entry).collect::<Vec<_>>(),
        "findings": rules.findings().iter().map(lint_entry).collect::<Vec<_>>(),
        "channels": channels,
        "events": {
            "stored": counts.totals.stored,
            "duplicates": counts.totals.duplicates,
            "refused": counts.refused,
            "deferred": counts.deferred,
            "queued": counts.queued,
        },
    }))
}

fn with_status(resource: &Resource, status: Value) -> Value {
    let mut object = resource.to_json();
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status);
    }
    object
}
