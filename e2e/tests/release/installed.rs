//! The release under test, and the example strategy in namespaces beside it.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::{self, SYSTEM};
use attune_e2e::{Cluster, Strategy, repository};
use serde_json::{Value, json};

pub(crate) use attune_e2e::release::{PATIENCE, counts};

/// The release, installed.
pub(crate) struct Installed;

impl Installed {
    /// Installs the chart and the policy that every namespace is judged by.
    pub(crate) async fn install(cluster: &Cluster) -> Result<Self> {
        let began = Instant::now();
        release::Installed::install(cluster).await?;
        let took = began.elapsed();
        eprintln!("release ready in {took:.1?}");
        ensure!(took < PATIENCE, "the release was ready after {took:?}");
        Ok(Self)
    }
}

/// Runs Helm on the release and waits until what it did is done.
pub(crate) async fn helm(cluster: &Cluster, args: &[&str]) -> Result<()> {
    let args = [args, &["--namespace", SYSTEM, "--wait", "--timeout", "120s"]].concat();
    cluster.helm(&args).await?.without_complaint()?;
    Ok(())
}

/// The chart, as Helm takes it.
pub(crate) fn chart() -> String {
    repository().join("charts/attune").display().to_string()
}

/// The example strategy for a namespace, not applied yet: `web` beside pods, and nobody who decides for `email`.
pub(crate) fn draft(cluster: &Cluster, namespace: &str) -> Result<Strategy> {
    let mut strategy = Strategy::new(cluster.control_plane(), namespace)?;
    deliver(
        &mut strategy,
        "web",
        json!({"sidecar": {"startup": {"timeout": "20s"}}}),
    )?;
    deliver(&mut strategy, "email", json!({"service": {"replicas": 0}}))?;
    Ok(strategy)
}

/// Applies the example strategy in a namespace; gives it once the rules are published.
pub(crate) async fn strategy(cluster: &Cluster, namespace: &str) -> Result<Strategy> {
    let strategy = draft(cluster, namespace)?;
    strategy.apply().await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "NoDeciders"))
        .await?;
    Ok(strategy)
}

/// Changes how a Channel is delivered, before it is applied.
pub(crate) fn deliver(strategy: &mut Strategy, channel: &str, delivery: Value) -> Result<()> {
    strategy.edit("Channel", channel, |channel| {
        channel["spec"]["delivery"] = delivery;
        Ok(())
    })
}

/// Changes what loyal customers read, and applies it.
pub(crate) async fn retitle(strategy: &mut Strategy, headline: &str) -> Result<()> {
    strategy.edit("ContentModule", "hero", |hero| {
        let variants = hero["spec"]["variants"]
            .as_array_mut()
            .context("it has variants")?;
        let loyal = variants.iter_mut().find(|variant| variant["name"] == "loyal");
        loyal.context("it has a variant for loyal customers")?["content"]["headline"] = headline.into();
        Ok(())
    })?;
    strategy.apply_one("ContentModule", "hero").await
}

/// Removes a namespace whose test went well, for those that run after it.
pub(crate) async fn leave(cluster: &Cluster, namespace: &str) -> Result<()> {
    let args = ["delete", "namespace", namespace, "--wait=false"];
    cluster.control_plane().kubectl(&args).await?.succeeded()?;
    Ok(())
}
