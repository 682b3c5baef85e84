//! Deciders beside pods.

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, condition};
use serde_json::Value;

use crate::installed::{Installed, PATIENCE, counts, strategy};

/// A Deployment whose pods ask for a decider of the Channel `web`.
fn shop(image: &str, replicas: u32) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: shop}}}}
  template:
    metadata:
      labels: {{app: shop, attune.dev/inject: "true"}}
      annotations: {{attune.dev/channel: web}}
    spec:
      terminationGracePeriodSeconds: 5
      securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
      - name: shop
        image: {image}
        imagePullPolicy: Never
        command: [/probe, sleep]
        securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
"#
    )
}

/// What the decider beside a pod's container answers for the hero of a gold member.
async fn decide(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Value> {
    let context = r#"{"context":{"targetingKey":"u-1","user":{"tier":"gold"},"consent":{"personalization":"Explicit"}}}"#;
    let url = "http://127.0.0.1:8016/ofrep/v1/evaluate/flags/home-hero";
    let outcome = cluster
        .exec(namespace, pod, "shop", &["/probe", "get", url, "--data", context])
        .await?
        .without_complaint()?;
    serde_json::from_str(&outcome.stdout).with_context(|| outcome.stdout.clone())
}

pub(crate) async fn a_deployment_gets_deciders_that_are_counted(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "NoDeciders"))
        .await?;
    cluster.apply(&namespace, &shop(cluster.probe_image(), 2)).await?;
    cluster
        .wait_rollout(&namespace, "deployment/shop", PATIENCE)
        .await?;
    let status = counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    for pod in cluster.pods(&namespace, "app=shop").await? {
        let answer = decide(cluster, &namespace, &pod).await?;
        println!("{answer:#}");
    }
    Ok(())
}
