//! A release from its first day to its last, on a control plane of its own.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, repository};
use k8s_openapi::ByteString;
use tempfile::TempDir;

use crate::helm::{Helm, chart};
use crate::{NAMESPACE, pods};

/// What an administrator does with a release, and what must be there afterwards.
pub(crate) async fn install_upgrade_rollback_uninstall(_: &ControlPlane, _: &Helm) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    let helm = Helm::new(&cluster)?;
    let before = everything(&cluster).await?;
    let older = older_chart()?;
    install(&cluster, &helm, older.path()).await?;
    ensure_metric_is_called(&cluster, "older").await?;
    cluster.wait_established(&repository().join("crds")).await?;
    apply_example(&cluster).await?;

    let ca = certificate()?;
    keep_certificates(&cluster, &ca).await?;
    upgrade(&helm, "operator.replicas=3").await?;
    ensure_certificates_are_kept(&cluster, &ca)
        .await
        .context("after the upgrade")?;
    ensure_metric_is_called(&cluster, "attmetric")
        .await
        .context("after the upgrade")?;

    helm.run(&["rollback", "attune", "1", "-n", NAMESPACE])
        .await?
        .succeeded()?;
    ensure_certificates_are_kept(&cluster, &ca)
        .await
        .context("after the rollback")?;
    ensure_metric_is_called(&cluster, "older")
        .await
        .context("after the rollback")?;
    let replicas = get(&cluster, "deployment/attune-operator", "{.spec.replicas}").await?;
    ensure!(replicas == "2", "{replicas} replicas after the rollback");

    // Switched off, definitions are no longer the release's; they stay all the same.
    upgrade(&helm, "crds.install=false").await?;
    ensure_resources_stay(&cluster)
        .await
        .context("after crds.install=false")?;
    upgrade(&helm, "crds.install=true").await?;

    helm.run(&["uninstall", "attune", "-n", NAMESPACE, "--wait"])
        .await?
        .succeeded()?;
    ensure_resources_stay(&cluster)
        .await
        .context("after the release was uninstalled")?;
    let left: Vec<_> = everything(&cluster)
        .await?
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    ensure!(left.is_empty(), "uninstalled, the release leaves {left:?}");

    // And again, over what stayed.
    let again = ["install", "attune", "CHART", "-n", NAMESPACE];
    helm.run(&again).await?.succeeded().context("install it again")?;
    ensure_resources_stay(&cluster).await
}

/// Definitions that were applied without Helm belong to nobody; Helm takes them when it is told to.
pub(crate) async fn what_was_applied_by_hand_is_taken_over(_: &ControlPlane, _: &Helm) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    let helm = Helm::new(&cluster)?;
    cluster.install(&repository().join("crds")).await?;
    apply_example(&cluster).await?;
    let install = [
        "install",
        "attune",
        "CHART",
        "-n",
        NAMESPACE,
        "--create-namespace",
    ];
    let said = helm.run(&install).await?.refused()?;
    ensure!(said.contains("invalid ownership metadata"), "{said}");
    let take = [&install[..], &["--take-ownership", "--force-conflicts"]].concat();
    helm.run(&take).await?.succeeded()?;
    ensure_resources_stay(&cluster).await
}

async fn install(cluster: &ControlPlane, helm: &Helm, chart: &Path) -> Result<()> {
    let chart = chart.to_str().context("a path in UTF-8")?;
    cluster
        .kubectl(&["create", "namespace", NAMESPACE])
        .await?
        .without_complaint()?;
    pods::restrict(cluster, NAMESPACE).await?;
    let install = helm
        .run(&["install", "attune", chart, "-n", NAMESPACE])
        .await?
        .succeeded()?;
    ensure!(!install.stderr.contains("warning"), "{}", install.stderr);
    ensure!(
        install.stdout.contains("helm -n attune-system test attune"),
        "NOTES: {}",
        install.stdout
    );
    Ok(())
}

async fn upgrade(helm: &Helm, value: &str) -> Result<()> {
    let upgrade = ["upgrade", "attune", "CHART", "-n", NAMESPACE, "--set", value];
    helm.run(&upgrade)
        .await?
        .succeeded()
        .with_context(|| format!("upgrade to {value}"))?;
    Ok(())
}

async fn apply_example(cluster: &ControlPlane) -> Result<()> {
    let example = repository().join("examples/strategy/strategy.yaml");
    let path = example.to_str().context("a path in UTF-8")?;
    let namespace = get_all(cluster, "namespaces").await?;
    if !namespace.iter().any(|name| name == "namespace/shop") {
        cluster
            .kubectl(&["create", "namespace", "shop"])
            .await?
            .succeeded()?;
    }
    cluster
        .kubectl(&["apply", "-n", "shop", "-f", path])
        .await?
        .succeeded()?;
    Ok(())
}

