//! What tests of this crate publish.

use attune_api::Resource;
use attune_compile::Publication;
use attune_index::Index;
use serde_json::json;

/// The bundle of a Channel with one touchpoint; the touchpoint's name makes the revision.
pub(crate) fn publication(namespace: &str, channel: &str, touchpoint: &str) -> Publication {
    let document = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"namespace": namespace, "name": channel, "generation": 1},
        "spec": {
            "owner": {"group": "web", "contact": "web@shop.example"},
            "type": "Web",
            "touchpoints": [{"name": touchpoint}],
            "delivery": {"sidecar": {}},
        },
    });
    let mut index = Index::default();
    index.apply(Resource::decode(document).unwrap());
    index.settle("2026-12-01T00:00:00Z".parse().unwrap());
    index.publication(namespace, channel).unwrap().clone()
}
