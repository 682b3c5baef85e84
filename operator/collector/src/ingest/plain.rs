//! `PUT /v1/plain-channels`: all Channels whose unit ids are kept in plain, as an array; those that are left out are kept
//! hashed from then on.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::problem::Problem;
use crate::collector::Collector;

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlainChannel {
    namespace: String,
    channel: String,
}

pub(super) async fn keep(
    State(collector): State<Collector>,
    channels: Result<Json<Vec<PlainChannel>>, JsonRejection>,
) -> Response {
    let Json(channels) = match channels {
        Ok(channels) => channels,
        Err(error) => return Problem::unreadable_question(error.status(), error.body_text()).into_response(),
    };
    let channels = channels
        .into_iter()
        .map(|PlainChannel { namespace, channel }| (namespace, channel));
    match collector.keep_plain_units(channels.collect()).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => Problem::unanswered(&error).into_response(),
    }
}
