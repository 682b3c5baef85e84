//! The one task that owns the index: applies what happened, waits a moment for more, settles, hands effects on.
//!
//! Every replica does so, and every one hands out bundles; what is written outside is written by the one that leads.

mod deliveries;
mod hearing;
mod role;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use attune_api::Kind;
use attune_api::channel::BatchFigures;
use attune_compile::live::Rules;
use attune_compile::status::counts;
use attune_index::{Effect, Index};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, info};

use crate::access::Needed;
use crate::clock::Clock;
use crate::config_maps::ConfigMaps;
use crate::distribute::Shelf;
use crate::events::{Events, reference};
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::patch::Writer;
use crate::publish::{Found, Publisher, Restored};
use crate::push::Pusher;
use crate::results::Inquiries;
use crate::watch::Observation;
use crate::webhooks::Directory;

pub use hearing::{Hearing, Replicas};
use role::Role;

/// How often deciders that no longer call are looked for, and windows that have opened or closed.
const TICK: Duration = Duration::from_secs(5);

/// Where effects go.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// To deciders.
    pub shelf: Arc<Shelf>,
    /// To ConfigMaps.
    pub publisher: Arc<Publisher>,
    /// To endpoints.
    pub pusher: Arc<Pusher>,
    /// To the ConfigMaps that Channels name.
    pub config_maps: Arc<ConfigMaps>,
    /// To resources.
    pub statuses: Arc<Writer>,
    /// To the collector.
    pub inquiries: watch::Sender<Inquiries>,
    /// To people.
    pub events: Events,
    /// Namespaces that have a Channel, to whoever keeps what deciders need there; `None` until everything was listed.
    pub namespaces: watch::Sender<Option<BTreeSet<String>>>,
    /// Channels, to whoever injects deciders, and policies, to whoever validates.
    pub directory: watch::Sender<Arc<Directory>>,
    /// What policies ask about who may change what, by namespace.
    pub access: watch::Sender<Needed>,
}

/// How the driver behaves.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long to wait for more changes before compiling.
    pub debounce: Duration,
    /// How long after the start deciders have to call before they count as absent.
    pub decider_grace: Duration,
    /// How often what deciders counted is summed up: more often than in minutes changes no figure that anybody decides by.
    pub sum_up: Duration,
    /// What time it is.
    pub clock: Clock,
}

/// Drives an index.
pub struct Driver {
    index: Index,
    outputs: Outputs,
    pace: Pace,
    metrics: Arc<Metrics>,
    /// Lists that have not come yet.
    awaited: BTreeSet<(Kind, Option<String>)>,
    /// Whether it is not known yet which policies rule which namespace.
    awaits_labels: bool,
    /// What was published before this process, until it is taken over.
    restored: Vec<Restored>,
    leadership: Leadership,
    role: Role,
    hearing: Hearing,
    /// The runs of batches that ended last, by namespace and Channel.
    batches: BTreeMap<(String, String), BatchFigures>,
    /// When counts were last summed up; `None` until there were any.
    summed_up: Option<Instant>,
}

impl Driver {
    /// A driver that settles once each of the `awaited` lists has come, and leads.
    pub fn new(
        outputs: Outputs,
        pace: Pace,
        metrics: Arc<Metrics>,
        awaited: BTreeSet<(Kind, Option<String>)>,
        restored: Vec<Restored>,
    ) -> Self {
        Self {
            index: Index::of_cluster(),
            outputs,
            pace,
            metrics,
            awaited,
            awaits_labels: false,
            restored,
            leadership: Leadership::always(),
            role: Role::Following,
            hearing: Hearing::default(),
            batches: BTreeMap::new(),
            summed_up: None,
        }
    }

    /// Leaves writing to another replica while that one leads.
    #[must_use]
    pub fn led_by(self, leadership: Leadership) -> Self {
        self.outputs.statuses.led_by(leadership.clone());
        Self { leadership, ..self }
    }

    /// Settles only once the labels of namespaces were listed: without them a policy might rule nobody for a moment, and
    /// what it keeps out would be published.
    #[must_use]
    pub fn awaiting_labels(self) -> Self {
        Self {
            awaits_labels: true,
            ..self
        }
    }

