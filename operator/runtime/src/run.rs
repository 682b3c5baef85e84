//! Putting the operator together.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attune_api::Kind;
use attune_api::labels::{FIELD_MANAGER_RESULTS, FIELD_MANAGER_STATUS};
use kube::Client;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::Args;
use crate::distribute::{Shelf, router};
use crate::driver::{Driver, Outputs, Pace};
use crate::metrics::Metrics;
use crate::patch::Writer;
use crate::publish::{self, Publisher, Restored, restore};
use crate::results::{Questions, Refresher};
use crate::shutdown;
use crate::watch::{Observation, watch};

/// Observations that may wait; watches pause when there are more.
const BACKLOG: usize = 1024;

/// Pause between attempts to read back what was published.
const RESTORE_PAUSE: Duration = Duration::from_secs(2);

impl Args {
    /// Runs the operator until it is told to stop.
    ///
    /// # Errors
    /// When there is no cluster to talk to or no address to listen on.
    pub async fn run(self) -> anyhow::Result<()> {
        self.start_logging();
        let client = Client::try_default()
            .await
            .context("no cluster: set KUBECONFIG or run in a pod")?;
        let metrics = Arc::new(Metrics::new());
        let bundles = Arc::new(Shelf::new(Arc::clone(&metrics)));
        let listener = tokio::net::TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        info!(address = %listener.local_addr()?, "serving bundles, probes and metrics");
        let server =
            axum::serve(listener, router(Arc::clone(&bundles))).with_graceful_shutdown(shutdown::requested());
        tokio::select! {
            ended = server => ended.context("the server ended"),
            () = self.control(client, bundles, metrics) => Ok(()),
            () = shutdown::requested() => Ok(()),
        }
    }

    /// Watches, compiles and writes for as long as the process lives.
    async fn control(&self, client: Client, bundles: Arc<Shelf>, metrics: Arc<Metrics>) {
        let (sender, observations) = mpsc::channel(BACKLOG);
        let awaited = self.start_watches(&client, &sender, &metrics);
        drop(sender);
        let outputs = Outputs {
            shelf: bundles,
            publisher: Arc::new(Publisher::default()),
            statuses: Arc::new(Writer::new(FIELD_MANAGER_STATUS, Arc::clone(&metrics))),
            questions: watch::Sender::new(Questions::default()),
        };
        let results = Arc::new(Writer::new(FIELD_MANAGER_RESULTS, Arc::clone(&metrics)));
        let questions = outputs.questions.subscribe();
        let refresher = Refresher::new(self, questions, Arc::clone(&results), Arc::clone(&metrics));
        let restored = restore_all(&client, &self.scopes()).await;
        info!(bundles = restored.len(), "read back what was published");
        let pace = Pace {
            debounce: self.debounce,
            decider_grace: self.decider_grace,
            at: self.at,
        };
        let driver = Driver::new(outputs.clone(), pace, metrics, awaited, restored);
        tokio::select! {
            () = driver.run(observations) => {}
            () = outputs.publisher.run(&client) => {}
            () = self.watch_bundles(&client, &outputs.publisher) => {}
            () = outputs.statuses.run(&client) => {}
            () = results.run(&client) => {}
            () = refresher.run(&client) => {}
        }
    }

    /// Watches the ConfigMaps with bundles for as long as it is polled.
    async fn watch_bundles(&self, client: &Client, publisher: &Publisher) {
        let watches = self
            .scopes()
            .into_iter()
            .map(|namespace| publish::watch(client.clone(), namespace, publisher));
        futures::future::join_all(watches).await;
    }

    /// The namespaces to watch, or `None` for all.
    fn scopes(&self) -> Vec<Option<String>> {
        if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.iter().cloned().map(Some).collect()
        }
    }

    /// One watch for each kind and namespace; gives the lists to wait for.
    fn start_watches(
        &self,
        client: &Client,
        sender: &mpsc::Sender<Observation>,
        metrics: &Arc<Metrics>,
    ) -> BTreeSet<(Kind, Option<String>)> {
        let mut awaited = BTreeSet::new();
        for kind in Kind::ALL {
            let namespaces = if kind.is_namespaced() {
                self.scopes()
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

    fn start_logging(&self) {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        if self.log_json {
            builder.json().init();
        } else {
            builder.init();
        }
    }
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
