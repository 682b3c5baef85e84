//! The part that all objects share. Definitions leave it out; the server checks it all the same.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::{Value as Json, json};

use super::model::{self, Schema};

/// Shape of `metadata`, after `ObjectMeta` of `k8s.io/apimachinery` 0.36; what only the server writes is left open.
pub(super) fn schema() -> Schema {
    let props: JSONSchemaProps = serde_json::from_value(definition()).unwrap_or_default();
    model::schema(&props)
}

fn definition() -> Json {
    let label = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
    let subdomain = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    let open = json!({"x-kubernetes-preserve-unknown-fields": true});
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": subdomain},
            "namespace": {"type": "string", "maxLength": 63, "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"},
            "labels": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 63, "pattern": label},
            },
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "finalizers": {"type": "array", "items": {"type": "string"}},
            "generateName": {"type": "string"},
            "creationTimestamp": open,
            "deletionGracePeriodSeconds": open,
            "deletionTimestamp": open,
            "generation": open,
            "managedFields": open,
            "ownerReferences": open,
            "resourceVersion": open,
            "selfLink": open,
            "uid": open,
        },
    })
}
