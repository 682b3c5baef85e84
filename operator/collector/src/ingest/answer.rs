//! `POST /v1/answers`: a pre-registered question in, the answer out.

use attune_core::measure::Question;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::problem::Problem;
use crate::collector::Collector;
use crate::source::Credentials;

/// A question, and beside it what opens the sources that it names. Credentials are no part of what is hashed.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(flatten)]
    question: Question,
    #[serde(default)]
    credentials: Credentials,
}

/// As of when.
#[derive(Debug, Deserialize)]
pub(super) struct Cut {
    /// The data cut; now, unless given.
    at: Option<Timestamp>,
}

pub(super) async fn answer(
    State(collector): State<Collector>,
    cut: Result<Query<Cut>, QueryRejection>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let Query(cut) = match cut {
        Ok(cut) => cut,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let Json(Asked {
        question,
        credentials,
    }) = match asked {
        Ok(asked) => asked,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let at = cut.at.unwrap_or_else(|| collector.options().clock.now());
    match collector.answer_with(question, &credentials, at).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}
