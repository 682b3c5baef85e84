//! Deciders whose disk is full or damaged, and whose clock is off.

use anyhow::{Context, Result, ensure};
use attune_e2e::release::{PATIENCE, counts};
use attune_e2e::{Cluster, wait_until};
use serde_json::{Value, json};

use crate::standing::{Decider, SOON, Shop, Standing, asking, is_injected};

/// Where a decider keeps its rules.
const DATA: &str = "/var/lib/attune";

/// A pod as the webhook makes it, to be changed before it is created.
pub(crate) async fn injected(cluster: &Cluster, shop: &Shop, name: &str) -> Result<Value> {
    let create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let create = [&["--namespace", &shop.namespace][..], &create].concat();
    let wanted = asking(cluster, name, false).to_string();
    let created = cluster
        .control_plane()
        .kubectl_with_input(&create, &wanted)
        .await?
        .succeeded()?;
    let mut pod: Value = serde_json::from_str(&created.stdout)?;
    ensure!(is_injected(&pod), "{pod:#}");
    pod["metadata"] = json!({
        "name": name,
        "labels": pod["metadata"]["labels"],
        "annotations": pod["metadata"]["annotations"],
    });
    Ok(pod)
}

/// Its decider's container.
pub(crate) fn decider_of(pod: &mut Value) -> Result<&mut Value> {
    let sidecars = pod["spec"]["initContainers"].as_array_mut();
    let mut sidecars = sidecars.context("a pod with a decider")?.iter_mut();
    sidecars
        .find(|one| one["name"] == "attune-decider")
        .context("a decider")
}

pub(crate) async fn a_full_disk_and_a_damaged_file_stop_no_decision(
    cluster: &Cluster,
    _: &Standing,
) -> Result<()> {
    let shop = Shop::new(cluster, "20s").await?;
    shop.strategy.apply().await?;
    shop.programmed().await?;
    let pod = with_full_disk(injected(cluster, &shop, "shop").await?)?;
    cluster.apply(&shop.namespace, &pod.to_string()).await?;
    cluster.wait_pod_ready(&shop.namespace, "shop", PATIENCE).await?;
    let decider = Decider(cluster.pod_ip(&shop.namespace, "shop").await?);
    shop.says(cluster, "shop", "Early access for you").await?;
    let failures =
        |operation: &str| format!("attune_decider_store_failures_total{{operation=\"{operation}\"}}");
    let saves = decider.metric(&failures("save")).await?;
    ensure!(saves >= 1, "nothing failed: the disk is not full");

    // There is room again.
    let run = async |command: &[&str]| cluster.exec(&shop.namespace, "shop", "shop", command).await;
    run(&["/probe", "write", &format!("{DATA}/zeros"), ""])
        .await?
        .succeeded()?;
    let file = format!("{}.web.bundle", shop.namespace);
    let path = format!("{DATA}/{file}");
    let kept = wait_until("the rules are kept", SOON, async || {
        run(&["/probe", "read", &path]).await?.succeeded()
    })
    .await?;
    ensure!(kept.stdout.starts_with("attune-bundle "), "{kept:?}");

    // As a disk gone bad would leave it.
    run(&["/probe", "write", &path, "attune-bundle 0\n{}"])
        .await?
        .succeeded()?;
    let container = cluster
        .container_id(&shop.namespace, "shop", "attune-decider")
        .await?;
    cluster.kill_container(&container).await?;
    wait_until("the damaged file is counted", SOON, async || {
        let loads = decider.metric(&failures("load")).await?;
        ensure!(loads >= 1, "{loads}");
        Ok(())
    })
    .await?;
    shop.says(cluster, "shop", "Early access for you").await?;
    wait_until("the damaged file is replaced", SOON, async || {
        let now = run(&["/probe", "read", &path]).await?.succeeded()?;
        ensure!(now.stdout == kept.stdout, "it is still damaged");
        Ok(())
    })
    .await?;
    counts(&shop.strategy, "web", [1, 1, 1, 0, 0]).await.map(drop)
}

/// Its data is in a small memory that is full before the decider starts.
fn with_full_disk(mut pod: Value) -> Result<Value> {
    let mount = json!({"name": "attune-data", "mountPath": DATA});
    let volumes = pod["spec"]["volumes"].as_array_mut().context("volumes")?;
    let data = volumes.iter_mut().find(|volume| volume["name"] == "attune-data");
    data.context("the decider's volume")?["emptyDir"] = json!({"medium": "Memory", "sizeLimit": "1Mi"});
    let shop = &mut pod["spec"]["containers"][0];
    shop["volumeMounts"] = json!([mount]);
    let mut fill = shop.clone();
    fill["name"] = json!("fill");
    fill["command"] = json!(["/probe", "fill", format!("{DATA}/zeros")]);
    let first = pod["spec"]["initContainers"]
        .as_array_mut()
        .context("containers")?;
    first.insert(0, fill);
    Ok(pod)
}

pub(crate) async fn deciders_ten_minutes_apart_follow_their_operator(
    cluster: &Cluster,
    _: &Standing,
) -> Result<()> {
    let mut shop = Shop::new(cluster, "20s").await?;
    shop.strategy.apply().await?;
    shop.programmed().await?;
    for (name, offset) in [("fast", "300s"), ("slow", "-300s")] {
        let mut pod = injected(cluster, &shop, name).await?;
        let variables = decider_of(&mut pod)?["env"]
            .as_array_mut()
            .context("an environment")?;
        variables.push(json!({"name": "ATTUNE_CLOCK_OFFSET", "value": offset}));
        cluster.apply(&shop.namespace, &pod.to_string()).await?;
    }
    shop.rewrite("Ten minutes apart").await?;
    for name in ["fast", "slow"] {
        cluster.wait_pod_ready(&shop.namespace, name, PATIENCE).await?;
        shop.says(cluster, name, "Ten minutes apart").await?;
    }
    counts(&shop.strategy, "web", [2, 2, 2, 0, 0]).await.map(drop)
}
