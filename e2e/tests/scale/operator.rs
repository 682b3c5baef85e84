//! The operator of the whole cluster, as a process that is watched.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{AuditMark, ControlPlane, Port, Process, wait_until};

use crate::Programs;

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Silence after which it is taken to have nothing more to do.
const SILENCE: Duration = Duration::from_secs(3);

pub(crate) struct Operator {
    process: Process,
    began: Instant,
    user: String,
    /// Base URL.
    pub(crate) url: String,
    /// For whoever asks it.
    pub(crate) http: reqwest::Client,
    _port: Port,
}

impl Operator {
    pub(crate) fn start(cluster: &ControlPlane, programs: &Programs, name: &str) -> Result<Self> {
        let port = Port::take()?;
        let address = format!("127.0.0.1:{}", port.number());
        let user = format!("operator-{name}");
        let launch = cluster
            .launch(&user, &programs.operator)
            .env("KUBECONFIG", cluster.kubeconfig_as(&user)?.display().to_string())
            .args([
                "--listen",
                &address,
                "--insecure-bundles",
                "--at",
                "2026-12-01T00:00:00Z",
            ]);
        let began = Instant::now();
        Ok(Self {
            process: Process::spawn(launch)?,
            began,
            user,
            url: format!("http://{address}"),
            http: reqwest::Client::builder()
                .timeout(Duration::from_mins(1))
                .build()?,
            _port: port,
        })
    }

    /// How long it has been running.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until it says that it can serve; gives how long that took from its start.
    pub(crate) async fn is_ready(&mut self) -> Result<Duration> {
        wait_until("the operator is ready", PATIENCE, async || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await?;
            ensure!(answer.status().is_success(), "{}", answer.text().await?.trim());
            Ok(())
        })
        .await?;
        self.ensure_running()?;
        Ok(self.age())
    }

    /// Waits until it has written nothing for a while.
    pub(crate) async fn rests(&mut self, cluster: &ControlPlane) -> Result<()> {
        wait_until("the operator rests", PATIENCE, async || {
            let mark = cluster.audit().mark()?;
            tokio::time::sleep(SILENCE).await;
            let writes = self.writes(cluster, mark)?;
            ensure!(writes == 0, "{writes} writes in {SILENCE:?}");
            Ok(())
        })
        .await?;
        self.ensure_running()
    }

    /// How many writes it asked for, with and without an effect.
    pub(crate) fn writes(&self, cluster: &ControlPlane, mark: AuditMark) -> Result<usize> {
        let requests = cluster.audit().of_all_groups_since(mark)?;
        Ok(requests
            .iter()
            .filter(|request| request.user == self.user)
            .count())
    }

    /// The sum of the samples whose name and labels begin like this.
    pub(crate) async fn metric(&self, begin: &str) -> Result<usize> {
        let text = self
            .http
            .get(format!("{}/metrics", self.url))
            .send()
            .await?
            .text()
            .await?;
        let samples = text.lines().filter(|line| line.starts_with(begin));
        let counts = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok());
        Ok(counts.sum())
    }

    /// How many statuses it says to have written.
    pub(crate) async fn statuses_written(&self) -> Result<usize> {
        let text = self
            .http
            .get(format!("{}/metrics", self.url))
            .send()
            .await?
            .text()
            .await?;
        let samples = text
            .lines()
            .filter(|line| line.starts_with("attune_operator_status_writes_total{"));
        let counts = samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok());
        Ok(counts.sum())
    }

    /// The most memory that it has had, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        let kib: f64 = peak.context("no VmHWM")?.trim().parse()?;
        Ok(kib / 1024.0)
    }

    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.process.stop(Duration::from_secs(10)).await.map(drop)
    }
}
