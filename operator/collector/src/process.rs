//! The collector as a process of its own.

use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum_server::Handle;
use clap::{Parser, ValueEnum};
use reqwest::Url;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::authenticate::{ApiServer, Gate, Reviewer};
use crate::{Collector, CollectorOptions, router, shutdown};

mod certificate;
mod probes;
mod retention;
#[cfg(test)]
mod tests;

use certificate::{Certificate, Files};
use probes::Probes;
use retention::RetentionArgs;
pub use retention::sweep_hourly;

/// How often files are looked at that may change.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long requests under way may take once the process is told to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Where a pod finds the CAs of the API server and the token of its account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Takes exposures and outcomes as `CloudEvents` and keeps them durably.
#[derive(Debug, Parser)]
#[command(name = "attune-collector", version)]
pub struct Args {
    /// Directory of the event database; made if it does not exist.
    #[arg(long, env = "ATTUNE_DATA")]
    data: PathBuf,
    /// Address to listen on.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8086")]
    listen: SocketAddr,
    /// Address of probes and metrics, always without TLS; without it there are none.
    #[arg(long, env = "ATTUNE_PROBES")]
    probes: Option<SocketAddr>,
    /// Certificate to serve with, in PEM; waited for, and read again when it changes. Without it there is no TLS.
    #[arg(long, env = "ATTUNE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM.
    #[arg(long, env = "ATTUNE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How callers prove who they are: `Tokens` in a cluster, else `None`, unless told otherwise.
    #[arg(long, env = "ATTUNE_AUTHENTICATION", value_enum)]
    authentication: Option<Authentication>,
    /// The account that may ask questions where callers prove who they are, like
    /// `system:serviceaccount:attune:attune-operator`.
    #[arg(long, env = "ATTUNE_OPERATOR_ACCOUNT")]
    operator_account: Option<String>,
    /// How long things are kept.
    #[command(flatten)]
    retention: RetentionArgs,
    /// Write logs as JSON lines.
    #[arg(long, env = "ATTUNE_LOG_JSON")]
    log_json: bool,
    /// Host of the API server.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true)]
    api_host: Option<String>,
    /// Port of the API server.
    #[arg(long, env = "KUBERNETES_SERVICE_PORT", hide = true, default_value_t = 443)]
    api_port: u16,
    /// CAs of the API server.
    #[arg(long, hide = true, default_value_os_t = PathBuf::from(ACCOUNT).join("ca.crt"))]
    api_ca_file: PathBuf,
    /// Token for the API server.
    #[arg(long, hide = true, default_value_os_t = PathBuf::from(ACCOUNT).join("token"))]
    api_token_file: PathBuf,
}

/// How callers prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Authentication {
    /// By a service account's token of audience `attune.dev`, which the API server reviews.
    Tokens,
    /// Not at all: events say themselves which namespace they are of.
    None,
}

impl Args {
    /// Runs until SIGTERM or ctrl-c; then finishes the requests under way.
    ///
    /// # Errors
    /// When the store cannot be opened, it cannot listen, or is set up wrongly; never for want of a certificate or the
    /// API server.
    pub async fn run(self) -> anyhow::Result<()> {
        self.start_logging();
        let gate = self.gate()?;
        let collector = Collector::open(&self.data, CollectorOptions::default())?;
        let probes = Probes::new(collector.clone(), gate.as_ref());
        tokio::spawn(sweep_hourly(collector.clone(), self.retention.retention()));
        if let Some(address) = self.probes {
            let listener = listen(address)?;
            info!(probes = %listener.local_addr()?, "answering probes");
            let server = axum_server::from_tcp(listener)?.serve(probes.router().into_make_service());
            tokio::spawn(server);
        }
        let routes = match &gate {
            Some(gate) => gate.router(collector),
            None => router(collector),
        };
        self.serve(routes, &probes).await
    }

    /// Serves, with TLS once it has a certificate, until it is told to end.
    async fn serve(&self, routes: Router, probes: &Probes) -> anyhow::Result<()> {
        let handle = Handle::new();
        tokio::spawn(end(handle.clone(), probes.clone()));
        let service = routes.into_make_service();
        let Some(files) = self.files() else {
            let listener = self.take_place(probes)?;
            return axum_server::from_tcp(listener)?
                .handle(handle)
                .serve(service)
                .await
                .context("cannot serve");
        };
        let mut certificate = Certificate::new(files);
        let config = tokio::select! {
            config = certificate.wait(LOOK_EVERY) => config,
            () = shutdown() => return Ok(()),
        };
        // Whoever comes before there is a certificate is refused at once, not left waiting.
        let listener = self.take_place(probes)?;
        tokio::spawn(certificate.follow(config.clone(), LOOK_EVERY));
        axum_server::from_tcp_rustls(listener, config)?
            .handle(handle)
            .serve(service)
            .await
            .context("cannot serve")
    }

    fn take_place(&self, probes: &Probes) -> anyhow::Result<TcpListener> {
        let listener = listen(self.listen)?;
        info!(address = %listener.local_addr()?, data = %self.data.display(), "taking events");
        probes.mark_serving(true);
        Ok(listener)
    }

    fn files(&self) -> Option<Files> {
        Some(Files {
            certificate: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
        })
    }

    fn gate(&self) -> anyhow::Result<Option<Gate>> {
        let default = if self.api_host.is_some() {
            Authentication::Tokens
        } else {
            Authentication::None
        };
        let authentication = self.authentication.unwrap_or(default);
        info!(?authentication, "how callers prove who they are");
        if authentication == Authentication::None {
            return Ok(None);
        }
        let host = self.api_host.as_deref().context(
            "callers' tokens are reviewed by the API server, and this is no pod: `KUBERNETES_SERVICE_HOST` is not set",
        )?;
        if self.operator_account.is_none() {
            warn!("nobody may ask questions: `ATTUNE_OPERATOR_ACCOUNT` is not set");
        }
        let server = ApiServer {
            url: api_url(host, self.api_port)?,
            ca_file: self.api_ca_file.clone(),
            token_file: self.api_token_file.clone(),
        };
        let gate = Gate::new(Reviewer::new(server)?, self.operator_account.clone());
        Ok(Some(gate))
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
}

/// Ends a server gracefully when the process is told to end.
async fn end(handle: Handle<SocketAddr>, probes: Probes) {
    shutdown().await;
    probes.mark_serving(false);
    handle.graceful_shutdown(Some(DRAIN));
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on `{address}`"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// An address of IP version 6 stands in brackets.
fn api_url(host: &str, port: u16) -> anyhow::Result<Url> {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let url = format!("https://{host}:{port}");
    url.parse()
        .with_context(|| format!("`{url}` is no address of an API server"))
}
