//! Comma-separated values: a column a slot, or one with the whole content.

use attune_core::decide::Decision;
use serde_json::Value;

use super::{Facts, Layout, plain};

/// Rows of comma-separated values with a header.
#[derive(Debug)]
pub(crate) struct Csv {
    /// The slots that have columns; `None`: one column has the content as JSON.
    slots: Option<Vec<String>>,
}

impl Csv {
    /// With a column for each of these slots.
    pub(crate) fn with_slots(slots: Vec<String>) -> Self {
        Self { slots: Some(slots) }
    }

    /// With the content in one column.
    pub(crate) fn with_value() -> Self {
        Self { slots: None }
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> Vec<String> {
        let content = match &self.slots {
            Some(slots) => slots.iter().map(|slot| format!("slot.{slot}")).collect(),
            None => vec!["value".to_owned()],
        };
        let before = ["unit", "touchpoint", "variant"].map(str::to_owned);
        let after = [
            "reason",
            "program",
            "binding",
            "audience",
            "experiment",
            "arm",
            "holdout",
            "held",
            "revision",
            "decision",
        ];
        let after = after.map(str::to_owned);
        before.into_iter().chain(content).chain(after).collect()
    }

    fn content(&self, decision: &Decision<'_>, out: &mut Vec<u8>) {
        let json = decision.content.map(|content| content.json.get());
        let Some(slots) = &self.slots else {
            cell(json, out);
            return;
        };
        let content: Value = json
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        for slot in slots {
            cell(content.get(slot).map(plain).as_deref(), out);
        }
    }
}

impl Layout for Csv {
    fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        for (place, name) in self.columns().iter().enumerate() {
            if place > 0 {
                header.push(b',');
            }
            quoted(name.as_bytes(), &mut header);
        }
        header.push(b'\n');
        header
    }

    fn middle(&self, decision: &Decision<'_>) -> Vec<u8> {
        let facts = Facts::of(decision);
        let mut out = Vec::new();
        cell(Some(decision.touchpoint), &mut out);
        cell(facts.variant, &mut out);
        self.content(decision, &mut out);
        let held = facts.held.map(|held| if held { "true" } else { "false" });
        for fact in [
            Some(decision.reason.as_str()),
            facts.program,
            facts.binding,
            facts.audience,
            facts.experiment,
            facts.arm,
            facts.holdout,
            held,
            Some(decision.revision),
        ] {
            cell(fact, &mut out);
        }
        out.push(b',');
        out
    }

    fn write(&self, unit: &str, middle: &[u8], id: &str, out: &mut Vec<u8>) {
        quoted(unit.as_bytes(), out);
        out.extend_from_slice(middle);
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
}

/// A comma and a cell.
fn cell(text: Option<&str>, out: &mut Vec<u8>) {
    out.push(b',');
    if let Some(text) = text {
        quoted(text.as_bytes(), out);
    }
}

/// A cell, in quotes where it needs them. An empty one has them too: without, there is none.
pub(crate) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    let needs_quotes = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let is_plain = !text.is_empty() && text != b"\\." && !text.iter().any(needs_quotes);
    if is_plain {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
