//! Events of clients: exposures that they rendered, outcomes that they saw.

use attune_core::context::Shape;
use attune_core::event::{BatchError, DECISION_TYPE, Event, EventData, EventError, parse_batch};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use serde::Serialize;

use super::answer::{Answer, bytes, json};
use super::body::BodyError;
use super::native_body;
use super::problem::Problem;
use crate::decider::Decider;
use crate::limits::MAX_EVENTS;
use crate::relay::{RelayError, Verdict};

/// How the body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Batch,
    Either,
}

/// The collector has that many.
#[derive(Serialize)]
struct Accepted {
    accepted: usize,
}

/// `POST /v1/events`: a `CloudEvents` 1.0 event or a batch. All or nothing: one that is wrong, and none is passed on.
pub(super) async fn take(decider: &Decider, headers: &HeaderMap, body: Result<Bytes, BodyError>) -> Answer {
    match pass_on(decider, headers, body).await {
        Ok(answer) => answer,
        Err(problem) => problem.answer(),
    }
}

async fn pass_on(
    decider: &Decider,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Result<Answer, Problem> {
    let body = native_body(decider, body)?;
    let content_type = headers.get(CONTENT_TYPE);
    let form = form(content_type).ok_or_else(|| {
        let detail =
            "send `application/cloudevents+json`, `application/cloudevents-batch+json` or `application/json`";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })?;
    // A batch has as many keys as its events have.
    let shape = Shape {
        keys: usize::MAX,
        ..decider.limits().shape
    };
    shape
        .check(&body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let events = parse(form, &body)?;
    check(decider, &events)?;
    let relay = decider.relay().ok_or_else(|| {
        let detail = "this decider has no collector to pass events on to; send them to the collector";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    })?;
    if events.is_empty() {
        return Ok(json(
            StatusCode::ACCEPTED,
            "application/json",
            &Accepted { accepted: 0 },
        ));
    }
    // INVARIANT: there is a form only where there is a content type.
    let content_type = content_type
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/json"));
    match relay.pass_on(content_type, body).await {
        Ok(Verdict::Taken) => {
            for event in events.iter().filter(|event| relay.is_new(event)) {
                decider.observe(event);
            }
            decider.settle_observed().await;
            let accepted = events.len();
            Ok(json(
                StatusCode::ACCEPTED,
                "application/json",
                &Accepted { accepted },
            ))
        }
        Ok(Verdict::Refused(status, words)) => {
            let status = StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_REQUEST);
            Ok(bytes(status, "application/problem+json", words.into()))
        }
        Err(error) => Err(unavailable(&error)),
    }
}

/// What is behind the decider is nothing that its clients are told about.
fn unavailable(error: &RelayError) -> Problem {
    let detail = match error {
        RelayError::Busy => "too many events are on their way; send them again in a second",
        _ => "the collector does not take events now; send them again, none was kept",
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

fn form(content_type: Option<&HeaderValue>) -> Option<Form> {
    let text = content_type?.to_str().ok()?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/cloudevents+json" => Some(Form::Single),
        "application/cloudevents-batch+json" => Some(Form::Batch),
        "application/json" => Some(Form::Either),
        _ => None,
    }
}

fn parse(form: Form, body: &[u8]) -> Result<Vec<Event>, Problem> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    match form {
        Form::Batch => parse_batch(body).map_err(|error| refused_batch(&error)),
        Form::Either if is_array => parse_batch(body).map_err(|error| refused_batch(&error)),
        Form::Single | Form::Either => {
            let event = Event::from_json(body).map_err(|error| refused(&error))?;
            Ok(vec![event])
        }
    }
}

fn refused(error: &EventError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string())
}

fn refused_batch(error: &BatchError) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string())
}

fn check(decider: &Decider, events: &[Event]) -> Result<(), Problem> {
    if events
        .iter()
        .any(|event| matches!(event.data, EventData::Decision(_)))
    {
        let detail = format!("`type` is `{DECISION_TYPE}`, which deciders alone report; leave it out");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    if events.len() > MAX_EVENTS {
        let detail = format!(
            "{} events are more than {MAX_EVENTS}; send several batches",
            events.len()
        );
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let loaded = decider.loaded();
    let Some(loaded) = loaded.as_deref() else {
        return Err(Problem::no_bundle());
    };
    let own = &loaded.engine.bundle().namespace;
    let foreign = events
        .iter()
        .filter_map(|event| event.namespace.as_ref())
        .find(|namespace| *namespace != own);
    match foreign {
        None => Ok(()),
        Some(namespace) => {
            let detail =
                format!("`data.namespace` is `{namespace}`, this decider is of `{own}`; leave it out");
            Err(Problem::new(StatusCode::FORBIDDEN, detail))
        }
    }
}
