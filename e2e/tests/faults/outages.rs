//! The API server and its database go away and come back.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Component, wait_until};

use crate::length::seconds;
use crate::operator::Operator;
use crate::standing::{Decider, SOON, Standing};

pub(crate) async fn no_decision_fails_while_the_api_server_is_down(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    outlives(cluster, standing, Component::ApiServer, seconds(10, 120)).await
}

pub(crate) async fn no_decision_fails_while_etcd_is_down(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    outlives(cluster, standing, Component::Etcd, seconds(3, 60)).await
}

/// Decisions go on, and afterwards an edit is served by the same processes as before.
async fn outlives(
    cluster: &Cluster,
    standing: &Standing,
    component: Component,
    length: Duration,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let (restarts, before) = (operator.restarts().await?, standing.traffic.counts().await?);
    let control_plane = cluster.control_plane();
    control_plane.kill(component).await?;
    tokio::time::sleep(length).await;
    control_plane.start_again(component).await?;
    let mut shop = standing.shop(cluster)?;
    let headline = format!("After {component:?} was down");
    shop.rewrite(&headline).await?;
    let decision = shop.says(cluster, "shop", &headline).await?;
    shop.acknowledges(&decision).await?;
    standing.traffic.has_not_failed_since(&before).await?;
    // A watch that waits for ever, or a probe that asks too much, would have shown here.
    let after = operator.restarts().await?;
    ensure!(after == restarts, "restarts were {restarts:?} and are {after:?}");
    operator.is_ready().await
}

/// Frozen replicas come back to an API server that has forgotten what they have not seen: it answers 410, and they list.
pub(crate) async fn what_changed_behind_an_expired_watch_is_picked_up(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let before = standing.traffic.counts().await?;
    let failures = "attune_operator_watch_failures_total";
    let known = operator.metric(failures).await?;
    let containers = operator.containers().await?;
    for container in &containers {
        cluster.freeze_container(container).await?;
    }
    let changed = change_behind_frozen_replicas(cluster, standing).await;
    for container in &containers {
        cluster.thaw_container(container).await?;
    }
    let shop = changed?;
    shop.says(cluster, "shop", "Changed behind an expired watch")
        .await?;
    wait_until("what was deleted is withdrawn", SOON, async || {
        ensure!(
            shop.strategy.bundle("email").await?.is_none(),
            "its ConfigMap is there"
        );
        Ok(())
    })
    .await?;
    let failed = operator.metric(failures).await?;
    ensure!(failed > known, "no watch failed: {failed} as before");
    let mut expired = 0;
    for pod in operator.pods().await? {
        let log = cluster
            .logs(attune_e2e::release::SYSTEM, &pod, "operator")
            .await?;
        expired += log
            .lines()
            .filter(|line| line.contains("too old resource version"))
            .count();
    }
    ensure!(expired > 0, "no watch had expired");
    shop.strategy.apply_one("Channel", "email").await?;
    wait_until("it is published again", SOON, async || {
        shop.strategy
            .bundle("email")
            .await?
            .context("there is no ConfigMap")
            .map(drop)
    })
    .await?;
    standing.traffic.has_not_failed_since(&before).await?;
    operator.is_ready().await
}

async fn change_behind_frozen_replicas(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<crate::standing::Shop> {
    let control_plane = cluster.control_plane();
    control_plane.kill(Component::ApiServer).await?;
    control_plane.start_again(Component::ApiServer).await?;
    let mut shop = standing.shop(cluster)?;
    shop.rewrite("Changed behind an expired watch").await?;
    shop.strategy.delete("Channel", "email").await?;
    // What the API server has seen before its start is not in its memory, and now it has seen more.
    control_plane.kill(Component::ApiServer).await?;
    control_plane.start_again(Component::ApiServer).await?;
    Ok(shop)
}

/// The kubelet starts containers again without the API server; what they find is the disk.
pub(crate) async fn a_restarted_pod_decides_while_the_operator_and_the_api_server_are_down(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let namespace = &standing.shop.namespace;
    let decider = Decider(cluster.pod_ip(namespace, "shop").await?);
    let sidecar = cluster.container_id(namespace, "shop", "attune-decider").await?;
    let (replicas, restarts) = (operator.containers().await?, operator.restarts().await?);
    let control_plane = cluster.control_plane();
    control_plane.kill(Component::ApiServer).await?;
    let without = async {
        for replica in &replicas {
            cluster.kill_container(replica).await?;
        }
        cluster.kill_container(&sidecar).await?;
        decider.decides_by("disk").await?;
        let before = standing.traffic.counts().await?;
        tokio::time::sleep(seconds(3, 60)).await;
        standing.traffic.has_not_failed_since(&before).await
    };
    let without = without.await;
    control_plane.start_again(Component::ApiServer).await?;
    without?;
    operator.is_ready().await?;
    // Each was killed once, and waited for the API server instead of ending. The kubelet says so when it comes to it.
    wait_until("each replica has started again once", SOON, async || {
        let after = operator.restarts().await?;
        for (pod, count) in &restarts {
            ensure!(
                after.get(pod) == Some(&(count + 1)),
                "restarts were {restarts:?} and are {after:?}"
            );
        }
        Ok(())
    })
    .await?;
    let mut shop = standing.shop(cluster)?;
    shop.rewrite("After everything was down").await?;
    shop.says(cluster, "shop", "After everything was down").await?;
    decider.decides_by("operator").await
}
