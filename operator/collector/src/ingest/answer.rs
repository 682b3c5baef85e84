//! `POST /v1/answers` and `POST /v1/holdout-answers`: a question in, the answer out. `PUT /v1/holdouts`: the periods of
//! holdouts, as an array, so that buckets are known from the first exposure on.

use attune_core::measure::Question;
use attune_core::measure::activity::ActivityQuestion;
use attune_core::measure::holdout::{HoldoutQuestion, HoldoutRegistration};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::problem::Problem;
use crate::collector::Collector;
use crate::source::Credentials;

/// A question, and beside it what opens the sources that it names. Credentials are no part of what is hashed.
#[derive(Deserialize)]
pub(super) struct Opened {
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
    question: Result<Json<Opened>, JsonRejection>,
) -> Response {
    let (
        Opened {
            question,
            credentials,
        },
        at,
    ) = match asked(&collector, cut, question) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    match collector.answer_with(question, &credentials, at).await {
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
    let (question, at) = match asked(&collector, cut, question) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    match collector.activity(question, at).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}

pub(super) async fn answer_holdout(
    State(collector): State<Collector>,
    cut: Result<Query<Cut>, QueryRejection>,
    question: Result<Json<HoldoutQuestion>, JsonRejection>,
) -> Response {
    let (question, at) = match asked(&collector, cut, question) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    match collector.answer_holdout(question, at).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}

pub(super) async fn register_holdouts(
    State(collector): State<Collector>,
    periods: Result<Json<Vec<HoldoutRegistration>>, JsonRejection>,
) -> Response {
    let Json(periods) = match periods {
        Ok(periods) => periods,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    match collector.register_holdouts(periods).await {
        Ok(refused) if refused.is_empty() => StatusCode::NO_CONTENT.into_response(),
        Ok(refused) => Problem::unregistered(&refused).into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}

/// The question and the data cut: now, unless given.
fn asked<Q>(
    collector: &Collector,
    cut: Result<Query<Cut>, QueryRejection>,
    question: Result<Json<Q>, JsonRejection>,
) -> Result<(Q, Timestamp), Problem> {
    let Query(cut) = cut.map_err(|error| Problem::unreadable_question(error.status(), error.body_text()))?;
    let Json(question) =
        question.map_err(|error| Problem::unreadable_question(error.status(), error.body_text()))?;
    Ok((
        question,
        cut.at.unwrap_or_else(|| collector.options().clock.now()),
    ))
}
