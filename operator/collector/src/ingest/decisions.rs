//! Decisions that are kept, for whoever asks why.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/decisions/{id}?unit=` | what it depended on; with a unit, only where it is about that one |
//! | `GET /v1/decisions?unit=&since=&before=` | those about a unit, the latest first; before an instant, or one of them |

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{CallerNamespace, check_unit, namespace};
use crate::collector::Collector;
use crate::store::{Before, KeptDecision, Snapshot, StoreError, UnitHash, Within};

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
) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    let Query(asked) = asked.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    if let Some(unit) = &asked.unit {
        check_unit(unit)?;
    }
    let namespace = namespace(&collector, caller, asked.namespace)?;
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
    let namespace = namespace(&collector, caller, asked.namespace)?;
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
