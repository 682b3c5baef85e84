//! `attune` on the command line.

use std::process::ExitCode;

use attune::Cli;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // The HTTP client has no library of its own for TLS. Only a second call could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::try_parse() {
        Ok(cli) => cli.run().await,
        Err(error) => Cli::refuse(&error),
    }
}
