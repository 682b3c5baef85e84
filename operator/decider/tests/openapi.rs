//! `docs/reference/openapi.json` is what the decider says about itself.

use std::path::Path;

use serde_json::Value;

fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("$ref", Value::String(target)) => found.push(target),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn keeps_the_document_equal_to_the_routes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let mut expected = serde_json::to_string_pretty(&attune_decider::server::openapi()).unwrap();
    expected.push('\n');
    if std::env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/reference/openapi.json differs: run `ATTUNE_UPDATE=1 cargo test -p attune-decider --test openapi`"
    );
}

#[test]
fn refers_only_to_schemas_that_are_there() {
    let document = attune_decider::server::openapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn says_how_long_each_field_of_an_event_may_be() {
    let document = attune_decider::server::openapi();
    let schemas = &document["components"]["schemas"];
    let data = |schema: &str| schemas[schema]["properties"]["data"]["properties"].clone();
    let (exposure, outcome, alias) = (data("Exposure"), data("Outcome"), data("Alias"));
    for (field, longest) in [
        (&exposure["namespace"], 63),
        (&exposure["decision"], 128),
        (&exposure["revision"], 128),
        (&exposure["variant"], 507),
        (&exposure["arm"], 253),
        (&outcome["event"], 253),
        (&outcome["properties"]["propertyNames"], 128),
        (&alias["alias"], 512),
    ] {
        assert_eq!(field["maxLength"], longest, "{field}");
    }
    let values = outcome["properties"]["additionalProperties"]["anyOf"]
        .as_array()
        .unwrap();
    assert!(values.iter().any(|value| value["maxLength"] == 1024));
    assert!(values.iter().any(|value| value["maxItems"] == 64));
}
