//! The program in pods under test, and the clients that send them requests: what a shell and `curl` would be, in an image
//! that has neither. It answers SIGTERM also as a container's first process.

mod files;
mod load;
mod report;
mod request;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// What a shell and `curl` would be for tests, where there is neither.
#[derive(Debug, Parser)]
#[command(name = "probe")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Does nothing until the time is over or SIGTERM comes; both are success.
    Sleep {
        /// Seconds; without them, until SIGTERM.
        seconds: Option<u64>,
    },
    /// Ends with this status, after a while if told so.
    Exit {
        status: u8,
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// Writes a text to a file.
    Write { file: PathBuf, text: String },
    /// Prints a file.
    Read { file: PathBuf },
    /// Prints the names in a directory, a line each.
    List { directory: PathBuf },
    /// Writes zeros to a file until its disk is full.
    Fill { file: PathBuf },
    /// Prints a variable of the environment; fails where it is not set.
    Env { name: String },
    /// Prints the addresses of a name, sorted, a line each.
    Lookup { name: String },
    /// Sends one request and prints the body of its answer. Fails unless the status is 2xx, with the status on stderr.
    Get(request::Request),
    /// Sends requests at a steady rate and prints what came of them as one JSON line.
    Load(load::Load),
    /// Answers every request, over HTTP, until SIGTERM.
    Serve(serve::Serve),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("probe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    // One thread: a hundred of these sleep in one test.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(act(arguments.action))
}

async fn act(action: Action) -> Result<ExitCode> {
    match action {
        Action::Sleep { seconds } => sleep(seconds).await?,
        Action::Exit { status, after } => {
            sleep(Some(after)).await?;
            return Ok(status.into());
        }
        Action::Write { file, text } => {
            std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        }
        Action::Read { file } => files::print(&file)?,
        Action::List { directory } => files::list(&directory)?,
        Action::Fill { file } => files::fill(&file)?,
        Action::Env { name } => {
            println!(
                "{}",
                std::env::var(&name).with_context(|| format!("read `{name}`"))?
            );
        }
        Action::Lookup { name } => lookup(&name).await?,
        Action::Get(request) => return request.once().await,
        Action::Load(load) => load.run().await?,
        Action::Serve(serve) => serve.run().await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Comes back when the time is over, or at SIGTERM.
async fn sleep(seconds: Option<u64>) -> Result<()> {
    let mut asked_to_end = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let over = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        _ = asked_to_end.recv() => {}
    }
    Ok(())
}

async fn lookup(name: &str) -> Result<()> {
    let found = tokio::net::lookup_host((name, 0)).await;
    let addresses: std::collections::BTreeSet<_> = found
        .with_context(|| format!("look up `{name}`"))?
        .map(|address| address.ip())
        .collect();
    for address in addresses {
        println!("{address}");
    }
    Ok(())
}
