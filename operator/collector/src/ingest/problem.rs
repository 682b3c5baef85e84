//! Refusals in the form of RFC 9457.

use std::time::Duration;

use attune_core::event::{BatchError, EventError, RefusedEvent};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::analysis::AnswerError;
use crate::collector::TakeError;
use crate::store::RegisterError;

/// Most wrong events that an answer lists one by one; the rest is counted.
const MAX_LISTED: usize = 100;
/// When to come again after the store could not take an event.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The body of a refusal; nothing of the request is stored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "status")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong>,
    #[serde(skip_serializing_if = "is_zero")]
    errors_omitted: usize,
    #[serde(skip)]
    refused: usize,
    #[serde(skip)]
    retry: bool,
}

/// One event that is wrong.
#[derive(Debug, Serialize)]
struct Wrong {
    /// Its place in the batch, from 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The path of the field.
    field: String,
    reason: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            errors: Vec::new(),
            errors_omitted: 0,
            refused: 1,
            retry: false,
        }
    }

    fn listing(mut self, errors: impl ExactSizeIterator<Item = Wrong>, refused: usize) -> Self {
        self.errors_omitted = errors.len().saturating_sub(MAX_LISTED);
        self.errors = errors.take(MAX_LISTED).collect();
        self.refused = refused;
        self
    }

    /// How many events go down with the request.
    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    pub(super) fn unsupported_media_type(found: &str) -> Self {
        let found: String = found.chars().take(100).collect();
        let detail = format!(
            "the content type is `{found}`; send application/cloudevents+json, application/cloudevents-batch+json or \
             application/json, in UTF-8"
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:attune:media-type",
            "unsupported content type",
            detail,
        )
    }

    pub(super) fn body_too_large(max: usize) -> Self {
        let detail = format!("the body has more than {max} bytes; send smaller batches");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:attune:too-large",
            "request too large",
            detail,
        )
    }

    pub(super) fn too_many_events(total: usize, max: usize) -> Self {
        let detail = format!("the batch has {total} events; send at most {max} at once");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:attune:too-large",
            "request too large",
            detail,
        )
    }

    /// A question that contradicts itself, or a store that cannot be read.
    pub(super) fn unanswered(error: &AnswerError) -> Self {
        let status = match error {
            AnswerError::ReadEvents { .. } | AnswerError::Interrupt => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(
            status,
            "urn:attune:question",
            "unanswered question",
            error.to_string(),
        )
    }

    /// Periods of holdouts that are not registered; those that are not listed are.
    pub(super) fn unregistered(refused: &[RegisterError]) -> Self {
        let broken = refused
            .iter()
            .any(|error| matches!(error, RegisterError::Remember { .. }));
        let status = if broken {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let all: Vec<String> = refused.iter().take(MAX_LISTED).map(ToString::to_string).collect();
        let mut problem = Self::new(
            status,
            "urn:attune:holdout",
            "unregistered holdout",
            all.join("; "),
        );
        problem.retry = broken;
        problem
    }

    /// Nothing of that name is here.
    pub(super) fn not_found(detail: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:attune:unknown", "not kept", detail)
    }

    /// A question that is none.
    pub(super) fn unreadable_question(status: StatusCode, detail: String) -> Self {
        Self::new(status, "urn:attune:question", "unreadable question", detail)
    }

    /// A path or a query that says nothing that can be done.
    pub(super) fn unreadable_parameter(detail: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:attune:parameter",
            "unreadable parameter",
            detail,
        )
    }

    /// Another namespace than the caller's is asked about.
    pub(super) fn foreign_namespace(caller: &str) -> Self {
        let detail = format!("`namespace` is not `{caller}`, the caller's namespace; leave it out");
        Self::new(
            StatusCode::FORBIDDEN,
            "urn:attune:namespace",
            "foreign namespace",
            detail,
        )
    }

    pub(super) fn body_too_slow(limit: Duration) -> Self {
        let detail = format!("the body took more than {} s to arrive", limit.as_secs());
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "urn:attune:timeout",
            "request too slow",
            detail,
        )
    }

    pub(super) fn unreadable_body(error: &axum::Error) -> Self {
        let detail = format!("the body cannot be read: {error}");
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:attune:body",
            "unreadable body",
            detail,
        )
    }

    pub(super) fn unreadable_header(name: &str) -> Self {
        let detail = format!("header `{name}` is not UTF-8; percent-encode what is not printable ASCII");
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:attune:event",
            "refused events",
            detail,
        )
    }

    pub(super) fn unreadable_data(error: &serde_json::Error) -> Self {
        let detail = format!("the data of the event is not JSON: {error}");
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:attune:event",
            "refused events",
            detail,
        )
    }

    /// Nobody vouches for the caller.
    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "urn:attune:unauthenticated",
            "unknown caller",
            detail,
        )
    }

    /// The caller is known, and may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "urn:attune:forbidden", "forbidden", detail)
    }

    /// Nobody can say who the caller is at the moment.
    pub(crate) fn unreviewed() -> Self {
        let detail = "nobody can say who the caller is at the moment; nothing is stored, send again later";
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:attune:unavailable",
            "not authenticated",
            detail,
        );
        problem.retry = true;
        problem
    }

    pub(super) fn internal() -> Self {
        let detail = "the collector has a defect; nothing is stored";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "urn:attune:internal",
            "internal error",
            detail,
        )
    }

    fn events(detail: String) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:attune:event",
            "refused events",
            detail,
        )
    }
}

fn wrong(refused: RefusedEvent) -> Wrong {
    let RefusedEvent { index, id, error } = refused;
    Wrong {
        index,
        id,
        field: error.field().to_owned(),
        reason: error.to_string(),
    }
}

fn wrong_field<'a>(
    places: &'a [usize],
    field: &'a str,
    reason: &'a str,
) -> impl ExactSizeIterator<Item = Wrong> + 'a {
    places.iter().map(move |index| Wrong {
        index: *index,
        id: None,
        field: field.to_owned(),
        reason: reason.to_owned(),
    })
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        let detail = format!("the event is refused: {error}");
        Self::events(detail).listing(
            [wrong(RefusedEvent {
                index: 0,
                id: None,
                error,
            })]
            .into_iter(),
            1,
        )
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        let detail = format!("{error}; nothing of the batch is stored");
        match error {
            BatchError::ParseJson { .. } | BatchError::ReadArray { .. } => Self::events(error.to_string()),
            BatchError::ReadEvents { refused, total } => {
                Self::events(detail).listing(refused.into_iter().map(wrong), total)
            }
        }
    }
}

impl From<TakeError> for Problem {
    fn from(error: TakeError) -> Self {
        match &error {
            TakeError::CheckTime { places, latest } => {
                let reason = format!("lies after {latest}; set the sender's clock");
                Self::events(format!("{error}; nothing is stored"))
                    .listing(wrong_field(places, "time", &reason), places.len())
            }
            TakeError::CheckNamespace { places, namespace } => {
                let reason = format!("is not `{namespace}`, the caller's namespace; leave it out");
                let detail = format!("{error}; nothing is stored");
                Self::new(
                    StatusCode::FORBIDDEN,
                    "urn:attune:namespace",
                    "foreign namespace",
                    detail,
                )
                .listing(wrong_field(places, "data.namespace", &reason), places.len())
            }
            TakeError::Append { source } => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let mut problem =
                    Self::new(status, "urn:attune:unavailable", "not stored", source.to_string());
                problem.retry = true;
                problem
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            // What was not read of the body would be taken for the next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn status<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
