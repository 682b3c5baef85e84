//! The collector as a process of its own.

use attune_collector::process::Args;
use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Args::parse().run().await
}
