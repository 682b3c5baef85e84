//! What each account may do, by the API server's own word. `ATTUNE_UPDATE=1` writes the golden files.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use attune_e2e::ControlPlane;

use crate::golden::ensure_golden;
use crate::helm::Helm;
use crate::{NAMESPACE, SCOPED, WATCHED};

pub(crate) async fn operator_cluster_wide(cluster: &ControlPlane, _: &Helm) -> Result<()> {
    let account = account(NAMESPACE, "attune-operator");
    let (own, other) = (
        may(cluster, &account, NAMESPACE).await?,
        may(cluster, &account, "default").await?,
    );
    ensure_golden("operator-cluster-own-namespace.txt", &own)?;
    ensure_golden("operator-cluster-any-namespace.txt", &other)
}

pub(crate) async fn operator_in_namespaces(cluster: &ControlPlane, _: &Helm) -> Result<()> {
    let account = account(SCOPED, "scoped-attune-operator");
    let own = may(cluster, &account, SCOPED).await?;
    let watched = may(cluster, &account, WATCHED[0]).await?;
    let also_watched = may(cluster, &account, WATCHED[1]).await?;
    let other = may(cluster, &account, "default").await?;
    ensure_golden("operator-namespaces-own-namespace.txt", &own)?;
    ensure_golden("operator-namespaces-watched-namespace.txt", &watched)?;
    ensure!(
        watched == also_watched,
        "watched namespaces differ:\n{watched}\n{also_watched}"
    );
    ensure_golden("operator-namespaces-other-namespace.txt", &other)
}

pub(crate) async fn collector(cluster: &ControlPlane, _: &Helm) -> Result<()> {
    let account = account(NAMESPACE, "attune-collector");
    let own = may(cluster, &account, NAMESPACE).await?;
    ensure_golden("collector.txt", &own)?;
    let other = may(cluster, &account, "default").await?;
    ensure!(
        own == other,
        "it may do in its own namespace what it may not elsewhere:\n{own}\n{other}"
    );
    Ok(())
}

/// What people might want to touch.
const RESOURCES: [&[&str]; 3] = [
    &["programs.attune.dev"],
    &["channels.attune.dev", "--subresource=status"],
    &["governancepolicies.attune.dev"],
];

/// Whoever may view or edit a namespace, by the roles that every cluster has.
pub(crate) async fn users(cluster: &ControlPlane, _: &Helm) -> Result<()> {
    cluster
        .with_namespace(async |namespace| {
            let mut text = String::new();
            for role in ["view", "edit"] {
                let user = format!("{role}er");
                let clusterrole = format!("--clusterrole={role}");
                let user_flag = format!("--user={user}");
                let bind = [
                    "create",
                    "rolebinding",
                    role,
                    &clusterrole,
                    &user_flag,
                    "-n",
                    namespace,
                ];
                cluster.kubectl(&bind).await?.without_complaint()?;
                for resource in RESOURCES {
                    for verb in ["list", "create", "patch", "delete"] {
                        let answer = can(cluster, &user, namespace, verb, resource).await?;
                        writeln!(text, "{role}: {verb} {}: {answer}", resource.join(" "))?;
                    }
                }
            }
            ensure_golden("users.txt", &text)
        })
        .await
}

/// RBAC cannot bind `create` to a name, it is said; by server-side apply it can.
pub(crate) async fn secrets_are_created_under_their_names_only(
    cluster: &ControlPlane,
    _: &Helm,
) -> Result<()> {
    let account = account(NAMESPACE, "attune-operator");
    let apply = |name: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{name}","namespace":"{NAMESPACE}"}}}}"#
        )
    };
    let as_operator = ["apply", "--server-side", "--as", &account, "-f", "-"];
    for name in ["attune-operator-tls", "attune-collector-tls"] {
        cluster
            .kubectl_with_input(&as_operator, &apply(name))
            .await?
            .succeeded()?;
    }
    let other = cluster.kubectl_with_input(&as_operator, &apply("stolen")).await?;
    ensure!(
        !other.status.success() && other.stderr.contains("forbidden"),
        "{}",
        other.stderr
    );
    let read = ["get", "secrets", "-n", NAMESPACE, "--as", &account];
    let all = cluster.kubectl(&read).await?;
    ensure!(
        !all.status.success() && all.stderr.contains("forbidden"),
        "{}",
        all.stderr
    );
    let by_name = ["--field-selector", "metadata.name=attune-operator-tls"];
    cluster
        .kubectl(&[&read[..], &by_name].concat())
        .await?
        .succeeded()?;
    Ok(())
}

fn account(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

/// `kubectl auth can-i --list`, without its spaces and sorted, and without what every account may do.
async fn may(cluster: &ControlPlane, account: &str, namespace: &str) -> Result<String> {
    let everybody = list(cluster, "system:serviceaccount:default:nobody", namespace).await?;
    let mut lines = list(cluster, account, namespace).await?;
    lines.retain(|line| !everybody.contains(line));
    ensure!(!lines.is_empty(), "{account} may do nothing in {namespace}");
    lines.sort();
    Ok(lines.join("\n") + "\n")
}

async fn list(cluster: &ControlPlane, account: &str, namespace: &str) -> Result<Vec<String>> {
    let ask = [
        "auth",
        "can-i",
        "--list",
        "--no-headers",
        "--as",
        account,
        "-n",
        namespace,
    ];
    let answer = cluster.kubectl(&ask).await?.succeeded()?;
    let one_space = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(answer.stdout.lines().map(one_space).collect())
}

/// A user's right, by the arguments that name a resource.
async fn can(
    cluster: &ControlPlane,
    user: &str,
    namespace: &str,
    verb: &str,
    resource: &[&str],
) -> Result<String> {
    let ask = ["auth", "can-i", verb, "--as", user, "-n", namespace];
    // It ends with 1 for "no".
    let answer = cluster.kubectl(&[&ask[..], resource].concat()).await?;
    Ok(answer.stdout.trim().to_owned())
}
