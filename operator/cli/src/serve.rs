//! Everything in one process, on embedded parts: the index, a decider for each Channel, and the collector.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use attune_api::Kind;
use attune_api::experiment::Decision;
use attune_collector::process::sweep_hourly;
use attune_collector::store::{BundleName, Retention};
use attune_collector::{Collector, CollectorOptions};
use attune_compile::ObjectId;
use attune_compile::decision::make_it_the_rule;
use attune_core::event::Event;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tracing::warn;

use crate::cli::{ServeArgs, SourceArgs};
use crate::cmd::no_channel;
use crate::strategy::Strategy;
use crate::terminal::say;

mod deciders;
mod exposures;
pub mod files;
mod generation;
pub mod http;
mod measured;
mod rules;
mod status;

use deciders::{DeciderMap, Memory, observer};
use rules::Rules;
pub use rules::Summary;

#[cfg(test)]
mod tests;

/// Exposures that may wait for the collector.
const EXPOSURE_QUEUE: usize = 8192;

/// How long what deciders share may take to be written at the end.
const HAND_OVER: Duration = Duration::from_secs(2);

/// One process that does all.
#[derive(Debug)]
pub struct Server {
    source: SourceArgs,
    root: Option<String>,
    rules: Mutex<Rules>,
    deciders: Arc<DeciderMap>,
    collector: Collector,
    /// The deciders' way to the store.
    queue: mpsc::Sender<Event>,
    /// What units did, by namespace.
    states: Mutex<BTreeMap<String, Memory>>,
    /// Where what other processes know of units is.
    shared: Option<PathBuf>,
    /// What the ways there run on, whoever opens them.
    runtime: Handle,
    draining: Mutex<Option<Draining>>,
    /// Bundles on their way to the store.
    keeping: Mutex<JoinSet<()>>,
    sweeping: Sweeping,
    /// What followed from verdicts.
    decisions: Mutex<BTreeMap<ObjectId, Decision>>,
}

/// What takes from the queue.
#[derive(Debug)]
struct Draining {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What drops what was kept long enough, for as long as the server lives.
#[derive(Debug)]
struct Sweeping(AbortHandle);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Reads the files, opens the event store in `data` and compiles.
    ///
    /// # Errors
    /// When a file cannot be opened, nothing in them can be served, or the store cannot be opened.
    pub fn open(args: &ServeArgs, data: &Path) -> anyhow::Result<Self> {
        let deciders: Arc<DeciderMap> = Arc::default();
        let clock = args.source.at;
        let options = CollectorOptions {
            observer: observer(&deciders),
            clock: attune_collector::Clock::new(move || clock.unwrap_or_else(Timestamp::now)),
            ..CollectorOptions::default()
        };
        let collector = Collector::open(data, options)
            .with_context(|| format!("the event store in {} cannot be opened", data.display()))?;
        let (queue, reported) = mpsc::channel(EXPOSURE_QUEUE);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(exposures::drain(reported, collector.clone(), stopped));
        let sweeping = tokio::spawn(sweep_hourly(collector.clone(), Retention::default()));
        let server = Self {
            source: args.source.clone(),
            root: args.channel.clone(),
            rules: Mutex::default(),
            deciders,
            collector,
            queue,
            states: Mutex::default(),
            shared: args.state.clone(),
            runtime: Handle::current(),
            draining: Mutex::new(Some(Draining { stop, task })),
            keeping: Mutex::default(),
            sweeping: Sweeping(sweeping.abort_handle()),
            decisions: Mutex::default(),
        };
        server.reload()?;
        if let Some(root) = &server.root
            && server.mounted_at_root().is_none()
        {
            bail!("{}", no_channel(root, server.channel_names().into_iter()));
        }
        Ok(server)
    }