const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfiguration/attune",
    "validatingwebhookconfiguration/attune",
];
/// Writes what the operator's leader writes, as it does: its own account, its own field manager.
async fn keep_certificates(cluster: &ControlPlane, ca: &str) -> Result<()> {
    let account = format!("system:serviceaccount:{NAMESPACE}:attune-operator");
    for configuration in CONFIGURATIONS {
        let webhooks = get(cluster, configuration, "{.webhooks[*].name}").await?;
        let entries: Vec<_> = webhooks
            .split(' ')
            .map(|name| serde_json::json!({"name": name, "clientConfig": {"caBundle": ca}}))
            .collect();
        let patch = serde_json::json!({"webhooks": entries}).to_string();
        let manager = "--field-manager=attune-operator/trust";
        let patch = [
            "patch",
            configuration,
            "--type=strategic",
            "--as",
            &account,
            manager,
            "-p",
            &patch,
        ];
        cluster.kubectl(&patch).await?.succeeded()?;
    }
    Ok(())
}

/// A certificate as the API server takes it: PEM in base64.
fn certificate() -> Result<String> {
    let pem = rcgen::generate_simple_self_signed(["ca.attune.dev".to_owned()])?
        .cert
        .pem();
    let encoded = serde_json::to_value(ByteString(pem.into_bytes()))?;
    Ok(encoded.as_str().context("bytes are written as text")?.to_owned())
}

async fn ensure_certificates_are_kept(cluster: &ControlPlane, ca: &str) -> Result<()> {
    for configuration in CONFIGURATIONS {
        let names = get(cluster, configuration, "{.webhooks[*].name}").await?;
        let bundles = get(cluster, configuration, "{.webhooks[*].clientConfig.caBundle}").await?;
        let kept = bundles.split(' ').filter(|bundle| *bundle == ca).count();
        ensure!(
            kept == names.split(' ').count(),
            "{configuration} has lost its certificates: {bundles}"
        );
    }
    Ok(())
}

/// The chart as an older version was: a definition says something else.
fn older_chart() -> Result<TempDir> {
    let directory = tempfile::tempdir()?;
    copy(&chart(), directory.path())?;
    let file = directory.path().join("files/crds/attune.dev_metrics.yaml");
    let text = std::fs::read_to_string(&file)?;
    let older = text.replace("    - attmetric\n", "    - older\n");
    ensure!(older != text, "the definition of Metric has another short name");
    std::fs::write(file, older)?;
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

async fn ensure_metric_is_called(cluster: &ControlPlane, name: &str) -> Result<()> {
    let found = get(cluster, "crd/metrics.attune.dev", "{.spec.names.shortNames[*]}").await?;
    ensure!(found == name, "the short name of Metric is {found}");
    Ok(())
}

async fn ensure_resources_stay(cluster: &ControlPlane) -> Result<()> {
    let definitions = get_all(cluster, "crds").await?;
    let ours = definitions
        .iter()
        .filter(|name| name.ends_with(".attune.dev"))
        .count();
    ensure!(ours == 10, "{ours} definitions are left");
    let programs = cluster
        .kubectl(&["get", "programs.attune.dev", "-A", "-o", "name"])
        .await?
        .succeeded()?;
    ensure!(!programs.stdout.is_empty(), "the resources are gone");
    Ok(())
}

/// What a release may leave behind, but for definitions.
async fn everything(cluster: &ControlPlane) -> Result<Vec<String>> {
    let kinds = "deployments,statefulsets,services,serviceaccounts,configmaps,poddisruptionbudgets,networkpolicies,\
                 roles,rolebindings,clusterroles,clusterrolebindings,pods,\
                 mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let mut names = get_all(cluster, kinds).await?;
    // Every namespace gets these.
    names.retain(|name| name != "serviceaccount/default" && !name.ends_with("kube-root-ca.crt"));
    Ok(names)
}

async fn get_all(cluster: &ControlPlane, kinds: &str) -> Result<Vec<String>> {
    let found = cluster
        .kubectl(&["get", kinds, "-A", "-o", "name"])
        .await?
        .succeeded()?;
    Ok(found.stdout.lines().map(str::to_owned).collect())
}

async fn get(cluster: &ControlPlane, object: &str, path: &str) -> Result<String> {
    let template = format!("jsonpath={path}");
    let found = cluster
        .kubectl(&["get", object, "-n", NAMESPACE, "-o", &template])
        .await?;
    Ok(found.succeeded()?.stdout)
}
