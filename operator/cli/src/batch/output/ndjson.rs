//! One JSON object a line.

use attune_core::decide::Decision;

use super::{Facts, Layout};
use crate::batch::cell::string;

/// JSON objects; what does not apply is absent.
#[derive(Debug)]
pub(crate) struct Ndjson;

impl Layout for Ndjson {
    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn middle(&self, decision: &Decision<'_>) -> Vec<u8> {
        let facts = Facts::of(decision);
        let mut out = Vec::new();
        member("touchpoint", Some(decision.touchpoint), &mut out);
        member("variant", facts.variant, &mut out);
        if let Some(content) = decision.content {
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(content.json.get().as_bytes());
        }
        member("reason", Some(decision.reason.as_str()), &mut out);
        member("program", facts.program, &mut out);
        member("binding", facts.binding, &mut out);
        member("audience", facts.audience, &mut out);
        member("experiment", facts.experiment, &mut out);
        member("arm", facts.arm, &mut out);
        member("holdout", facts.holdout, &mut out);
        if let Some(held) = facts.held {
            out.extend_from_slice(if held {
                b",\"held\":true"
            } else {
                b",\"held\":false"
            });
        }
        member("revision", Some(decision.revision), &mut out);
        out.extend_from_slice(b",\"decision\":\"");
        out
    }

    fn write(&self, unit: &str, middle: &[u8], id: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"unit\":");
        string(unit, out);
        out.extend_from_slice(middle);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(b"\"}\n");
    }
}

fn member(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.push(b',');
        string(name, out);
        out.push(b':');
        string(value, out);
    }
}
