//! The example strategy is the API: every document decodes, and writing it back changes nothing.
#![expect(clippy::expect_used, reason = "a test that cannot read its data fails")]

use attune_api::{Kind, Resource};
use serde::Deserialize;
use serde_json::Value;

fn documents() -> Vec<Value> {
    let text = include_str!("../../../examples/strategy/strategy.yaml");
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).expect("the example is YAML"))
        .collect()
}

#[test]
fn decodes_every_document_of_the_example() {
    let resources: Vec<Resource> = documents()
        .into_iter()
        .map(|document| Resource::decode(document).expect("the example decodes"))
        .collect();
    for kind in Kind::ALL {
        assert!(
            resources.iter().any(|resource| resource.kind() == kind),
            "the example has no {kind}"
        );
    }
}

#[test]
fn writes_every_document_back_as_it_was() {
    for document in documents() {
        let spec = serde_json::to_string(&document["spec"]).expect("JSON");
        let resource = Resource::decode(document.clone()).expect("the example decodes");
        assert_eq!(
            serde_json::to_string(&resource.spec()).expect("JSON"),
            spec,
            "{}",
            resource.name()
        );
        assert_eq!(resource.to_json(), document, "{}", resource.name());
    }
}
