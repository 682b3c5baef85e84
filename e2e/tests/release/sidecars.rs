//! Deciders beside pods.

use anyhow::{Result, ensure};
use attune_e2e::release::{Installed, PATIENCE, counts, decide, shop, strategy};
use attune_e2e::{Cluster, condition};

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
