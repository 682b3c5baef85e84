//! Decisions that are kept, for whoever asks why.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/decisions/{id}?unit=` | what it depended on; with a unit, only where it is about that one |
//! | `GET /v1/decisions?unit=&since=&before=` | those about a unit, the latest first; before an instant, or one of them |
//! | `GET /v1/bundles/{revision}` | the bundle that decided |
//! | `HEAD /v1/bundles/{revision}` | whether it is kept; takes note that it decides |
//! | `PUT /v1/bundles/{revision}` | keeps it; its revision is the hash of the body, so that nobody can keep another |

use attune_core::bundle::{Bundle, MAX_BUNDLE_BYTES};
use attune_core::event::MAX_TOKEN_BYTES;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{CallerNamespace, check_unit, namespace};
use crate::collector::{Collector, TakeError};
use crate::store::{Before, BundleName, KeptDecision, Snapshot, StoreError, UnitHash, Within};

/// Decisions of one answer, unless told otherwise.
const LIMIT: usize = 100;
/// Most decisions of one answer.
const MAX_LIMIT: usize = 1_000;

type Caller = Option<Extension<CallerNamespace>>;

/// Which decision, of which unit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedOne {
    unit: Option<String>,
    namespace: Option<String>,
}

/// Which decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedMany {
    unit: String,
    since: Timestamp,
    /// An instant, or the id of a decision: `next` of the answer before.
    before: Option<String>,
    namespace: Option<String>,
    limit: Option<usize>,
}

/// Where a bundle is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Where {
    namespace: Option<String>,
}

/// The answer about a unit.
#[derive(Debug, Serialize)]
struct Listed {
    namespace: String,
    since: Timestamp,
    decisions: Vec<KeptDecision>,
    /// Whether there are more, longer ago.
    more: bool,
    /// What to ask for these with, as `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn one(
    State(collector): State<Collector>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    asked: Result<Query<AskedOne>, QueryRejection>,
) -> Response {
    respond(try_one(&collector, caller, id, asked).await)
}

async fn try_one(
    collector: &Collector,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    asked: Result<Query<AskedOne>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    let Query(asked) = asked.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    if let Some(unit) = &asked.unit {
        check_unit(unit)?;
    }
    let namespace = namespace(collector, caller, asked.namespace)?;
    let about = asked
        .unit
        .as_deref()
        .map(|unit| collector.store().unit_hash(&namespace, unit));
    let wanted = id.clone();
    let found = collector
        .read(move |snapshot| Ok(snapshot.decision(&namespace, &wanted, about)?))
        .await
        .map_err(|error| Problem::unanswered(&error))?;
    let found = found.ok_or_else(|| {
        let whose = if about.is_some() { " about that unit" } else { "" };
        Problem::not_found(format!(
            "no decision `{id}`{whose} is kept: its channel keeps none (`replay`), it was not among those that are \
             sampled, or it is too old"
        ))
    })?;
    Ok(Json(found).into_response())
}

pub(super) async fn many(
    State(collector): State<Collector>,
    caller: Caller,
    asked: Result<Query<AskedMany>, QueryRejection>,
) -> Response {
    respond(try_many(&collector, caller, asked).await)
}

async fn try_many(
    collector: &Collector,
    caller: Caller,
    asked: Result<Query<AskedMany>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|error| {
        let detail = format!(
            "{}; ask for `/v1/decisions?unit=<id>&since=<RFC 3339>`",
            error.body_text()
        );
        Problem::unreadable_parameter(&detail)
    })?;
    check_unit(&asked.unit)?;
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("`limit` is {limit}; ask for 1 to {MAX_LIMIT}");
        return Err(Problem::unreadable_parameter(&detail));
    }
    let namespace = namespace(collector, caller, asked.namespace)?;
    let unit = collector.store().unit_hash(&namespace, &asked.unit);
    let (whose, since, before) = (namespace.clone(), asked.since, asked.before.clone());
    let found = collector
        .read(move |snapshot| {
            let before = match before {
                None => None,
                Some(text) => match end(snapshot, (&whose, unit), &text)? {
                    None => return Ok(None),
                    end => end,
                },
            };
            let within = Within { since, before };
            Ok(Some(snapshot.decisions((&whose, unit), within, limit + 1)?))
        })
        .await
        .map_err(|error| Problem::unanswered(&error))?;
    let mut decisions = found.ok_or_else(|| {
        let before = asked.before.unwrap_or_default();
        Problem::unreadable_parameter(&format!(
            "`before` is `{before}`, which is no instant (RFC 3339), and no decision about that unit that is kept has that id"
        ))
    })?;
    let more = decisions.len() > limit;
    decisions.truncate(limit);
    let last = decisions.last().filter(|_| more);
    let next = last.map(|decision| decision.id.clone());
    let listed = Listed {
        namespace,
        since,
        decisions,
        more,
        next,
    };
    Ok(Json(listed).into_response())
}

