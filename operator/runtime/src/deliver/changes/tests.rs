use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::super::{what_is_applied, what_is_declared};
use super::Changes;

fn object(name: &str, edit: Value) -> DynamicObject {
    let mut document = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "namespace": "shop", "name": name, "uid": name, "generation": 1,
            "ownerReferences": [{
                "apiVersion": "attune.dev/v1alpha1", "kind": "Channel", "name": "web", "uid": "c", "controller": true,
            }],
        },
        "spec": {"replicas": 2},
    });
    json_merge(&mut document, edit);
    serde_json::from_value(document).unwrap()
}

fn json_merge(document: &mut Value, edit: Value) {
    match (document, edit) {
        (Value::Object(document), Value::Object(edit)) => {
            for (key, value) in edit {
                json_merge(document.entry(key).or_insert(Value::Null), value);
            }
        }
        (document, edit) => *document = edit,
    }
}

fn told(changes: &Changes, event: Event<DynamicObject>) -> Vec<String> {
    changes.take(event).iter().map(ResourceExt::name_any).collect()
}

#[test]
fn a_status_wakes_nobody_and_a_spec_does() {
    let changes = Changes::new(what_is_applied);
    assert_eq!(told(&changes, Event::Apply(object("a", json!({})))), ["a"]);
    let ready = object(
        "a",
        json!({"status": {"readyReplicas": 1}, "metadata": {"resourceVersion": "7"}}),
    );
    assert!(told(&changes, Event::Apply(ready)).is_empty());
    for edit in [
        json!({"spec": {"replicas": 5}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"deletionTimestamp": "2026-12-01T00:00:00Z"}}),
        json!({"metadata": {"ownerReferences": []}}),
    ] {
        assert_eq!(told(&changes, Event::Apply(object("a", edit))), ["a"]);
    }
}

#[test]
fn a_channel_matters_when_its_owner_changes_it() {
    let changes = Changes::new(what_is_declared);
    assert_eq!(told(&changes, Event::Apply(object("web", json!({})))), ["web"]);
    let told_status = object(
        "web",
        json!({"status": {"revision": "1"}, "metadata": {"labels": {"a": "b"}}}),
    );
    assert!(told(&changes, Event::Apply(told_status)).is_empty());
    let edited = object("web", json!({"metadata": {"generation": 2}}));
    assert_eq!(told(&changes, Event::Apply(edited)), ["web"]);
    let anew = object("web", json!({"metadata": {"generation": 2, "uid": "other"}}));
    assert_eq!(told(&changes, Event::Apply(anew)), ["web"]);
}

#[test]
fn an_end_is_told_although_nothing_else_changed() {
    let changes = Changes::new(what_is_applied);
    told(&changes, Event::Apply(object("a", json!({}))));
    assert_eq!(told(&changes, Event::Delete(object("a", json!({})))), ["a"]);
    assert!(changes.owned_by("shop", "web").is_empty());
    assert_eq!(told(&changes, Event::Apply(object("a", json!({})))), ["a"]);
}

#[test]
fn a_new_list_tells_what_differs_from_the_last_one() {
    let changes = Changes::new(what_is_applied);
    for name in ["a", "b", "c"] {
        told(&changes, Event::Apply(object(name, json!({}))));
    }
    assert!(told(&changes, Event::Init).is_empty());
    assert!(told(&changes, Event::InitApply(object("a", json!({})))).is_empty());
    assert_eq!(
        told(
            &changes,
            Event::InitApply(object("b", json!({"spec": {"replicas": 7}})))
        ),
        ["b"]
    );
    assert_eq!(told(&changes, Event::InitApply(object("d", json!({})))), ["d"]);
    let gone = changes.take(Event::InitDone);
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].name_any(), "c");
    assert_eq!(gone[0].owner_references()[0].name, "web");
    assert_eq!(changes.owned_by("shop", "web"), ["a", "b", "d"]);
}

#[test]
fn only_what_a_channel_controls_is_its_own() {
    let changes = Changes::new(what_is_applied);
    let owners = |edit: Value| {
        let mut owner = json!({
            "apiVersion": "attune.dev/v1alpha1", "kind": "Channel", "name": "web", "uid": "c", "controller": true,
        });
        json_merge(&mut owner, edit);
        json!({"metadata": {"ownerReferences": [owner]}})
    };
    told(&changes, Event::Apply(object("ours", owners(json!({})))));
    told(
        &changes,
        Event::Apply(object("shared", owners(json!({"controller": false})))),
    );
    told(
        &changes,
        Event::Apply(object("neighbour", owners(json!({"name": "app"})))),
    );
    told(
        &changes,
        Event::Apply(object(
            "stranger",
            owners(json!({"apiVersion": "messaging.knative.dev/v1"})),
        )),
    );
    told(
        &changes,
        Event::Apply(object("elsewhere", json!({"metadata": {"namespace": "other"}}))),
    );
    assert_eq!(changes.owned_by("shop", "web"), ["ours"]);
}