    /// Reads the files again; none when they say what they said. What an API server would refuse keeps the form that was
    /// accepted before; a file that cannot be read as YAML changes nothing at all.
    ///
    /// # Errors
    /// When an input cannot be opened.
    pub fn reload(&self) -> anyhow::Result<Option<Summary>> {
        let read = Strategy::load(&self.source);
        let mut rules = self.rules();
        let files = match read {
            Ok(files) => files,
            Err(error) => {
                let error = anyhow::Error::from(error);
                rules.unreadable = Some(format!("{error:#}"));
                return Err(error);
            }
        };
        if rules.are_of(&files) {
            return Ok(None);
        }
        rules.take(files, self.now());
        // One that is gone takes with it what was decided on it; should it come back, it is judged anew.
        let present: BTreeSet<_> = rules.index.objects().map(|(one, _)| ObjectId::of(&one)).collect();
        self.decisions().retain(|id, _| present.contains(id));
        self.settle(&mut rules);
        Ok(Some(rules.summary()))
    }

    /// Lets what time alone has changed take effect.
    pub fn tick(&self) {
        let mut rules = self.rules();
        if rules.index.next_change().is_some_and(|at| at <= self.now()) {
            self.settle(&mut rules);
        }
    }

    /// Acts on verdicts: an experiment with a rule for what follows is followed as the operator would.
    ///
    /// # Errors
    /// When the event store cannot be read.
    pub async fn judge(&self) -> anyhow::Result<()> {
        let answers = measured::ask_all(self).await?;
        let mut rules = self.rules();
        let experiments = rules.index.objects();
        let experiments = experiments.filter(|(resource, _)| resource.kind() == Kind::Experiment);
        let decided: Vec<_> = experiments
            .filter_map(|(resource, status)| {
                let mut status = status?.clone();
                measured::add(self, &resource, &mut status, &answers);
                Some((ObjectId::of(&resource), measured::decision(&status)?))
            })
            .collect();
        let mut news = false;
        for (id, decision) in decided {
            if self.decision(&id).as_ref() == Some(&decision) {
                continue;
            }
            say(format_args!("{id}: {}", make_it_the_rule(&decision)));
            rules
                .index
                .decide(&id.namespace, &id.name, Some(decision.clone()));
            self.decisions().insert(id, decision);
            news = true;
        }
        if news {
            self.settle(&mut rules);
        }
        Ok(())
    }

    /// Lets statuses and findings speak of what deciders have counted.
    pub fn sum_up(&self) {
        let counted: Vec<_> = {
            let deciders = self.deciders.read().unwrap_or_else(PoisonError::into_inner);
            let counted = deciders
                .iter()
                .map(|(channel, mounted)| (channel.clone(), mounted.decider.take_counts()));
            counted.filter(|(_, counts)| !counts.is_empty()).collect()
        };
        let now = self.now();
        let mut rules = self.rules();
        for ((namespace, channel), counts) in &counted {
            rules.index.count(namespace, channel, counts, now);
        }
        rules.index.sum_up(now);
        // What deciders saw may be found to be wrong, which by itself changes no bundle.
        if rules.index.compile(now).is_empty() {
            rules.index.report(now);
        } else {
            self.settle(&mut rules);
        }
    }

    /// What followed from the verdict of an experiment.
    fn decision(&self, id: &ObjectId) -> Option<Decision> {
        self.decisions().get(id).cloned()
    }

