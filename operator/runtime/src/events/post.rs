//! Events to the API server.

use std::sync::Arc;
use std::time::Duration;

use attune_api::{EventReason, Kind};
use hashlink::LruCache;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, DynamicObject};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, ResourceExt};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::Notice;
use crate::leadership::Leadership;
use crate::metrics::Metrics;

/// Who reports.
const CONTROLLER: &str = "attune-operator";

/// What all Events of ours are about.
const ACTION: &str = "Reconcile";

/// The most bytes of a note; the API server takes 1024.
const MAX_NOTE: usize = 1000;

/// How long the API server may take for one.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Texts that are remembered, to count on what is told again.
const MAX_TEXTS: usize = 1024;

/// Posts what is told.
#[derive(Debug)]
pub struct Post {
    notices: mpsc::Receiver<Notice>,
    metrics: Arc<Metrics>,
}

impl Post {
    pub(super) fn new(notices: mpsc::Receiver<Notice>, metrics: Arc<Metrics>) -> Self {
        Self { notices, metrics }
    }

    /// Posts until nobody tells any more; `replica` is the name of this one. What the leader posts is dropped while
    /// another leads.
    pub async fn run(mut self, client: &Client, leadership: Leadership, replica: Option<String>) {
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance: replica,
        };
        let mut recorders = Recorders::new(client.clone(), reporter);
        while let Some(notice) = self.notices.recv().await {
            if !notice.is_of_request && !leadership.leads() {
                continue;
            }
            let recorder = recorders.of(&notice);
            match tokio::time::timeout(TIMEOUT, post(client, &recorder, &notice)).await {
                Ok(Ok(true)) => self.metrics.told(notice.reason),
                Ok(Ok(false)) => debug!(reason = %notice.reason, "nobody to tell"),
                Ok(Err(error)) => {
                    self.metrics.event_lost();
                    warn!(
                        reason = %notice.reason,
                        error = &error as &dyn std::error::Error,
                        "event not posted"
                    );
                }
                Err(_) => {
                    self.metrics.event_lost();
                    warn!(reason = %notice.reason, "event not posted in time");
                }
            }
        }
    }

    /// What waits, as `Reason name: note`, for tests.
    #[cfg(test)]
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let notices = std::iter::from_fn(|| self.notices.try_recv().ok());
        let line = |notice: Notice| {
            let name = notice.regarding.name.unwrap_or_default();
            format!("{} {name}: {}", notice.reason, notice.note)
        };
        notices.map(line).collect()
    }
}

/// One recorder for each text that was told of late: a recorder counts an Event of the same object and reason on, and
/// keeps the text of the first, so that what another says would be told to nobody.
struct Recorders {
    client: Client,
    reporter: Reporter,
    by_text: LruCache<(String, String, EventReason, String), Recorder>,
}

impl Recorders {
    fn new(client: Client, reporter: Reporter) -> Self {
        Self {
            client,
            reporter,
            by_text: LruCache::new(MAX_TEXTS),
        }
    }

    fn of(&mut self, notice: &Notice) -> Recorder {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let (namespace, name) = (&notice.regarding.namespace, &notice.regarding.name);
        let key = (text(namespace), text(name), notice.reason, notice.note.clone());
        let make = || Recorder::new(self.client.clone(), self.reporter.clone());
        self.by_text.entry(key).or_insert_with(make).clone()
    }
}

/// Posts one; gives whether the object is there.
async fn post(client: &Client, recorder: &Recorder, notice: &Notice) -> Result<bool, kube::Error> {
    let Some(regarding) = resolve(client, &notice.regarding).await? else {
        return Ok(false);
    };
    let event = Event {
        type_: if notice.reason.is_normal() {
            EventType::Normal
        } else {
            EventType::Warning
        },
        reason: notice.reason.as_str().to_owned(),
        note: Some(fit(&notice.note)),
        action: ACTION.to_owned(),
        secondary: None,
    };
    recorder.publish(&event, &regarding).await?;
    Ok(true)
}

/// A Channel with its UID, by which `kubectl describe` finds its Events; `None` where it is not there.
async fn resolve(
    client: &Client,
    regarding: &ObjectReference,
) -> Result<Option<ObjectReference>, kube::Error> {
    let is_channel = regarding.kind.as_deref() == Some(Kind::Channel.name());
    let (Some(namespace), Some(name), None, true) =
        (&regarding.namespace, &regarding.name, &regarding.uid, is_channel)
    else {
        return Ok(Some(regarding.clone()));
    };
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), namespace, &Kind::Channel.api_resource());
    let found = api.get_metadata_opt(name).await?;
    Ok(found.map(|found| ObjectReference {
        uid: found.uid(),
        ..regarding.clone()
    }))
}

/// As much of a note as an Event takes.
fn fit(note: &str) -> String {
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    let starts = note.char_indices().map(|(at, _)| at);
    let end = starts.take_while(|at| *at <= MAX_NOTE).last().unwrap_or_default();
    format!("{}...", note.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests;
