//! What the operator does with the cluster: watches, compiles and writes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use attune_admission::Settings;
use attune_api::labels::{FIELD_MANAGER_RESULTS, FIELD_MANAGER_STATUS};
use attune_api::{EventReason, Kind};
use kube::Client;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::Args;
use crate::access::Access;
use crate::batches::watch_batches;
use crate::config_maps;
use crate::deliver::{self, Desired};
use crate::distribute::Shelf;
use crate::driver::{Driver, Hearing, Outputs, Pace, Replicas};
use crate::events::{Events, Post, channel_reference};
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::patch::Writer;
use crate::pods::{Pods, watch_namespaces, watch_pods};
use crate::publish::{self, Publisher, Restored, restore};
use crate::push::{Courier, Pusher, read_secrets, read_standings, system_lookup};
use crate::results::{Inquiries, Refresher, Tools};
use crate::siblings::Siblings;
use crate::trust;
use crate::watch::{Observation, watch};
use crate::webhooks::Directory;

/// Observations that may wait; watches pause when there are more.
const BACKLOG: usize = 1024;

/// Pause between attempts to read back what was published.
const RESTORE_PAUSE: Duration = Duration::from_secs(2);

/// The part of the operator that watches, compiles and writes.
pub(super) struct Control {
    args: Args,
    client: Client,
    metrics: Arc<Metrics>,
    outputs: Outputs,
    post: Post,
}

/// What it knows of the release that it belongs to.
pub(super) struct Standing {
    /// Whether this replica writes.
    pub leadership: Leadership,
    /// How other parts of the release are called.
    pub siblings: Siblings,
    /// How deciders are started; `None` where none are.
    pub settings: Option<Settings>,
    /// Whom deciders are to trust, as PEM; empty while that is not known.
    pub trusted: watch::Receiver<String>,
}

impl Standing {
    /// Of an operator without others beside it, for development.
    pub(super) fn alone() -> Self {
        Self {
            leadership: Leadership::always(),
            siblings: Siblings::unproven(),
            settings: None,
            trusted: watch::Sender::default().subscribe(),
        }
    }
}

impl Control {
    pub(super) fn new(args: &Args, client: Client, shelf: Arc<Shelf>, metrics: Arc<Metrics>) -> Self {
        let (events, post) = Events::new(Arc::clone(&metrics));
        let statuses = Writer::new(FIELD_MANAGER_STATUS, Arc::clone(&metrics));
        // The cluster's policies are another operator's to report on where this one works in some namespaces only.
        let spared = (!args.namespaces.is_empty()).then_some(Kind::GovernancePolicy);
        let outputs = Outputs {
            shelf,
            publisher: Arc::new(Publisher::default().telling(events.clone())),
            pusher: Arc::new(Pusher::new(Arc::clone(&metrics))),
            config_maps: Arc::default(),
            statuses: Arc::new(statuses.sparing(spared)),
            inquiries: watch::Sender::new(Inquiries::default()),
            events,
            namespaces: watch::Sender::default(),
            directory: watch::Sender::default(),
            access: watch::Sender::default(),
        };
        Self {
            args: args.clone(),
            client,
            metrics,
            outputs,
            post,
        }
    }

    /// Which Channels there are, for whoever injects deciders.
    pub(super) fn directory(&self) -> watch::Receiver<Arc<Directory>> {
        self.outputs.directory.subscribe()
    }

    /// Where to tell people.
    pub(super) fn events(&self) -> &Events {
        &self.outputs.events
    }

