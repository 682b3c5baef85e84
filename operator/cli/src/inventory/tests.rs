use attune_api::Kind;
use serde_json::json;

use super::*;

fn id(namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        kind: Kind::Audience,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn audience(namespace: &str, name: &str, expression: &str, status: Option<Value>) -> Resource {
    let mut document = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Audience",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "owner": {"group": "team", "contact": "team@shop.example"},
            "description": "People.",
            "stage": "Awareness",
            "reviewBy": "2027-02-28",
            "match": expression,
            "insight": {"believes": "b", "needs": "n", "shifts": "s"},
        },
    });
    if let Some(status) = status {
        document["status"] = status;
    }
    Resource::decode(document).unwrap()
}

fn inventory(resources: impl IntoIterator<Item = Resource>) -> Inventory {
    let mut inventory = Inventory::default();
    resources.into_iter().for_each(|resource| inventory.add(resource));
    inventory
}

fn expression(inventory: &Inventory, id: &ObjectId) -> Option<Value> {
    Some(inventory.resources.get(id)?.spec()["match"].clone())
}

#[test]
fn applied_files_change_what_they_name_and_keep_what_was_said() {
    let said = json!({"observedGeneration": 3});
    let standing = inventory([
        audience("shop", "gold", "user.gold", Some(said.clone())),
        audience("shop", "new", "user.new", None),
    ]);
    let files = inventory([audience("shop", "gold", "user.silver", None)]);
    let applied = standing.apply(&files);
    assert_eq!(expression(&applied, &id("shop", "gold")).unwrap(), "user.silver");
    assert_eq!(expression(&applied, &id("shop", "new")).unwrap(), "user.new");
    assert_eq!(
        applied.statuses[&id("shop", "gold")]["observedGeneration"],
        said["observedGeneration"]
    );
}

#[test]
fn what_the_server_refuses_stays_as_it_is() {
    let standing = inventory([audience("shop", "gold", "user.gold", None)]);
    let mut files = Inventory::default();
    files.unusable.extend([id("shop", "gold"), id("shop", "other")]);
    let applied = standing.apply(&files);
    assert_eq!(expression(&applied, &id("shop", "gold")).unwrap(), "user.gold");
    assert_eq!(applied.unusable, BTreeSet::from([id("shop", "other")]));
}

#[test]
fn an_object_that_could_not_be_read_is_mended() {
    let mut standing = Inventory::default();
    standing.unusable.insert(id("shop", "gold"));
    let applied = standing.apply(&inventory([audience("shop", "gold", "user.gold", None)]));
    assert!(applied.unusable.is_empty() && applied.resources.contains_key(&id("shop", "gold")));
}

#[test]
fn pruning_leaves_other_namespaces_alone() {
    let standing = inventory([
        audience("shop", "gold", "user.gold", None),
        audience("shop", "new", "user.new", None),
        audience("news", "new", "user.new", None),
    ]);
    let files = inventory([audience("shop", "gold", "user.gold", None)]);
    let pruned = standing.apply(&files).prune(&files);
    let left: Vec<_> = pruned
        .resources
        .keys()
        .map(|id| (id.namespace.as_str(), id.name.as_str()))
        .collect();
    assert_eq!(left, [("news", "new"), ("shop", "gold")]);
}
