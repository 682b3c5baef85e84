//! Where a unit stands.

use attune_core::decide::{Membership, membership};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::{json, may_introspect};
use crate::decider::Decider;

#[derive(Deserialize)]
pub(super) struct Whose {
    unit: String,
}

#[derive(Serialize)]
struct Places<'a> {
    unit: &'a str,
    revision: &'a str,
    #[serde(flatten)]
    membership: Membership,
}

/// `GET /v1/membership?unit=`: whether a unit is held out, and which arms it falls into, whatever it asks for.
pub(super) async fn places(
    State(decider): State<Decider>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Response {
    answer(&decider, whose).unwrap_or_else(IntoResponse::into_response)
}

fn answer(decider: &Decider, whose: Result<Query<Whose>, QueryRejection>) -> Result<Response, Problem> {
    let unit = whose.ok().map(|Query(whose)| whose.unit);
    let unit = unit.filter(|unit| !unit.is_empty()).ok_or_else(|| {
        let detail = "`unit` is missing; ask for `/v1/membership?unit=<the unit's id>`";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let loaded = decider.loaded();
    let loaded = loaded.as_deref().ok_or_else(Problem::no_bundle)?;
    may_introspect(decider, loaded)?;
    let places = Places {
        unit: &unit,
        revision: loaded.engine.revision(),
        membership: membership(&loaded.engine, &unit, decider.now()),
    };
    Ok(json(StatusCode::OK, "application/json", &places))
}
