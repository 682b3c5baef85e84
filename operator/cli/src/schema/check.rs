//! Walks a document and its schema side by side.

use std::collections::HashMap;
use std::sync::Arc;

use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, ObjectId, Severity};

use super::mismatch::{self, Wanted};
use super::model::{Array, Bounds, Format, Object, Schema, Shape, Text, Unique};
use crate::manifest::{Document, FieldPath, Mapping, Node, Resolved, Scalar};
use crate::quote::quote;
use crate::suggest::nearest;

/// Everything in a document that does not have the shape of its schema.
pub(super) fn check(document: &Document, schema: &Schema) -> Vec<Finding> {
    let mut checker = Checker {
        object: &document.id,
        findings: Vec::new(),
    };
    checker.value(&document.root, schema, &FieldPath::root());
    checker.findings
}

struct Checker<'a> {
    object: &'a ObjectId,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn report(&mut self, path: &FieldPath, reason: Reason, message: String) -> &mut Finding {
        let finding = Finding {
            object: self.object.clone(),
            severity: Severity::Error,
            reason,
            field: path.to_string(),
            message,
            offset: None,
            suggestion: None,
        };
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the finding was pushed on the line above")]
        &mut self.findings[last]
    }

    fn invalid(&mut self, path: &FieldPath, message: String) {
        self.report(path, Reason::InvalidField, message);
    }

    fn value(&mut self, node: &Arc<Node>, schema: &Schema, path: &FieldPath) {
        if schema.nullable && node.is_null() {
            return;
        }
        match &schema.shape {
            Shape::Any => {}
            Shape::Object(object) => match node.mapping() {
                Some(mapping) => self.object(mapping, object, path),
                None => self.mismatch(node, Wanted::Object, path),
            },
            Shape::Array(array) => match node.sequence() {
                Some(items) => self.array(items, array, path),
                None => self.mismatch(node, Wanted::Array, path),
            },
            Shape::Text(text) => match node.text() {
                Some(value) => self.text(value, text, path),
                None => self.no_text(node, text, path),
            },
            Shape::Integer(bounds) => self.number(node, *bounds, Wanted::Integer, path),
            Shape::Number(bounds) => self.number(node, *bounds, Wanted::Number, path),
            Shape::Boolean => {
                if !node
                    .scalar()
                    .is_some_and(|scalar| matches!(scalar.resolved, Resolved::Bool(_)))
                {
                    self.mismatch(node, Wanted::Boolean, path);
                }
            }
            Shape::IntOrString => {
                if !node
                    .scalar()
                    .is_some_and(|scalar| matches!(scalar.resolved, Resolved::Int(_) | Resolved::Text))
                {
                    self.mismatch(node, Wanted::IntOrString, path);
                }
            }
        }
    }

    fn mismatch(&mut self, node: &Node, wanted: Wanted, path: &FieldPath) {
        self.invalid(path, mismatch::explain(node, wanted));
    }

    /// A value that should be text: most often a word that YAML 1.1 reads as something else.
    fn no_text(&mut self, node: &Node, text: &Text, path: &FieldPath) {
        match node.scalar().and_then(mismatch::explain_plain) {
            Some(message) => {
                let written = node
                    .scalar()
                    .map(|scalar| scalar.text.as_str())
                    .unwrap_or_default();
                let near = nearest(written, text.values.iter().map(String::as_str)).map(str::to_owned);
                self.report(path, Reason::AmbiguousScalar, message).suggestion = near;
            }
            None => self.mismatch(node, Wanted::Text, path),
        }
    }

    fn object(&mut self, mapping: &Mapping, object: &Object, path: &FieldPath) {
        for entry in &mapping.entries {
            let below = path.key(&entry.key);
            let schema = object.properties.get(&entry.key).or(object.additional.as_deref());
            match schema {
                // The server drops nulls before it checks anything.
                Some(schema) if !entry.node.is_null() || schema.nullable => {
                    self.value(&entry.node, schema, &below);
                }
                Some(_) => {}
                None if object.open => {}
                None => self.unknown(&entry.key, object, &below),
            }
        }
        for name in &object.required {
            if mapping.get(name).is_none_or(|entry| entry.node.is_null()) {
                let message = format!("`{name}` is missing");
                self.report(&path.key(name), Reason::MissingField, message);
            }
        }
        self.count(
            mapping.entries.len(),
            (object.min, object.max),
            ["key", "keys"],
            path,
        );
    }

    fn unknown(&mut self, key: &str, object: &Object, path: &FieldPath) {
        let near = nearest(key, object.properties.keys().map(String::as_str)).map(str::to_owned);
        let message = format!("there is no field `{}` here", quote(key));
        self.report(path, Reason::UnknownField, message).suggestion = near;
    }

    fn array(&mut self, items: &[Arc<Node>], array: &Array, path: &FieldPath) {
        for (index, item) in items.iter().enumerate() {
            self.value(item, &array.items, &path.index(index));
        }
        self.count(items.len(), (array.min, array.max), ["item", "items"], path);
        self.unique(items, &array.unique, path);
    }

    fn unique(&mut self, items: &[Arc<Node>], unique: &Unique, path: &FieldPath) {
        let mut first: HashMap<String, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let (identity, field) = match unique {
                Unique::No => return,
                Unique::Value => (item.to_json().to_string(), path.index(index)),
                Unique::Keys(keys) => {
                    let values: Vec<_> = keys
                        .iter()
                        .map(|key| {
                            item.get(key)
                                .map_or(serde_json::Value::Null, |value| value.to_json())
                        })
                        .collect();
                    let field = keys
                        .first()
                        .map_or_else(|| path.index(index), |key| path.index(index).key(key));
                    (serde_json::Value::from(values).to_string(), field)
                }
            };
            if let Some(first) = first.get(&identity) {
                let message = format!(
                    "stands twice in this list, first at `{}`; keep one",
                    path.index(*first)
                );
                self.report(&field, Reason::Duplicate, message);
            } else {
                first.insert(identity, index);
            }
        }
    }

    fn count(
        &mut self,
        found: usize,
        (min, max): (Option<i64>, Option<i64>),
        noun: [&str; 2],
        path: &FieldPath,
    ) {
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        let [one, many] = noun;
        let noun = |count: i64| if count == 1 { one } else { many };
        if let Some(min) = min.filter(|min| found < *min) {
            self.invalid(
                path,
                format!("has {found} {}; at least {min} must be there", noun(found)),
            );
        }
        if let Some(max) = max.filter(|max| found > *max) {
            self.invalid(
                path,
                format!("has {found} {}; at most {max} may be there", noun(found)),
            );
        }
    }

    fn text(&mut self, value: &str, text: &Text, path: &FieldPath) {
        if !text.values.is_empty() && !text.values.iter().any(|allowed| allowed == value) {
            self.not_allowed(value, &text.values, path);
            return;
        }
        let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
        let shown = quote(value);
        if value.is_empty() && text.min.is_some_and(|min| min > 0) {
            self.invalid(path, "is empty".to_owned());
        } else if let Some(min) = text.min.filter(|min| length < *min) {
            self.invalid(
                path,
                format!("`{shown}` has {length} characters; at least {min} are needed"),
            );
        } else if let Some(max) = text.max.filter(|max| length > *max) {
            self.invalid(
                path,
                format!("`{shown}` has {length} characters; at most {max} are allowed"),
            );
        } else if let Some(message) = text.format.complaint(&shown, value) {
            self.invalid(path, message);
        } else if let Some(pattern) = text.pattern.as_ref().filter(|pattern| !pattern.is_match(value)) {
            self.invalid(path, format!("`{shown}` does not match `{pattern}`"));
        }
    }

    fn not_allowed(&mut self, value: &str, values: &[String], path: &FieldPath) {
        let allowed = values
            .iter()
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let near = nearest(value, values.iter().map(String::as_str)).map(str::to_owned);
        let message = format!("`{}` is not one of {allowed}", quote(value));
        self.report(path, Reason::InvalidField, message).suggestion = near;
    }

    fn number(&mut self, node: &Node, bounds: Bounds, wanted: Wanted, path: &FieldPath) {
        let number = node
            .scalar()
            .and_then(|scalar| read_number(scalar, wanted).map(|value| (scalar, value)));
        let Some((scalar, value)) = number else {
            return self.mismatch(node, wanted, path);
        };
        if let Some(message) = mismatch::octal(scalar) {
            self.report(path, Reason::AmbiguousScalar, message).severity = Severity::Warning;
        }
        let shown = quote(&scalar.text);
        let too_low = |min: &f64| value < *min || (bounds.above && value <= *min);
        let too_high = |max: &f64| value > *max || (bounds.below && value >= *max);
        if let Some(min) = bounds.min.filter(too_low) {
            let than = if bounds.above { "more than" } else { "at least" };
            self.invalid(path, format!("`{shown}` is too low; it must be {than} {min}"));
        } else if let Some(max) = bounds.max.filter(too_high) {
            let than = if bounds.below { "less than" } else { "at most" };
            self.invalid(path, format!("`{shown}` is too high; it must be {than} {max}"));
        }
    }
}

/// The number a scalar is, if it is one of the wanted type.
fn read_number(scalar: &Scalar, wanted: Wanted) -> Option<f64> {
    match scalar.resolved {
        Resolved::Int(value) => Some(value as f64),
        Resolved::Unsigned(value) => Some(value as f64).filter(|_| wanted == Wanted::Number),
        Resolved::Float(value) if wanted == Wanted::Number || scalar.to_json().is_i64() => Some(value),
        Resolved::Float(_) | Resolved::Null | Resolved::Bool(_) | Resolved::Text => None,
    }
}

impl Format {
    fn complaint(self, shown: &str, value: &str) -> Option<String> {
        match self {
            Self::Instant if value.parse::<jiff::Timestamp>().is_err() => Some(format!(
                "`{shown}` is not an instant as in RFC 3339, such as `2026-12-01T00:00:00Z`"
            )),
            Self::Day if value.parse::<jiff::civil::Date>().is_err() => {
                Some(format!("`{shown}` is not a day, such as `2026-12-01`"))
            }
            Self::None | Self::Instant | Self::Day => None,
        }
    }
}
