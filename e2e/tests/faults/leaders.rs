//! Leaders are killed, and clocks are wrong.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::Cluster;
use attune_e2e::release::{PATIENCE, SYSTEM, counts};
use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::length::{is_full, seconds};
use crate::operator::Operator;
use crate::standing::{SOON, Shop, Standing, asking, is_injected};

/// Within which another replica leads.
const HANDED_OVER: Duration = Duration::from_secs(20);

pub(crate) async fn a_killed_leader_is_followed_by_another_that_repeats_nothing(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let mut shop = standing.shop(cluster)?;
    let before = standing.traffic.counts().await?;
    let mut watch = cluster.control_plane().watch_writes().await?;
    let mark = cluster.control_plane().audit().mark()?;
    let leader = operator.leader().await?;
    let container = operator.container(&leader).await?;
    let began = Instant::now();
    cluster.kill_container(&container).await?;
    let gone = [
        "delete",
        "pod",
        &leader,
        "--grace-period=0",
        "--force",
        "--wait=false",
    ];
    operator.kubectl(&gone).await?;
    // The other replica serves while nobody leads.
    shop.rewrite("While nobody led").await?;
    let decision = shop.says(cluster, "shop", "While nobody led").await?;
    println!(
        "an edit was decided {:.1?} after the leader's death",
        began.elapsed()
    );
    let left = HANDED_OVER.saturating_sub(began.elapsed());
    let next = operator.leader_after(&leader, left).await?;
    println!("`{next}` led {:.1?} after `{leader}`", began.elapsed());
    shop.acknowledges(&decision).await?;
    counts(&shop.strategy, "web", [1, 1, 1, 0, 0]).await?;
    standing.traffic.has_not_failed_since(&before).await?;

    // Every request changed something, and none changed what had been written already.
    let effects = watch.until_quiet(Duration::from_secs(1), SOON).await?;
    let effects = effects.iter().filter(|write| {
        write.object.namespace == shop.namespace && write.manager == "attune-operator/status/status"
    });
    let mut effective: BTreeMap<String, usize> = BTreeMap::new();
    for write in effects {
        *effective.entry(write.object.name.clone()).or_default() += 1;
    }
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for request in cluster.control_plane().audit().since(mark)? {
        if request.namespace == shop.namespace && request.resource.ends_with("/status") {
            *asked.entry(request.name).or_default() += 1;
        }
    }
    ensure!(!effective.is_empty(), "nothing was written at all");
    ensure!(asked == effective, "asked for {asked:?}, changed {effective:?}");
    operator.is_ready().await
}

pub(crate) async fn a_leader_killed_while_it_publishes_leaves_nothing_half_written(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let mut shop = standing.shop(cluster)?;
    let before = standing.traffic.counts().await?;
    let rounds = if is_full() { 6 } else { 1 };
    let mut number = 0;
    for _ in 0..rounds {
        number = edit_while_the_leader_dies(cluster, &operator, &mut shop, number).await?;
        // Later restarts of a container wait for longer, and somebody has to lead to be killed.
        operator.is_ready().await?;
    }
    let last = format!("Edit {number}");
    let decision = shop.says(cluster, "shop", &last).await?;
    shop.acknowledges(&decision).await?;
    let published = published(&shop).await?;
    ensure!(
        decision["metadata"]["attune.revision"] == published.as_str(),
        "the ConfigMap has {published}, and decided was {decision}"
    );
    counts(&shop.strategy, "web", [1, 1, 1, 0, 0]).await?;
    println!("{number} edits, {rounds} leaders killed meanwhile");
    standing.traffic.has_not_failed_since(&before).await
}

/// Edits one after the other, kills whoever leads amid them, and looks at what is published all the time.
async fn edit_while_the_leader_dies(
    cluster: &Cluster,
    operator: &Operator<'_>,
    shop: &mut Shop,
    mut number: usize,
) -> Result<usize> {
    let container = operator.container(&operator.leader().await?).await?;
    let pause = Duration::from_millis(fastrand::u64(1_000..2_000));
    let (began, mut is_killed) = (Instant::now(), false);
    while began.elapsed() < Duration::from_secs(4) {
        number += 1;
        shop.rewrite(&format!("Edit {number}")).await?;
        published(shop).await?;
        if !is_killed && began.elapsed() > pause {
            cluster.kill_container(&container).await?;
            is_killed = true;
        }
    }
    ensure!(is_killed, "no edit ended in time");
    Ok(number)
}

