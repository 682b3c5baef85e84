//! The release under test, and the example strategy in namespaces beside it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, example, repository, wait_until};
use serde_json::Value;

/// The namespace of the release.
pub(crate) const SYSTEM: &str = "attune-system";

/// The instant at which the operator judges.
pub(crate) const AT: &str = "2026-12-01T00:00:00Z";

/// How long a pod may take to come and be ready, while others do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The release, installed.
pub(crate) struct Installed;

impl Installed {
    /// Installs the chart and the policy that every namespace is judged by.
    pub(crate) async fn install(cluster: &Cluster) -> Result<Self> {
        let values = values(cluster);
        let mut args = vec![
            "install",
            "attune",
            "charts/attune",
            "--namespace",
            SYSTEM,
            "--create-namespace",
            "--wait",
            "--timeout",
            "120s",
        ];
        let chart = repository().join("charts/attune").display().to_string();
        args[2] = &chart;
        args.extend(values.iter().flat_map(|value| ["--set-string", value.as_str()]));
        let args: Vec<&str> = args
            .into_iter()
            .chain(["--set", "collector.storage.ephemeral=true"])
            .collect();
        cluster.helm(&args).await?.without_complaint()?;
        let mut policies = example()?;
        policies.retain(|object| object.metadata.namespace.is_none());
        let objects = cluster.control_plane().objects();
        objects
            .apply(&policies, "owner")
            .await
            .context("apply the policy")?;
        Ok(Self)
    }
}

/// The values that name the image of the test and pin the clock.
pub(crate) fn values(cluster: &Cluster) -> Vec<String> {
    let (repository, tag) = cluster
        .image()
        .rsplit_once(':')
        .unwrap_or((cluster.image(), "dev"));
    vec![
        format!("image.repository={repository}"),
        format!("image.tag={tag}"),
        "image.pullPolicy=Never".to_owned(),
        "operator.extraEnv[0].name=ATTUNE_AT".to_owned(),
        format!("operator.extraEnv[0].value={AT}"),
    ]
}

/// Applies the example strategy in a namespace; gives it once the rules are published.
pub(crate) async fn strategy(cluster: &Cluster, namespace: &str) -> Result<Strategy> {
    let mut strategy = Strategy::new(cluster.control_plane(), namespace)?;
    strategy.edit("Channel", "web", |channel| {
        channel["spec"]["delivery"] = serde_json::json!({"sidecar": {"startup": {"timeout": "20s"}}});
        Ok(())
    })?;
    strategy.apply().await?;
    Ok(strategy)
}

/// Waits until the figures of a Channel's deciders are these: desired, injected, current, stale, missing.
pub(crate) async fn counts(strategy: &Strategy, channel: &str, expected: [i64; 5]) -> Result<Value> {
    wait_until("the deciders are counted", PATIENCE, async || {
        let status = strategy.status("Channel", channel).await?;
        let deciders = &status["deciders"];
        let found =
            ["desired", "injected", "current", "stale", "missing"].map(|figure| deciders[figure].as_i64());
        ensure!(
            found == expected.map(Some),
            "{deciders} instead of {expected:?}; {status:#}"
        );
        Ok(status)
    })
    .await
}
