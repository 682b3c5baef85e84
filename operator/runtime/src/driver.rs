//! The one task that owns the index: applies what happened, waits a moment for more, settles, hands effects on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use attune_api::Kind;
use attune_compile::status::Deciders;
use attune_index::{Effect, Index};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::distribute::Shelf;
use crate::metrics::Metrics;
use crate::patch::Writer;
use crate::publish::{Publisher, Restored};
use crate::results::Questions;
use crate::watch::Observation;

/// How often deciders that no longer call are looked for, and windows that have opened or closed.
const TICK: Duration = Duration::from_secs(5);

/// Where effects go.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// To deciders.
    pub shelf: Arc<Shelf>,
    /// To ConfigMaps.
    pub publisher: Arc<Publisher>,
    /// To resources.
    pub statuses: Arc<Writer>,
    /// To the collector.
    pub questions: watch::Sender<Questions>,
}

/// How the driver behaves.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long to wait for more changes before compiling.
    pub debounce: Duration,
    /// How long after the start deciders have to call before they count as absent.
    pub decider_grace: Duration,
    /// Judge at this instant instead of now.
    pub at: Option<Timestamp>,
}

/// Drives an index.
pub struct Driver {
    index: Index,
    outputs: Outputs,
    pace: Pace,
    metrics: Arc<Metrics>,
    /// Lists that have not come yet.
    awaited: BTreeSet<(Kind, Option<String>)>,
    /// What was published before this process, until it is taken over.
    restored: Option<Vec<Restored>>,
    started: Instant,
    /// Channels whose deciders have called since the start, as many as stand on the resource.
    heard: BTreeSet<(String, String)>,
}

impl Driver {
    /// A driver that settles once each of the `awaited` lists has come.
    pub fn new(
        outputs: Outputs,
        pace: Pace,
        metrics: Arc<Metrics>,
        awaited: BTreeSet<(Kind, Option<String>)>,
        restored: Vec<Restored>,
    ) -> Self {
        Self {
            index: Index::default(),
            outputs,
            pace,
            metrics,
            awaited,
            restored: Some(restored),
            started: Instant::now(),
            heard: BTreeSet::new(),
        }
    }

    /// Runs until the observations end.
    pub async fn run(mut self, mut observations: mpsc::Receiver<Observation>) {
        let bundles = Arc::clone(&self.outputs.shelf);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                observation = observations.recv() => {
                    let Some(observation) = observation else { return };
                    self.apply(observation);
                    self.gather(&mut observations).await;
                }
                () = bundles.deciders.changed() => tokio::time::sleep(self.pace.debounce).await,
                _ = tick.tick() => {}
            }
            if self.awaited.is_empty() {
                self.settle();
            }
        }
    }

    /// Applies whatever else comes until nothing has come for the debounce time, or for ten times as long at most.
    async fn gather(&mut self, observations: &mut mpsc::Receiver<Observation>) {
        let deadline = Instant::now() + self.pace.debounce * 10;
        loop {
            let quiet = (Instant::now() + self.pace.debounce).min(deadline);
            match tokio::time::timeout_at(quiet, observations.recv()).await {
                Ok(Some(observation)) => self.apply(observation),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn apply(&mut self, observation: Observation) {
        match observation {
            Observation::Applied(resource) => self.index.apply(*resource),
            Observation::Undecodable(object) => self.index.apply_undecodable(object),
            Observation::Deleted(id) => self.index.delete(&id),
            Observation::Listed {
                kind,
                namespace,
                resources,
                undecodable,
            } => {
                debug!(kind = kind.name(), namespace, objects = resources.len(), "listed");
                self.index
                    .reset(kind, namespace.as_deref(), resources, undecodable);
                self.awaited.remove(&(kind, namespace));
            }
        }
    }

    fn settle(&mut self) {
        for restored in self.restored.take().into_iter().flatten() {
            self.index
                .restore(&restored.namespace, &restored.channel, restored.bundle);
        }
        let (started, compilations) = (Instant::now(), self.index.compilations());
        let now = self.pace.at.unwrap_or_else(Timestamp::now);
        for effect in self.index.compile(now) {
            self.carry_out(effect);
        }
        self.offer_publications();
        // INVARIANT: deciders are heard about what is out now, not about the revision before it.
        self.hear_deciders();
        for effect in self.index.report(now) {
            self.carry_out(effect);
        }
        let compiled = self.index.compilations() - compilations;
        if compiled > 0 {
            self.metrics.compiled(compiled, started.elapsed().as_secs_f64());
        }
        self.outputs
            .questions
            .send_if_modified(|questions| questions.replace(self.index.questions()));
        if self.outputs.shelf.set_ready() {
            self.metrics.is_ready();
            info!(
                channels = self.index.channels().count(),
                findings = self.index.findings().count(),
                "ready: everything was listed and compiled"
            );
        }
    }

    /// Lets every Channel have what it should, whether it is new or was published by the operator before this one.
    fn offer_publications(&self) {
        for (namespace, channel, publication) in self.index.publications() {
            self.outputs.shelf.put(namespace, channel, Some(publication));
            let owner = self.index.channel_uid(namespace, channel);
            self.outputs
                .publisher
                .want(namespace, channel, publication, owner);
        }
    }

    /// Tells the index what deciders said. For a while after the start, fewer of them than stand on the resource mean that
    /// the others have not called again yet.
    fn hear_deciders(&mut self) {
        let is_early = self.started.elapsed() < self.pace.decider_grace;
        let bundles = &self.outputs.shelf;
        let mut reports = bundles
            .deciders
            .report(|namespace, channel| bundles.revision(namespace, channel));
        let channels: BTreeSet<(String, String)> = self
            .index
            .channels()
            .map(|(namespace, channel)| (namespace.to_owned(), channel.to_owned()))
            .collect();
        self.heard.retain(|channel| channels.contains(channel));
        for channel in channels {
            let report = reports.remove(&channel).unwrap_or_default();
            let standing = self.index.standing_deciders(&channel.0, &channel.1);
            let are_missing = report.current < standing.current
                || (report.current == 0 && report.stale == 0 && standing.desired > 0);
            if is_early && are_missing && !self.heard.contains(&channel) {
                continue;
            }
            let deciders = Deciders::Heard {
                current: report.current,
                stale: report.stale,
                refused: report.refused,
            };
            self.index.hear(&channel.0, &channel.1, deciders);
            self.heard.insert(channel);
        }
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Publish {
                namespace,
                channel,
                publication,
            } => {
                info!(namespace, channel, revision = publication.revision, "publishing");
                self.metrics.published();
            }
            Effect::Withdraw { namespace, channel } => {
                info!(namespace, channel, "withdrawing");
                self.outputs.shelf.put(&namespace, &channel, None);
                self.outputs.publisher.withdraw(&namespace, &channel);
            }
            Effect::Status { id, status } => self.outputs.statuses.put(id, status),
        }
    }
}
