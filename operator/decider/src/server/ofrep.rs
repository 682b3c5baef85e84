//! `OpenFeature`'s remote evaluation protocol.

use std::borrow::Cow;

use attune_core::bundle::{Bundle, ChannelSettings, FORMAT_VERSION, Identity, Metadata};
use attune_core::context::{Context, ContextError};
use attune_core::decide::{Decision, Taken};
use attune_core::engine::Engine;
use attune_core::ofrep::{ErrorCode, Failure, Success};
use axum::http::header::ETAG;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::agree::By;
use super::answer::{Answer, bytes, empty, json};
use super::body::BodyError;
use super::problem::no_path_here;
use super::{complain, with_retry};
use crate::decider::{Decider, Loaded, Question, decision_id, with_context};
use crate::etag;
use crate::metrics::Refusal;

mod flags;

use flags::Flags;

const JSON: &str = "application/json";

/// Room for one answer that is not unusually long, in bytes.
const SINGLE_BYTES: usize = 512;

/// A request without a decision, in OFREP's shape.
pub(super) struct Refused {
    status: StatusCode,
    label: Option<Refusal>,
    failure: Failure,
}

/// The answer while there are no rules: the client's code default.
#[derive(Serialize)]
struct CodeDefault<'a> {
    key: &'a str,
    reason: &'static str,
    metadata: NoBundle,
}

#[derive(Serialize)]
struct NoBundle {
    #[serde(rename = "attune.reason")]
    reason: &'static str,
}

/// `POST /ofrep/v1/evaluate/flags/{touchpoint}`: one decision, which counts as shown where the binding says so.
pub(super) fn evaluate(decider: &Decider, path: &str, body: Result<Bytes, BodyError>, by: By<'_>) -> Answer {
    decide_one(decider, &touchpoint(path), body, by).unwrap_or_else(|refused| refused.answer(decider))
}

/// The name in a path. No touchpoint has one that is not UTF-8; it is not found under the one it was asked for by.
pub(super) fn touchpoint(path: &str) -> Cow<'_, str> {
    if path.contains('%') {
        let decoded = percent_decode_str(path).decode_utf8();
        decoded.unwrap_or(Cow::Borrowed(path))
    } else {
        Cow::Borrowed(path)
    }
}

/// `POST /ofrep/v1/evaluate/flags`: every touchpoint. It records and charges nothing, because SDKs ask for everything at
/// their start, rendered or not.
pub(super) fn evaluate_all(
    decider: &Decider,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
    by: By<'_>,
) -> Answer {
    decide_all(decider, headers, body, by).unwrap_or_else(|refused| refused.answer(decider))
}

/// A path that OFREP does not know.
pub(super) fn refuse_path(decider: &Decider, path: &str) -> Answer {
    let failure = Failure {
        key: None,
        error_code: ErrorCode::FlagNotFound,
        error_details: no_path_here(path),
    };
    Refused::of(failure).answer(decider)
}

/// A method that OFREP does not use here.
pub(super) fn refuse_method(method: &Method, allowed: &'static str) -> Answer {
    let details = format!(
        "{method} is not allowed here, which takes {allowed}; decisions are asked for by POST with {{\"context\": {{...}}}}"
    );
    refuse(StatusCode::METHOD_NOT_ALLOWED, &details)
}

/// A request that is not looked at any further, in OFREP's shape.
pub(super) fn refuse(status: StatusCode, details: &str) -> Answer {
    let failure = Failure {
        key: None,
        error_code: ErrorCode::General,
        error_details: details.to_owned(),
    };
    json(status, JSON, &failure)
}

fn decide_one(
    decider: &Decider,
    touchpoint: &str,
    body: Result<Bytes, BodyError>,
    by: By<'_>,
) -> Result<Answer, Refused> {
    let body = body.map_err(|error| Refused::body(Some(touchpoint), decider, error))?;
    decider
        .limits()
        .shape
        .check(&body)
        .map_err(|error| Refused::context(Some(touchpoint), &error))?;
    let loaded = decider.loaded();
    let Some(loaded) = loaded.as_deref() else {
        check_without_bundle(Some(touchpoint), &body)?;
        decider.metrics().without_bundle.inc();
        return Ok(json(StatusCode::OK, JSON, &CodeDefault::new(touchpoint)));
    };
    with_context(loaded, &body, |context| {
        answer_one(decider, loaded, touchpoint, context, by)
    })
    .map_err(|error| Refused::context(Some(touchpoint), &error))?
}

fn answer_one(
    decider: &Decider,
    loaded: &Loaded,
    touchpoint: &str,
    context: &Context<'_>,
    by: By<'_>,
) -> Result<Answer, Refused> {
    let now = decider.now();
    let mut buffer = [0; Hyphenated::LENGTH];
    let id: &str = decision_id(now).hyphenated().encode_lower(&mut buffer);
    let question = Question {
        touchpoint,
        context,
        now,
        taken: &Taken::default(),
        is_blind: by.is_blind(),
    };
    let decision = decider
        .decide_and_record(loaded, question, id)
        .map_err(|unknown| Refused::of(Failure::from_touchpoint(&unknown)))?;
    decider.metrics().single.inc(decision.reason);
    Ok(written(loaded, &decision, id))
}

