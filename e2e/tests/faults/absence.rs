//! Pods that start while no operator runs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::{PATIENCE, counts};
use attune_e2e::{Cluster, condition, wait_until};
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;

use crate::disks::{decider_of, injected};
use crate::operator::Operator;
use crate::standing::{Decider, Shop, Standing, asking, is_injected};

/// How soon a pod without a decider is named once an operator is back.
const NAMED: Duration = Duration::from_mins(1);

/// Two pods: one was admitted before the operator went and starts after; one comes while nobody answers webhooks.
pub(crate) async fn pods_start_while_no_operator_runs_and_bare_ones_are_named_when_it_returns(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let namespace = &standing.shop.namespace;
    let mut gated = asking(cluster, "gated", false);
    gated["spec"]["schedulingGates"] = json!([{"name": "attune.test/hold"}]);
    cluster.apply(namespace, &gated.to_string()).await?;
    let before = standing.traffic.counts().await?;
    operator.stop().await?;
    let without = without_operator(cluster, standing).await;
    operator.start().await?;
    let named = match without {
        Ok(()) => bare_is_named(cluster, standing).await,
        Err(error) => Err(error),
    };
    // Other tests count what is in this namespace.
    let delete = [
        "--namespace",
        namespace,
        "delete",
        "pods",
        "gated",
        "bare",
        "--ignore-not-found",
    ];
    cluster.control_plane().kubectl(&delete).await?.succeeded()?;
    named?;
    standing.traffic.has_not_failed_since(&before).await?;
    // Deciders that missed the operator for long ask again every ten seconds.
    wait_until("every decider has called again", NAMED, async || {
        let status = standing.shop.strategy.status("Channel", "web").await?;
        let converged = condition(&status, "Converged")?;
        ensure!(converged.status == "True", "{converged:?}");
        Ok(())
    })
    .await
}

async fn without_operator(cluster: &Cluster, standing: &Standing) -> Result<()> {
    let namespace = &standing.shop.namespace;
    cluster
        .apply(namespace, &asking(cluster, "bare", false).to_string())
        .await?;
    let ungate = json!([{"op": "remove", "path": "/spec/schedulingGates"}]).to_string();
    let patch = [
        "--namespace",
        namespace,
        "patch",
        "pod",
        "gated",
        "--type=json",
        "--patch",
        &ungate,
    ];
    cluster.control_plane().kubectl(&patch).await?.succeeded()?;
    let bare = cluster.wait_pod_ready(namespace, "bare", PATIENCE).await?;
    ensure!(!is_injected(&serde_json::to_value(&bare)?), "who injected it?");

    let gated = cluster.wait_pod_ready(namespace, "gated", PATIENCE).await?;
    ensure!(is_injected(&serde_json::to_value(&gated)?), "nobody injected it");
    Decider(cluster.pod_ip(namespace, "gated").await?)
        .decides_by("fallback")
        .await?;
    let decision = standing.shop.decide(cluster, "gated").await?;
    ensure!(decision["variant"] == "hero/loyal", "{decision}");
    Ok(())
}

async fn bare_is_named(cluster: &Cluster, standing: &Standing) -> Result<()> {
    let Standing { shop, .. } = standing;
    wait_until("the pod is named on the Channel", NAMED, async || {
        let status = shop.strategy.status("Channel", "web").await?;
        let converged = condition(&status, "Converged")?;
        ensure!(
            (converged.status.as_str(), converged.reason.as_str()) == ("False", "DecidersMissing")
                && converged.message.contains("`bare`"),
            "{converged:?}"
        );
        Ok(())
    })
    .await?;
    let events: Api<Event> = Api::namespaced(cluster.control_plane().client(), &shop.namespace);
    wait_until("an Event is on the pod", NAMED, async || {
        let of_pod = ListParams::default().fields("involvedObject.kind=Pod,involvedObject.name=bare");
        let found = events.list(&of_pod).await?;
        let mut reasons = found.items.iter().filter_map(|event| event.reason.as_deref());
        reasons
            .find(|reason| *reason == "DecidersMissing")
            .with_context(|| format!("among {}", found.items.len()))
            .map(drop)
    })
    .await
}

/// A decider that reaches neither the operator nor a ConfigMap with rules.
pub(crate) async fn without_any_rules_the_startup_gate_ends_and_the_decider_counts_as_missing(
    cluster: &Cluster,
    _: &Standing,
) -> Result<()> {
    let shop = Shop::new(cluster, "2s").await?;
    shop.strategy.apply().await?;
    shop.programmed().await?;
    let mut pod = injected(cluster, &shop, "shop").await?;
    let variables = decider_of(&mut pod)?["env"]
        .as_array_mut()
        .context("an environment")?;
    variables.retain(|variable| variable["name"] != "ATTUNE_FALLBACK");
    let operator = variables
        .iter_mut()
        .find(|variable| variable["name"] == "ATTUNE_OPERATOR");
    operator.context("where the operator is")?["value"] = json!("https://127.0.0.1:1");
    cluster.apply(&shop.namespace, &pod.to_string()).await?;
    cluster.wait_pod_ready(&shop.namespace, "shop", PATIENCE).await?;
    let decision = shop.decide(cluster, "shop").await?;
    ensure!(
        decision.get("value").is_none() && decision["metadata"]["attune.reason"] == "NO_BUNDLE",
        "{decision}"
    );
    let decider = Decider(cluster.pod_ip(&shop.namespace, "shop").await?);
    for metric in [
        "attune_decider_startup_timeouts_total",
        "attune_decider_requests_without_bundle_total",
    ] {
        ensure!(decider.metric(metric).await? == 1, "{metric}");
    }
    let status = counts(&shop.strategy, "web", [1, 1, 0, 0, 1]).await?;
    let converged = condition(&status, "Converged")?;
    ensure!(converged.status == "False", "{converged:?}");
    Ok(())
}
