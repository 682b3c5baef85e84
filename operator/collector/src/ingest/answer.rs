//! `POST /v1/answers`: a pre-registered question in, the answer out.

use attune_core::measure::Question;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::problem::Problem;
use crate::collector::Collector;

/// As of when.
#[derive(Debug, Deserialize)]
pub(super) struct Cut {
    /// The data cut; now, unless given.
    at: Option<Timestamp>,
}

pub(super) async fn answer(
    State(collector): State<Collector>,
    Query(cut): Query<Cut>,
    Json(question): Json<Question>,
) -> Response {
    let at = cut.at.unwrap_or_else(|| collector.options().clock.now());
    match collector.answer(question, at).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}
