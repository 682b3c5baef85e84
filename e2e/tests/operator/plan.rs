//! `attune plan --cluster`: what files would change of what stands in the cluster.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Strategy, binary};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::programs::{AT, Programs};

const EXAMPLE: &str = include_str!("../../../examples/strategy/strategy.yaml");

/// `attune plan` of files against the cluster.
struct Plan<'c> {
    kubeconfig: &'c Path,
    namespace: String,
}

impl Plan<'_> {
    /// Runs it; gives the exit code and what it says.
    async fn of(&self, files: &str, flags: &[&str]) -> Result<(Option<i32>, Value)> {
        let mut command = Command::new(binary("attune")?);
        command
            .env("KUBECONFIG", self.kubeconfig)
            .args(["plan", "-f", "-", "--cluster", "-o", "json", "--at", AT])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("start `attune plan`")?;
        let mut input = child.stdin.take().context("an input")?;
        // The example without its policy, which would be about all namespaces.
        let own = files.replace("namespace: shop", &format!("namespace: {}", self.namespace));
        let own = own
            .split("\n---\n")
            .filter(|document| !document.contains("kind: GovernancePolicy"));
        let own: Vec<&str> = own.collect();
        input.write_all(own.join("\n---\n").as_bytes()).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        let plan = serde_json::from_slice(&output.stdout).with_context(|| format!("{code:?} {said}"))?;
        Ok((code, plan))
    }
}

pub(crate) async fn a_plan_says_what_files_change_of_the_cluster(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    strategy.is_ready().await?;
    let before = strategy.statuses().await?;
    let plan = Plan {
        kubeconfig: cluster.kubeconfig(),
        namespace,
    };

    let (code, same) = plan.of(EXAMPLE, &[]).await?;
    ensure!(code == Some(0), "{code:?} {same:#}");

    let words = EXAMPLE.replace("Early access for you", "Come in first");
    let (code, changed) = plan.of(&words, &[]).await?;
    ensure!(code == Some(2), "{code:?} {changed:#}");
    let rules = changed["changed"].as_array().context("changed rules")?;
    ensure!(
        rules
            .iter()
            .any(|rule| rule["rule"]["binding"] == "retention-home-hero"),
        "{changed:#}"
    );

    // One file of many: what it does not name stays, unless it is to go.
    let few: Vec<&str> = EXAMPLE
        .split("\n---\n")
        .filter(|document| !document.contains("name: retention-newsletter"))
        .collect();
    let few = few.join("\n---\n");
    let (code, kept) = plan.of(&few, &[]).await?;
    ensure!(code == Some(0), "{code:?} {kept:#}");
    let (code, pruned) = plan.of(&few, &["--prune"]).await?;
    ensure!(code == Some(2), "{code:?} {pruned:#}");
    let gone = pruned["removed"].as_array().context("removed rules")?;
    ensure!(
        !gone.is_empty() && gone.iter().all(|rule| rule["binding"] == "retention-newsletter"),
        "{pruned:#}"
    );

    strategy
        .comes_to(&before)
        .await
        .context("a plan changes nothing")?;
    operator.ensure_running()
}
