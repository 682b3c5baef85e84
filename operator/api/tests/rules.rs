//! Every validation rule of the definitions lets what is right pass and refuses what is wrong, judged without a server.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read its data fails"
)]

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attune_api::{Kind, Resource, crd_yaml};
use kube_cel::Validator;
use serde_json::Value;

use cases::Case;

fn load() -> Vec<Case> {
    cases::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
}

fn schema(kind: Kind) -> Value {
    let document: Value = serde_yaml::from_str(&crd_yaml(kind)).expect("a definition is YAML");
    document["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Messages of all rules within a schema.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let rules = fields.get("x-kubernetes-validations").and_then(Value::as_array);
            found.extend(
                rules
                    .into_iter()
                    .flatten()
                    .map(|rule| rule["message"].as_str().expect("a message").to_owned()),
            );
            fields.values().for_each(|field| messages(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| messages(item, found)),
        _ => {}
    }
}

#[test]
fn judges_every_case_as_it_says() {
    let schemas: BTreeMap<&str, Value> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.name(), schema(kind)))
        .collect();
    let mut wrong = Vec::new();
    for case in load() {
        let verdict =
            Validator::new().validate(&schemas[case.kind.as_str()], &case.object, case.old.as_ref());
        let refusals: Vec<String> = verdict
            .err()
            .into_iter()
            .flatten()
            .map(|error| format!("{}: {}", error.field_path, error.message))
            .collect();
        let as_expected = if case.accepted {
            refusals.is_empty()
        } else {
            refusals.iter().any(|refusal| refusal.ends_with(&case.message))
        };
        if !as_expected {
            wrong.push(format!(
                "{} `{}`: refused for {refusals:?}, expected: {}",
                case.kind, case.name, case.message
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn decodes_what_the_rules_accept() {
    for case in load().into_iter().filter(|case| case.accepted) {
        let decoded = Resource::decode(case.object);
        assert!(decoded.is_ok(), "{} `{}`: {decoded:?}", case.kind, case.name);
    }
}

#[test]
fn has_an_accepted_and_a_refused_case_for_every_rule() {
    let cases = load();
    let covered = |kind: Kind, message: &str, accepted: bool| {
        cases
            .iter()
            .any(|case| case.kind == kind.name() && case.message == message && case.accepted == accepted)
    };
    let mut missing = Vec::new();
    let mut known = BTreeSet::new();
    for kind in Kind::ALL {
        let mut rules = BTreeSet::new();
        messages(&schema(kind), &mut rules);
        for message in rules {
            for accepted in [true, false] {
                if !covered(kind, &message, accepted) {
                    missing.push(format!(
                        "{kind}: no case {} `{message}`",
                        if accepted { "passes" } else { "breaks" }
                    ));
                }
            }
            known.insert((kind.name().to_owned(), message));
        }
    }
    let strays = cases
        .iter()
        .filter(|case| !known.contains(&(case.kind.clone(), case.message.clone())));
    missing.extend(strays.map(|case| {
        format!(
            "{} `{}` is about a rule that does not exist",
            case.kind, case.name
        )
    }));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
