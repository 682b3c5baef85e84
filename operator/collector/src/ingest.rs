//! `POST /v1/events`: `CloudEvents` over HTTP.
//!
//! | content type | body |
//! |---|---|
//! | `application/cloudevents+json` | one event |
//! | `application/cloudevents-batch+json` | an array of events |
//! | `application/json` with `ce-*` headers | the `data` of one event (binary mode) |
//! | `application/json` without them | one event or an array of events |
//!
//! A batch is taken whole or not at all: `200` means that every event of it is on disk, anything else that none is. So a
//! sender never has to guess which part to send again, and sending the whole again is always safe, because ids make
//! events idempotent. A refusal names every event that is wrong with its place, field and reason (RFC 9457).
//!
//! | status | when |
//! |---|---|
//! | 200 | durable; `{"stored": n, "duplicates": m}` |
//! | 400 | no JSON, or at least one event is malformed or in the future |
//! | 401 | nobody vouches for the caller's token |
//! | 403 | `data.namespace` is not the caller's, or the caller has none |
//! | 408 | the body took too long |
//! | 413 | the body or the batch is too large |
//! | 415 | another content type |
//! | 503 | too much is waiting, the disk does not write, or nobody can say who the caller is; `Retry-After` says when to come again |
//!
//! `DELETE /v1/units/{unit}` erases all that is known of a unit, and `GET /v1/recall` tells who saw a variant; both are
//! about the namespace of the caller, as is what [`decisions`] and [`bundles`] tell. Where callers are not known, `?namespace=` names it.

use attune_core::event::{MAX_NAMESPACE_BYTES, MAX_UNIT_BYTES, is_unit};
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use serde::Serialize;

mod answer;
mod bundles;
mod decisions;
mod erase;
mod plain;
mod problem;
mod recall;
mod request;
#[cfg(test)]
mod tests;

use crate::collector::Collector;
use crate::store::Receipt;
pub(crate) use problem::Problem;
use request::Parsed;

/// The namespace that the caller has proved to be of; whoever mounts the [`router`] sets it as a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNamespace(pub String);

/// The routes of the collector, for everybody who reaches them.
pub fn router(collector: Collector) -> Router {
    events(collector.clone()).merge(answers(collector))
}

/// Where events are taken, erased and recalled.
pub(crate) fn events(collector: Collector) -> Router {
    Router::new()
        .route("/v1/events", post(take))
        .route("/v1/units/{unit}", delete(erase::erase))
        .route("/v1/recall", get(recall::recall))
        .route("/v1/decisions", get(decisions::many))
        .route("/v1/decisions/{id}", get(decisions::one))
        .route(
            "/v1/bundles/{revision}",
            get(bundles::get).head(bundles::head).put(bundles::put),
        )
        .with_state(collector)
}

/// Where questions are answered, and where is told what must be known before exposures come: the periods of holdouts, and
/// whose units are kept in plain.
pub(crate) fn answers(collector: Collector) -> Router {
    Router::new()
        .route("/v1/answers", post(answer::answer))
        .route("/v1/activity", post(answer::activity))
        .route("/v1/holdout-answers", post(answer::answer_holdout))
        .route("/v1/holdouts", put(answer::register_holdouts))
        .route("/v1/plain-channels", put(plain::keep))
        .with_state(collector)
}

/// The namespace that a request is about: the caller's, or the one named where callers are not known.
fn namespace(
    collector: &Collector,
    caller: Option<Extension<CallerNamespace>>,
    named: Option<String>,
) -> Result<String, Problem> {
    match (caller, named) {
        (Some(Extension(CallerNamespace(caller))), Some(named)) if caller != named => {
            Err(Problem::foreign_namespace(&caller))
        }
        (Some(Extension(CallerNamespace(caller))), _) => Ok(caller),
        (None, Some(named)) if named.is_empty() || named.len() > MAX_NAMESPACE_BYTES => {
            Err(Problem::unreadable_parameter("`namespace` is no namespace"))
        }
        (None, Some(named)) => Ok(named),
        (None, None) => Ok(collector.options().default_namespace.clone()),
    }
}

/// Refuses what is no unit's id.
fn check_unit(unit: &str) -> Result<(), Problem> {
    if is_unit(unit) {
        return Ok(());
    }
    let detail =
        format!("the unit has 1 to {MAX_UNIT_BYTES} bytes without control characters, percent-encoded");
    Err(Problem::unreadable_parameter(&detail))
}

/// The body of a success.
#[derive(Debug, Serialize)]
struct Taken {
    stored: u64,
    duplicates: u64,
}

async fn take(
    State(collector): State<Collector>,
    caller: Option<Extension<CallerNamespace>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let caller = caller.map(|Extension(CallerNamespace(namespace))| namespace);
    match ingest(&collector, caller.as_deref(), headers, body).await {
        Ok(Receipt { stored, duplicates }) => axum::Json(Taken { stored, duplicates }).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn ingest(
    collector: &Collector,
    caller: Option<&str>,
    headers: HeaderMap,
    body: Body,
) -> Result<Receipt, Problem> {
    let bytes = request::read(body, collector.options()).await?;
    let Parsed { events, total } = match request::parse(headers, bytes).await {
        Ok(parsed) => parsed,
        Err(problem) => {
            collector.count_refused(problem.refused());
            return Err(problem);
        }
    };
    let max = collector.options().max_batch_events;
    if total > max {
        collector.count_refused(total);
        return Err(Problem::too_many_events(total, max));
    }
    Ok(collector.take(events, caller).await?)
}
