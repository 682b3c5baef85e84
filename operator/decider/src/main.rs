//! `attune-decider`: the decision service as a process.

use attune_decider::process::Args;
use clap::Parser as _;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Args::parse().run().await
}
