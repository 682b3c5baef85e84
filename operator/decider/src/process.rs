//! The decision service as a process of its own: beside an app, or as a service.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use jiff::SignedDuration;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::access::{Access, Keys, Origins};
use crate::clock::Clock;
use crate::decider::{Decider, Introspection};
use crate::exposure::report::Reporter;
use crate::exposure::spool::{DEFAULT_SPOOL_BYTES, Spool};
use crate::exposure::{DEFAULT_QUEUE, Exposures};
use crate::follow::{Config, Follower, Name, Pace, Store};
use crate::limits::{DEFAULT_BODY_LIMIT, DEFAULT_CONNECTIONS, DEFAULT_STREAMS, Limits};
use crate::link::Credentials;
use crate::listen::tls::{Certificate, Files};
use crate::relay::Relay;
use crate::shared::Shared;
use crate::state::{DEFAULT_ENTRIES, State};

mod gate;
mod serve;
mod setting;
#[cfg(test)]
mod tests;

use serve::{Listeners, serve};
use setting::StartupTimeout;

/// How long requests are still taken after SIGTERM where other pods may not know yet, unless told otherwise.
const DRAIN: Duration = Duration::from_secs(5);

/// Decides what each visitor of one channel sees, by the rules that the operator publishes.
#[derive(Debug, Parser)]
#[command(name = "attune-decider", version)]
pub struct Args {
    /// Where to listen for requests.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8016")]
    listen: SocketAddr,
    /// Where to listen for health, startup and readiness probes and metrics; without it they are with the requests.
    #[arg(long, env = "ATTUNE_PROBES")]
    probes: Option<SocketAddr>,
    /// Base URL of the operator, which publishes the rules.
    #[arg(long, env = "ATTUNE_OPERATOR")]
    operator: Url,
    /// Namespace of the Channel.
    #[arg(long, env = "ATTUNE_NAMESPACE")]
    namespace: Name,
    /// The Channel to decide for.
    #[arg(long, env = "ATTUNE_CHANNEL")]
    channel: Name,
    /// Directory that keeps the last good rules, to start without the operator, and exposures that the collector has not
    /// taken.
    #[arg(long, env = "ATTUNE_DATA")]
    data: Option<PathBuf>,
    /// Compressed rules in a mounted ConfigMap, to start without the operator.
    #[arg(long, env = "ATTUNE_FALLBACK")]
    fallback: Option<PathBuf>,
    /// File with the CAs that sign for the operator and the collector, in PEM; without it, the system's are trusted.
    #[arg(long, env = "ATTUNE_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// File with the token that proves to the operator and the collector who asks.
    #[arg(long, env = "ATTUNE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Name of this decider in the Channel's status: the pod's.
    #[arg(long, env = "POD_NAME")]
    id: Option<Name>,
    /// Base URL of the collector, which takes exposures; without it none are reported.
    #[arg(long, env = "ATTUNE_COLLECTOR")]
    collector: Option<Url>,
    /// Bytes that exposures may take up on disk while the collector does not take them.
    #[arg(long, env = "ATTUNE_SPOOL_BYTES", default_value_t = DEFAULT_SPOOL_BYTES)]
    spool_bytes: u64,
    /// How long `/startupz` waits for first rules before code defaults are answered: `60s`, or `Forever`.
    #[arg(long, env = "ATTUNE_STARTUP_TIMEOUT", default_value = "60s")]
    startup_timeout: StartupTimeout,
    /// How long requests are still taken after SIGTERM; `5s` unless only this host reaches the port, then none.
    #[arg(long, env = "ATTUNE_DRAIN", value_parser = setting::drain)]
    drain: Option<Duration>,
    /// Largest request body, in bytes.
    #[arg(long, env = "ATTUNE_BODY_LIMIT", default_value_t = DEFAULT_BODY_LIMIT)]
    body_limit: usize,
    /// Connections at once; more are answered by 503.
    #[arg(long, env = "ATTUNE_CONNECTIONS", default_value_t = DEFAULT_CONNECTIONS)]
    connections: usize,
    /// Event streams at once; more are answered by 503.
    #[arg(long, env = "ATTUNE_STREAMS", default_value_t = DEFAULT_STREAMS)]
    streams: usize,
    /// How long a connection may go without a finished request before it is closed: `60s`.
    #[arg(long, env = "ATTUNE_IDLE", default_value = "60s", value_parser = setting::idle)]
    idle: Duration,
    /// Origins whose pages may ask from a browser: `https://shop.example,https://app.example`, or `*`.
    #[arg(long, env = "ATTUNE_ALLOW_ORIGINS", default_value_t = Origins::Own)]
    allow_origins: Origins,
    /// File with the keys that callers must show one of, one a line; without it, everybody who reaches the port may ask.
    #[arg(long, env = "ATTUNE_KEYS_FILE")]
    keys_file: Option<PathBuf>,
    /// File with the certificate to answer with, in PEM; without it, answers are over plain HTTP.
    #[arg(long, env = "ATTUNE_TLS_CERT_FILE", requires = "tls_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// File with the certificate's private key, in PEM.
    #[arg(long, env = "ATTUNE_TLS_KEY_FILE", requires = "tls_cert_file")]
    tls_key_file: Option<PathBuf>,
    /// Entries of memory for what units were shown and did, about 80 bytes each.
    #[arg(long, env = "ATTUNE_STATE_ENTRIES", default_value_t = DEFAULT_ENTRIES)]
    state_entries: usize,
    /// Directory with the `url` of a Redis or Valkey that deciders share where the Channel says so, and where needed the
    /// `ca.crt` to trust and the `key` that unit ids are hashed with: a mounted Secret.
    #[arg(long, env = "ATTUNE_STATE")]
    state: Option<PathBuf>,
    /// Answers `/v1/explain` to everybody who reaches the port, also for Channels whose clients are told the reason only.
    #[arg(long, env = "ATTUNE_OPEN_INTROSPECTION")]
    open_introspection: bool,
    /// Write logs as JSON lines.
    #[arg(long, env = "ATTUNE_LOG_JSON")]
    log_json: bool,
    /// Decide as if the host's clock were that much fast, or slow; for tests.
    #[arg(
        long,
        env = "ATTUNE_CLOCK_OFFSET",
        hide = true,
        allow_hyphen_values = true,
        value_parser = setting::offset
    )]
    clock_offset: Option<SignedDuration>,
    /// How often to tell the operator what was counted: `60s`; for tests.
    #[arg(long, env = "ATTUNE_REPORT_PAUSE", hide = true, default_value = "60s", value_parser = setting::pause)]
    report_pause: Duration,
    /// How soon after new rules to ask for newer ones: `250ms`; for measurements.
    #[arg(long, env = "ATTUNE_SPACING", hide = true, default_value = "250ms", value_parser = setting::pause)]
    spacing: Duration,
}

