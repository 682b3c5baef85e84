//! A decision as `OpenFeature`'s remote evaluation protocol (OFREP 0.3.0) spells it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::bundle::Metadata;
use crate::context::ContextError;
use crate::decide::{Decision, UnknownTouchpoint};

#[cfg(test)]
mod tests;
mod write;

use write::Members;

/// A successful evaluation. `value` and `variant` are absent when the client's code default serves.
#[derive(Debug, Serialize)]
pub struct Success<'e> {
    key: &'e str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'e RawValue>,
    metadata: MetadataFields<'e>,
    /// Whether no name needs an escape.
    #[serde(skip)]
    is_plain: bool,
}

/// Flat, full names, absent when not applicable.
#[derive(Debug, Default, Serialize)]
struct MetadataFields<'e> {
    #[serde(rename = "attune.reason")]
    reason: &'static str,
    #[serde(rename = "attune.program", skip_serializing_if = "Option::is_none")]
    program: Option<&'e str>,
    #[serde(rename = "attune.binding", skip_serializing_if = "Option::is_none")]
    binding: Option<&'e str>,
    #[serde(rename = "attune.audience", skip_serializing_if = "Option::is_none")]
    audience: Option<&'e str>,
    #[serde(rename = "attune.experiment", skip_serializing_if = "Option::is_none")]
    experiment: Option<&'e str>,
    #[serde(rename = "attune.arm", skip_serializing_if = "Option::is_none")]
    arm: Option<&'e str>,
    #[serde(rename = "attune.holdout", skip_serializing_if = "Option::is_none")]
    holdout: Option<&'e str>,
    #[serde(rename = "attune.held", skip_serializing_if = "Option::is_none")]
    held: Option<bool>,
    #[serde(rename = "attune.revision")]
    revision: &'e str,
    #[serde(rename = "attune.decision", skip_serializing_if = "Option::is_none")]
    decision: Option<&'e str>,
}

impl<'e> Success<'e> {
    /// The answer for a decision; `id` names it, and `None` leaves the name out, as for an entity tag.
    pub fn new(decision: &Decision<'e>, metadata: Metadata, id: Option<&'e str>) -> Self {
        let mut fields = MetadataFields {
            reason: decision.reason.as_str(),
            revision: decision.revision,
            decision: id,
            ..MetadataFields::default()
        };
        if metadata == Metadata::Full {
            fields.program = decision.winner.map(|winner| winner.program);
            fields.binding = decision.winner.map(|winner| winner.binding);
            fields.audience = decision.winner.and_then(|winner| winner.audience);
            fields.experiment = decision.enrolment.map(|enrolment| enrolment.experiment);
            fields.arm = decision.enrolment.map(|enrolment| enrolment.arm);
            fields.holdout = decision.holdout.map(|test| test.name);
            fields.held = decision.holdout.map(|test| test.held);
        }
        Self {
            key: decision.touchpoint,
            reason: decision.reason.ofrep(),
            variant: decision.content.map(|content| content.variant),
            value: decision.content.map(|content| content.json),
            metadata: fields,
            is_plain: decision.is_plain,
        }
    }

    /// Writes the same JSON as serializing does, in a fraction of the time: content is copied as it was serialized when
    /// the bundle was loaded, and names are copied unless one has to be escaped.
    pub fn write(&self, out: &mut Vec<u8>) {
        let is_plain = self.is_plain;
        let mut members = Members { out, is_plain };
        members.name(b"{\"key\":\"", Some(self.key));
        members.plain(b",\"reason\":\"", self.reason);
        members.name(b",\"variant\":\"", self.variant);
        if let Some(value) = self.value {
            members.out.extend_from_slice(b",\"value\":");
            members.out.extend_from_slice(value.get().as_bytes());
        }
        let fields = &self.metadata;
        members.plain(b",\"metadata\":{\"attune.reason\":\"", fields.reason);
        members.name(b",\"attune.program\":\"", fields.program);
        members.name(b",\"attune.binding\":\"", fields.binding);
        members.name(b",\"attune.audience\":\"", fields.audience);
        members.name(b",\"attune.experiment\":\"", fields.experiment);
        members.name(b",\"attune.arm\":\"", fields.arm);
        members.name(b",\"attune.holdout\":\"", fields.holdout);
        if let Some(held) = fields.held {
            let held: &[u8] = if held {
                b",\"attune.held\":true"
            } else {
                b",\"attune.held\":false"
            };
            members.out.extend_from_slice(held);
        }
        members.plain(b",\"attune.revision\":\"", fields.revision);
        // Ids are the caller's.
        members.is_plain = false;
        members.name(b",\"attune.decision\":\"", fields.decision);
        members.out.extend_from_slice(b"}}");
    }
}

/// OFREP's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The body is not JSON.
    ParseError,
    /// There is no usable context.
    InvalidContext,
    /// There is no such touchpoint.
    FlagNotFound,
    /// Anything else.
    General,
}

/// A failed evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The touchpoint; absent for a bulk request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What kind of failure.
    pub error_code: ErrorCode,
    /// What is wrong and what to do.
    pub error_details: String,
}

impl Failure {
    /// A request whose context cannot be read.
    pub fn from_context(key: Option<&str>, error: &ContextError) -> Self {
        let error_code = match error {
            ContextError::NotJson(_) => ErrorCode::ParseError,
            ContextError::NoContext
            | ContextError::TargetingKey
            | ContextError::TooDeep { .. }
            | ContextError::TooManyKeys { .. } => ErrorCode::InvalidContext,
        };
        Self {
            key: key.map(str::to_owned),
            error_code,
            error_details: sentence(error),
        }
    }

    /// A touchpoint that is not there.
    pub fn from_touchpoint(error: &UnknownTouchpoint) -> Self {
        Self {
            key: Some(error.touchpoint.clone()),
            error_code: ErrorCode::FlagNotFound,
            error_details: sentence(error),
        }
    }

    /// The HTTP status that goes with it.
    pub const fn status(&self) -> u16 {
        match self.error_code {
            ErrorCode::ParseError | ErrorCode::InvalidContext => 400,
            ErrorCode::FlagNotFound => 404,
            ErrorCode::General => 500,
        }
    }
}

fn sentence(error: &impl std::fmt::Display) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{error}");
    text
}
