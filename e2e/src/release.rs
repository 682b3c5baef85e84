//! A release installed by Helm on a node, the example strategy in namespaces beside it, and pods that ask for deciders.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{Cluster, Strategy, example, repository, wait_until};

/// The namespace of the release.
pub const SYSTEM: &str = "attune-system";

/// The instant at which the operator judges.
pub const AT: &str = "2026-12-01T00:00:00Z";

/// How long a pod may take to come and be ready, while others do.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a decider is asked about a gold member who agrees to be known.
pub const GOLD: &str =
    r#"{"context":{"targetingKey":"u-1","user":{"tier":"gold"},"consent":{"personalization":"Explicit"}}}"#;

/// Where a pod asks its own decider for the hero of the home page.
pub const HERO: &str = "http://127.0.0.1:8016/ofrep/v1/evaluate/flags/home-hero";

/// What is counted of a Channel's deciders, in the order of [`counts`].
const FIGURES: [&str; 5] = ["desired", "injected", "current", "stale", "missing"];

/// The release, installed.
#[derive(Debug)]
pub struct Installed;

impl Installed {
    /// Installs the chart and the policy that every namespace is judged by.
    ///
    /// # Errors
    /// When Helm complains or nothing comes up.
    pub async fn install(cluster: &Cluster) -> Result<Self> {
        Self::install_with(cluster, &[]).await
    }

    /// As [`Self::install`], with more values: `operator.replicas=3`.
    ///
    /// # Errors
    /// When Helm complains or nothing comes up.
    pub async fn install_with(cluster: &Cluster, more: &[String]) -> Result<Self> {
        let chart = repository().join("charts/attune").display().to_string();
        let mut args = vec![
            "install",
            "attune",
            &chart,
            "--namespace",
            SYSTEM,
            "--create-namespace",
        ];
        args.extend([
            "--wait",
            "--timeout",
            "120s",
            "--set",
            "collector.storage.ephemeral=true",
        ]);
        let values = values(cluster);
        args.extend(
            values
                .iter()
                .chain(more)
                .flat_map(|value| ["--set-string", value.as_str()]),
        );
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
pub fn values(cluster: &Cluster) -> Vec<String> {
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

/// Applies the example strategy in a namespace.
///
/// # Errors
/// When the API server refuses one of its objects.
pub async fn strategy(cluster: &Cluster, namespace: &str) -> Result<Strategy> {
    let mut strategy = Strategy::new(cluster.control_plane(), namespace)?;
    strategy.edit("Channel", "web", |channel| {
        let spec = channel.get_mut("spec").context("a Channel has a spec")?;
        spec["delivery"] = json!({"sidecar": {"startup": {"timeout": "20s"}}});
        Ok(())
    })?;
    strategy.apply().await?;
    Ok(strategy)
}

/// Waits until the figures of a Channel's deciders are these: desired, injected, current, stale, missing.
///
/// # Errors
/// When they are not in time; with the status as it is.
pub async fn counts(strategy: &Strategy, channel: &str, expected: [i64; 5]) -> Result<Value> {
    wait_until("the deciders are counted", PATIENCE, async || {
        let status = strategy.status("Channel", channel).await?;
        let deciders = status.get("deciders").cloned().unwrap_or_default();
        let found = FIGURES.map(|figure| deciders.get(figure).and_then(Value::as_i64));
        ensure!(
            found == expected.map(Some),
            "{deciders} instead of {expected:?}; {status:#}"
        );
        Ok(status)
    })
    .await
}

/// A Deployment whose pods ask for a decider of the Channel `web`.
pub fn shop(image: &str, replicas: u32) -> String {
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

/// What the decider beside the container `shop` of a pod answers for the hero of a gold member.
///
/// # Errors
/// When it does not answer, or not with a decision.
pub async fn decide(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Value> {
    let outcome = cluster
        .exec(namespace, pod, "shop", &["/probe", "get", HERO, "--data", GOLD])
        .await?
        .without_complaint()?;
    serde_json::from_str(&outcome.stdout).with_context(|| outcome.stdout.clone())
}
