//! Rules in formats for those who do not run a decider of ours.
//!
//! Each format is a pure function of what is published for a Channel. What a format cannot say is left out and told, never
//! approximated: whoever reads it gives the same answers as a decider, or a baseline.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use attune_api::delivery::RuleFormat;
use attune_core::bundle::Bundle;
use serde_json::Value as Json;

use crate::Publication;

mod check;
mod content;
mod flagd;
mod order;
mod treatment;
mod words;

pub(crate) use check::check;

/// A Channel's rules in one format, ready to hand over.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The document.
    pub bytes: Arc<[u8]>,
    /// Its media type, for a `Content-Type`.
    pub media_type: &'static str,
    /// What is not in it, and why.
    pub refusals: Vec<Refusal>,
}

/// Something that a format cannot say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The binding that is left out; `None` where it is about the Channel itself.
    pub binding: Option<String>,
    /// The field that cannot be said, of the binding or else of the Channel: `spec.caps`.
    pub field: String,
    /// What cannot be said, what follows from it and what to do; no line breaks.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.binding {
            Some(binding) => write!(f, "ChannelBinding `{binding}`, {}: {}", self.field, self.message),
            None => write!(f, "Channel, {}: {}", self.field, self.message),
        }
    }
}

/// What all formats are written in.
const JSON: &str = "application/json";

/// Where a binding is carried that a format refuses: the end of every refusal's message.
fn place() -> &'static str {
    "or deliver the channel by `sidecar` or `service`"
}

/// A document of a format.
fn document(json: &Json, refusals: BTreeSet<Refusal>) -> Result<Written, Vec<Refusal>> {
    let bytes = serde_json_canonicalizer::to_vec(json).map_err(|error| {
        vec![Refusal {
            binding: None,
            field: "spec.delivery".to_owned(),
            message: format!("the document cannot be written: {error}; please report this"),
        }]
    })?;
    Ok(Written {
        bytes: bytes.into(),
        media_type: JSON,
        refusals: refusals.into_iter().collect(),
    })
}

/// The JSON Schema of a bundle, which is what `Attune` writes.
pub fn bundle_schema() -> Json {
    let mut schema = schemars::schema_for!(Bundle);
    schema.insert("title".to_owned(), "The rules of one channel of Attune".into());
    schema.to_value()
}

/// Writes a Channel's rules in a format.
///
/// # Errors
/// When the format cannot carry anything of them: it says why, one reason a field.
pub fn write(publication: &Publication, format: RuleFormat) -> Result<Written, Vec<Refusal>> {
    match format {
        RuleFormat::Attune => Ok(Written {
            bytes: Arc::clone(&publication.canonical),
            media_type: JSON,
            refusals: Vec::new(),
        }),
        RuleFormat::Flagd => flagd::write(publication),
        RuleFormat::Content => content::write(publication),
    }
}

/// Sets a member of an object.
fn set(object: &mut Json, member: &str, value: Json) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}
