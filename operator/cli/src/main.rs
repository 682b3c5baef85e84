//! `attune` on the command line.

use std::process::ExitCode;

use attune::Cli;
use clap::Parser;
use mimalloc::MiMalloc;

/// Compiling a strategy takes and gives back much memory in small pieces.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // The HTTP client has no library of its own for TLS. Only a second call could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::try_parse() {
        Ok(cli) => cli.run().await,
        Err(error) => Cli::refuse(&error),
    }
}