/// What `before` says: an instant, or one of the decisions.
fn end(snapshot: &Snapshot, whose: (&str, UnitHash), before: &str) -> Result<Option<Before>, StoreError> {
    match before.parse() {
        Ok(at) => Ok(Some(Before::instant(at))),
        Err(_) => snapshot.place_of(whose, before),
    }
}

pub(super) async fn bundle(
    State(collector): State<Collector>,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Response {
    respond(try_bundle(&collector, caller, revision, place).await)
}

async fn try_bundle(
    collector: &Collector,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Result<Response, Problem> {
    let (namespace, revision) = whereabouts(collector, caller, revision, place)?;
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
pub(super) async fn has_bundle(
    State(collector): State<Collector>,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Response {
    respond(try_has(&collector, caller, revision, place).await)
}

async fn try_has(
    collector: &Collector,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Result<Response, Problem> {
    let (namespace, revision) = whereabouts(collector, caller, revision, place)?;
    let name = BundleName { namespace, revision };
    let now = collector.options().clock.now();
    let touched = collector.store().touch_bundle(name, now).await;
    let is_kept = touched.map_err(|source| TakeError::Append { source })?;
    let status = if is_kept {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    Ok(status.into_response())
}

pub(super) async fn keep_bundle(
    State(collector): State<Collector>,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
    body: Body,
) -> Response {
    respond(try_keep(&collector, caller, revision, place, body).await)
}

async fn try_keep(
    collector: &Collector,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
    body: Body,
) -> Result<Response, Problem> {
    let (namespace, revision) = whereabouts(collector, caller, revision, place)?;
    let body = super::request::read_up_to(body, MAX_BUNDLE_BYTES, collector.options()).await?;
    let (whose, wanted) = (namespace.clone(), revision.clone());
    let checked = tokio::task::spawn_blocking(move || Ok((check_bundle(&body, &whose, &wanted)?, body)));
    let (channel, body): (String, Bytes) = checked.await.unwrap_or_else(|_| Err(Problem::internal()))?;
    let name = BundleName { namespace, revision };
    let now = collector.options().clock.now();
    let kept = collector.store().keep_bundle(name, channel, &body, now);
    kept.await.map_err(|source| TakeError::Append { source })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The namespace and the revision that a request is about.
fn whereabouts(
    collector: &Collector,
    caller: Caller,
    revision: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Result<(String, String), Problem> {
    let Path(revision) = revision.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    let Query(place) = place.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    if revision.len() > MAX_TOKEN_BYTES {
        return Err(Problem::unreadable_parameter("the revision is none"));
    }
    Ok((namespace(collector, caller, place.namespace)?, revision))
}

/// The Channel of a bundle that is the one it is said to be.
fn check_bundle(json: &[u8], namespace: &str, revision: &str) -> Result<String, Problem> {
    let found = Bundle::revision(json);
    if found != revision {
        let detail = format!("the body is the bundle `{found}`, not `{revision}`");
        return Err(Problem::unreadable_parameter(&detail));
    }
    let bundle: Bundle = serde_json::from_slice(json)
        .map_err(|error| Problem::unreadable_parameter(&format!("the body is no bundle: {error}")))?;
    if bundle.namespace != namespace {
        return Err(Problem::foreign_namespace(namespace));
    }
    Ok(bundle.channel)
}

fn respond(response: Result<Response, Problem>) -> Response {
    response.unwrap_or_else(IntoResponse::into_response)
}
