//! The collector as a process of its own.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use attune_collector::{Collector, CollectorOptions, router, shutdown};
use clap::Parser;

/// Takes exposures and outcomes as `CloudEvents` and keeps them durably.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Directory of the event database; made if it does not exist.
    #[arg(long, env = "ATTUNE_DATA")]
    data: PathBuf,
    /// Address to listen on.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8086")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_ansi(ansi)
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let collector = Collector::open(&args.data, CollectorOptions::default())?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on `{}`", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, data = %args.data.display(), "taking events");
    axum::serve(listener, router(collector))
        .with_graceful_shutdown(shutdown())
        .await?;
    Ok(())
}
