//! The operator's settings.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use attune_admission::PullPolicy;
use clap::{Args as Group, Parser, ValueEnum};
use ipnet::IpNet;
use jiff::SignedDuration;

use crate::clock::Clock;
use crate::push::Egress;

/// The Attune operator: checks strategies, compiles them into rules, hands them to deciders and writes what is true of
/// them onto the resources.
#[derive(Debug, Clone, Parser)]
#[command(name = "attune-operator", version)]
pub struct Args {
    /// Address of probes and metrics, without TLS.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// Hands out bundles at `--listen`, without TLS and to whoever asks; for development.
    #[arg(long, env = "ATTUNE_INSECURE_BUNDLES", conflicts_with = "tls_listen")]
    pub insecure_bundles: bool,

    /// What it needs to serve deciders, the API server and its own replicas.
    #[command(flatten)]
    pub release: Release,

    /// What the deciders that it starts are started with.
    #[command(flatten)]
    pub deciders: Deciders,

    /// Where Channels may send their rules.
    #[command(flatten)]
    pub push: Push,

    /// Watch this namespace only; repeatable. Without it, all.
    #[arg(
        long = "watch-namespace",
        env = "ATTUNE_WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    pub namespaces: Vec<String>,

    /// Base URL of the collector that answers for experiments; without it, no results are written.
    #[arg(long, env = "ATTUNE_COLLECTOR")]
    pub collector: Option<String>,

    /// How often results are refreshed, in seconds; up to a tenth is added at random to each object's turn.
    #[arg(long, env = "ATTUNE_RESULTS_INTERVAL", default_value = "60", value_parser = seconds)]
    pub results_interval: Duration,

    /// How long to wait for more changes before compiling, in milliseconds.
    #[arg(long, env = "ATTUNE_DEBOUNCE", default_value = "50", value_parser = milliseconds)]
    pub debounce: Duration,

    /// How long after the start deciders have to call before they count as absent, in seconds.
    #[arg(long, env = "ATTUNE_DECIDER_GRACE", default_value = "45", value_parser = seconds)]
    pub decider_grace: Duration,

    /// Judge and compile at this instant instead of now (RFC 3339); for tests.
    #[arg(long, env = "ATTUNE_AT", hide = true)]
    pub at: Option<jiff::Timestamp>,

    /// How far this process' clock is off, as `300s` or `-300s`; for tests.
    #[arg(
        long,
        env = "ATTUNE_CLOCK_OFFSET",
        hide = true,
        default_value = "0s",
        allow_hyphen_values = true
    )]
    pub clock_offset: SignedDuration,

    /// How often what deciders counted is summed up, in seconds; for tests.
    #[arg(long, env = "ATTUNE_SUM_UP", default_value = "300", hide = true, value_parser = seconds)]
    pub sum_up: Duration,

    /// Write logs as JSON lines.
    #[arg(long, env = "ATTUNE_LOG_JSON")]
    pub log_json: bool,
}

