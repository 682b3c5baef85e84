//! The operator's replicas: to be stopped, killed, frozen and asked.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::SYSTEM;
use attune_e2e::{Cluster, wait_until};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;

/// How long replicas may take to come or go, while others do. The kubelet waits a while before it starts again what has
/// been killed often.
const PATIENCE: Duration = Duration::from_mins(2);

/// What selects the replicas.
const LABEL: &str = "app.kubernetes.io/component=operator";

/// The Lease that they elect a leader by.
const LEASE: &str = "attune-operator";

/// The replicas of the release.
pub(crate) struct Operator<'a> {
    cluster: &'a Cluster,
}

impl<'a> Operator<'a> {
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        Self { cluster }
    }

    /// The names of the replicas' pods.
    pub(crate) async fn pods(&self) -> Result<Vec<String>> {
        self.cluster.pods(SYSTEM, LABEL).await
    }

    /// The ids of the replicas' containers.
    pub(crate) async fn containers(&self) -> Result<Vec<String>> {
        let mut containers = Vec::new();
        for pod in self.pods().await? {
            containers.push(self.container(&pod).await?);
        }
        Ok(containers)
    }

    /// The id of a replica's container.
    pub(crate) async fn container(&self, pod: &str) -> Result<String> {
        self.cluster.container_id(SYSTEM, pod, "operator").await
    }

    /// How often each replica's container was started again.
    pub(crate) async fn restarts(&self) -> Result<BTreeMap<String, i32>> {
        let mut restarts = BTreeMap::new();
        for pod in self.pods().await? {
            let status = self.cluster.pod(SYSTEM, &pod).await?.status.unwrap_or_default();
            let containers = status.container_statuses.unwrap_or_default();
            restarts.insert(pod, containers.iter().map(|one| one.restart_count).sum());
        }
        Ok(restarts)
    }

    /// The Lease as it stands.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.control_plane().client(), SYSTEM);
        leases.get(LEASE).await.context("get the Lease")
    }

    /// The pod that leads.
    pub(crate) async fn leader(&self) -> Result<String> {
        let holder = self.lease().await?.spec.and_then(|spec| spec.holder_identity);
        let holder = holder.unwrap_or_default();
        let (pod, _) = holder
            .split_once('@')
            .with_context(|| format!("nobody leads: the holder is `{holder}`"))?;
        Ok(pod.to_owned())
    }

    /// Waits until another pod than `before` leads, and names it.
    pub(crate) async fn leader_after(&self, before: &str, patience: Duration) -> Result<String> {
        wait_until("another replica leads", patience, async || {
            let leader = self.leader().await?;
            ensure!(leader != before, "`{before}` still holds the Lease");
            Ok(leader)
        })
        .await
    }

    /// Stops all replicas and waits until they are gone.
    pub(crate) async fn stop(&self) -> Result<()> {
        self.scale(0).await?;
        // Each has a moment to give the Lease up, but none to wait for Services to forget it.
        let delete = [
            "delete",
            "pods",
            "--selector",
            LABEL,
            "--grace-period=1",
            "--wait",
        ];
        self.kubectl(&delete).await
    }

    /// Starts two replicas and waits until they are ready.
    pub(crate) async fn start(&self) -> Result<()> {
        self.scale(2).await?;
        self.is_ready().await
    }

    /// Waits until the replicas of the Deployment are ready, their Service leads to them, and somebody leads.
    pub(crate) async fn is_ready(&self) -> Result<()> {
        self.cluster
            .wait_rollout(SYSTEM, "deployment/attune-operator", PATIENCE)
            .await?;
        // What a pod's status says of it may be older than its death; itself it cannot be asked then.
        wait_until("all replicas answer, and one leads", PATIENCE, async || {
            let pods = self.pods().await?;
            for pod in &pods {
                let address = self.cluster.pod_ip(SYSTEM, pod).await?;
                let answer = reqwest::get(format!("http://{address}:8080/readyz")).await?;
                answer.error_for_status()?;
            }
            let leaders = self.metric("attune_operator_leader ").await?;
            ensure!(leaders == 1, "{leaders} of {pods:?} lead");
            let leader = self.leader().await?;
            ensure!(
                pods.contains(&leader),
                "`{leader}` leads, which is none of {pods:?}"
            );
            // A replica that was frozen may be ready again before the node sends its webhooks' callers to it again.
            self.cluster
                .connect_service(SYSTEM, "attune-operator", 443)
                .await?;
            Ok(())
        })
        .await
    }

    /// Changes how many replicas the Deployment has.
    pub(crate) async fn scale(&self, replicas: u32) -> Result<()> {
        let replicas = format!("--replicas={replicas}");
        self.kubectl(&["scale", "deployment/attune-operator", &replicas])
            .await
    }

    /// The sum of the samples of a metric whose line begins like this, over all replicas.
    pub(crate) async fn metric(&self, prefix: &str) -> Result<u64> {
        let mut sum = 0;
        for pod in self.pods().await? {
            let address = self.cluster.pod_ip(SYSTEM, &pod).await?;
            sum += metric(&format!("http://{address}:8080/metrics"), prefix).await?;
        }
        Ok(sum)
    }

    /// Runs `kubectl` in the namespace of the release.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<()> {
        let args = [&["--namespace", SYSTEM][..], args].concat();
        self.cluster.control_plane().kubectl(&args).await?.succeeded()?;
        Ok(())
    }
}

/// The sum of the samples at an address whose line begins like this.
pub(crate) async fn metric(url: &str, prefix: &str) -> Result<u64> {
    let text = reqwest::get(url).await?.error_for_status()?.text().await?;
    let samples = text.lines().filter(|line| line.starts_with(prefix));
    samples
        .map(|line| {
            let value = line.rsplit_once(' ').map(|(_, value)| value.parse::<u64>());
            value
                .with_context(|| format!("`{line}` has no value"))?
                .with_context(|| format!("`{line}` has no number"))
        })
        .sum()
}
