use serde_json::json;

use super::*;

#[test]
fn prints_the_columns_of_the_definition_as_kubectl_does() {
    let holdout = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Holdout",
        "metadata": {"name": "always-baseline", "namespace": "shop", "creationTimestamp": "2026-11-30T00:00:00Z"},
        "spec": {"owner": {"group": "analytics", "contact": "a@shop.example"}, "shareBp": 500},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]},
    });
    let text = render(&[holdout], false, "2026-12-01T00:00:00Z".parse().unwrap());
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("NAMESPACE   NAME"), "{text}");
    assert!(lines[1].contains("holdout.attune.dev/always-baseline"), "{text}");
    assert!(
        lines[1].contains("analytics") && lines[1].contains("True") && lines[1].ends_with("1d"),
        "{text}"
    );
}

#[test]
fn leaves_out_kinds_without_objects() {
    assert_eq!(render(&[], true, Timestamp::UNIX_EPOCH), "");
}
