//! Putting the operator together.

mod control;
mod membership;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attune_admission::Settings;
use axum::Router;
use kube::Client;
use tokio::sync::watch;
use tracing::info;

use crate::Args;
use crate::distribute::{Gate, Readiness, Shelf, probes, router};
use crate::metrics::Metrics;
use crate::{serve, shutdown};
use control::{Control, Standing};
use membership::Membership;

/// How long an election may take to be given up.
const PATIENCE: Duration = Duration::from_secs(4);

impl Args {
    /// Runs the operator until it is told to stop.
    ///
    /// # Errors
    /// When there is no cluster to talk to or no address to listen on.
    pub async fn run(self) -> anyhow::Result<()> {
        self.start_logging();
        // Only fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::try_default()
            .await
            .context("no cluster: set KUBECONFIG or run in a pod")?;
        let metrics = Arc::new(Metrics::new());
        let bundles = Arc::new(Shelf::new(Arc::clone(&metrics)));
        let control = Control::new(&self, client.clone(), Arc::clone(&bundles), Arc::clone(&metrics));
        let membership = Membership::of(&self, client, Arc::clone(&bundles), metrics)?;
        let (stop, stopped) = watch::channel(false);
        let election = membership
            .as_ref()
            .map(|membership| membership.stand(stopped.clone()));
        let settings = membership
            .as_ref()
            .and_then(|membership| self.settings(&membership.url()));
        let events = control.events().clone();
        let routes = membership
            .as_ref()
            .map(|membership| membership.router(control.directory(), settings.clone(), &events));
        let servers = async {
            let plain = serve::plain(
                self.listen,
                self.plain(&bundles, membership.as_ref()),
                stopped.clone(),
            );
            match membership.as_ref().zip(routes) {
                Some((membership, routes)) => {
                    let tls = serve::tls(
                        membership.address(),
                        routes,
                        membership.serving(),
                        stopped.clone(),
                    );
                    tokio::try_join!(plain, tls).map(drop)
                }
                None => plain.await,
            }
        };
        let keep = async {
            match &membership {
                Some(membership) => membership.run(&events).await,
                None => std::future::pending().await,
            }
        };
        let standing = match &membership {
            Some(membership) => membership.standing(settings.clone()),
            None => Standing::alone(),
        };
        tokio::select! {
            ended = servers => ended?,
            () = control.run(standing) => {}
            () = keep => {}
            () = end(&bundles, stop) => {}
        }
        if let Some(election) = election {
            // It gives the Lease up, so that the next leader need not wait for its end.
            let _ = tokio::time::timeout(PATIENCE, election).await;
        }
        Ok(())
    }

    /// The routes without TLS.
    fn plain(&self, bundles: &Arc<Shelf>, membership: Option<&Membership>) -> Router {
        let serving = membership.map(Membership::serving);
        let probes = probes(Readiness::new(Arc::clone(bundles), serving));
        if !self.insecure_bundles {
            return probes;
        }
        probes.merge(router(Arc::clone(bundles), Arc::new(Gate::Open)))
    }

    /// How deciders are started, if any are.
    fn settings(&self, operator: &str) -> Option<Settings> {
        Some(Settings {
            operator_url: operator.to_owned(),
            collector_url: self.collector.clone(),
            image: self.deciders.decider_image.clone()?,
            pull_policy: self.deciders.decider_image_pull_policy,
            release: self.release.name.clone(),
        })
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

/// Waits for the signal and lets everything end; the servers end last and by themselves.
async fn end(bundles: &Shelf, stop: watch::Sender<bool>) {
    shutdown::requested().await;
    info!("ending");
    bundles.end();
    stop.send_replace(true);
    std::future::pending::<()>().await;
}
