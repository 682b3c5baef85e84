//! Bundles that are kept with what they decided.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/bundles/{revision}` | the bundle that decided |
//! | `HEAD /v1/bundles/{revision}` | whether it is kept; takes note that it decides |
//! | `PUT /v1/bundles/{revision}` | keeps it; its revision is the hash of the body, so that nobody can keep another |

use attune_core::bundle::{Bundle, MAX_BUNDLE_BYTES};
use attune_core::event::MAX_TOKEN_BYTES;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::namespace;
use super::problem::Problem;
use crate::collector::{Collector, TakeError};
use crate::store::BundleName;

/// Which bundle a request is about.
pub(super) struct Asked(BundleName);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    namespace: Option<String>,
}

impl FromRequestParts<Collector> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, collector: &Collector) -> Result<Self, Problem> {
        let unreadable = |text: String| Problem::unreadable_parameter(&text);
        let revision = Path::<String>::from_request_parts(parts, collector).await;
        let Path(revision) = revision.map_err(|error| unreadable(error.body_text()))?;
        let place = Query::<Where>::from_request_parts(parts, collector).await;
        let Query(place) = place.map_err(|error| unreadable(error.body_text()))?;
        if revision.len() > MAX_TOKEN_BYTES {
            return Err(Problem::unreadable_parameter("the revision is none"));
        }
        let caller = parts.extensions.get().cloned().map(Extension);
        let namespace = namespace(collector, caller, place.namespace)?;
        Ok(Self(BundleName { namespace, revision }))
    }
}

pub(super) async fn get(
    State(collector): State<Collector>,
    Asked(BundleName { namespace, revision }): Asked,
) -> Result<Response, Problem> {
    let wanted = revision.clone();
    let json = collector
        .read(move |snapshot| Ok(snapshot.bundle(&namespace, &wanted)?))
        .await
        .map_err(|error| Problem::unanswered(&error))?;
    let json = json.ok_or_else(|| {
        Problem::not_found(format!(
            "the bundle `{revision}` is not kept: nothing that it decided is"
        ))
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// What a decider asks of a bundle that it decides by.
pub(super) async fn head(
    State(collector): State<Collector>,
    Asked(name): Asked,
) -> Result<StatusCode, Problem> {
    let now = collector.options().clock.now();
    let touched = collector.store().touch_bundle(name, now).await;
    let is_kept = touched.map_err(|source| TakeError::Append { source })?;
    Ok(if is_kept {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    })
}

pub(super) async fn put(
    State(collector): State<Collector>,
    Asked(name): Asked,
    body: Body,
) -> Result<StatusCode, Problem> {
    let body = super::request::read_up_to(body, MAX_BUNDLE_BYTES, collector.options()).await?;
    let wanted = name.clone();
    let checked = tokio::task::spawn_blocking(move || Ok((check(&body, &wanted)?, body)));
    let (channel, body): (String, Bytes) = checked.await.unwrap_or_else(|_| Err(Problem::internal()))?;
    let now = collector.options().clock.now();
    let kept = collector.store().keep_bundle(name, channel, &body, now);
    kept.await.map_err(|source| TakeError::Append { source })?;
    Ok(StatusCode::NO_CONTENT)
}

/// The Channel of a bundle that is the one it is said to be.
fn check(json: &[u8], name: &BundleName) -> Result<String, Problem> {
    let BundleName { namespace, revision } = name;
    let found = Bundle::revision(json);
    if found != *revision {
        let detail = format!("the body is the bundle `{found}`, not `{revision}`");
        return Err(Problem::unreadable_parameter(&detail));
    }
    let bundle: Bundle = serde_json::from_slice(json)
        .map_err(|error| Problem::unreadable_parameter(&format!("the body is no bundle: {error}")))?;
    if bundle.namespace != *namespace {
        return Err(Problem::foreign_namespace(namespace));
    }
    Ok(bundle.channel)
}
