//! Channels that are asked as a Service.

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, condition, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};

use crate::apps::{App, documents};
use crate::asking::decide_behind;
use crate::installed::{Installed, PATIENCE, counts, deliver, leave, strategy};

/// Everything that may stand for a Channel.
const KINDS: [&str; 5] = [
    "deployment",
    "service",
    "horizontalpodautoscaler",
    "poddisruptionbudget",
    "networkpolicy",
];

/// What stands under a name, by kind.
async fn standing(cluster: &Cluster, namespace: &str, name: &str) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for kind in KINDS {
        let args = [
            "-n",
            namespace,
            "get",
            kind,
            name,
            "--ignore-not-found",
            "-o",
            "name",
        ];
        let outcome = cluster.control_plane().kubectl(&args).await?.succeeded()?;
        if !outcome.stdout.is_empty() {
            found.push(kind);
        }
    }
    Ok(found)
}

async fn stands(cluster: &Cluster, namespace: &str, expected: &[&str]) -> Result<()> {
    wait_until("what stands for the Channel is as wanted", PATIENCE, async || {
        let found = standing(cluster, namespace, "attune-web").await?;
        ensure!(found == expected, "{found:?} instead of {expected:?}");
        Ok(())
    })
    .await
}

async fn deployment(cluster: &Cluster, namespace: &str) -> Result<Deployment> {
    let api: Api<Deployment> = Api::namespaced(cluster.control_plane().client(), namespace);
    api.get("attune-web").await.context("get the deployment")
}

async fn replicas(cluster: &Cluster, namespace: &str) -> Result<Option<i32>> {
    let deployment = deployment(cluster, namespace).await?;
    Ok(deployment.spec.and_then(|spec| spec.replicas))
}

pub(crate) async fn redeliver(strategy: &mut Strategy, delivery: Value) -> Result<()> {
    deliver(strategy, "web", delivery)?;
    strategy.apply_one("Channel", "web").await
}

async fn kubectl(cluster: &Cluster, namespace: &str, args: &[&str]) -> Result<()> {
    let args = [&["-n", namespace], args].concat();
    cluster.control_plane().kubectl(&args).await?.succeeded()?;
    Ok(())
}

pub(crate) async fn a_channel_is_asked_as_a_service_and_put_back(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut strategy = strategy(cluster, &namespace).await?;
    let shop = App::new(cluster).pod("shop");
    cluster.apply(&namespace, &documents(&[shop, foreign()])).await?;
    redeliver(&mut strategy, json!({"service": {"replicas": 2}})).await?;
    let status = counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    ensure!(condition(&status, "Ready")?.status == "True", "{status:#}");
    let four = ["deployment", "service", "poddisruptionbudget", "networkpolicy"];
    stands(cluster, &namespace, &four).await?;

    let endpoint = status["endpoint"]
        .as_str()
        .with_context(|| format!("{status:#}"))?;
    let url = format!("{endpoint}/ofrep/v1/evaluate/flags/home-hero");
    cluster.wait_pod_ready(&namespace, "shop", PATIENCE).await?;
    let decision = decide_behind(cluster, &namespace, "shop", &url).await?;
    decision.ensure_loyal()?;
    ensure!(
        status["revision"] == decision.revision,
        "{decision:?}; {status:#}"
    );

    drift_is_put_back(cluster, &namespace).await?;
    counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    // The name stands for another address now, which is told on within the name server's time to live.
    decide_behind(cluster, &namespace, "shop", &url)
        .await?
        .ensure_loyal()?;

    // Back again: what is not ours stays, whatever it is called.
    redeliver(&mut strategy, json!({"sidecar": {}})).await?;
    stands(cluster, &namespace, &[]).await?;
    let status = counts(&strategy, "web", [0, 0, 0, 0, 0]).await?;
    ensure!(status["endpoint"] == "http://127.0.0.1:8016", "{status:#}");
    let left = standing(cluster, &namespace, "attune-guests").await?;
    ensure!(left == ["networkpolicy"], "{left:?}");
    leave(cluster, &namespace).await
}

