//! Fields of a document by their paths.

use serde_json::Value;

/// The text at a path as findings write it: `spec.candidates[0].when`.
pub(super) fn text<'v>(object: &'v Value, path: &str) -> Option<&'v str> {
    let mut value = object;
    for segment in path.split('.') {
        let mut parts = segment.split('[');
        value = value.get(parts.next()?)?;
        for index in parts {
            value = value.get(index.strip_suffix(']')?.parse::<usize>().ok()?)?;
        }
    }
    value.as_str()
}

/// Whether a text stands anywhere in a value.
pub(super) fn contains(value: Option<&Value>, wanted: &str) -> bool {
    match value {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(values)) => values.iter().any(|value| contains(Some(value), wanted)),
        Some(Value::Object(fields)) => fields.values().any(|value| contains(Some(value), wanted)),
        _ => false,
    }
}
