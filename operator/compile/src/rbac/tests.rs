use serde_json::{Value, json};

use super::Rbac;
use crate::access::{Answer, Question};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn question(group: &str, resource: &str, name: Option<&str>) -> Question {
    Question {
        group: group.to_owned(),
        verb: "update".to_owned(),
        resource: resource.to_owned(),
        name: name.map(str::to_owned),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn role(kind: &str, name: &str, rules: Value) -> Value {
    json!({"apiVersion": RBAC, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "rules": rules})
}

fn binding(kind: &str, role: (&str, &str), group: &str) -> Value {
    json!({
        "apiVersion": RBAC, "kind": kind, "metadata": {"name": "b", "namespace": "shop"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group}],
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a patch is written where it is passed"
)]
fn rule(resources: Value, verbs: Value) -> Value {
    json!([{"apiGroups": ["attune.dev"], "resources": resources, "verbs": verbs}])
}

fn rbac(objects: &[Value]) -> Rbac {
    let mut rbac = Rbac::default();
    for object in objects {
        assert!(rbac.insert(object, "default").unwrap());
    }
    rbac
}

#[test]
fn allows_what_a_bound_role_allows_in_its_namespace_alone() {
    let rbac = rbac(&[
        role(
            "Role",
            "editor",
            rule(json!(["audiences"]), json!(["get", "update"])),
        ),
        binding("RoleBinding", ("Role", "editor"), "crm"),
    ]);
    assert_eq!(
        rbac.answer("shop", &question("crm", "audiences", None)),
        Answer::Allowed
    );
    assert_eq!(
        rbac.answer("shop", &question("crm", "audiences", Some("lapsed"))),
        Answer::Allowed
    );
    assert_eq!(
        rbac.answer("outlet", &question("crm", "audiences", None)),
        Answer::Denied
    );
    assert_eq!(
        rbac.answer("shop", &question("web", "audiences", None)),
        Answer::Denied
    );
    assert_eq!(
        rbac.answer("shop", &question("crm", "channels", None)),
        Answer::Denied
    );
}

#[test]
fn reads_verbs_groups_resources_and_names_as_the_server_does() {
    let answers = |rules: Value, name| {
        let rbac = rbac(&[
            role("ClusterRole", "some", rules),
            binding("ClusterRoleBinding", ("ClusterRole", "some"), "crm"),
        ]);
        rbac.answer("anywhere", &question("crm", "audiences", name))
    };
    assert_eq!(
        answers(
            json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
            None
        ),
        Answer::Allowed
    );
    assert_eq!(
        answers(rule(json!(["audiences"]), json!(["get", "patch"])), None),
        Answer::Denied
    );
    assert_eq!(
        answers(rule(json!(["audiences/status"]), json!(["update"])), None),
        Answer::Denied
    );
    let other = json!([{"apiGroups": [""], "resources": ["audiences"], "verbs": ["update"]}]);
    assert_eq!(answers(other, None), Answer::Denied);
    let named = || {
        json!([{
            "apiGroups": ["attune.dev"], "resources": ["audiences"], "verbs": ["update"], "resourceNames": ["lapsed"],
        }])
    };
    assert_eq!(
        answers(named(), None),
        Answer::Denied,
        "one object is not all of them"
    );
    assert_eq!(answers(named(), Some("lapsed")), Answer::Allowed);
    assert_eq!(answers(named(), Some("others")), Answer::Denied);
    assert_eq!(
        answers(json!([{"nonResourceURLs": ["/x"], "verbs": ["update"]}]), None),
        Answer::Denied
    );
}

#[test]
fn adds_up_aggregated_roles() {
    let mut part = role(
        "ClusterRole",
        "attune-edit",
        rule(json!(["audiences"]), json!(["update"])),
    );
    part["metadata"]["labels"] = json!({"aggregate-to-edit": "true"});
    let mut whole = role("ClusterRole", "edit", json!(null));
    whole["aggregationRule"] =
        json!({"clusterRoleSelectors": [{"matchLabels": {"aggregate-to-edit": "true"}}]});
    let rbac = rbac(&[
        part,
        whole,
        binding("RoleBinding", ("ClusterRole", "edit"), "crm"),
    ]);
    assert_eq!(
        rbac.answer("shop", &question("crm", "audiences", None)),
        Answer::Allowed
    );
    assert_eq!(
        rbac.answer("outlet", &question("crm", "audiences", None)),
        Answer::Denied
    );
}

#[test]
fn does_not_know_what_a_role_outside_of_the_files_allows() {
    let bound = |name| rbac(&[binding("RoleBinding", ("ClusterRole", name), "crm")]);
    assert_eq!(
        bound("edit").answer("shop", &question("crm", "audiences", None)),
        Answer::Unknown
    );
    assert_eq!(
        bound("cluster-admin").answer("shop", &question("crm", "audiences", None)),
        Answer::Allowed
    );
    assert_eq!(
        Rbac::default().answer("shop", &question("system:masters", "x", None)),
        Answer::Allowed
    );
}

#[test]
fn passes_over_other_objects_and_names_one_that_cannot_be_read() {
    let mut rbac = Rbac::default();
    assert!(
        !rbac
            .insert(&json!({"apiVersion": "v1", "kind": "Secret"}), "shop")
            .unwrap()
    );
    let wrong = json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "r"}, "rules": "all"});
    let told = rbac.insert(&wrong, "shop").unwrap_err().to_string();
    assert!(told.starts_with("Role `r` cannot be read: "), "{told}");
}
