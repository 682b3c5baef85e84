use serde_json::{Value, json};

use super::{covers, drops};

#[test]
fn what_the_server_and_others_add_is_not_looked_at() {
    let wanted = json!({
        "metadata": {"name": "attune-web", "labels": {"a": "b"}, "ownerReferences": [{"uid": "1", "name": "web"}]},
        "spec": {
            "template": {"spec": {"containers": [{"name": "attune-decider", "image": "i", "env": [{"name": "A", "value": "1"}]}]}},
        },
    });
    let live = json!({
        "metadata": {
            "name": "attune-web", "labels": {"a": "b", "theirs": "c"}, "resourceVersion": "7",
            "ownerReferences": [{"uid": "0"}, {"uid": "1", "name": "web"}],
        },
        "spec": {
            "replicas": 9,
            "template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [
                {"name": "theirs", "image": "x"},
                {"name": "attune-decider", "image": "i", "terminationMessagePath": "/dev/x",
                    "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
            ]}},
        },
        "status": {"replicas": 9},
    });
    assert!(covers(&live, &wanted));
}

fn is_noticed(before: &Value, pointer: &str, drift: Value) {
    let mut live = before.clone();
    *live.pointer_mut(pointer).unwrap() = drift;
    assert!(!covers(&live, before), "{pointer}");
}

#[test]
fn drift_is_noticed_wherever_it_is() {
    let wanted = json!({
        "metadata": {"labels": {"a": "b"}},
        "spec": {
            "selector": {"app": "a"},
            "containers": [{"name": "n", "image": "i", "command": ["/x"]}],
            "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8016, "protocol": "TCP"}]}],
            "podSelector": {"matchLabels": {"a": "b"}},
            "maxUnavailable": 0,
        },
    });
    assert!(covers(&wanted, &wanted));
    is_noticed(&wanted, "/metadata/labels", json!({}));
    is_noticed(&wanted, "/spec/selector", json!({"app": "a", "more": "b"}));
    is_noticed(&wanted, "/spec/containers/0/image", json!("j"));
    is_noticed(&wanted, "/spec/containers/0/command", json!(["/x", "--flag"]));
    is_noticed(&wanted, "/spec/containers", json!([]));
    is_noticed(&wanted, "/spec/containers", Value::Null);
    is_noticed(
        &wanted,
        "/spec/ingress/0/from",
        json!([{"podSelector": {}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}]),
    );
    is_noticed(
        &wanted,
        "/spec/ingress/0/from/0",
        json!({"podSelector": {}, "namespaceSelector": {}}),
    );
    is_noticed(&wanted, "/spec/ingress/0/from", Value::Null);
    is_noticed(&wanted, "/spec/podSelector", json!({}));
    is_noticed(&wanted, "/spec/maxUnavailable", json!(1));
}

#[test]
fn one_amount_has_many_spellings() {
    let resources = |cpu: &str, memory: &str| json!({"limits": {"cpu": cpu, "memory": memory}});
    assert!(covers(&resources("1", "512Mi"), &resources("1000m", "0.5Gi")));
    assert!(!covers(&resources("1", "512Mi"), &resources("1001m", "0.5Gi")));
    assert!(!covers(&json!({"cpu": "lots"}), &json!({"cpu": "more"})));
}

#[test]
fn an_empty_part_of_a_selector_is_none_and_an_empty_selector_is_all() {
    let wanted = json!({"podSelector": {"matchLabels": {}, "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]}});
    let live = json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}});
    assert!(covers(&live, &wanted));
    assert!(!covers(&json!({}), &json!({"podSelector": {}})));
}

#[test]
fn what_is_ours_and_no_longer_wanted_is_noticed() {
    let owned = json!({
        "f:metadata": {"f:labels": {"f:a": {}}, "f:ownerReferences": {"k:{\"uid\":\"1\"}": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:containers": {
                "k:{\"name\":\"n\"}": {
                    ".": {},
                    "f:name": {},
                    "f:ports": {"k:{\"containerPort\":8017,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                    "f:resources": {"f:limits": {"f:memory": {}}},
                },
            },
            "f:finalizers": {".": {}, "v:\"x\"": {}},
        },
    });
    let wanted = json!({
        "metadata": {"labels": {"a": "b"}, "ownerReferences": [{"uid": "1"}]},
        "spec": {
            "replicas": 2,
            "selector": {"app": "a"},
            "containers": [{
                "name": "n",
                "ports": [{"containerPort": 8017, "protocol": "TCP"}],
                "resources": {"limits": {"memory": "1Mi"}},
            }],
            "finalizers": ["x"],
            "more": 1,
        },
    });
    assert!(!drops(&owned, &wanted));
    for (pointer, field) in [
        ("/spec", "replicas"),
        ("/metadata/labels", "a"),
        ("/spec/containers/0/resources", "limits"),
        ("/spec/containers/0", "ports"),
        ("/spec", "finalizers"),
    ] {
        let mut less = wanted.clone();
        less.pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(field);
        assert!(drops(&owned, &less), "{field}");
    }
    let mut other = wanted;
    other["spec"]["containers"][0]["name"] = "m".into();
    assert!(drops(&owned, &other));
}
