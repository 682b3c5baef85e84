//! Certificates change while pods are created.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::SYSTEM;
use attune_e2e::{Cluster, wait_until};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::length::is_full;
use crate::operator::Operator;
use crate::standing::{SOON, Standing, asking, is_injected};

/// The Secret that the operator serves by.
const SECRET: &str = "attune-operator-tls";

pub(crate) async fn every_pod_is_injected_while_certificates_change(
    cluster: &Cluster,
    standing: &Standing,
) -> Result<()> {
    let before = standing.traffic.counts().await?;
    let is_over = AtomicBool::new(false);
    let changing = async {
        let mut changed = change_certificates(cluster).await;
        if changed.is_ok() && is_full() {
            changed = let_certificates_end(cluster).await;
        }
        is_over.store(true, Ordering::Relaxed);
        changed
    };
    let (changed, created) = tokio::join!(changing, create_pods(cluster, standing, &is_over));
    changed?;
    println!("{} pods were created meanwhile, all with a decider", created?);
    // Deciders follow: an edit is served after all that.
    let mut shop = standing.shop(cluster)?;
    shop.rewrite("By another authority").await?;
    shop.says(cluster, "shop", "By another authority").await?;
    standing.traffic.has_not_failed_since(&before).await?;
    Operator::of(cluster).is_ready().await
}

/// One pod after the other, until it is over; none of them ever runs.
async fn create_pods(cluster: &Cluster, standing: &Standing, is_over: &AtomicBool) -> Result<usize> {
    let pods: Api<Pod> = Api::namespaced(cluster.control_plane().client(), &standing.shop.namespace);
    let mut number = 0;
    let mut bare = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("rotated-{number}");
        let mut wanted = asking(cluster, &name, false);
        wanted["spec"]["schedulingGates"] = json!([{"name": "attune.test/never"}]);
        let created = pods
            .create(&PostParams::default(), &serde_json::from_value(wanted)?)
            .await?;
        if !is_injected(&serde_json::to_value(&created)?) {
            bare.push(name.clone());
        }
        pods.delete(&name, &DeleteParams::default().grace_period(0))
            .await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(
        bare.is_empty(),
        "of {number} pods, these have no decider: {bare:?}"
    );
    Ok(number)
}

/// A certificate is lost, then the authority that signed it, then everything.
async fn change_certificates(cluster: &Cluster) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(cluster.control_plane().client(), SYSTEM);
    let first = served(&secrets, "tls.crt").await?;
    let lost = json!({"data": {"tls.crt": "", "tls.key": ""}});
    secrets
        .patch(SECRET, &PatchParams::default(), &Patch::Merge(&lost))
        .await?;
    let second = follows(&secrets, "tls.crt", &first).await?;
    let known = served(&secrets, "ca.crt").await?;

    tokio::time::sleep(Duration::from_secs(1)).await;
    let lost = json!({"data": {"signer.key": null}});
    secrets
        .patch(SECRET, &PatchParams::default(), &Patch::Merge(&lost))
        .await?;
    follows(&secrets, "tls.crt", &second).await?;
    let trusted = follows(&secrets, "ca.crt", &known).await?;
    ensure!(
        trusted.contains(&known),
        "the old authority is not trusted any more"
    );

    tokio::time::sleep(Duration::from_secs(1)).await;
    secrets.delete(SECRET, &DeleteParams::default()).await?;
    let anew = follows(&secrets, "ca.crt", &trusted).await?;
    ensure!(
        anew.contains(&trusted),
        "who signed before is not trusted any more"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// Certificates live for a minute and authorities for three, so that all of them end under way.
async fn let_certificates_end(cluster: &Cluster) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(cluster.control_plane().client(), SYSTEM);
    let operator = Operator::of(cluster);
    let set = ["set", "env", "deployment/attune-operator"];
    let short = ["ATTUNE_CERTIFICATE_LIFE=60s", "ATTUNE_AUTHORITY_LIFE=180s"];
    operator.kubectl(&[&set[..], &short].concat()).await?;
    operator.is_ready().await?;
    let long = served(&secrets, "ca.crt").await?;
    secrets.delete(SECRET, &DeleteParams::default()).await?;
    let first = follows(&secrets, "ca.crt", &long).await?;
    tokio::time::sleep(Duration::from_secs(150)).await;
    let later = served(&secrets, "ca.crt").await?;
    ensure!(later != first, "the authority was not renewed in time");
    let usual = ["ATTUNE_CERTIFICATE_LIFE-", "ATTUNE_AUTHORITY_LIFE-"];
    operator.kubectl(&[&set[..], &usual].concat()).await?;
    operator.is_ready().await
}

async fn served(secrets: &Api<Secret>, key: &str) -> Result<String> {
    let mut data = secrets.get(SECRET).await?.data.unwrap_or_default();
    let bytes = data
        .remove(key)
        .with_context(|| format!("the Secret has no `{key}`"))?;
    String::from_utf8(bytes.0).with_context(|| format!("`{key}` is no text"))
}

/// Waits until something else stands there; gives that.
async fn follows(secrets: &Api<Secret>, key: &str, before: &str) -> Result<String> {
    wait_until(&format!("another `{key}` is there"), SOON, async || {
        let now = served(secrets, key).await.context("it is gone")?;
        ensure!(!now.is_empty() && now != before, "it is the same");
        Ok(now)
    })
    .await
}
