//! Decisions that a pod asks its decider for all the time, counted by who asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, wait_until};
use serde::Deserialize;

/// Questions a second.
pub(crate) const RATE: u64 = 20;

/// How soon a count follows another, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(15);

/// What `/probe load` counted so far; a line of it comes every second.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Counts {
    sent: u64,
    failed: u64,
    /// The first few that failed since the start.
    samples: Vec<String>,
    #[serde(skip)]
    taken: Option<Instant>,
}

/// The log of a container that asks. It is read where the kubelet writes it: the API server may be down.
#[derive(Debug)]
pub(crate) struct Traffic {
    log: PathBuf,
}

impl Traffic {
    /// The traffic of a pod's container.
    pub(crate) fn of(cluster: &Cluster, namespace: &str, pod: &str, container: &str) -> Result<Self> {
        let pods = cluster.control_plane().logs().join("node/pods");
        let prefix = format!("{namespace}_{pod}_");
        let mut entries = fs::read_dir(&pods)
            .with_context(|| format!("list {}", pods.display()))?
            .flatten();
        let directory = entries
            .find(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .with_context(|| format!("no logs of the pod {namespace}/{pod}"))?;
        // It never restarts: what it asks for may fail, not it.
        let log = directory.path().join(container).join("0.log");
        Ok(Self { log })
    }

    /// The counts from now on: nothing that was asked before is missing in them.
    pub(crate) async fn counts(&self) -> Result<Counts> {
        let before = last(&self.log)?.map_or(0, |counts| counts.sent);
        wait_until("the traffic is counted", PATIENCE, async || {
            let counts = last(&self.log)?.context("nothing was counted yet")?;
            ensure!(counts.sent > before, "no new count after {counts:?}");
            Ok(counts)
        })
        .await
    }

    /// Fails if a decision failed since then, or if hardly any was asked for.
    pub(crate) async fn has_not_failed_since(&self, then: &Counts) -> Result<()> {
        let now = self.counts().await?;
        let (sent, failed) = (now.sent - then.sent, now.failed - then.failed);
        let elapsed = then.taken.map_or(Duration::ZERO, |taken| taken.elapsed());
        ensure!(
            failed == 0,
            "{failed} of {sent} decisions failed; the first ever: {:?}",
            now.samples
        );
        // Half of what was due: two cores may be late, but somebody who stopped asking proves nothing.
        ensure!(
            sent >= elapsed.as_secs() * RATE / 2,
            "only {sent} decisions were asked for in {elapsed:.0?}"
        );
        println!("{sent} decisions in {elapsed:.0?}, none failed");
        Ok(())
    }
}

/// The last whole line, as the kubelet writes it: time, stream, whether it is whole, text.
fn last(log: &Path) -> Result<Option<Counts>> {
    let text = fs::read_to_string(log).with_context(|| format!("read {}", log.display()))?;
    let complete = text
        .rfind('\n')
        .and_then(|end| text.get(..end))
        .unwrap_or_default();
    let Some(line) = complete.lines().last() else {
        return Ok(None);
    };
    let json = line
        .find('{')
        .and_then(|start| line.get(start..))
        .with_context(|| format!("`{line}` has no counts"))?;
    let counts: Counts = serde_json::from_str(json).with_context(|| format!("`{line}` has no counts"))?;
    Ok(Some(Counts {
        taken: Some(Instant::now()),
        ..counts
    }))
}