    /// Counts the pods that have a decider, or should have one.
    #[must_use]
    pub fn counting(self, hearing: Hearing) -> Self {
        Self { hearing, ..self }
    }

    /// Runs until the observations end.
    pub async fn run(mut self, mut observations: mpsc::Receiver<Observation>) {
        let (bundles, publisher) = (
            Arc::clone(&self.outputs.shelf),
            Arc::clone(&self.outputs.publisher),
        );
        let (pusher, config_maps) = (
            Arc::clone(&self.outputs.pusher),
            Arc::clone(&self.outputs.config_maps),
        );
        let (pods, mut leadership) = (self.hearing.pods(), self.leadership.clone());
        self.follow();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                observation = observations.recv() => {
                    let Some(observation) = observation else { return };
                    self.apply(observation);
                    self.gather(&mut observations).await;
                }
                () = bundles.deciders.changed() => tokio::time::sleep(self.pace.debounce).await,
                () = pods.changed() => tokio::time::sleep(self.pace.debounce).await,
                () = publisher.news() => {}
                () = pusher.news() => {}
                () = config_maps.news() => {}
                () = leadership.changed() => self.follow(),
                _ = tick.tick() => {}
            }
            // It may have been lost and gained again since anybody looked.
            if leadership.take_change() && self.role != Role::Following {
                self.follow();
            }
            if self.awaited.is_empty() && !self.awaits_labels {
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
            Observation::NamespacesListed(labels) => {
                self.index.reset_labels(labels);
                self.awaits_labels = false;
            }
            Observation::Namespace { name, labels } => self.index.learn_labels(&name, labels),
            Observation::Batch {
                namespace,
                channel,
                run,
            } => drop(self.batches.insert((namespace, channel), *run)),
            Observation::Access { namespace, answers } => self.index.learn_access(&namespace, answers),
        }
    }

    fn settle(&mut self) {
        let (started, compilations) = (Instant::now(), self.index.compilations());
        let now = self.pace.clock.now();
        self.restore();
        self.compile(now);
        let has_taken_over = self.take_role();
        if has_taken_over {
            // What the leader before published last, and what is to be withdrawn.
            self.restore();
            self.index.recall(now);
            self.summed_up = None;
            self.compile(now);
        }
        let is_summed_up = self.sum_up(now);
        self.note_fallbacks();
        // A Channel that comes back by the same name had no run yet.
        let declared = self.index.declared_channels();
        let declared: BTreeSet<_> = declared
            .map(|(namespace, channel, _)| (namespace.to_owned(), channel.to_owned()))
            .collect();
        self.batches.retain(|channel, _| declared.contains(channel));
        for ((namespace, channel), run) in &self.batches {
            self.index.note_batch(namespace, channel, run);
        }
        // INVARIANT: deciders are heard about what is out now, not about the revision before it.
        self.hear_deciders();
        self.deliver();
        for effect in self.index.report(now) {
            self.carry_out(effect);
        }
        let compiled = self.index.compilations() - compilations;
        if compiled > 0 {
            self.metrics.compiled(compiled, started.elapsed().as_secs_f64());
        }
        self.count_rules(has_taken_over || is_summed_up || compiled > 0, now);
        self.tell_others();
        if self.outputs.shelf.set_ready() {
            self.metrics.is_ready();
            info!(
                channels = self.index.channels().count(),
                findings = self.index.findings().count(),
                "ready: everything was listed and compiled"
            );
        }
    }

    /// Takes over what was read back of what is published.
    fn restore(&mut self) {
        let mut restored = std::mem::take(&mut self.restored);
        if !self.role.is_catching_up() {
            restored.extend(self.outputs.publisher.take_read());
        }
        for Restored {
            namespace,
            channel,
            found,
        } in restored
        {
            match found {
                Found::Bundle(bundle) => self.index.restore(&namespace, &channel, *bundle),
                Found::Unreadable(why) => {
                    self.index.restore_unreadable(&namespace, &channel, why);
                    self.outputs.publisher.hold(&namespace, &channel);
                }
                Found::Nothing => self.index.give_up_unreadable(&namespace, &channel),
            }
        }
    }

    fn compile(&mut self, now: Timestamp) {
        for effect in self.index.compile(now) {
            self.carry_out(effect);
        }
        self.offer_publications();
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

    /// Lets count what deciders counted, once in a while; another sums up while it leads. Gives whether it has.
    fn sum_up(&mut self, now: Timestamp) -> bool {
        let is_early = |last: Instant| last.elapsed() < self.pace.sum_up;
        if !self.role.leads() || self.summed_up.is_some_and(is_early) {
            return false;
        }
        let counted = self.outputs.shelf.counted.take();
        if counted.is_empty() && self.summed_up.is_none() {
            return false;
        }
        self.summed_up = Some(Instant::now());
        for one in counted {
            self.index.count(&one.namespace, &one.channel, &one.counts, now);
        }
        self.index.sum_up(now);
        // What deciders saw may be found to be wrong.
        self.compile(now);
        true
    }

    fn note_fallbacks(&mut self) {
        let publisher = &self.outputs.publisher;
        let fallbacks = self.index.publications().map(|(namespace, channel, _)| {
            let fallback = publisher.fallback(namespace, channel);
            (namespace.to_owned(), channel.to_owned(), fallback)
        });
        for (namespace, channel, fallback) in fallbacks.collect::<Vec<_>>() {
            self.index.note_fallback(&namespace, &channel, fallback);
        }
    }

    /// Counts rules where there is news; replicas that follow would count the same once more.
    fn count_rules(&self, is_news: bool, now: Timestamp) {
        if !self.role.leads() {
            self.metrics.counted_rules(Rules::default(), 0);
        } else if is_news {
            let (rules, fired) = self.index.rules(now);
            self.metrics.counted_rules(rules, fired);
        }
    }

    /// Lets those know who do something for Channels beside this.
    fn tell_others(&self) {
        let plain = self
            .index
            .publications()
            .filter_map(|(namespace, channel, publication)| {
                let keeps_plain = publication.bundle.settings.plain_unit_ids;
                keeps_plain.then(|| (namespace.to_owned(), channel.to_owned()))
            });
        let plain = plain.collect();
        self.outputs.inquiries.send_if_modified(|inquiries| {
            let asks_anew = inquiries.replace(self.index.inquiries());
            inquiries.keep_plain(plain) || asks_anew
        });
        let namespaces = self
            .index
            .declared_channels()
            .map(|(namespace, ..)| namespace.to_owned());
        let namespaces = Some(namespaces.collect());
        self.outputs.namespaces.send_if_modified(|known| {
            let changed = *known != namespaces;
            *known = namespaces;
            changed
        });
        let needed = self.index.access_needed();
        let needed: Vec<_> = needed
            .map(|(namespace, needed)| (namespace.to_owned(), needed))
            .collect();
        self.outputs.access.send_if_modified(|known| {
            let changed = *known != needed;
            *known = needed;
            changed
        });
        let directory =
            Directory::of(self.index.declared_channels()).under(self.index.policies(), self.index.labels());
        self.outputs.directory.send_if_modified(|known| {
            let changed = **known != directory;
            if changed {
                *known = Arc::new(directory);
            }
            changed
        });
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Publish {
                namespace,
                channel,
                publication,
            } => {
                let revision = publication.revision;
                if self.role.leads() {
                    info!(namespace, channel, revision, "publishing");
                    self.metrics.published();
                } else {
                    debug!(namespace, channel, revision, "compiled");
                }
            }
            Effect::Withdraw { namespace, channel } => {
                info!(namespace, channel, "withdrawing");
                self.outputs.shelf.put(&namespace, &channel, None);
                self.outputs.publisher.withdraw(&namespace, &channel);
            }
            Effect::Status {
                id,
                status,
                turns,
                may_wait,
            } => {
                for turned in &turns {
                    let regarding = reference(&id, self.index.uid(&id));
                    self.outputs.events.turned(regarding, turned);
                }
                if counts(id.kind).is_empty() {
                    self.outputs.statuses.put(id, status);
                } else {
                    self.outputs.statuses.put_counts(id, status, may_wait);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
