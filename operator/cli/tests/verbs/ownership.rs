//! `attune lint --rbac` and `attune lint --codeowners`.

use crate::folder::{AT, Folder, Run};

const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: edit, namespace: shop}
rules:
- {apiGroups: [attune.dev], resources: ['*'], verbs: [get, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: edit, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: edit}
subjects:
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: data-platform}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: crm}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: content-studio}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: analytics}
- {kind: Group, apiGroup: rbac.authorization.k8s.io, name: web-team}
";

const VIA: (&str, &str) = ("via: Rbac}", "via: Codeowners}");

fn lint(folder: &Folder, options: &[&str]) -> Run {
    folder.attune(&[&["lint", "-f", "shop", AT[0], AT[1]], options].concat())
}

fn shop(edits: &[(&str, &str)]) -> Folder {
    Folder::new().with("shop/strategy.yaml", crate::folder::edited(edits))
}

#[test]
fn roles_in_files_answer_as_the_cluster_would() {
    let folder = shop(&[]).with("rbac.yaml", ROLES);
    let run = lint(&folder, &["--rbac", "rbac.yaml"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "15 resources, no findings\n"),
        "{}",
        run.stderr
    );
    let lost = shop(&[]).with("rbac.yaml", ROLES.replace("name: web-team", "name: others"));
    let run = lint(&lost, &["--rbac", "rbac.yaml"]);
    assert_eq!(run.code, 0, "the rule warns");
    let told = "warning[AccessMissing]: group `web-team` owns the Channel and may not update it: bind a role that allows to update \
                channels `web` in namespace `shop`, or name the group that may (policy `default`)";
    assert!(run.stdout.starts_with(told), "{}", run.stdout);
    let role = shop(&[]).with("rbac.yaml", ROLES.replace("name: content-studio", "name: others"));
    let run = lint(&role, &["--rbac", "rbac.yaml"]);
    assert!(
        run.stdout
            .contains("answers for `content` and may not update contentmodules"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout
            .contains("in Program shop/spring-retention, spec.owners.content.group"),
        "{}",
        run.stdout
    );
}

#[test]
fn files_without_roles_answer_nothing_and_say_so() {
    let folder = shop(&[]).with("rbac.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n");
    let run = lint(&folder, &["--rbac", "rbac.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert_eq!(
        run.stderr,
        "attune: no Role, ClusterRole or binding in `rbac.yaml`: name the files that grant access\n"
    );
}

#[test]
fn the_repository_says_who_owns_the_file() {
    let all = "* @shop/data-platform @shop/crm @shop/content-studio @shop/analytics @shop/web-team\n";
    let folder = shop(&[VIA]).with(".github/CODEOWNERS", all);
    let run = lint(&folder, &["--codeowners", ".github/CODEOWNERS"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "15 resources, no findings\n"),
        "{}",
        run.stderr
    );
    let few = format!("{all}/shop/ @shop/crm\n");
    let folder = shop(&[VIA]).with(".github/CODEOWNERS", few);
    let run = lint(&folder, &["--codeowners", ".github/CODEOWNERS"]);
    let told = "`web-team` owns the Channel and does not own `shop/strategy.yaml`, where it stands: add it to CODEOWNERS";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    let without = lint(&folder, &[]);
    assert_eq!(without.stdout, "15 resources, no findings\n", "nothing is known");
}

#[test]
fn a_file_that_is_no_codeowners_is_named_with_its_line() {
    let folder = shop(&[VIA]).with("CODEOWNERS", "* crm\n");
    let run = lint(&folder, &["--codeowners", "CODEOWNERS"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    let expected = "attune: `CODEOWNERS` cannot be read: line 1: `crm` is no owner: write `@team`, `@org/team` or an address\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn a_namespace_among_the_files_says_by_its_labels_which_policies_rule_it() {
    let policy = "
apiVersion: attune.dev/v1alpha1
kind: GovernancePolicy
metadata: {name: eu}
spec:
  namespaceSelector: {matchLabels: {region: eu}}
  rules: {insight: {enforcement: Enforce}}
";
    let bare = ("  insight: {believes: I will finish later.", "  #");
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {region: eu}}\n";
    let without = shop(&[bare]).with("shop/policy.yaml", policy);
    let run = lint(&without, &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("warning[SelectsNothing]"), "{}", run.stdout);
    let with = without.with("shop/namespace.yaml", namespace);
    let run = lint(&with, &[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains("(policies `default`, `eu`)"),
        "{}",
        run.stdout
    );
}
