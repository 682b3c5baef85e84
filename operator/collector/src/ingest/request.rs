//! From a request to events.

use attune_core::event::{Event, parse_batch};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::collector::CollectorOptions;

/// Bodies up to this size are parsed where they arrive; larger ones on a thread that may be busy for a while.
const INLINE_BYTES: usize = 32 * 1024;
/// What precedes the attributes of an event in headers.
const ATTRIBUTE_PREFIX: &str = "ce-";

/// The events of a request.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) events: Vec<Event>,
    pub(super) total: usize,
}

/// How the body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Batch,
    Either,
    Binary,
}

/// Reads the body within the bounds of size and time.
pub(super) async fn read(body: Body, options: &CollectorOptions) -> Result<Bytes, Problem> {
    read_up_to(body, options.max_body_bytes, options).await
}

/// Reads a body of at most so many bytes.
pub(super) async fn read_up_to(body: Body, max: usize, options: &CollectorOptions) -> Result<Bytes, Problem> {
    match tokio::time::timeout(options.body_timeout, axum::body::to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(Problem::body_too_large(max)),
        Ok(Err(error)) => Err(Problem::unreadable_body(&error)),
        Err(_) => Err(Problem::body_too_slow(options.body_timeout)),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Reads the events out of the body.
pub(super) async fn parse(headers: HeaderMap, bytes: Bytes) -> Result<Parsed, Problem> {
    let form = form(&headers)?;
    if bytes.len() <= INLINE_BYTES {
        return parse_as(form, &headers, &bytes);
    }
    tokio::task::spawn_blocking(move || parse_as(form, &headers, &bytes))
        .await
        .unwrap_or_else(|_| Err(Problem::internal()))
}

fn parse_as(form: Form, headers: &HeaderMap, bytes: &[u8]) -> Result<Parsed, Problem> {
    let single = |event: Event| Parsed {
        events: vec![event],
        total: 1,
    };
    let batch = |events: Vec<Event>| Parsed {
        total: events.len(),
        events,
    };
    let is_array = || bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    match form {
        Form::Batch => Ok(batch(parse_batch(bytes)?)),
        Form::Either if is_array() => Ok(batch(parse_batch(bytes)?)),
        Form::Single | Form::Either => Ok(single(Event::from_json(bytes)?)),
        Form::Binary => Ok(single(Event::from_value(assemble(headers, bytes)?)?)),
    }
}

/// What the content type and the headers say about the body.
fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    let Some(text) = text else {
        return Err(Problem::unsupported_media_type(""));
    };
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let foreign = |part: String| {
        part.strip_prefix("charset=")
            .is_some_and(|set| set.trim_matches('"') != "utf-8")
    };
    if parts.any(foreign) {
        return Err(Problem::unsupported_media_type(text));
    }
    match essence.as_str() {
        "application/cloudevents+json" => Ok(Form::Single),
        "application/cloudevents-batch+json" => Ok(Form::Batch),
        "application/json" if headers.contains_key("ce-specversion") => Ok(Form::Binary),
        "application/json" => Ok(Form::Either),
        _ => Err(Problem::unsupported_media_type(text)),
    }
}

/// Puts the event of a binary-mode request together: attributes from the headers, `data` from the body.
fn assemble(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        if let Some(attribute) = name.as_str().strip_prefix(ATTRIBUTE_PREFIX) {
            let text =
                percent_decoded(value.as_bytes()).ok_or_else(|| Problem::unreadable_header(name.as_str()))?;
            event.insert(attribute.to_owned(), Value::String(text));
        }
    }
    let data = serde_json::from_slice(bytes).map_err(|error| Problem::unreadable_data(&error))?;
    // INVARIANT: inserted last, so that a `ce-data` header cannot stand in for the body.
    event.insert("data".to_owned(), data);
    Ok(Value::Object(event))
}

/// Header values carry what is not printable ASCII as `%XX` of its UTF-8 (`CloudEvents` HTTP binding, 3.1.3.2); a `%`
/// that starts no such pair stands for itself.
fn percent_decoded(bytes: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let digit = |place: usize| tail.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            decoded.push(u8::try_from(high * 16 + low).ok()?);
            rest = tail.get(2..)?;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(decoded).ok()
}
