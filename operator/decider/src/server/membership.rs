//! Where a unit stands.

use attune_core::decide::{Membership, membership};
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, json};
use super::may_introspect;
use super::problem::Problem;
use crate::decider::Decider;

#[derive(Deserialize)]
struct Whose {
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
pub(super) fn places(decider: &Decider, uri: &Uri) -> Answer {
    answer(decider, uri).unwrap_or_else(|problem| problem.answer())
}

fn answer(decider: &Decider, uri: &Uri) -> Result<Answer, Problem> {
    let unit = Query::<Whose>::try_from_uri(uri)
        .ok()
        .map(|Query(whose)| whose.unit);
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
