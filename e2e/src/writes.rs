//! Writes that changed something: what watchers of our group see.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::ObjectId;
use crate::objects::kinds;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was deleted.
    Deleted,
}

/// One write that changed an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What happened.
    pub change: Change,
    /// To which object.
    pub object: ObjectId,
    /// The field manager that wrote last, with the subresource it wrote: `attune-operator/status`.
    pub manager: String,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} by {}", self.change, self.object, self.manager)
    }
}

/// Watches every object of our group. A server-side apply that changes nothing is no write here; the
/// [audit log](crate::AuditLog) has those as well.
pub struct WriteWatch {
    writes: UnboundedReceiver<Result<Write>>,
    /// Ends the watches when dropped.
    _tasks: JoinSet<()>,
}

impl WriteWatch {
    /// Sees every write from the moment this returns.
    ///
    /// # Errors
    /// When a kind cannot be listed.
    pub async fn start(client: Client) -> Result<Self> {
        let (sender, writes) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for resource in kinds(&client).await? {
            let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
            // A watch from the list's version misses nothing, however late it connects.
            let listed = api.list_metadata(&ListParams::default()).await;
            let listed = listed.with_context(|| format!("list {}", resource.plural))?;
            let seen = Seen {
                version: listed.metadata.resource_version.unwrap_or_default(),
                generations: listed.items.iter().filter_map(generation).collect(),
            };
            tasks.spawn(watch(api, resource, seen, sender.clone()));
        }
        Ok(Self {
            writes,
            _tasks: tasks,
        })
    }

    /// The writes seen so far and for this long from now.
    ///
    /// # Errors
    /// When a watch broke: then nothing is known.
    pub async fn during(&mut self, period: Duration) -> Result<Vec<Write>> {
        let deadline = Instant::now() + period;
        let mut seen = Vec::new();
        while let Ok(next) = timeout_at(deadline, self.writes.recv()).await {
            seen.push(next.context("all watches ended")??);
        }
        Ok(seen)
    }

    /// The writes seen until none came for `quiet`.
    ///
    /// # Errors
    /// When a watch broke, or it is not quiet after `patience`; with the last writes.
    pub async fn until_quiet(&mut self, quiet: Duration, patience: Duration) -> Result<Vec<Write>> {
        let deadline = Instant::now() + patience;
        let mut seen: Vec<Write> = Vec::new();
        while let Ok(next) = timeout_at(Instant::now() + quiet, self.writes.recv()).await {
            seen.push(next.context("all watches ended")??);
            if Instant::now() > deadline {
                let last: Vec<String> = seen.iter().rev().take(10).map(Write::to_string).collect();
                bail!(
                    "{} writes in {patience:?} and no end; the last, newest first:\n{}",
                    seen.len(),
                    last.join("\n")
                );
            }
        }
        Ok(seen)
    }
}

/// How far a watch has come.
struct Seen {
    version: String,
    /// By UID: it grows with the spec alone, which tells a write of the spec from one of the status.
    generations: HashMap<String, i64>,
}

async fn watch(
    api: Api<DynamicObject>,
    resource: ApiResource,
    mut seen: Seen,
    sender: UnboundedSender<Result<Write>>,
) {
    // The server ends each watch after a while; only an error ends this loop.
    loop {
        if let Err(error) = watch_once(&api, &resource, &mut seen, &sender).await {
            // The receiver may be gone: then nobody wants to know.
            let _ = sender.send(Err(error.context(format!("watch {}", resource.plural))));
            return;
        }
    }
}

async fn watch_once(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    seen: &mut Seen,
    sender: &UnboundedSender<Result<Write>>,
) -> Result<()> {
    let stream = api.watch(&WatchParams::default(), &seen.version).await?;
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.try_next().await? {
        let (change, object) = match event {
            WatchEvent::Added(object) => (Change::Added, object),
            WatchEvent::Modified(object) => (Change::Modified, object),
            WatchEvent::Deleted(object) => (Change::Deleted, object),
            WatchEvent::Bookmark(bookmark) => {
                seen.version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => bail!("the server ended it: {}", status.message),
        };
        seen.version = object.resource_version().unwrap_or_default();
        let of_spec =
            generation(&object).is_none_or(|(uid, now)| seen.generations.insert(uid, now) != Some(now));
        let write = Write {
            change,
            manager: last_manager(&object, of_spec),
            object: id(resource, &object),
        };
        if sender.send(Ok(write)).is_err() {
            bail!("nobody listens");
        }
    }
    Ok(())
}

fn id(resource: &ApiResource, object: &DynamicObject) -> ObjectId {
    ObjectId {
        kind: resource.kind.clone(),
        ..ObjectId::of(object)
    }
}

fn generation(object: &impl ResourceExt) -> Option<(String, i64)> {
    Some((object.uid()?, object.meta().generation?))
}

/// Who wrote last, by times that are whole seconds: of several in one second it is whoever writes what was written.
fn last_manager(object: &DynamicObject, of_spec: bool) -> String {
    let newest = object
        .managed_fields()
        .iter()
        .max_by_key(|entry| (entry.time.clone(), entry.subresource.is_none() == of_spec));
    let Some(entry) = newest else {
        return "nobody".to_owned();
    };
    let manager = entry.manager.as_deref().unwrap_or("?");
    match entry.subresource.as_deref() {
        None | Some("") => manager.to_owned(),
        Some(subresource) => format!("{manager}/{subresource}"),
    }
}