/// How long the last rules may take to the disk.
const LAST_RULES: Duration = Duration::from_secs(2);

impl Args {
    /// Runs until SIGTERM or ctrl-c; then finishes the requests under way and hands over the last exposures.
    ///
    /// # Errors
    /// When it cannot listen or is set up wrongly; never for want of the operator, the collector, the disk or a file.
    pub async fn run(self) -> anyhow::Result<()> {
        self.start_logging();
        let listeners = self.listen().await?;
        let (stop, stopped) = watch::channel(false);
        let (decider, reporter) = self.decider(&stopped)?;
        let follower = Follower::new(decider.clone(), self.follow()?)?;
        follower.restore().await;
        let mut follower = tokio::spawn(follower.run(stopped));
        tokio::spawn(gate::watch(decider.clone(), self.startup_timeout));
        let served = serve(listeners, &decider, &mut follower, self.drain()).await;
        decider.hand_over().await;
        // The exposures of the last requests are queued by now.
        stop.send_replace(true);
        if let Some(reporter) = reporter {
            reporter.await.context("the reporter of exposures ended")?;
        }
        // Rules that it decided by a moment ago may be on their way to the disk. A follower that is to blame has ended.
        if !follower.is_finished() {
            let _ = tokio::time::timeout(LAST_RULES, follower).await;
        }
        served
    }