/// A policy with our labels on it that somebody else wrote.
fn foreign() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": "attune-guests",
            "labels": {
                "app.kubernetes.io/managed-by": "attune",
                "attune.dev/owner-kind": "channel",
                "attune.dev/owner-name": "web",
            },
        },
        "spec": {"podSelector": {}, "ingress": [{}]},
    })
}

async fn drift_is_put_back(cluster: &Cluster, namespace: &str) -> Result<()> {
    let scale = ["scale", "deployment/attune-web", "--replicas=1"];
    kubectl(cluster, namespace, &scale).await?;
    let image = [
        "set",
        "image",
        "deployment/attune-web",
        "attune-decider=elsewhere:1",
    ];
    kubectl(cluster, namespace, &image).await?;
    let open = r#"{"spec":{"ingress":[{}]}}"#;
    let open = ["patch", "networkpolicy/attune-web", "--type=merge", "-p", open];
    kubectl(cluster, namespace, &open).await?;
    kubectl(cluster, namespace, &["delete", "service/attune-web"]).await?;
    wait_until("the drift is put back", PATIENCE, async || {
        let spec = deployment(cluster, namespace).await?.spec.unwrap_or_default();
        let image = spec
            .template
            .spec
            .and_then(|pod| pod.containers.into_iter().next()?.image);
        ensure!(
            (spec.replicas, image.as_deref()) == (Some(2), Some(cluster.image())),
            "{:?} of {image:?}",
            spec.replicas
        );
        let policy = ["-n", namespace, "get", "networkpolicy/attune-web", "-o"];
        let policy = [&policy[..], &["jsonpath={.spec.ingress[*].ports[*].port}"]].concat();
        let policy = cluster.control_plane().kubectl(&policy).await?.succeeded()?;
        ensure!(!policy.stdout.is_empty(), "the policy lets everybody in");
        let found = standing(cluster, namespace, "attune-web").await?;
        ensure!(found.contains(&"service"), "{found:?}");
        Ok(())
    })
    .await
}

pub(crate) async fn replicas_under_an_autoscaler_are_not_fought_over(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut strategy = strategy(cluster, &namespace).await?;
    redeliver(&mut strategy, json!({"service": {"replicas": 2}})).await?;
    counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    let uid = deployment(cluster, &namespace).await?.metadata.uid;
    let scaled = json!({"service": {"replicas": 2, "autoscaling": {"maxReplicas": 4}}});
    redeliver(&mut strategy, scaled).await?;
    stands(cluster, &namespace, &KINDS).await?;
    let now = deployment(cluster, &namespace).await?;
    ensure!(now.metadata.uid == uid, "it is another one");
    let count = replicas(cluster, &namespace).await?;
    ensure!(
        count == Some(2),
        "handed over to the autoscaler, there are {count:?} replicas"
    );

    // As an autoscaler would.
    let scale = ["scale", "deployment/attune-web", "--replicas=3"];
    kubectl(cluster, &namespace, &scale).await?;
    counts(&strategy, "web", [3, 3, 3, 0, 0]).await?;
    // Drift elsewhere makes us write; the figure stays.
    let image = [
        "set",
        "image",
        "deployment/attune-web",
        "attune-decider=elsewhere:1",
    ];
    kubectl(cluster, &namespace, &image).await?;
    wait_until("the image is put back", PATIENCE, async || {
        let spec = deployment(cluster, &namespace).await?.spec.unwrap_or_default();
        let containers = spec.template.spec.unwrap_or_default().containers;
        let image = containers
            .first()
            .and_then(|container| container.image.as_deref());
        ensure!(image == Some(cluster.image()), "{image:?}");
        Ok(())
    })
    .await?;
    let count = replicas(cluster, &namespace).await?;
    ensure!(count == Some(3), "there are {count:?} replicas");
    leave(cluster, &namespace).await
}
