//! What an API server would write into metadata: when an object first came, and one generation more for each change of
//! its spec.

use std::collections::BTreeMap;

use attune_api::Resource;
use attune_compile::ObjectId;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

#[cfg(test)]
mod tests;

/// Every object seen.
#[derive(Debug, Default)]
pub(super) struct Generations(BTreeMap<ObjectId, Seen>);

/// An object as it was last.
#[derive(Debug)]
struct Seen {
    spec: Value,
    generation: i64,
    since: Timestamp,
}

impl Generations {
    /// The resource with its generation, and with the instant at which it first came unless it names one itself.
    pub(super) fn stamp(&mut self, mut resource: Resource, now: Timestamp) -> Resource {
        let spec = resource.spec();
        let seen = self.0.entry(ObjectId::of(&resource)).or_insert_with(|| Seen {
            spec: spec.clone(),
            generation: 1,
            since: now,
        });
        if seen.spec != spec {
            seen.spec = spec;
            seen.generation += 1;
        }
        let metadata = resource.metadata_mut();
        metadata.generation = Some(seen.generation);
        metadata.creation_timestamp.get_or_insert(Time(seen.since));
        resource
    }
}
