//! `DELETE /v1/units/{unit}`: all that is known of a unit, erased.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::problem::Problem;
use super::{CallerNamespace, check_unit, namespace};
use crate::collector::{Collector, TakeError};
use crate::store::Erasure;

/// Where the unit is.
#[derive(Debug, Deserialize)]
pub(super) struct Where {
    namespace: Option<String>,
}

pub(super) async fn erase(
    State(collector): State<Collector>,
    caller: Option<Extension<CallerNamespace>>,
    unit: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Response {
    match try_erase(&collector, caller, unit, place).await {
        Ok(erasure) => Json(erasure).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn try_erase(
    collector: &Collector,
    caller: Option<Extension<CallerNamespace>>,
    unit: Result<Path<String>, PathRejection>,
    place: Result<Query<Where>, QueryRejection>,
) -> Result<Erasure, Problem> {
    let Path(unit) = unit.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    let Query(place) = place.map_err(|error| Problem::unreadable_parameter(&error.body_text()))?;
    check_unit(&unit)?;
    let namespace = namespace(collector, caller, place.namespace)?;
    let erased = collector.erase(&namespace, &unit).await;
    Ok(erased.map_err(|source| TakeError::Append { source })?)
}
