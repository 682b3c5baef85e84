use serde_json::Value;

use super::*;

fn visit(value: &Value, path: &str, see: &mut impl FnMut(&str, &Value)) {
    see(path, value);
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                visit(field, &format!("{path}.{key}"), see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, path, see)),
        _ => {}
    }
}

fn schema(kind: Kind) -> Value {
    let document: Value = serde_yaml::from_str(&crd_yaml(kind)).unwrap();
    document["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

#[test]
fn names_kinds_as_the_kind_enum_does() {
    for kind in Kind::ALL {
        let names = crd(kind).spec.names;
        assert_eq!(names.kind, kind.name());
        assert_eq!(names.plural, kind.plural());
        assert_eq!(
            names.short_names.as_deref(),
            Some([kind.short_name().to_owned()].as_slice())
        );
        assert_eq!(
            names.categories.as_deref(),
            Some(["attune".to_owned()].as_slice())
        );
        let scope = if kind.is_namespaced() {
            "Namespaced"
        } else {
            "Cluster"
        };
        assert_eq!(crd(kind).spec.scope, scope);
        assert!(kind.short_name().starts_with("att"));
    }
}

#[test]
fn holds_nothing_that_a_server_warns_about_or_fills_in() {
    for kind in Kind::ALL {
        visit(&schema(kind), "", &mut |path, value| {
            for key in [
                "nullable",
                "default",
                "anyOf",
                "oneOf",
                "patternProperties",
                "x-kubernetes-preserve-unknown-fields",
            ] {
                let named_so = path.ends_with(".properties");
                assert!(named_so || value.get(key).is_none(), "{kind}{path} has `{key}`");
            }
        });
    }
}

#[test]
fn bounds_every_list_text_and_map_of_a_spec() {
    for kind in Kind::ALL {
        visit(
            &schema(kind)["properties"]["spec"],
            ".spec",
            &mut |path, value| {
                // Label selectors are the server's own type, and no rule reads them.
                if path.contains("elector") || path.ends_with(".properties") {
                    return;
                }
                let bounded = |key: &str| assert!(value.get(key).is_some(), "{kind}{path} has no `{key}`");
                match value.get("type").and_then(Value::as_str) {
                    Some("array") => bounded("maxItems"),
                    Some("string") if value.get("enum").is_none() => bounded("maxLength"),
                    Some("object") if value.get("additionalProperties").is_some() => bounded("maxProperties"),
                    Some("integer") => {
                        bounded("minimum");
                        bounded("maximum");
                    }
                    _ => {}
                }
            },
        );
    }
}

#[test]
fn says_what_every_field_of_a_spec_is() {
    for kind in Kind::ALL {
        visit(
            &schema(kind)["properties"]["spec"],
            ".spec",
            &mut |path, value| {
                let Some(properties) = value.get("properties").and_then(Value::as_object) else {
                    return;
                };
                for (name, field) in properties {
                    assert!(
                        field.get("description").is_some(),
                        "{kind}{path}.{name} has no description"
                    );
                }
            },
        );
    }
}

#[test]
fn gives_every_rule_a_message_of_one_line() {
    for kind in Kind::ALL {
        visit(&schema(kind), "", &mut |path, value| {
            let rules = value.get("x-kubernetes-validations").and_then(Value::as_array);
            for rule in rules.into_iter().flatten() {
                let message = rule["message"].as_str().unwrap_or_default();
                assert!(
                    !message.is_empty() && !message.contains('\n'),
                    "{kind}{path}: {rule}"
                );
            }
        });
    }
}

#[test]
fn lists_conditions_by_type() {
    for kind in Kind::ALL {
        let conditions = &schema(kind)["properties"]["status"]["properties"]["conditions"];
        assert_eq!(conditions["x-kubernetes-list-type"], "map", "{kind}");
        assert_eq!(
            conditions["x-kubernetes-list-map-keys"],
            serde_json::json!(["type"]),
            "{kind}"
        );
    }
}
