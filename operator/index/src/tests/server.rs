//! What a server holds, as far as an index can see it.

use std::collections::BTreeMap;

use attune_api::{Kind, Resource};
use attune_compile::ObjectId;
use attune_testkit::Strategy;
use serde_json::{Map, Value, json};

use crate::{Effect, Index};

/// Objects with generations and statuses.
#[derive(Default)]
pub(super) struct Server {
    objects: BTreeMap<ObjectId, Value>,
}

impl Server {
    pub(super) fn holding(strategy: &Strategy) -> Self {
        let mut server = Self::default();
        strategy
            .stored()
            .into_iter()
            .for_each(|resource| server.hold(&resource));
        server
    }

    /// Takes an object from a user: a changed spec is another generation, the status stays.
    pub(super) fn hold(&mut self, resource: &Resource) {
        let id = ObjectId::of(resource);
        let mut document = resource.to_json();
        let known = self.objects.get(&id);
        let generation = known.map_or(1, |known| {
            known["metadata"]["generation"].as_i64().unwrap() + i64::from(known["spec"] != document["spec"])
        });
        document["metadata"]["generation"] = generation.into();
        if let Some(known) = known {
            document["metadata"]["uid"] = known["metadata"]["uid"].clone();
            document["status"] = known["status"].clone();
        }
        self.objects.insert(id, document);
    }

    pub(super) fn drop(&mut self, id: &ObjectId) {
        self.objects.remove(id).unwrap();
    }

    /// Carries out status effects.
    pub(super) fn take(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Status { id, status, .. } = effect {
                self.write(id, status);
            }
        }
    }

    /// Lays one writer's fields over a status as server-side apply does: conditions and arms by their keys.
    pub(super) fn write(&mut self, id: &ObjectId, status: &Value) {
        let Some(object) = self.objects.get_mut(id) else {
            return;
        };
        if !object["status"].is_object() {
            object["status"] = json!({});
        }
        let standing = object["status"].as_object_mut().unwrap();
        for (field, value) in status.as_object().unwrap() {
            match field.as_str() {
                "conditions" => lay(standing, field, "type", value),
                "arms" => lay(standing, field, "name", value),
                _ => drop(standing.insert(field.clone(), value.clone())),
            }
        }
    }

    /// Replaces a status.
    pub(super) fn overwrite(&mut self, id: &ObjectId, status: Value) {
        self.objects.get_mut(id).unwrap()["status"] = status;
    }

    /// Lays fields over a status, if the object is there; nothing replaces all of it.
    pub(super) fn overwrite_known(&mut self, id: &ObjectId, status: &Value) {
        if status.is_null() {
            if self.objects.contains_key(id) {
                self.overwrite(id, json!({}));
            }
        } else {
            self.write(id, status);
        }
    }

    /// A document, if it is there.
    pub(super) fn document(&self, id: &ObjectId) -> Option<&Value> {
        self.objects.get(id)
    }

    pub(super) fn resource(&self, id: &ObjectId) -> Resource {
        decode(&self.objects[id])
    }

    pub(super) fn resources(&self) -> Vec<Resource> {
        self.objects.values().map(decode).collect()
    }

    /// Gives an index the list of every kind, as its watches do.
    pub(super) fn list(&self, index: &mut Index) {
        for kind in Kind::ALL {
            let listed = self
                .resources()
                .into_iter()
                .filter(|resource| resource.kind() == kind);
            index.reset(kind, None, listed.collect(), Vec::new());
        }
    }
}

fn decode(document: &Value) -> Resource {
    let mut document = document.clone();
    if document["status"].is_null() {
        document.as_object_mut().unwrap().remove("status");
    }
    Resource::decode(document).unwrap()
}

fn lay(standing: &mut Map<String, Value>, field: &str, key: &str, entries: &Value) {
    let list = standing.entry(field).or_insert_with(|| json!([]));
    let list = list.as_array_mut().unwrap();
    for entry in entries.as_array().unwrap() {
        match list.iter_mut().find(|known| known[key] == entry[key]) {
            Some(known) => known
                .as_object_mut()
                .unwrap()
                .extend(entry.as_object().unwrap().clone()),
            None => list.push(entry.clone()),
        }
    }
}