    fn start_logging(&self) {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
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

    async fn listen(&self) -> anyhow::Result<Listeners> {
        let probes = match self.probes {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let decisions = bind(self.listen).await?;
        if let Some(probes) = &probes {
            info!(probes = %probes.local_addr()?, "answering probes");
        }
        let address = decisions.local_addr()?;
        let certificate = self.certificate()?;
        let tls = certificate.is_some();
        info!(%address, tls, namespace = %self.namespace, channel = %self.channel, "listening");
        Ok(Listeners {
            decisions,
            certificate,
            probes,
        })
    }

    fn certificate(&self) -> anyhow::Result<Option<Certificate>> {
        let files = self.tls_cert_file.clone().zip(self.tls_key_file.clone());
        let Some((certificate, key)) = files else {
            return Ok(None);
        };
        let files = Files { certificate, key };
        let certificate = Certificate::load(&files).context("cannot answer over TLS")?;
        tokio::spawn(certificate.clone().follow(files));
        Ok(Some(certificate))
    }

    fn access(&self) -> Access {
        let keys = self.keys_file.clone().map(|path| {
            let keys = Keys::none();
            keys.load(&path);
            let followed = keys.clone();
            tokio::spawn(async move { followed.follow(&path).await });
            keys
        });
        Access {
            origins: self.allow_origins.clone(),
            keys,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            body: self.body_limit,
            connections: self.connections,
            streams: self.streams,
            idle: self.idle,
            ..Limits::default()
        }
    }

    fn drain(&self) -> Duration {
        let default = if self.listen.ip().is_loopback() {
            Duration::ZERO
        } else {
            DRAIN
        };
        self.drain.unwrap_or(default)
    }

    fn decider(&self, stopped: &watch::Receiver<bool>) -> anyhow::Result<(Decider, Option<JoinHandle<()>>)> {
        let mut eraser = None;
        let (exposures, reporter) = match &self.collector {
            None => (Exposures::off(), None),
            Some(collector) => {
                let (exposures, queue) = Exposures::channel(DEFAULT_QUEUE);
                let deliveries = exposures.deliveries();
                let mut reporter = Reporter::new(collector, &self.credentials(), queue, deliveries)?;
                if let Some(spool) = self.spool() {
                    reporter = reporter.with_spool(spool);
                }
                eraser = Some(reporter.eraser());
                (exposures, Some(tokio::spawn(reporter.run(stopped.clone()))))
            }
        };
        let introspection = if self.open_introspection {
            Introspection::Open
        } else {
            Introspection::FullMetadataOnly
        };
        let builder = match &self.collector {
            None => Decider::builder(),
            Some(collector) => Decider::builder().relay(Relay::new(collector, &self.credentials())?),
        };
        let decider = builder
            .channel(self.namespace.as_str(), self.channel.as_str())
            .clock(self.clock())
            .state(Arc::new(State::new(self.state_entries)))
            .shared(Some(Arc::new(self.shared())))
            .exposures(exposures)
            .eraser(eraser)
            .limits(self.limits())
            .access(self.access())
            .introspection(introspection)
            .build();
        Ok((decider, reporter))
    }

    /// What is shared where the Channel says so; without an address nobody answers, which the Channel has foreseen too.
    fn shared(&self) -> Shared {
        match &self.state {
            Some(directory) => Shared::open(directory, self.namespace.as_str(), self.clock()),
            None => Shared::nowhere(),
        }
    }

    /// Where exposures wait on disk; a disk that does not take them costs no decision.
    fn spool(&self) -> Option<Spool> {
        let data = self.data.as_deref()?;
        let name = format!("{}.{}", self.namespace, self.channel);
        match Spool::open(data, &name, self.spool_bytes) {
            Ok(spool) => Some(spool),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "exposures cannot wait on disk, they wait in memory");
                None
            }
        }
    }

    fn follow(&self) -> anyhow::Result<Config> {
        let data = self.data.as_deref();
        Ok(Config {
            operator: self.operator.clone(),
            credentials: self.credentials(),
            namespace: self.namespace.clone(),
            channel: self.channel.clone(),
            id: self.id()?,
            store: data.map(|data| Store::new(data, &self.namespace, &self.channel)),
            fallback: self.fallback.clone(),
            pace: Pace {
                report_pause: self.report_pause,
                spacing: self.spacing,
                ..Pace::default()
            },
        })
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            ca_file: self.ca_file.clone(),
            token_file: self.token_file.clone(),
            clock: self.clock(),
        }
    }

    fn clock(&self) -> Clock {
        self.clock_offset.map_or_else(Clock::system, Clock::off_by)
    }

    /// The name given, else the host's, which is the pod's in a pod.
    fn id(&self) -> anyhow::Result<Name> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let host = std::env::var("HOSTNAME")
            .ok()
            .and_then(|host| host.to_lowercase().parse().ok());
        host.map_or_else(|| Ok(format!("decider-{}", std::process::id()).parse()?), Ok)
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on `{address}`"))
}
