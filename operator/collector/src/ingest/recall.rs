//! `GET /v1/recall?variant=<module>/<variant>&since=<time>`: who saw a variant that had to be withdrawn.

use attune_core::event::MAX_VARIANT_BYTES;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{CallerNamespace, namespace};
use crate::collector::Collector;
use crate::store::Recall;

/// Units by id of one answer, unless told otherwise.
const LIMIT: usize = 1_000;
/// Most units by id of one answer.
const MAX_LIMIT: usize = 10_000;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    variant: String,
    since: Timestamp,
    namespace: Option<String>,
    /// `next` of the answer before.
    after: Option<i64>,
    limit: Option<usize>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Recalled {
    namespace: String,
    variant: String,
    since: Timestamp,
    #[serde(flatten)]
    recall: Recall,
}

pub(super) async fn recall(
    State(collector): State<Collector>,
    caller: Option<Extension<CallerNamespace>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    match try_recall(&collector, caller, asked).await {
        Ok(recalled) => Json(recalled).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn try_recall(
    collector: &Collector,
    caller: Option<Extension<CallerNamespace>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Recalled, Problem> {
    let Query(asked) = asked.map_err(|error| {
        let detail = format!(
            "{}; ask for `/v1/recall?variant=<module>/<variant>&since=<RFC 3339>`",
            error.body_text()
        );
        Problem::unreadable_parameter(&detail)
    })?;
    let is_variant = asked
        .variant
        .split_once('/')
        .is_some_and(|(module, variant)| !module.is_empty() && !variant.is_empty());
    if !is_variant || asked.variant.len() > MAX_VARIANT_BYTES {
        return Err(Problem::unreadable_parameter(
            "`variant` is no `<module>/<variant>`, as exposures name it",
        ));
    }
    let limit = asked.limit.unwrap_or(LIMIT);
    if limit > MAX_LIMIT {
        let detail =
            format!("`limit` is {limit}; ask for at most {MAX_LIMIT} at once, and for the rest by `after`");
        return Err(Problem::unreadable_parameter(&detail));
    }
    let namespace = namespace(collector, caller, asked.namespace)?;
    let whose = (namespace.clone(), asked.variant.clone());
    let recall = collector
        .recall(whose, asked.since, asked.after.unwrap_or(0), limit)
        .await
        .map_err(|error| Problem::unanswered(&error))?;
    Ok(Recalled {
        namespace,
        variant: asked.variant,
        since: asked.since,
        recall,
    })
}
