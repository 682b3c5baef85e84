//! `attune serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use crate::cli::ServeArgs;
use crate::serve::{Server, files};

/// Serves until ctrl-c.
pub async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let data = DataDirectory::new(&args)?;
    let server = Arc::new(Server::open(&args, data.path())?);
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; choose another address by --listen",
                args.listen
            )
        })?;
    let address = listener.local_addr()?;
    server.announce(address);
    let watching = files::watch(&args.source.paths, Arc::clone(&server))?;
    let serving = axum::serve(listener, crate::serve::http::router(Arc::clone(&server)));
    serving
        .with_graceful_shutdown(stop_requested())
        .await
        .context("the server ended")?;
    drop(watching);
    server.close().await;
    eprintln!("stopped; {}", data.describe());
    Ok(ExitCode::SUCCESS)
}

/// Where events are kept.
enum DataDirectory {
    Given(std::path::PathBuf),
    Own(tempfile::TempDir),
}

impl DataDirectory {
    fn new(args: &ServeArgs) -> anyhow::Result<Self> {
        match &args.data {
            Some(path) => Ok(Self::Given(path.clone())),
            None => Ok(Self::Own(
                tempfile::tempdir().context("cannot make a directory for events; give one by --data")?,
            )),
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Given(path) => path,
            Self::Own(directory) => directory.path(),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Given(path) => format!("every acknowledged event is in {}", path.display()),
            Self::Own(_) => "events went with the process: give a directory by --data to keep them".to_owned(),
        }
    }
}

async fn stop_requested() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
