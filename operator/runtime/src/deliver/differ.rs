//! Whether applying a document would change an object, by the rules of server-side apply.
//!
//! It would where the object does not have what the document says, and where something is ours that the document no
//! longer says: that would be taken away. What others have added beside ours is theirs.

use attune_admission::quantity::billionths;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Lists that are merged by a key of their elements; all others are replaced whole.
const MERGED_LISTS: [(&str, &[&str]); 7] = [
    ("containers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("ports", &["containerPort", "port", "protocol"]),
    ("ownerReferences", &["uid"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
];

/// Objects that are replaced whole.
const WHOLE: [&str; 5] = [
    "selector",
    "podSelector",
    "namespaceSelector",
    "labelSelector",
    "fieldRef",
];

/// Whether an object has everything that a document says.
pub(super) fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            let live = live.get(key).unwrap_or(&Value::Null);
            covers_field(key, live, wanted)
        }),
        _ => is_same(live, wanted),
    }
}

fn covers_field(key: &str, live: &Value, wanted: &Value) -> bool {
    if WHOLE.contains(&key) {
        return is_same(live, wanted);
    }
    match (live, wanted) {
        (Value::Array(live), Value::Array(wanted)) => match merge_keys(key) {
            Some(keys) => wanted.iter().all(|wanted| {
                live.iter()
                    .any(|live| is_element(keys, live, wanted) && covers(live, wanted))
            }),
            None => is_same_list(live, wanted),
        },
        (Value::String(live), Value::String(wanted))
            if key == "cpu" || key == "memory" || key == "sizeLimit" =>
        {
            live == wanted || billionths(live).is_some_and(|live| Some(live) == billionths(wanted))
        }
        _ => covers(live, wanted),
    }
}

fn merge_keys(list: &str) -> Option<&'static [&'static str]> {
    MERGED_LISTS
        .iter()
        .find(|(name, _)| *name == list)
        .map(|(_, keys)| *keys)
}

fn is_element(keys: &[&str], live: &Value, wanted: &Value) -> bool {
    keys.iter()
        .all(|key| wanted.get(key).is_none() || wanted.get(key) == live.get(key))
}

/// Whether two values are the same, where an empty part of a selector is as good as none.
fn is_same(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let (live, wanted) = (spoken(live), spoken(wanted));
            live.len() == wanted.len()
                && live
                    .iter()
                    .zip(&wanted)
                    .all(|(live, wanted)| live.0 == wanted.0 && is_same(live.1, wanted.1))
        }
        (Value::Array(live), Value::Array(wanted)) => is_same_list(live, wanted),
        _ => live == wanted,
    }
}

fn is_same_list(live: &[Value], wanted: &[Value]) -> bool {
    live.len() == wanted.len()
        && live
            .iter()
            .zip(wanted)
            .all(|(live, wanted)| is_same(live, wanted))
}

/// The fields that say something. The API server drops an empty `matchLabels`; an empty `podSelector` means every pod.
fn spoken(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let is_optional = |key: &str| matches!(key, "matchLabels" | "matchExpressions" | "values");
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    let mut fields: Vec<_> = fields
        .filter(|(key, value)| !(is_optional(key) && is_empty(value)))
        .collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}

/// Whether something is in a set of owned fields (`fieldsV1`) that a document does not say.
pub(super) fn drops(owned: &Value, wanted: &Value) -> bool {
    let Some(owned) = owned.as_object() else {
        return false;
    };
    owned.iter().any(|(path, below)| {
        let inside = match path.split_once(':') {
            Some(("f", field)) => wanted.get(field),
            Some(("k", keys)) => element(wanted, keys),
            Some(("v", value)) => value_of(wanted, value),
            // `.`: the thing itself, which is there if we came so far.
            _ => return false,
        };
        inside.is_none_or(|inside| drops(below, inside))
    })
}

/// The element of a merged list with these keys, which are JSON.
fn element<'v>(list: &'v Value, keys: &str) -> Option<&'v Value> {
    let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
    let mut elements = list.as_array()?.iter();
    elements.find(|element| keys.iter().all(|(key, value)| element.get(key) == Some(value)))
}

/// The element of a set that is this value, which is JSON.
fn value_of<'v>(list: &'v Value, value: &str) -> Option<&'v Value> {
    let value: Value = serde_json::from_str(value).ok()?;
    list.as_array()?.iter().find(|element| **element == value)
}
