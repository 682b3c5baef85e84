//! A definition's schema in the form that checks walk: one shape a value, patterns compiled.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use regex::Regex;

use super::metadata;

/// What a value must be.
#[derive(Debug)]
pub(super) struct Schema {
    pub shape: Shape,
    /// Whether an explicit `null` is a value of its own; otherwise it counts as absent.
    pub nullable: bool,
}

/// The type of a value with its bounds.
#[derive(Debug)]
pub(super) enum Shape {
    Object(Object),
    Array(Array),
    Text(Text),
    Integer(Bounds),
    Number(Bounds),
    Boolean,
    IntOrString,
    /// Anything: the definition leaves it open.
    Any,
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub properties: BTreeMap<String, Schema>,
    pub required: Vec<String>,
    /// The shape of values whose keys are free.
    pub additional: Option<Box<Schema>>,
    /// Whether unknown fields are kept.
    pub open: bool,
    pub min: Option<i64>,
    pub max: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Array {
    pub items: Box<Schema>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub unique: Unique,
}

/// What no two items of a list may share.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unique {
    /// Nothing.
    No,
    /// Their value.
    Value,
    /// The values of these fields.
    Keys(Vec<String>),
}

#[derive(Debug)]
pub(super) struct Text {
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<Regex>,
    pub format: Format,
    /// The allowed values; empty: all.
    pub values: Vec<String>,
}

/// Formats with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    None,
    Instant,
    Day,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub above: bool,
    pub below: bool,
}

/// The schema of a whole object: its kind's, and what all objects have.
pub(super) fn object(props: &JSONSchemaProps) -> Schema {
    let mut schema = schema(props);
    if let Shape::Object(object) = &mut schema.shape {
        let text = || Schema {
            shape: Shape::Any,
            nullable: false,
        };
        object.properties.insert("apiVersion".to_owned(), text());
        object.properties.insert("kind".to_owned(), text());
        object
            .properties
            .insert("metadata".to_owned(), metadata::schema());
        // The server drops what a manifest says about the status.
        object.properties.insert("status".to_owned(), text());
    }
    schema
}

/// The schema that definitions write as `props`.
pub(super) fn schema(props: &JSONSchemaProps) -> Schema {
    let shape = if props.x_kubernetes_int_or_string == Some(true) {
        Shape::IntOrString
    } else {
        match props.type_.as_deref() {
            Some("object") => Shape::Object(fields(props)),
            Some("array") => Shape::Array(list(props)),
            Some("string") => Shape::Text(text(props)),
            Some("integer") => Shape::Integer(integer_bounds(props)),
            Some("number") => Shape::Number(bounds(props)),
            Some("boolean") => Shape::Boolean,
            _ => Shape::Any,
        }
    };
    Schema {
        shape,
        nullable: props.nullable == Some(true),
    }
}

fn fields(props: &JSONSchemaProps) -> Object {
    let additional = match &props.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(value)) => Some(Box::new(schema(value))),
        Some(JSONSchemaPropsOrBool::Bool(true)) => Some(Box::new(any())),
        Some(JSONSchemaPropsOrBool::Bool(false)) | None => None,
    };
    let named = props.properties.iter().flatten();
    Object {
        properties: named.map(|(name, value)| (name.clone(), schema(value))).collect(),
        required: props.required.clone().unwrap_or_default(),
        additional,
        open: props.x_kubernetes_preserve_unknown_fields == Some(true),
        min: props.min_properties,
        max: props.max_properties,
    }
}

fn any() -> Schema {
    Schema {
        shape: Shape::Any,
        nullable: true,
    }
}

fn list(props: &JSONSchemaProps) -> Array {
    let items = match &props.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => schema(items),
        Some(JSONSchemaPropsOrArray::Schemas(_)) | None => any(),
    };
    let unique = match (
        props.x_kubernetes_list_type.as_deref(),
        &props.x_kubernetes_list_map_keys,
    ) {
        (Some("map"), Some(keys)) => Unique::Keys(keys.clone()),
        (Some("set"), _) => Unique::Value,
        _ => Unique::No,
    };
    Array {
        items: Box::new(items),
        min: props.min_items,
        max: props.max_items,
        unique,
    }
}

fn text(props: &JSONSchemaProps) -> Text {
    let format = match props.format.as_deref() {
        Some("date-time") => Format::Instant,
        Some("date") => Format::Day,
        _ => Format::None,
    };
    let values = props
        .enum_
        .iter()
        .flatten()
        .filter_map(|value| value.0.as_str().map(str::to_owned))
        .collect();
    // The server has refused patterns that do not compile when the definition was installed.
    let pattern = props
        .pattern
        .as_deref()
        .and_then(|pattern| Regex::new(pattern).ok());
    Text {
        min: props.min_length,
        max: props.max_length,
        pattern,
        format,
        values,
    }
}

fn bounds(props: &JSONSchemaProps) -> Bounds {
    Bounds {
        min: props.minimum,
        max: props.maximum,
        above: props.exclusive_minimum == Some(true),
        below: props.exclusive_maximum == Some(true),
    }
}

fn integer_bounds(props: &JSONSchemaProps) -> Bounds {
    let bounds = bounds(props);
    if props.format.as_deref() != Some("int32") {
        return bounds;
    }
    let min = bounds.min.unwrap_or(f64::from(i32::MIN));
    let max = bounds.max.unwrap_or(f64::from(i32::MAX));
    Bounds {
        min: Some(min),
        max: Some(max),
        ..bounds
    }
}
