//! The floor that the decider is measured against: an axum server that parses nothing and answers the same bytes.
//!
//! `floor <address> <file with the body>`

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use mimalloc::MiMalloc;
use tokio::net::TcpListener;

/// As the decider's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("`floor <address> <file>`: no address")?;
    let file = arguments.next().context("`floor <address> <file>`: no file")?;
    let body = Bytes::from(std::fs::read(&file).with_context(|| format!("cannot read `{file}`"))?);
    let answer = async move || ([(CONTENT_TYPE, "application/json")], body.clone());
    let routes = Router::new()
        .route("/ofrep/v1/evaluate/flags", post(answer.clone()))
        .route("/ofrep/v1/evaluate/flags/{touchpoint}", post(answer));
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on `{address}`"))?;
    axum::serve(listener, routes).await.context("cannot serve")
}
