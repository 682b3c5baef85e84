use serde_json::json;

use super::{ObjectId, in_namespace, normalised, parse_documents, shuffled};

const DOCUMENTS: &str = "\
---
# only a comment
---
apiVersion: attune.dev/v1alpha1
kind: Channel
metadata: {name: web, namespace: shop}
---
apiVersion: attune.dev/v1alpha1
kind: GovernancePolicy
metadata: {name: default}
";

#[test]
fn reads_every_document_but_empty_ones() {
    let ids: Vec<String> = parse_documents(DOCUMENTS)
        .unwrap()
        .iter()
        .map(|o| ObjectId::of(o).to_string())
        .collect();
    assert_eq!(ids, ["Channel shop/web", "GovernancePolicy default"]);
}

#[test]
fn refuses_what_is_no_object() {
    let error = parse_documents("apiVersion: v1\nkind: Namespace\n").unwrap_err();
    assert_eq!(error.to_string(), "document 0 lacks a kind or a name");
}

#[test]
fn moves_only_namespaced_documents() {
    let moved = in_namespace(&parse_documents(DOCUMENTS).unwrap(), "other");
    let namespaces: Vec<_> = moved
        .iter()
        .map(|object| object.metadata.namespace.as_deref())
        .collect();
    assert_eq!(namespaces, [Some("other"), None]);
}

#[test]
fn a_seed_names_an_order() {
    let documents: Vec<_> = (0..20)
        .flat_map(|n| {
            parse_documents(&format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: s{n}}}}}"
            ))
            .unwrap()
        })
        .collect();
    let order = |seed| {
        shuffled(&documents, seed)
            .iter()
            .map(ObjectId::of)
            .collect::<Vec<_>>()
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    let mut sorted = order(2);
    sorted.sort();
    let mut all: Vec<_> = documents.iter().map(ObjectId::of).collect();
    all.sort();
    assert_eq!(sorted, all);
}

#[test]
fn a_normalised_status_keeps_all_but_times_versions_and_ids() {
    let status = json!({
        "observedGeneration": 3,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-12-01T00:00:00Z"}],
        "publishedIn": {"name": "bundle", "uid": "8d1f", "resourceVersion": "812"},
        "reviewBy": "2027-02-28",
        "lift": null,
    });
    let expected = json!({
        "observedGeneration": 3,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "<time>"}],
        "publishedIn": {"name": "bundle"},
        "reviewBy": "2027-02-28",
        "lift": null,
    });
    assert_eq!(normalised(&status), expected);
}
