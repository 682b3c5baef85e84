//! `GET /status`: every resource with the status that the operator would write.

use anyhow::Context;
use attune_api::{Kind, Resource};
use serde_json::{Value, json};

use super::{Server, measured};
use crate::render::lint_entry;

/// The whole document.
pub(super) async fn document(server: &Server) -> anyhow::Result<Value> {
    let questions: Vec<_> = server.rules().index.questions().cloned().collect();
    let mut answers = Vec::new();
    for question in questions {
        answers.push(measured::answer(server, question).await?);
    }
    let counts = server
        .collector
        .counts()
        .context("the event store cannot be read")?;
    let rules = server.rules();
    let resources: Vec<Value> = rules
        .index
        .objects()
        .map(|(resource, status)| {
            with_status(server, &resource, status.cloned().unwrap_or_default(), &answers)
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

fn with_status(
    server: &Server,
    resource: &Resource,
    mut status: Value,
    answers: &[measured::Answered],
) -> Value {
    match resource.kind() {
        Kind::Experiment => measured::add_results(server, resource, &mut status, answers),
        Kind::Metric => measured::add_activity(server, resource, &mut status),
        _ => {}
    }
    let mut object = resource.to_json();
    if let Some(object) = object.as_object_mut() {
        object.insert("status".to_owned(), status);
    }
    object
}
