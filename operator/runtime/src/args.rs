//! The operator's settings.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;

/// The Attune operator: checks strategies, compiles them into rules, hands them to deciders and writes what is true of
/// them onto the resources.
#[derive(Debug, Clone, Parser)]
#[command(name = "attune-operator", version)]
pub struct Args {
    /// Address of bundles, probes and metrics.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

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

    /// Write logs as JSON lines.
    #[arg(long, env = "ATTUNE_LOG_JSON")]
    pub log_json: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}
