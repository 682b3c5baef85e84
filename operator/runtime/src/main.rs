//! The operator's process.

use attune_operator::Args;
use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Box::pin(Args::parse().run()).await
}