/// What the operator needs to serve deciders, the API server and its own replicas.
#[derive(Debug, Clone, Group)]
pub struct Release {
    /// Address of bundles, webhooks and other replicas, with TLS.
    #[arg(
        long,
        env = "ATTUNE_TLS_LISTEN",
        requires_all = ["pod_name", "pod_namespace", "service", "certificate_secret"]
    )]
    pub tls_listen: Option<SocketAddr>,

    /// Name of the release, for the labels of what it makes.
    #[arg(long = "release", env = "ATTUNE_RELEASE", default_value = "attune")]
    pub name: String,

    /// Name of this replica's pod.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: Option<String>,

    /// Namespace of the release.
    #[arg(long, env = "POD_NAMESPACE")]
    pub pod_namespace: Option<String>,

    /// Address of this replica's pod, where other replicas reach it.
    #[arg(long, env = "POD_IP")]
    pub pod_ip: Option<std::net::IpAddr>,

    /// Name of the Service in front of `--tls-listen`, which the certificate is for.
    #[arg(long, env = "ATTUNE_SERVICE")]
    pub service: Option<String>,

    /// Another DNS name that the certificate is for; repeatable, the same for all replicas; for tests.
    #[arg(
        long = "certificate-name",
        env = "ATTUNE_CERTIFICATE_NAMES",
        value_delimiter = ',',
        hide = true
    )]
    pub certificate_names: Vec<String>,

    /// Name of the Lease by which replicas elect a leader; without it this one leads.
    #[arg(long, env = "ATTUNE_LEASE", requires = "tls_listen")]
    pub lease: Option<String>,

    /// Who keeps the certificates.
    #[arg(long, env = "ATTUNE_CERTIFICATES", default_value = "SelfManaged")]
    pub certificates: Certificates,

    /// Name of the Secret with this operator's certificate.
    #[arg(long, env = "ATTUNE_CERTIFICATE_SECRET")]
    pub certificate_secret: Option<String>,

    /// Name of the Secret with the collector's certificate, to be kept too.
    #[arg(
        long,
        env = "ATTUNE_COLLECTOR_CERTIFICATE_SECRET",
        requires = "collector_service"
    )]
    pub collector_certificate_secret: Option<String>,

    /// Name of the Service in front of the collector.
    #[arg(long, env = "ATTUNE_COLLECTOR_SERVICE")]
    pub collector_service: Option<String>,

    /// Name of the webhook configurations, to be told whom to trust.
    #[arg(long, env = "ATTUNE_WEBHOOK_CONFIGURATION")]
    pub webhook_configuration: Option<String>,

    /// How long a certificate lives, as `2160h`; it is renewed at two thirds of that.
    #[arg(long, env = "ATTUNE_CERTIFICATE_LIFE", default_value = "2160h")]
    pub certificate_life: SignedDuration,

    /// How long a certificate authority lives, as `8760h`.
    #[arg(long, env = "ATTUNE_AUTHORITY_LIFE", default_value = "8760h")]
    pub authority_life: SignedDuration,

    /// File with this replica's own token, for other replicas and the collector.
    #[arg(long, env = "ATTUNE_TOKEN_FILE", default_value = "/var/run/attune/token")]
    pub token_file: PathBuf,
}

/// What the deciders that the operator starts are started with.
#[derive(Debug, Clone, Group)]
pub struct Deciders {
    /// Image with the decider; without it none are started or injected.
    #[arg(long, env = "ATTUNE_DECIDER_IMAGE", requires = "tls_listen")]
    pub decider_image: Option<String>,

    /// When the image is pulled: `Always`, `IfNotPresent` or `Never`.
    #[arg(
        long,
        env = "ATTUNE_DECIDER_IMAGE_PULL_POLICY",
        default_value = "IfNotPresent"
    )]
    pub decider_image_pull_policy: PullPolicy,
}

/// Where Channels with delivery `push` may send their rules.
#[derive(Debug, Clone, Group)]
pub struct Push {
    /// A host that rules may be sent to, or `*.` and what hosts end in; repeatable. Without it, any.
    #[arg(long = "push-host", env = "ATTUNE_PUSH_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,

    /// Lets rules be sent without TLS.
    #[arg(long = "push-allow-http", env = "ATTUNE_PUSH_ALLOW_HTTP")]
    pub allow_http: bool,

    /// A network that rules may be sent into although it is not public, as `10.1.0.0/16`; repeatable.
    #[arg(long = "push-network", env = "ATTUNE_PUSH_NETWORKS", value_delimiter = ',')]
    pub networks: Vec<IpNet>,
}

impl Push {
    /// What these settings let be reached.
    pub fn egress(&self) -> Egress {
        Egress::new(&self.hosts, self.allow_http, &self.networks)
    }
}

/// Who keeps the certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Certificates {
    /// The operator's leader.
    #[value(name = "SelfManaged")]
    SelfManaged,
    /// Somebody else, such as cert-manager.
    #[value(name = "External")]
    External,
}

impl Args {
    /// What time it is, as the settings have it.
    pub fn clock(&self) -> Clock {
        Clock {
            at: self.at,
            offset: self.clock_offset,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