    /// Watches, compiles and writes for as long as the process lives.
    pub(super) async fn run(self, standing: Standing) {
        let Self {
            args,
            client,
            metrics,
            outputs,
            post,
        } = self;
        let (sender, observations) = mpsc::channel(BACKLOG);
        let awaited = start_watches(&args, &client, &sender, &metrics);
        let asked = outputs.access.subscribe();
        let access = Access::new(client.clone());
        let asks = access.keep(asked, &sender);
        let (pods, desired) = (Arc::new(Pods::default()), Arc::new(Desired::default()));
        let (leadership, scopes) = (standing.leadership.clone(), args.scopes());
        let statuses = Arc::clone(&outputs.statuses);
        let results = Arc::new(Writer::new(FIELD_MANAGER_RESULTS, Arc::clone(&metrics)));
        results.led_by(leadership.clone());
        let tools = Tools {
            siblings: standing.siblings,
            leadership: leadership.clone(),
            inquiries: outputs.inquiries.subscribe(),
            writer: Arc::clone(&results),
            events: outputs.events.clone(),
            metrics: Arc::clone(&metrics),
        };
        let refresher = Refresher::new(&args, tools);
        let delivers = standing.settings.is_some();
        let deliver = async {
            match standing.settings {
                Some(settings) => {
                    let (client, scopes) = (client.clone(), scopes.clone());
                    deliver::run(client, scopes, settings, leadership.clone(), Arc::clone(&desired)).await;
                }
                None => std::future::pending().await,
            }
        };
        let trust = trust::run(
            client.clone(),
            scopes.clone(),
            outputs.namespaces.subscribe(),
            standing.trusted,
            leadership.clone(),
            outputs.events.clone(),
        );
        let drive = async {
            let restored = restore_all(&client, &scopes).await;
            info!(bundles = restored.len(), "read back what was published");
            let pace = Pace {
                debounce: args.debounce,
                decider_grace: args.decider_grace,
                sum_up: args.sum_up,
                clock: args.clock(),
            };
            let replicas = Arc::clone(&desired);
            let replicas: Replicas =
                Arc::new(move |namespace, channel| replicas.get(namespace, channel)?.replicas);
            let hearing = Hearing::new(Arc::clone(&pods), delivers.then_some(replicas));
            let driver = Driver::new(outputs.clone(), pace, Arc::clone(&metrics), awaited, restored);
            let driver = driver
                .led_by(leadership.clone())
                .counting(hearing)
                .awaiting_labels();
            driver.run(observations).await;
        };
        let watches = scopes
            .iter()
            .map(|scope| watch_pods(client.clone(), scope.clone(), &pods));
        let batches = scopes
            .iter()
            .map(|scope| watch_batches(client.clone(), scope.clone(), &sender));
        tokio::select! {
            () = drive => {}
            () = deliver => {}
            () = trust => {}
            _ = futures::future::join_all(watches) => {}
            _ = futures::future::join_all(batches) => {}
            () = watch_namespaces(client.clone(), &pods, &sender) => {}
            () = asks => {}
            () = outputs.publisher.run(&client) => {}
            () = watch_bundles(&client, &scopes, &outputs.publisher) => {}
            () = serve_receivers(&args, &client, &scopes, &outputs) => {}
            () = statuses.run(&client) => {}
            () = results.run(&client) => {}
            () = refresher.run(&client) => {}
            () = tell_obstacles(&desired, &outputs.events) => {}
            () = post.run(&client, leadership.clone(), args.release.pod_name.clone()) => {}
        }
    }
}

/// Tells Channels what of somebody else's stands where their workloads should.
async fn tell_obstacles(desired: &Desired, events: &Events) {
    let mut changed = desired.subscribe();
    let mut told = BTreeSet::new();
    loop {
        let mut standing = BTreeSet::new();
        for ((namespace, channel), workload) in desired.all() {
            for obstacle in workload.obstacles {
                standing.insert((namespace.clone(), channel.clone(), obstacle.to_string()));
            }
        }
        for (namespace, channel, obstacle) in standing.difference(&told) {
            let regarding = channel_reference(namespace, channel, None);
            events.tell(regarding, EventReason::NameTaken, obstacle);
        }
        told = standing;
        if changed.changed().await.is_err() {
            return;
        }
    }
}

impl Args {
    /// The namespaces to watch, or `None` for all.
    fn scopes(&self) -> Vec<Option<String>> {
        if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.iter().cloned().map(Some).collect()
        }
    }
}

/// Watches the ConfigMaps with bundles for as long as it is polled.
async fn watch_bundles(client: &Client, scopes: &[Option<String>], publisher: &Publisher) {
    let watches = scopes
        .iter()
        .map(|namespace| publish::watch(client.clone(), namespace.clone(), publisher));
    futures::future::join_all(watches).await;
}

/// Sends rules to endpoints and keeps them in ConfigMaps for as long as it is polled.
async fn serve_receivers(args: &Args, client: &Client, scopes: &[Option<String>], outputs: &Outputs) {
    let courier = Courier::new(read_secrets(client.clone()), args.push.egress(), system_lookup());
    let config_maps = &outputs.config_maps;
    let watches = scopes
        .iter()
        .map(|namespace| config_maps::watch(client.clone(), namespace.clone(), config_maps));
    tokio::select! {
        () = outputs.pusher.run(Arc::new(courier), read_standings(client.clone())) => {}
        () = config_maps.run(client) => {}
        _ = futures::future::join_all(watches) => {}
    }
}

/// One watch for each kind and namespace; gives the lists to wait for.
fn start_watches(
    args: &Args,
    client: &Client,
    sender: &mpsc::Sender<Observation>,
    metrics: &Arc<Metrics>,
) -> BTreeSet<(Kind, Option<String>)> {
    let mut awaited = BTreeSet::new();
    for kind in Kind::ALL {
        let namespaces = if kind.is_namespaced() {
            args.scopes()
        } else {
            vec![None]
        };
        for namespace in &namespaces {
            awaited.insert((kind, namespace.clone()));
            tokio::spawn(watch(
                client.clone(),
                kind,
                namespace.clone(),
                sender.clone(),
                Arc::clone(metrics),
            ));
        }
    }
    awaited
}

/// Reads back everything that was published; nothing is published over it before it is known.
async fn restore_all(client: &Client, scopes: &[Option<String>]) -> Vec<Restored> {
    let mut restored = Vec::new();
    for scope in scopes {
        loop {
            match restore(client, scope.as_deref()).await {
                Ok(bundles) => {
                    restored.extend(bundles);
                    break;
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "published bundles not read, trying again"
                    );
                    tokio::time::sleep(RESTORE_PAUSE).await;
                }
            }
        }
    }
    restored
}