/// The revision that a Channel's ConfigMap names, which is that of what it holds.
async fn published(shop: &Shop) -> Result<String> {
    let config_map = shop
        .strategy
        .bundle("web")
        .await?
        .context("there is no ConfigMap")?;
    let ConfigMap {
        metadata,
        binary_data,
        ..
    } = config_map;
    let packed = binary_data.unwrap_or_default().remove("bundle.json.gz");
    let packed = packed.context("it has no `bundle.json.gz`")?.0;
    let mut json = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut json)
        .context("unpack it")?;
    let mut revision = String::new();
    for byte in Sha256::digest(&json).iter().take(16) {
        write!(revision, "{byte:02x}")?;
    }
    let named = [metadata.labels, metadata.annotations].into_iter().flatten();
    let named = named.flatten().find(|(key, _)| key == "attune.dev/revision");
    let (_, named) = named.context("it names no revision")?;
    ensure!(named == revision, "it names {named} and holds {revision}");
    Ok(revision)
}

/// Two replicas beside the release's, ten minutes apart; then they are all there is.
pub(crate) async fn replicas_ten_minutes_apart_lead_in_peace_and_hand_over(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let operator = Operator::of(cluster);
    let before = standing.traffic.counts().await?;
    for (name, offset) in [
        ("attune-operator-fast", "300s"),
        ("attune-operator-slow", "-300s"),
    ] {
        let pod = replica(cluster, name, offset).await?;
        cluster.apply(SYSTEM, &pod.to_string()).await?;
    }
    for name in ["attune-operator-fast", "attune-operator-slow"] {
        cluster.wait_pod_ready(SYSTEM, name, PATIENCE).await?;
    }
    let outcome = lead_apart(cluster, standing, &operator).await;
    // The release's own are back before the last of these goes.
    operator.start().await?;
    let delete = ["delete", "pods", "attune-operator-fast", "attune-operator-slow"];
    let delete = [&delete[..], &["--ignore-not-found", "--grace-period=1", "--wait"]].concat();
    operator.kubectl(&delete).await?;
    outcome?;
    operator.is_ready().await?;
    standing.traffic.has_not_failed_since(&before).await
}

async fn lead_apart(cluster: &Cluster, standing: &Standing, operator: &Operator<'_>) -> Result<()> {
    let settled = operator.leader().await?;
    operator.scale(0).await?;
    let delete = [
        "delete",
        "pods",
        "--selector",
        "pod-template-hash,app.kubernetes.io/component=operator",
    ];
    operator
        .kubectl(&[&delete[..], &["--grace-period=1", "--wait"]].concat())
        .await?;
    let first = operator.leader_after(&settled, HANDED_OVER).await?;
    ensure!(
        first.ends_with("-fast") || first.ends_with("-slow"),
        "`{first}` leads"
    );
    let transitions = async || -> Result<Option<i32>> {
        Ok(operator
            .lease()
            .await?
            .spec
            .and_then(|spec| spec.lease_transitions))
    };
    let known = transitions().await?;
    tokio::time::sleep(seconds(5, 60)).await;
    ensure!(transitions().await? == known, "leadership changed hands");

    // Its own certificate holds for everybody: webhooks and deciders go on.
    let mut shop = standing.shop(cluster)?;
    shop.rewrite("By a clock that is off").await?;
    shop.says(cluster, "shop", "By a clock that is off").await?;
    let create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let create = [&["--namespace", &shop.namespace][..], &create].concat();
    let pod = asking(cluster, "dry", false).to_string();
    let pod = cluster
        .control_plane()
        .kubectl_with_input(&create, &pod)
        .await?
        .succeeded()?;
    ensure!(is_injected(&serde_json::from_str(&pod.stdout)?), "{}", pod.stdout);

    let began = Instant::now();
    if is_full() {
        // Nobody gives the Lease up: it has to be seen to end.
        let container = operator.container(&first).await?;
        cluster.kill_container(&container).await?;
    }
    let grace = if is_full() {
        "--grace-period=0"
    } else {
        "--grace-period=1"
    };
    let force = if is_full() {
        "--force=true"
    } else {
        "--force=false"
    };
    operator
        .kubectl(&["delete", "pod", &first, grace, force, "--wait=false"])
        .await?;
    let second = operator.leader_after(&first, HANDED_OVER).await?;
    println!("`{second}` led {:.1?} after `{first}`", began.elapsed());
    Ok(())
}

/// A replica as the release's, but for its clock; no controller takes it for its own.
async fn replica(cluster: &Cluster, name: &str, offset: &str) -> Result<Value> {
    let get = [
        "--namespace",
        SYSTEM,
        "get",
        "deployment",
        "attune-operator",
        "-o",
        "json",
    ];
    let found = cluster.control_plane().kubectl(&get).await?.succeeded()?;
    let deployment: Value = serde_json::from_str(&found.stdout)?;
    let template = &deployment["spec"]["template"];
    let mut spec = template["spec"].clone();
    let variables = spec["containers"][0]["env"].as_array_mut();
    variables
        .context("a container with an environment")?
        .push(json!({"name": "ATTUNE_CLOCK_OFFSET", "value": offset}));
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": template["metadata"]["labels"]},
        "spec": spec,
    }))
}