    fn decisions(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectId, Decision>> {
        self.decisions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles, lets the deciders take what came of it, then writes statuses, which thus know that it was taken.
    fn settle(&self, rules: &mut Rules) {
        let now = self.now();
        rules.index.compile(now);
        self.keep_plain(rules);
        self.keep_bundles(rules);
        self.adopt(rules);
        rules.index.report(now);
    }

    /// Lets the store know which Channels keep unit ids in plain, before their deciders report anything.
    fn keep_plain(&self, rules: &Rules) {
        let channels = rules
            .index
            .publications()
            .filter_map(|(namespace, channel, publication)| {
                let keeps_plain = publication.bundle.settings.plain_unit_ids;
                keeps_plain.then(|| (namespace.to_owned(), channel.to_owned()))
            });
        if let Err(error) = self.collector.store().keep_plain_units(channels.collect()) {
            let error = &error as &dyn std::error::Error;
            warn!(
                error,
                "unit ids are kept hashed until the store takes note of their Channels"
            );
        }
    }

    /// Lets the store have new bundles of which decisions are kept.
    fn keep_bundles(&self, rules: &Rules) {
        let deciders = self.deciders.read().unwrap_or_else(PoisonError::into_inner);
        for (namespace, channel, publication) in rules.index.publications() {
            let mounted = deciders.get(&(namespace.to_owned(), channel.to_owned()));
            let serving = mounted.and_then(|mounted| mounted.decider.revision());
            let is_known = serving.as_ref() == Some(&publication.revision);
            if is_known || publication.bundle.settings.replay.is_none() {
                continue;
            }
            let (store, now) = (self.collector.store().clone(), self.now());
            let name = BundleName {
                namespace: namespace.to_owned(),
                revision: publication.revision.clone(),
            };
            let channel = channel.to_owned();
            let json = Arc::clone(&publication.canonical);
            let keep = async move {
                if let Err(error) = store.keep_bundle(name, channel, &json, now).await {
                    let error = &error as &dyn std::error::Error;
                    warn!(
                        error,
                        "a bundle is not kept; what it decides cannot be made again"
                    );
                }
            };
            let mut keeping = self.keeping();
            // Those that are done are nobody's any more.
            while keeping.try_join_next().is_some() {}
            keeping.spawn_on(keep, &self.runtime);
        }
    }

    fn keeping(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.keeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where everything is.
    pub fn announce(&self, address: SocketAddr) {
        let rules = self.rules();
        say(format_args!("attune serves on http://{address}"));
        for (namespace, channel, publication) in rules.index.publications() {
            let touchpoints: Vec<_> = publication
                .bundle
                .touchpoints
                .keys()
                .map(String::as_str)
                .collect();
            say(format_args!(
                "  http://{address}/channels/{namespace}/{channel}/ofrep/v1/evaluate/flags/{{{}}}",
                touchpoints.join(",")
            ));
        }
        match &self.root {
            Some(root) => say(format_args!(
                "  http://{address}/ofrep/v1/evaluate/flags   channel `{root}`"
            )),
            None if rules.index.publications().next().is_none() => {
                say("  no channel can be served yet");
            }
            None => {}
        }
        say(format_args!(
            "  http://{address}/v1/events   exposures and outcomes, CloudEvents"
        ));
        say(format_args!(
            "  http://{address}/status      every resource with its status"
        ));
        let summary = rules.summary();
        say(format_args!("{summary}; edits take effect at once, ctrl-c stops"));
        summary.first().for_each(|line| say(format_args!("  {line}")));
    }

    /// Lets what deciders reported become durable, and what they share be written.
    pub async fn close(&self) {
        self.sweeping.0.abort();
        let draining = self
            .draining
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Draining { stop, task }) = draining {
            // Requests that are still open may hold on to the queue: it is closed from this end.
            let _ = stop.send(());
            // Aborted tasks and panics end the same way: nothing is left to wait for.
            let _ = task.await;
        }
        let mut keeping = std::mem::take(&mut *self.keeping());
        while keeping.join_next().await.is_some() {}
        let memories: Vec<_> = {
            let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
            states.values().filter_map(Memory::shared).collect()
        };
        // All of them are at one server, which has the same time for all.
        join_all(memories.iter().map(|shared| shared.hand_over(HAND_OVER))).await;
    }

    /// The instant that everything is judged at.
    pub(crate) fn now(&self) -> Timestamp {
        self.source.at()
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Rules> {
        // A panic while rules were taken leaves them as they were or as they shall be, both of which serve.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