fn written(loaded: &Loaded, decision: &Decision<'_>, id: &str) -> Answer {
    let mut answer = Vec::with_capacity(SINGLE_BYTES);
    Success::new(decision, loaded.engine.metadata(), Some(id)).write(&mut answer);
    bytes(StatusCode::OK, JSON, answer)
}

/// The answer with the one decision that was made.
pub(super) fn write_one(loaded: &Loaded, decisions: &[(&Decision<'_>, Uuid)]) -> Answer {
    let Some((decision, id)) = decisions.first() else {
        // INVARIANT: whoever asks for one touchpoint gets one decision.
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut buffer = [0; Hyphenated::LENGTH];
    written(loaded, decision, id.hyphenated().encode_lower(&mut buffer))
}

fn decide_all(
    decider: &Decider,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
    by: By<'_>,
) -> Result<Answer, Refused> {
    let body = body.map_err(|error| Refused::body(None, decider, error))?;
    decider
        .limits()
        .shape
        .check(&body)
        .map_err(|error| Refused::context(None, &error))?;
    let stream = flags::stream(decider, headers);
    let loaded = decider.loaded();
    let Some(loaded) = loaded.as_deref() else {
        check_without_bundle(None, &body)?;
        decider.metrics().without_bundle.inc();
        let answer = Flags::open(SINGLE_BYTES).close(&stream);
        return Ok(bytes(StatusCode::OK, JSON, answer));
    };
    let mut tag = etag::Builder::new(loaded.engine.revision(), &body);
    with_context(loaded, &body, |context| {
        let (flags, kept) = by.ask(decider, context, |history| {
            Flags::decide(decider, loaded, context, history, tag.as_mut())
        });
        let tag = tag.take().map(|mut tag| {
            tag.add(etag::Piece::of(stream.as_bytes()));
            tag.finish()
        });
        if tag.as_ref().is_some_and(|tag| tag.is_known(headers)) {
            decider.metrics().not_modified.inc();
            return with_tag(empty(StatusCode::NOT_MODIFIED), tag.as_ref());
        }
        for one in kept {
            one.keep(decider, loaded, context);
        }
        let answer = flags.close(&stream);
        with_tag(bytes(StatusCode::OK, JSON, answer), tag.as_ref())
    })
    .map_err(|error| Refused::context(None, &error))
}

fn with_tag(mut response: Answer, tag: Option<&etag::Tag>) -> Answer {
    if let Some(value) = tag.and_then(etag::Tag::header) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

/// The same checks of a request as with a bundle, against one that declares nothing.
fn check_without_bundle(key: Option<&str>, body: &[u8]) -> Result<(), Refused> {
    let nothing = Bundle {
        format_version: FORMAT_VERSION,
        namespace: String::new(),
        channel: String::new(),
        settings: ChannelSettings {
            identity: Identity {
                unit: "targetingKey".to_owned(),
                fallback: None,
                consent: None,
                locale: None,
                time_zone: None,
            },
            client_attributes: None,
            locales: Vec::new(),
            locale_fallback: std::collections::BTreeMap::new(),
            diversity: Vec::new(),
            metadata: Metadata::Full,
            suspended: false,
            caps: Vec::new(),
            minimum_gap_seconds: None,
            quiet_hours: None,
            plain_unit_ids: false,
            replay: None,
            state: None,
        },
        attributes: std::collections::BTreeMap::new(),
        audiences: std::collections::BTreeMap::new(),
        modules: std::collections::BTreeMap::new(),
        programs: std::collections::BTreeMap::new(),
        holdouts: std::collections::BTreeMap::new(),
        experiments: std::collections::BTreeMap::new(),
        touchpoints: std::collections::BTreeMap::new(),
        bindings: std::collections::BTreeMap::new(),
    };
    let Ok(engine) = Engine::load(nothing) else {
        return Ok(());
    };
    Context::decode_request(&engine, body)
        .map(drop)
        .map_err(|error| Refused::context(key, &error))
}

impl<'a> CodeDefault<'a> {
    fn new(key: &'a str) -> Self {
        Self {
            key,
            reason: "UNKNOWN",
            metadata: NoBundle { reason: "NO_BUNDLE" },
        }
    }
}

impl Refused {
    fn of(failure: Failure) -> Self {
        let label = match failure.error_code {
            ErrorCode::ParseError => Refusal::ParseError,
            ErrorCode::InvalidContext => Refusal::InvalidContext,
            ErrorCode::FlagNotFound => Refusal::FlagNotFound,
            ErrorCode::General => Refusal::Unreadable,
        };
        Self {
            status: StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::BAD_REQUEST),
            label: Some(label),
            failure,
        }
    }

    fn context(key: Option<&str>, error: &ContextError) -> Self {
        Self::of(Failure::from_context(key, error))
    }

    fn body(key: Option<&str>, decider: &Decider, error: BodyError) -> Self {
        let (status, error_details) = complain(decider, error);
        Self {
            status,
            // Counted with the complaint.
            label: None,
            failure: Failure {
                key: key.map(str::to_owned),
                error_code: ErrorCode::General,
                error_details,
            },
        }
    }

    fn answer(self, decider: &Decider) -> Answer {
        if let Some(label) = self.label {
            decider.metrics().refusals.inc(label);
        }
        with_retry(json(self.status, JSON, &self.failure))
    }
}
