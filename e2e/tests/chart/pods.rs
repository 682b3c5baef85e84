//! What the chart's pods may do on a node.

use anyhow::{Context, Result, bail, ensure};
use attune_e2e::ControlPlane;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::helm::Helm;
use crate::rendered::{VALUES, find};

/// Lets only restricted pods into a namespace, and warns of others wherever they are described.
pub(crate) async fn restrict(cluster: &ControlPlane, namespace: &str) -> Result<()> {
    let label = [
        "label",
        "namespace",
        namespace,
        "pod-security.kubernetes.io/enforce=restricted",
        "pod-security.kubernetes.io/warn=restricted",
    ];
    cluster.kubectl(&label).await?.without_complaint()?;
    Ok(())
}

/// Each pod template of each rendering, as a pod of its own: the server refuses one that is not restricted.
pub(crate) async fn are_restricted(cluster: &ControlPlane, helm: &Helm) -> Result<()> {
    for (name, values) in VALUES {
        let templates = templates(&helm.objects(values).await?)?;
        ensure!(!templates.is_empty(), "{name}: no pod at all");
        for (owner, pod) in templates {
            let said = admit(cluster, &pod).await?;
            ensure!(said.is_empty(), "{name}: {owner}: {said}");
            ensure_careful(&pod["spec"]).with_context(|| format!("{name}: {owner}"))?;
        }
    }
    Ok(())
}

/// The check above can fail.
pub(crate) async fn a_careless_one_would_be_seen(cluster: &ControlPlane, helm: &Helm) -> Result<()> {
    let mut templates = templates(&helm.objects(&[]).await?)?;
    let (owner, mut pod) = templates.pop().context("there is a pod")?;
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let said = admit(cluster, &pod).await?;
    ensure!(said.contains("violates PodSecurity"), "{owner}: {said}");
    Ok(())
}

/// The operator and the collector talk to the API server; nothing else does. No account gives a token unasked.
pub(crate) async fn mount_tokens_only_where_needed(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let objects = helm.objects(&[]).await?;
    for part in ["operator", "collector"] {
        let account = find(&objects, "ServiceAccount", &format!("attune-{part}"))?;
        ensure!(
            account["automountServiceAccountToken"] == false,
            "{part}: {account}"
        );
    }
    let test = find(&objects, "Pod", "attune-test")?;
    ensure!(
        test["spec"]["automountServiceAccountToken"] == false,
        "the test's pod has a token"
    );
    let deployment = find(&objects, "Deployment", "attune-operator")?;
    let token = &deployment["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"][0];
    ensure!(
        token["serviceAccountToken"]["audience"] == "attune.dev",
        "{token}"
    );
    Ok(())
}

/// What restricted Pod Security does not ask for and the house does.
fn ensure_careful(spec: &Value) -> Result<()> {
    ensure!(spec["enableServiceLinks"] == false, "service links");
    for container in spec["containers"].as_array().context("it has containers")? {
        let security = &container["securityContext"];
        ensure!(
            security["readOnlyRootFilesystem"] == true,
            "a root that can be written"
        );
        ensure!(
            container["resources"]["requests"]["memory"].is_string(),
            "no request"
        );
        ensure!(container["resources"]["limits"]["memory"].is_string(), "no limit");
    }
    Ok(())
}

/// What the server says against a pod.
async fn admit(cluster: &ControlPlane, pod: &Value) -> Result<String> {
    let create = ["create", "--dry-run=server", "-n", crate::NAMESPACE, "-f", "-"];
    let outcome = cluster.kubectl_with_input(&create, &pod.to_string()).await?;
    Ok(outcome.stderr)
}

/// The pods that a rendering leads to, with the object that does.
fn templates(objects: &[DynamicObject]) -> Result<Vec<(String, Value)>> {
    let mut pods = Vec::new();
    for object in objects {
        let kind = object.types.as_ref().map_or("", |types| types.kind.as_str());
        let spec = match kind {
            "Deployment" | "StatefulSet" => object.data["spec"]["template"]["spec"].clone(),
            "Pod" => object.data["spec"].clone(),
            "DaemonSet" | "Job" | "CronJob" | "ReplicaSet" => {
                bail!("the tests do not know the pods of a {kind}")
            }
            _ => continue,
        };
        let mut spec = spec;
        // Which account it has is not the question, and not every rendering is installed.
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("serviceAccountName");
        }
        // What a StatefulSet claims its controller mounts; here an empty directory stands for it.
        if let Some(volumes) = spec["volumes"].as_array_mut()
            && object.data["spec"]["volumeClaimTemplates"].is_array()
        {
            volumes.push(json!({"name": "events", "emptyDir": {}}));
        }
        let owner = format!("{kind} {}", object.name_any());
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "candidate"}, "spec": spec});
        pods.push((owner, pod));
    }
    Ok(pods)
}
