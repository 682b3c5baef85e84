//! The routes of `attune serve`.

use std::sync::Arc;

use attune_core::ofrep::{ErrorCode, Failure};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use tower::ServiceExt as _;

use super::Server;
use crate::cmd::no_channel;

/// Where decisions are asked for, below a Channel.
const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// What whoever asks for a path that there is not is told.
const NO_PATH: &str =
    "no such path; channels are under /channels/{namespace}/{channel}/, or at the root by --channel";

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
        .method_not_allowed_fallback(refuse_method)
}

async fn refuse_method(method: Method, uri: Uri) -> Response {
    let detail = format!("`{}` does not take {method}; see the `Allow` header", uri.path());
    problem(StatusCode::METHOD_NOT_ALLOWED, &detail)
}

/// Hands a request to the Channel's decider, which sees it under its own root.
async fn channel(State(server): State<Arc<Server>>, mut request: Request) -> Response {
    let Some((namespace, channel, own)) = split(request.uri().path()) else {
        return problem(StatusCode::NOT_FOUND, NO_PATH);
    };
    let Some(mounted) = server.mounted(namespace, channel) else {
        let name = format!("{namespace}/{channel}");
        return unknown_channel(own, &no_channel(&name, server.channel_names().into_iter()));
    };
    match with_path(request.uri(), own) {
        Some(uri) => *request.uri_mut() = uri,
        None => return problem(StatusCode::BAD_REQUEST, "the path cannot be read"),
    }
    run(mounted.routes, request).await
}

/// In OFREP's shape where a flag was asked for.
fn unknown_channel(path: &str, details: &str) -> Response {
    let Some(rest) = path.strip_prefix(FLAGS) else {
        return problem(StatusCode::NOT_FOUND, details);
    };
    let key = rest.strip_prefix('/').filter(|key| !key.is_empty());
    let failure = Failure {
        key: key.map(str::to_owned),
        error_code: ErrorCode::FlagNotFound,
        error_details: details.to_owned(),
    };
    (StatusCode::NOT_FOUND, axum::Json(failure)).into_response()
}

/// Whatever is no route of ours is the root Channel's, if there is one.
async fn at_root(State(server): State<Arc<Server>>, request: Request) -> Response {
    match server.mounted_at_root() {
        Some(mounted) => run(mounted.routes, request).await,
        None => problem(StatusCode::NOT_FOUND, NO_PATH),
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

/// Namespace, Channel and the path below them, percent-encoded as it came: names of resources need no encoding.
fn split(path: &str) -> Option<(&str, &str, &str)> {
    let (namespace, rest) = path.strip_prefix("/channels/")?.split_once('/')?;
    let (channel, _) = rest.split_once('/')?;
    Some((namespace, channel, rest.get(channel.len()..)?))
}

/// The same request for another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let own = uri
        .query()
        .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
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
