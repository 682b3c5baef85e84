//! Structural schemas as an API server wants them.
//!
//! No field is nullable, so that rules need not ask for null: client-side apply leaves nulls out, and server-side apply
//! refuses them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// Formats that every supported API server knows; another one is a warning at each apply.
const FORMATS: [&str; 6] = ["date", "date-time", "duration", "double", "int32", "int64"];

/// The schema of a kind.
pub(super) fn structural<T: JsonSchema>() -> JSONSchemaProps {
    let mut settings = SchemaSettings::openapi3();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    // Before what the settings bring, which would turn "or null" into "nullable".
    settings.transforms.insert(0, Box::new(WithoutNull));
    settings.transforms.push(Box::new(StructuralSchemaRewriter));
    settings.transforms.push(Box::new(KnownFormats));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    bound_name(&mut schema);
    serde_json::from_value(schema.to_value()).unwrap_or_default()
}

/// Names stand in rules, labels and content ids, so that they are as short as a label.
fn bound_name(schema: &mut Schema) {
    let metadata = json!({"type": "object", "properties": {"name": {"type": "string", "maxLength": 63}}});
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("metadata".to_owned(), metadata);
    }
}

/// Takes "or null" out of a schema, and keeps what the field says about itself.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(fields) = schema.as_object_mut() {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(values)) = fields.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            merge_only_alternative(fields);
        }
        transform_subschemas(self, schema);
    }
}

/// Replaces `anyOf: [X, null]` by `X`; keys beside it win, such as the description of the field.
fn merge_only_alternative(fields: &mut serde_json::Map<String, Value>) {
    let Some(Value::Array(alternatives)) = fields.get_mut("anyOf") else {
        return;
    };
    alternatives.retain(|alternative| alternative.get("type").and_then(Value::as_str) != Some("null"));
    let [Value::Object(only)] = alternatives.as_slice() else {
        return;
    };
    let only = only.clone();
    fields.remove("anyOf");
    for (key, value) in only {
        fields.entry(key).or_insert(value);
    }
}

/// Takes formats out that API servers do not know.
#[derive(Clone, Debug)]
struct KnownFormats;

impl Transform for KnownFormats {
    fn transform(&mut self, schema: &mut Schema) {
        let known = schema
            .get("format")
            .and_then(Value::as_str)
            .is_none_or(|name| FORMATS.contains(&name));
        if !known {
            schema.remove("format");
        }
        transform_subschemas(self, schema);
    }
}
