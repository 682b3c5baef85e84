//! Generations, as an API server would count them: one more for each change of a spec.

use std::collections::BTreeMap;

use attune_api::Resource;
use attune_compile::ObjectId;
use serde_json::Value;

/// The spec and generation of every object seen.
#[derive(Debug, Default)]
pub(super) struct Generations(BTreeMap<ObjectId, (Value, i64)>);

impl Generations {
    /// The resource with its generation.
    pub(super) fn stamp(&mut self, mut resource: Resource) -> Resource {
        let spec = resource.spec();
        let (known, generation) = self
            .0
            .entry(ObjectId::of(&resource))
            .or_insert_with(|| (spec.clone(), 1));
        if *known != spec {
            *known = spec;
            *generation += 1;
        }
        resource.metadata_mut().generation = Some(*generation);
        resource
    }
}
