//! The routes of `attune serve`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use tower::ServiceExt as _;

use super::Server;

/// Every route: Channels under `/channels/{namespace}/{channel}`, events, status, probes and metrics.
pub fn router(server: Arc<Server>) -> Router {
    let events = attune_collector::router(server.collector.clone());
    Router::new()
        .route("/channels/{namespace}/{channel}/{*rest}", any(channel))
        .route("/status", get(status))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .fallback(at_root)
        .with_state(server)
        .merge(events)
}

/// Hands a request to the Channel's decider, which sees it under its own root.
async fn channel(
    State(server): State<Arc<Server>>,
    Path((namespace, channel, rest)): Path<(String, String, String)>,
    mut request: Request,
) -> Response {
    let Some(mounted) = server.mounted(&namespace, &channel) else {
        let known = server.channel_names().join(", ");
        return problem(
            StatusCode::NOT_FOUND,
            &format!("no channel `{namespace}/{channel}`; there are: {known}"),
        );
    };
    match reroot(request.uri(), &rest) {
        Some(uri) => *request.uri_mut() = uri,
        None => return problem(StatusCode::BAD_REQUEST, "the path cannot be read"),
    }
    run(mounted.routes, request).await
}

/// Whatever is no route of ours is the root Channel's, if there is one.
async fn at_root(State(server): State<Arc<Server>>, request: Request) -> Response {
    match server.mounted_at_root() {
        Some(mounted) => run(mounted.routes, request).await,
        None => problem(
            StatusCode::NOT_FOUND,
            "no such path; channels are under /channels/{namespace}/{channel}/, or at the root by --channel",
        ),
    }
}

async fn run(routes: Router, request: Request<Body>) -> Response {
    match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn status(State(server): State<Arc<Server>>) -> Response {
    match super::status::document(&server).await {
        Ok(document) => axum::Json(document).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let headers = [(
        CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (headers, super::measured::metrics(&server)).into_response()
}

/// The path below the Channel's prefix, percent-encoded as it came.
fn reroot(uri: &Uri, rest: &str) -> Option<Uri> {
    let path = uri.path();
    // The prefix has four slashes before the rest; cutting there keeps whatever encoding the client chose.
    let start = path
        .match_indices('/')
        .nth(3)
        .map_or(path.len(), |(place, _)| place);
    let own = path
        .get(start..)
        .filter(|own| !own.is_empty())
        .map_or_else(|| format!("/{rest}"), str::to_owned);
    let own = uri
        .query()
        .map_or_else(|| own.clone(), |query| format!("{own}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(own.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// RFC 9457.
fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({"title": title, "status": status.as_u16(), "detail": detail});
    (
        status,
        [(CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
