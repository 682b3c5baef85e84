//! `attune ready`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cli::ReadyArgs;
use crate::cmd::failed;
use crate::terminal::{print, say};

/// Between two questions to one address.
const PAUSE: Duration = Duration::from_secs(1);
/// One question may take so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks each address until it says that it is ready, or until the time is over.
pub(crate) async fn run(args: ReadyArgs) -> anyhow::Result<ExitCode> {
    let deadline = Instant::now() + Duration::from_secs(args.timeout.into());
    for url in &args.urls {
        if let Err(answer) = wait(url, deadline).await {
            say(format_args!("{url} is not ready: {answer}"));
            return Ok(failed());
        }
        print(&format!("{url} is ready\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn wait(url: &str, deadline: Instant) -> Result<(), String> {
    loop {
        let answer = match ask(url).await {
            Ok(()) => return Ok(()),
            Err(answer) => answer,
        };
        if Instant::now() + PAUSE > deadline {
            return Err(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Without TLS nobody is to be trusted, so that this works where there are no certificates, as in our image.
fn client(url: &str) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder();
    if url.starts_with("http://") {
        return builder.tls_certs_only([]).build();
    }
    builder.build()
}

async fn ask(url: &str) -> Result<(), String> {
    let client = client(url).map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
    let asked = tokio::time::timeout(PATIENCE, client.get(url).send()).await;
    let response = asked
        .map_err(|_| format!("no answer in {} s", PATIENCE.as_secs()))?
        .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response.text().await.unwrap_or_default();
    Err(format!("{status} {}", body.trim()).trim_end().to_owned())
}
