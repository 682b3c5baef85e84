//! `attune` on the command line.

use std::process::ExitCode;

use attune::Cli;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
