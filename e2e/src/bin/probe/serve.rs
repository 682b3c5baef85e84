//! A server that tells what it was asked.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use clap::Args;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Where, and what to say.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// The body of every answer; without it, what was asked and by which host it is answered, as JSON.
    #[arg(long)]
    body: Option<String>,
    /// The status of every answer.
    #[arg(long, default_value = "200")]
    status: StatusCode,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<()> {
        let mut asked_to_end = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("listen on {}", self.listen))?;
        println!(
            "listening on {}",
            listener.local_addr().context("tell the address")?
        );
        let (status, body) = (self.status, self.body);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, asked: String| async move {
            let body = body.unwrap_or_else(|| echo(&method, &uri, &headers, &asked));
            (status, body).into_response()
        };
        axum::serve(listener, Router::new().fallback(answer))
            .with_graceful_shutdown(async move {
                asked_to_end.recv().await;
            })
            .await
            .context("serve")
    }
}

fn echo(method: &Method, uri: &Uri, headers: &HeaderMap, body: &str) -> String {
    let headers: Map<String, Value> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    // A pod's name, in its containers.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    json!({
        "host": host.trim(),
        "method": method.as_str(),
        "path": uri.to_string(),
        "headers": headers,
        "body": body,
    })
    .to_string()
}
