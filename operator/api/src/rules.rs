//! Building blocks of the validation rules that the definitions carry.
//!
//! A rule says what one object proves about itself, in CEL that the API server runs; its message says what to do. The
//! server refuses definitions whose rules could cost too much, so that every list and text in a rule has a bound.

use kube::core::{Reason, Rule};
use schemars::Schema;
use serde_json::{Value, json};

/// A rule on the value itself.
pub(crate) fn must(rule: impl Into<String>, message: &str) -> Rule {
    Rule::new(rule).message(message)
}

/// A rule on an object whose fault lies in one of its fields.
pub(crate) fn must_at(field: &str, rule: impl Into<String>, message: &str) -> Rule {
    must(rule, message).field_path(format!(".{field}"))
}

/// A list of texts holds each once.
pub(crate) fn unique(message: &str) -> Rule {
    unique_where("y == x", message)
}

/// A list of objects holds each `key` once.
pub(crate) fn unique_by(key: &str, message: &str) -> Rule {
    unique_where(&format!("y.{key} == x.{key}"), message)
}

/// A list holds no two elements `x` and `y` that are the `same`.
pub(crate) fn unique_where(same: &str, message: &str) -> Rule {
    // Without the reason `FieldValueDuplicate`: the server drops the message of such a rule.
    must(format!("self.all(x, self.exists_one(y, {same}))"), message)
}

/// Exactly one of the fields is there.
pub(crate) fn exactly_one(fields: &[&str], message: &str) -> Rule {
    must(format!("{} == 1", present(fields)), message)
}

/// At most one of the fields is there.
pub(crate) fn at_most_one(fields: &[&str], message: &str) -> Rule {
    must(format!("{} <= 1", present(fields)), message)
}

/// How many of the fields are there.
fn present(fields: &[&str]) -> String {
    let tests: Vec<String> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    format!("[{}].filter(x, x).size()", tests.join(", "))
}

/// Where both ends are there, `from` is before `until`.
pub(crate) fn before(from: &str, until: &str, message: &str) -> Rule {
    must_at(
        until,
        format!("!has(self.{from}) || !has(self.{until}) || self.{from} < self.{until}"),
        message,
    )
}

/// An optional field is as it was, absent included.
pub(crate) fn same(field: &str) -> String {
    format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    )
}

/// A rule on an Experiment that holds from when it left Draft.
pub(crate) fn once_started(field: &str, rule: &str, message: &str) -> Rule {
    must_at(field, format!("oldSelf.state == 'Draft' || ({rule})"), message)
        .reason(Reason::FieldValueForbidden)
}

/// Bounds the texts of a map, `MAX` characters each and `KEYS` of them. Definitions know no patterns for keys.
pub(crate) fn text_map<const KEYS: usize, const MAX: usize>(schema: &mut Schema) {
    let value = json!({"type": "string", "maxLength": MAX});
    any_map::<KEYS>(schema);
    schema.insert("additionalProperties".to_owned(), value);
}

/// Bounds a map to `KEYS` keys. Definitions know no patterns for keys.
pub(crate) fn any_map<const KEYS: usize>(schema: &mut Schema) {
    schema.insert("maxProperties".to_owned(), json!(KEYS));
    let by_pattern = schema.remove("patternProperties");
    if let Some(Value::Object(patterns)) = by_pattern
        && let Some(value) = patterns.into_iter().next().map(|(_, value)| value)
    {
        schema.insert("additionalProperties".to_owned(), value);
    }
}
