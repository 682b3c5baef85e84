//! The runs of batches: what their pods said when they ended.
//!
//! A run's counts are its pod's termination message, so that a batch needs no way to the operator. They end up in the status
//! of the Channel that the pod names, which is of the pod's own namespace: nobody can speak for another.

use std::collections::BTreeMap;

use attune_api::channel::BatchFigures;
use attune_api::labels::{APP_NAME, BATCH, BATCH_APP, MANAGED_BY, MANAGER};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStateWaiting, Pod};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde::Deserialize;
use tokio::sync::mpsc;
use tracing::warn;

use crate::watch::{Observation, Pauses};

#[cfg(test)]
mod tests;

/// Pods of a list that are read at a time.
const PAGE: u32 = 100;

/// The most characters of what went wrong.
const LONGEST: usize = 512;

/// Why a pod that waits will not start before somebody does something.
const STUCK: [&str; 5] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
];

/// What `attune batch --report` writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    succeeded: bool,
    error: Option<String>,
    seconds: Option<i64>,
    revision: Option<String>,
    units: Option<i64>,
    decisions: Option<i64>,
    rejected: Option<i64>,
    exposures: Option<i64>,
    held: Option<i64>,
}

/// Tells of every run that ends in one namespace or (`None`) in all, for as long as it is polled.
pub async fn watch_batches(
    client: Client,
    namespace: Option<String>,
    observations: &mpsc::Sender<Observation>,
) {
    let api: Api<Pod> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let labels = format!("{APP_NAME}={BATCH_APP},{MANAGED_BY}={MANAGER}");
    let config = watcher::Config::default().labels(&labels).page_size(PAGE);
    let mut events = std::pin::pin!(watcher(api, config).backoff(Pauses::default()));
    let mut last = Last::default();
    while let Some(event) = events.next().await {
        let (pod, read) = match event {
            Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => {
                let read = read(&pod);
                (pod, read)
            }
            Ok(watcher::Event::Delete(pod)) => {
                let read = read_last(&pod);
                (pod, read)
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => continue,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "watch of batches failed, trying again");
                continue;
            }
        };
        let Some((channel, run)) = read else {
            continue;
        };
        let key = (pod.namespace().unwrap_or_default(), channel);
        if last.is_news(&key, &run) {
            let (namespace, channel) = key;
            let observation = Observation::Batch {
                namespace,
                channel,
                run: Box::new(run),
            };
            // Nobody hears it where everything ends.
            let _ = observations.send(observation).await;
        }
    }
}

/// The run of each Channel that ended last.
#[derive(Debug, Default)]
struct Last(BTreeMap<(String, String), BatchFigures>);

impl Last {
    /// Whether a run ended after the one that is known, or is told of otherwise than before.
    fn is_news(&mut self, key: &(String, String), run: &BatchFigures) -> bool {
        let ended = |run: &BatchFigures| run.finished_at.as_ref().map(attune_api::Instant::timestamp);
        let known = self.0.get(key);
        if known.is_some_and(|known| known == run || ended(known) > ended(run)) {
            return false;
        }
        self.0.insert(key.clone(), run.clone());
        true
    }
}

/// The Channel that a pod decides for, and how its run ended; `None` while it has not.
fn read(pod: &Pod) -> Option<(String, BatchFigures)> {
    let since = pod.creation_timestamp().map(|time| time.0);
    let status = pod.status.as_ref()?;
    let statuses = status.container_statuses.as_deref().unwrap_or_default();
    let state = statuses.first().and_then(|status| status.state.as_ref());
    let run = match state.map(|state| (&state.terminated, &state.waiting)) {
        Some((Some(terminated), _)) => ended(terminated),
        // Its node put it out before it ran, or is gone.
        _ if status.phase.as_deref() == Some("Failed") => {
            let said = [&status.reason, &status.message].into_iter().flatten();
            let said: Vec<&str> = said.map(String::as_str).collect();
            failed(&format!("its pod failed: {}", said.join(": ")), since)
        }
        Some((None, Some(waiting))) => stuck(waiting, since)?,
        Some((None, None)) | None => return None,
    };
    of(pod, run)
}

/// As [`read`], of a pod that is gone: what has not ended never will.
fn read_last(pod: &Pod) -> Option<(String, BatchFigures)> {
    read(pod).or_else(|| {
        let deleted = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        let conditions = pod.status.as_ref()?.conditions.iter().flatten();
        let mut unmet =
            conditions.filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        let why = unmet.next().and_then(|condition| condition.message.clone());
        let message = match why {
            Some(why) => format!("its pod was deleted before it found a node: {why}"),
            None => "its pod was deleted before it ended".to_owned(),
        };
        let at = deleted.or_else(|| pod.creation_timestamp().map(|time| time.0));
        of(pod, failed(&message, at))
    })
}

/// With the Channel that the pod decides for.
fn of(pod: &Pod, run: BatchFigures) -> Option<(String, BatchFigures)> {
    let channel = pod.annotations().get(BATCH)?.clone();
    let pod = Some(pod.name_any());
    Some((channel, BatchFigures { pod, ..run }))
}

fn ended(terminated: &ContainerStateTerminated) -> BatchFigures {
    let message = terminated.message.as_deref().unwrap_or_default();
    let report = serde_json::from_str::<Report>(message).ok();
    let finished_at = terminated.finished_at.as_ref().and_then(|time| instant(time.0));
    let code = terminated.exit_code;
    let why = || {
        let reason = terminated.reason.as_deref().unwrap_or("Error");
        format!("its pod ended with {reason} and exit code {code} before it could say why")
    };
    let Some(report) = report.filter(|report| report.succeeded == (code == 0)) else {
        return BatchFigures {
            succeeded: false,
            finished_at,
            message: Some(why()),
            ..BatchFigures::default()
        };
    };
    let message = (!report.succeeded).then(|| report.error.unwrap_or_else(why));
    BatchFigures {
        succeeded: report.succeeded,
        pod: None,
        finished_at,
        seconds: report.seconds,
        revision: report
            .revision
            .map(|revision| revision.chars().take(128).collect()),
        units: report.units,
        decisions: report.decisions,
        rejected: report.rejected,
        exposures: report.exposures,
        held: report.held,
        message: message.map(|message| message.chars().take(LONGEST).collect()),
    }
}

/// A run that does not even start: as if it had ended when it should have begun.
fn stuck(waiting: &ContainerStateWaiting, since: Option<Timestamp>) -> Option<BatchFigures> {
    let reason = waiting
        .reason
        .as_deref()
        .filter(|reason| STUCK.contains(reason))?;
    let detail = waiting.message.as_deref().unwrap_or_default();
    Some(failed(
        &format!("its pod does not start ({reason}): {detail}"),
        since,
    ))
}

fn failed(message: &str, at: Option<Timestamp>) -> BatchFigures {
    BatchFigures {
        succeeded: false,
        finished_at: at.and_then(instant),
        message: Some(message.chars().take(LONGEST).collect()),
        ..BatchFigures::default()
    }
}

fn instant(at: Timestamp) -> Option<attune_api::Instant> {
    serde_json::from_value(serde_json::Value::from(at.to_string())).ok()
}
