//! What tests of this crate are asked.

use serde_json::{Value, json};

use crate::{PullPolicy, Settings};

pub(crate) fn settings() -> Settings {
    Settings {
        operator_url: "https://attune-operator.attune-system.svc".to_owned(),
        collector_url: Some("https://attune-collector.attune-system.svc".to_owned()),
        image: "registry.example/attune:0.1.0".to_owned(),
        pull_policy: PullPolicy::IfNotPresent,
        release: "attune".to_owned(),
    }
}

/// The body of a request to create a pod in the namespace `shop`.
pub(crate) fn pod_review(pod: &Value) -> Vec<u8> {
    review("CREATE", ("", "Pod", "pods"), pod, &Value::Null)
}

/// The body of a request about an object of group, kind and plural.
pub(crate) fn review(operation: &str, of: (&str, &str, &str), object: &Value, old: &Value) -> Vec<u8> {
    let (group, kind, plural) = of;
    let version = if group.is_empty() { "v1" } else { "v1alpha1" };
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0c9a8d74",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": plural},
            "namespace": "shop",
            "operation": operation,
            "userInfo": {"username": "kubernetes-admin"},
            "object": object,
            "oldObject": old,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    });
    review.to_string().into_bytes()
}
