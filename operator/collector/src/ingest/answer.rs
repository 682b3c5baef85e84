//! `POST /v1/answers`: a pre-registered question in, the answer out.

use attune_core::measure::Question;
use attune_core::measure::activity::ActivityQuestion;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
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
    cut: Result<Query<Cut>, QueryRejection>,
    question: Result<Json<Question>, JsonRejection>,
) -> Response {
    let Query(cut) = match cut {
        Ok(cut) => cut,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let Json(question) = match question {
        Ok(question) => question,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let at = cut.at.unwrap_or_else(|| collector.options().clock.now());
    match collector.answer(question, at).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}

/// `POST /v1/activity`: whether the events of a metric come in.
pub(super) async fn activity(
    State(collector): State<Collector>,
    cut: Result<Query<Cut>, QueryRejection>,
    question: Result<Json<ActivityQuestion>, JsonRejection>,
) -> Response {
    let Query(cut) = match cut {
        Ok(cut) => cut,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let Json(question) = match question {
        Ok(question) => question,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let at = cut.at.unwrap_or_else(|| collector.options().clock.now());
    match collector.activity(&question, at) {
        Ok(answer) => Json(answer).into_response(),
        Err(source) => Problem::unanswered(&source.into()).into_response(),
    }
}
