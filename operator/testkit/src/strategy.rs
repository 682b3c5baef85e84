//! Documents of a strategy, to edit.

use std::sync::LazyLock;

use attune_api::{Kind, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

/// The documents of one strategy, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Strategy(Vec<Value>);

impl Strategy {
    /// The complete example of the repository: one document of every kind at least, in the namespace `shop`.
    pub fn example() -> Self {
        static EXAMPLE: LazyLock<Strategy> = LazyLock::new(|| {
            Strategy::default().with(include_str!("../../../examples/strategy/strategy.yaml"))
        });
        EXAMPLE.clone()
    }

    /// Adds documents, written as YAML; a document of a kind and name that is there already takes its place.
    #[must_use]
    pub fn with(mut self, yaml: &str) -> Self {
        for document in serde_yaml::Deserializer::from_str(yaml) {
            self = self.with_json(Value::deserialize(document).expect("a test's YAML can be read"));
        }
        self
    }

    /// Adds a document; one of its kind and name that is there already gives way to it.
    #[must_use]
    pub fn with_json(mut self, document: Value) -> Self {
        match self.0.iter_mut().find(|known| key(known) == key(&document)) {
            Some(known) => *known = document,
            None => self.0.push(document),
        }
        self
    }

    /// Adds a copy of a document under another name.
    #[must_use]
    pub fn copy(self, kind: Kind, name: &str, other: &str) -> Self {
        let mut document = self.document(kind, name).clone();
        merge(&mut document, &json!({"metadata": {"name": other}}));
        self.with_json(document)
    }

    /// Merges a patch (RFC 7386) into the `spec` of a document.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a patch is written where it is passed"
    )]
    pub fn edit(self, kind: Kind, name: &str, patch: Value) -> Self {
        self.change(kind, name, |spec| merge(spec, &patch))
    }

    /// Changes the `spec` of a document, where a patch would have to repeat a list.
    #[must_use]
    pub fn change(mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.document_mut(kind, name)["spec"]);
        self
    }

    /// Removes a document.
    #[must_use]
    pub fn without(mut self, kind: Kind, name: &str) -> Self {
        self.document_mut(kind, name);
        self.0.retain(|document| key(document) != (kind.name(), name));
        self
    }

    /// Moves every namespaced document to another namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        for document in &mut self.0 {
            if document["kind"] != Kind::GovernancePolicy.name() {
                merge(document, &json!({"metadata": {"namespace": namespace}}));
            }
        }
        self
    }

    /// One document.
    pub fn document(&self, kind: Kind, name: &str) -> &Value {
        self.0
            .iter()
            .find(|document| key(document) == (kind.name(), name))
            .unwrap_or_else(|| panic!("the strategy has no {kind} `{name}`"))
    }

    /// One resource.
    pub fn resource(&self, kind: Kind, name: &str) -> Resource {
        decode(self.document(kind, name))
    }

    /// All resources, in the order of their documents.
    pub fn resources(&self) -> Vec<Resource> {
        self.0.iter().map(decode).collect()
    }

    /// All resources as a server holds them: in their first generation, with a UID.
    pub fn stored(&self) -> Vec<Resource> {
        let mut resources = self.resources();
        for resource in &mut resources {
            let uid = format!("{}-{}", resource.kind(), resource.name());
            resource.metadata_mut().generation = Some(1);
            resource.metadata_mut().uid = Some(uid);
        }
        resources
    }

    fn document_mut(&mut self, kind: Kind, name: &str) -> &mut Value {
        self.0
            .iter_mut()
            .find(|document| key(document) == (kind.name(), name))
            .unwrap_or_else(|| panic!("the strategy has no {kind} `{name}`"))
    }
}

fn key(document: &Value) -> (&str, &str) {
    let kind = document["kind"].as_str();
    let name = document["metadata"]["name"].as_str();
    kind.zip(name)
        .unwrap_or_else(|| panic!("{document} has no kind and name"))
}

fn decode(document: &Value) -> Resource {
    Resource::decode(document.clone()).unwrap_or_else(|error| panic!("{document} does not decode: {error}"))
}

/// RFC 7386: null removes, objects merge, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (field, value) in patch {
        if value.is_null() {
            target.remove(field);
        } else {
            merge(target.entry(field).or_insert(Value::Null), value);
        }
    }
}
