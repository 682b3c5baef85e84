//! What the chart renders with each of its switches.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Tools, repository};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::helm::Helm;
use crate::{NAMESPACE, schemas};

/// Sets of values that together use every branch of every template.
pub(crate) const VALUES: [(&str, &[&str]); 8] = [
    ("defaults", &[]),
    ("namespaces", &["--set", "watchNamespaces={shop,blog}"]),
    (
        "own namespace too",
        &["--set", "watchNamespaces={attune-system,shop}"],
    ),
    (
        "everything on",
        &[
            "--set",
            "monitoring.serviceMonitor.enabled=true,monitoring.podMonitor.enabled=true",
            "--set",
            "monitoring.alerts.enabled=true,monitoring.dashboard.enabled=true",
            "--set",
            "monitoring.labels.release=prometheus",
            "--set",
            "certificates.mode=CertManager,networkPolicy.egress.enabled=true",
            "--set-json",
            r#"networkPolicy.egress.rules=[{"ports":[{"port":4317}]}]"#,
            "--set-json",
            r#"networkPolicy.monitoring={"namespaceSelector":{},"podSelector":{"matchLabels":{"app":"prometheus"}}}"#,
            "--set",
            "webhooks.excludedNamespaces={legacy}",
            "--set",
            "push.hosts={hooks.example,*.cdn.example},push.allowHttp=true,push.allowedNetworks={10.1.0.0/16}",
            "--set",
            "push.ports={443,8443},rbac.pushSecrets={signing,token}",
            "--set",
            "rbac.metricSecrets=true,collector.retention.results=Forever",
        ],
    ),
    (
        "everything off",
        &[
            "--set",
            "crds.install=false,collector.enabled=false,webhooks.enabled=false,networkPolicy.enabled=false",
            "--set",
            "rbac.aggregateToUserRoles=false,operator.podDisruptionBudget.enabled=false,operator.replicas=1",
        ],
    ),
    (
        "monitoring and an issuer in namespaces, without a collector",
        &[
            "--set",
            "watchNamespaces={shop},collector.enabled=false,certificates.mode=CertManager,rbac.pushSecrets={*}",
            "--set",
            "certificates.certManager.issuerRef.name=house,certificates.certManager.issuerRef.kind=ClusterIssuer",
            "--set",
            "monitoring.serviceMonitor.enabled=true,monitoring.podMonitor.enabled=true",
        ],
    ),
    (
        "placement",
        &[
            "--set",
            "operator.nodeSelector.role=platform,operator.priorityClassName=system-cluster-critical",
            "--set-json",
            r#"operator.tolerations=[{"key":"platform","operator":"Exists"}]"#,
            "--set-json",
            r#"operator.topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{}}]"#,
            "--set-json",
            r#"operator.affinity={"nodeAffinity":{}}"#,
            "--set-json",
            r#"operator.extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]"#,
            "--set",
            "operator.podLabels.team=growth,operator.podAnnotations.note=x,operator.serviceAccount.annotations.note=x",
            "--set",
            "collector.podLabels.team=growth,collector.podAnnotations.note=x,collector.serviceAccount.annotations.note=x",
            "--set",
            "image.pullSecrets[0].name=registry",
        ],
    ),
    (
        "names and storage",
        &[
            "--set",
            "fullnameOverride=personalization,collector.storage.ephemeral=true",
            "--set",
            "operator.podDisruptionBudget.minAvailable=50%",
        ],
    ),
];

pub(crate) async fn lints_with_every_switch(_: &ControlPlane, helm: &Helm) -> Result<()> {
    for (name, values) in VALUES {
        let args = [&["lint", "CHART", "--strict", "-n", NAMESPACE], values].concat();
        let outcome = helm.run(&args).await?.succeeded();
        outcome.with_context(|| format!("with {name}"))?;
    }
    Ok(())
}

/// Stricter than any schema: the rules of the API server are applied as well, and restricted Pod Security warns.
pub(crate) async fn a_server_takes_all_of_it(cluster: &ControlPlane, helm: &Helm) -> Result<()> {
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
    ];
    for (name, values) in VALUES {
        let manifest = helm.template(values).await?;
        let outcome = cluster
            .kubectl_with_input(&apply, &manifest)
            .await?
            .without_complaint();
        outcome.with_context(|| format!("with {name}"))?;
    }
    Ok(())
}

pub(crate) async fn conforms_to_the_servers_schemas(cluster: &ControlPlane, helm: &Helm) -> Result<()> {
    let directory = tempfile::tempdir()?;
    schemas::write(cluster, directory.path()).await?;
    for (name, values) in VALUES {
        let (success, said) = conform(directory.path(), &helm.template(values).await?).await?;
        ensure!(success, "with {name}:\n{said}");
    }
    let example = repository().join("examples/strategy/strategy.yaml");
    let (success, said) = conform(directory.path(), &std::fs::read_to_string(example)?).await?;
    ensure!(success, "the example:\n{said}");
    Ok(())
}

