//! The operator's process.

use attune_operator::Args;
use clap::Parser;
use mimalloc::MiMalloc;

/// Compiling a namespace takes and gives back much memory in small pieces.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Box::pin(Args::parse().run()).await
}
