//! This replica among those of its release: certificates, election, and what replicas tell each other.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use attune_admission::Settings;
use axum::Router;
use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::control::Standing;
use crate::Args;
use crate::args::{Certificates, Release};
use crate::callers::Callers;
use crate::certificates::chain::Lives;
use crate::certificates::keeper::{Estate, Keeper, Rotated};
use crate::certificates::reader::{self, Serving};
use crate::clock::Clock;
use crate::distribute::gate::Guard;
use crate::distribute::{self, Gate, Shelf};
use crate::events::Events;
use crate::leader::{Candidacy, Election, Leader, watch_leadership};
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::peers::Teller;
use crate::siblings::Siblings;
use crate::webhooks::{self, Directory};

/// A replica of a release.
pub(super) struct Membership {
    release: Release,
    clock: Clock,
    client: Client,
    shelf: Arc<Shelf>,
    metrics: Arc<Metrics>,
    address: SocketAddr,
    namespace: String,
    pod: String,
    service: String,
    secret: String,
    serving: watch::Sender<Serving>,
    leader: watch::Sender<Leader>,
    leads: watch::Sender<bool>,
}

impl Membership {
    /// The replica that the settings speak of; `None` where nothing is served with TLS.
    ///
    /// # Errors
    /// When a setting is missing.
    pub(super) fn of(
        args: &Args,
        client: Client,
        shelf: Arc<Shelf>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Option<Self>> {
        let release = &args.release;
        let Some(address) = release.tls_listen else {
            return Ok(None);
        };
        let named =
            |setting: &Option<String>, name: &str| setting.clone().with_context(|| format!("set `{name}`"));
        Ok(Some(Self {
            client,
            shelf,
            metrics,
            address,
            namespace: named(&release.pod_namespace, "POD_NAMESPACE")?,
            pod: named(&release.pod_name, "POD_NAME")?,
            service: named(&release.service, "ATTUNE_SERVICE")?,
            secret: named(&release.certificate_secret, "ATTUNE_CERTIFICATE_SECRET")?,
            release: release.clone(),
            clock: Clock {
                // A certificate must hold now, whatever instant strategies are judged at.
                at: None,
                ..args.clock()
            },
            serving: watch::Sender::default(),
            leader: watch::Sender::default(),
            leads: watch::Sender::default(),
        }))
    }

    /// Where TLS is served.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is served with, and whom to trust.
    pub(super) fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    /// Whether this replica leads.
    pub(super) fn leadership(&self) -> Leadership {
        Leadership::elected(self.leads.subscribe())
    }

    /// How other parts of the release are called.
    pub(super) fn siblings(&self) -> Siblings {
        Siblings::proven(self.serving(), self.release.token_file.clone())
    }

    /// The routes for deciders, the API server and other replicas.
    pub(super) fn router(
        &self,
        directory: watch::Receiver<Arc<Directory>>,
        settings: Option<Settings>,
        events: &Events,
    ) -> Router {
        let (denied, bare) = (events.clone(), events.clone());
        let gate = Gate::Guarded(Box::new(Guard {
            callers: Callers::new(self.client.clone()),
            own_token: self.release.token_file.clone(),
            denied: Arc::new(move |namespace, channel, caller| {
                denied.bundle_denied(namespace, channel, &caller.to_string());
            }),
            metrics: Arc::clone(&self.metrics),
        }));
        let desk = webhooks::Desk {
            settings: settings.map(Arc::new),
            directory,
            bare: Arc::new(move |injection| bare.injection_skipped(injection)),
            metrics: Arc::clone(&self.metrics),
        };
        distribute::router(Arc::clone(&self.shelf), Arc::new(gate)).merge(webhooks::router(desk))
    }

    /// Base URL under which deciders reach the operator.
    pub(super) fn url(&self) -> String {
        format!("https://{}", server_name(&self.service, &self.namespace))
    }

    /// Stands for election until `stop` turns true. Without a Lease this replica leads at once.
    pub(super) fn stand(&self, mut stop: watch::Receiver<bool>) -> JoinHandle<()> {
        tokio::spawn(watch_leadership(
            self.leader.subscribe(),
            self.leads.clone(),
            Arc::clone(&self.metrics),
        ));
        let Some(lease) = self.release.lease.clone() else {
            self.leader.send_replace(Leader::Myself);
            return tokio::spawn(async {});
        };
        let candidacy = Candidacy {
            namespace: self.namespace.clone(),
            lease,
            identity: self.identity(),
            clock: self.clock,
        };
        let election = Election::new(self.client.clone(), candidacy, self.leader.clone());
        tokio::spawn(election.run(async move {
            // A sender that is gone is the end as well.
            let _ = stop.wait_for(|stop| *stop).await;
        }))
    }

    /// What the rest of this replica knows of the release.
    pub(super) fn standing(&self, settings: Option<Settings>) -> Standing {
        let (trusted, known) = watch::channel(String::new());
        let mut serving = self.serving();
        tokio::spawn(async move {
            loop {
                let now = serving.borrow_and_update().trusted.clone();
                trusted.send_if_modified(|known| std::mem::replace(known, now.clone()) != now);
                if serving.changed().await.is_err() {
                    return;
                }
            }
        });
        Standing {
            leadership: self.leadership(),
            siblings: self.siblings(),
            settings,
            trusted: known,
        }
    }

    /// Follows and keeps certificates and tells the leader of the deciders here, until cancelled.
    pub(super) async fn run(&self, events: &Events) {
        let disturbed = Arc::new(Notify::new());
        let follow = reader::follow(
            self.client.clone(),
            &self.namespace,
            &self.secret,
            self.serving.clone(),
            Arc::clone(&disturbed),
            Arc::clone(&self.metrics),
        );
        let (events, namespace) = (events.clone(), self.namespace.clone());
        let rotated: Rotated = Arc::new(move |secret, uid| {
            events.certificate_rotated(&namespace, secret, uid, "the certificate was renewed");
        });
        let keeper = Keeper::new(
            self.client.clone(),
            self.estate(),
            rotated,
            self.serving(),
            disturbed,
        );
        let keep = async {
            if self.release.certificates == Certificates::SelfManaged {
                keeper.run(self.leadership()).await;
            }
        };
        let tell = async {
            if self.release.lease.is_some() {
                self.teller().run().await;
            }
        };
        tokio::join!(follow, keep, tell);
    }

    /// Who this replica is to others: its pod, and where it is reached.
    fn identity(&self) -> String {
        let ip = self.release.pod_ip.unwrap_or(self.address.ip());
        format!("{}@{}", self.pod, SocketAddr::new(ip, self.address.port()))
    }

    fn estate(&self) -> Estate {
        let release = &self.release;
        let collector = release.collector_certificate_secret.clone();
        let collector = collector.zip(release.collector_service.as_deref());
        let mut own_names = names(&self.service, &self.namespace);
        own_names.extend(release.certificate_names.iter().cloned());
        Estate {
            namespace: self.namespace.clone(),
            secret: self.secret.clone(),
            names: own_names,
            collector: collector.map(|(secret, service)| (secret, names(service, &self.namespace))),
            webhooks: release.webhook_configuration.clone(),
            clock: self.clock,
            lives: Lives {
                authority: release.authority_life,
                server: release.certificate_life,
            },
        }
    }

    fn teller(&self) -> Teller {
        Teller {
            replica: self.pod.clone(),
            server_name: server_name(&self.service, &self.namespace),
            siblings: self.siblings(),
            leader: self.leader.subscribe(),
            shelf: Arc::clone(&self.shelf),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// The name by which a Service is called.
fn server_name(service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}.svc")
}

/// All names by which it may be.
fn names(service: &str, namespace: &str) -> Vec<String> {
    let name = server_name(service, namespace);
    vec![format!("{name}.cluster.local"), name]
}