pub(crate) async fn a_misspelt_object_does_not_conform(cluster: &ControlPlane, helm: &Helm) -> Result<()> {
    let directory = tempfile::tempdir()?;
    schemas::write(cluster, directory.path()).await?;
    let manifest = helm.template(&[]).await?;
    let misspelt = manifest.replace("terminationGracePeriodSeconds", "terminationGraceSeconds");
    let (success, said) = conform(directory.path(), &misspelt).await?;
    ensure!(
        !success && said.contains("terminationGraceSeconds"),
        "it said:\n{said}"
    );
    Ok(())
}

/// Whether kubeconform takes a manifest, and what it says.
async fn conform(schemas: &Path, manifest: &str) -> Result<(bool, String)> {
    let location = format!(
        "{}/{{{{.Group}}}}_{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json",
        schemas.display()
    );
    let mut child = Command::new(Tools::from_env()?.program("kubeconform"))
        .args(["-strict", "-summary", "-schema-location", &location, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start kubeconform")?;
    let mut stdin = child.stdin.take().context("take the input of kubeconform")?;
    let feed = async {
        // It reads all of it, or ends with an error that says more than a broken pipe.
        let _ = stdin.write_all(manifest.as_bytes()).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    let output = output.context("wait for kubeconform")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

pub(crate) async fn images_are_named_as_asked(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let digest = format!("sha256:{}", "a".repeat(64));
    let by_digest = format!("image.digest={digest}");
    let cases: [(&[&str], &str, &str); 5] = [
        (&[], "attune:0.1.0", "attune:0.1.0"),
        (
            &["--set", "image.repository=house/attune,image.tag=1.2.3"],
            "house/attune:1.2.3",
            "house/attune:1.2.3",
        ),
        (
            &["--set", &by_digest],
            &format!("attune@{digest}"),
            &format!("attune@{digest}"),
        ),
        (
            &["--set", &by_digest, "--set", "decider.image.tag=2.0.0"],
            &format!("attune@{digest}"),
            "attune:2.0.0",
        ),
        (
            &["--set", "image.tag=1.0.0,decider.image.repository=edge/attune"],
            "attune:1.0.0",
            "edge/attune:0.1.0",
        ),
    ];
    for (values, operator, decider) in cases {
        let objects = helm.objects(values).await?;
        let deployment = find(&objects, "Deployment", "attune-operator")?;
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        ensure!(
            container["image"] == operator,
            "{values:?}: {}",
            container["image"]
        );
        let found = environment(container, "ATTUNE_DECIDER_IMAGE")?;
        ensure!(found == decider, "{values:?}: {found}");
    }
    Ok(())
}

pub(crate) async fn webhooks_see_the_watched_namespaces_only(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let objects = helm.objects(&["--set", "watchNamespaces={shop,blog}"]).await?;
    let watched = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "blog"]});
    for webhook in webhooks(&objects)? {
        let selector = webhook["namespaceSelector"]["matchExpressions"].as_array();
        ensure!(
            selector.is_some_and(|expressions| expressions.contains(&watched)),
            "{webhook:#}"
        );
    }
    let deployment = find(&objects, "Deployment", "attune-operator")?;
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    ensure!(environment(container, "ATTUNE_WATCH_NAMESPACES")? == "shop,blog");
    Ok(())
}

/// A certificate in the manifest would be put back by every upgrade.
pub(crate) async fn webhooks_fail_open_and_have_no_ca(_: &ControlPlane, helm: &Helm) -> Result<()> {
    for webhook in webhooks(&helm.objects(&[]).await?)? {
        ensure!(webhook["failurePolicy"] == "Ignore", "{webhook:#}");
        ensure!(webhook["sideEffects"] == "None", "{webhook:#}");
        ensure!(webhook["clientConfig"].get("caBundle").is_none(), "{webhook:#}");
        ensure!(
            webhook["timeoutSeconds"]
                .as_u64()
                .is_some_and(|seconds| seconds <= 5),
            "{webhook:#}"
        );
    }
    Ok(())
}

fn webhooks(objects: &[DynamicObject]) -> Result<Vec<Value>> {
    let mut webhooks = Vec::new();
    for kind in ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"] {
        let configuration = find(objects, kind, "attune")?;
        let list = configuration["webhooks"].as_array().context("it has webhooks")?;
        webhooks.extend(list.iter().cloned());
    }
    ensure!(webhooks.len() == 3, "{} webhooks", webhooks.len());
    Ok(webhooks)
}

/// The object of that kind and name.
pub(crate) fn find<'a>(objects: &'a [DynamicObject], kind: &str, name: &str) -> Result<&'a Value> {
    let is_it = |object: &&DynamicObject| {
        object.types.as_ref().is_some_and(|types| types.kind == kind) && object.name_any() == name
    };
    let found = objects.iter().find(is_it);
    Ok(&found
        .with_context(|| format!("no {kind} {name} is rendered"))?
        .data)
}

/// A variable of a container.
fn environment<'a>(container: &'a Value, name: &str) -> Result<&'a str> {
    let variables = container["env"].as_array().context("it has an environment")?;
    let variable = variables.iter().find(|variable| variable["name"] == name);
    variable
        .and_then(|variable| variable["value"].as_str())
        .with_context(|| format!("{name} is not set"))
}
