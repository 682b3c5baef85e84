//! What tests do with pods.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Cluster;
use crate::{Outcome, wait_until};

/// How long a connection within the machine may take.
const CONNECTS: Duration = Duration::from_secs(1);

impl Cluster {
    /// Creates a namespace with a random name and these labels, in which pods can be created; it goes with the cluster.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create_namespace(&self, labels: &[(&str, &str)]) -> Result<String> {
        let labels: Map<String, Value> = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        let wanted = json!({"metadata": {"generateName": "test-", "labels": labels}});
        let client = self.control_plane().client();
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let created = namespaces
            .create(&PostParams::default(), &serde_json::from_value(wanted)?)
            .await
            .context("create a namespace")?;
        let name = created.metadata.name.context("the server names it")?;
        // Pods are refused before.
        let accounts: Api<ServiceAccount> = Api::namespaced(client, &name);
        wait_until("its service account is there", super::PATIENCE, async || {
            accounts.get("default").await.map(drop).context("get it")
        })
        .await?;
        Ok(name)
    }

    /// As [`Self::create_namespace`], with restricted Pod Security enforced.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create_restricted_namespace(&self) -> Result<String> {
        self.create_namespace(&[("pod-security.kubernetes.io/enforce", "restricted")])
            .await
    }

    /// Applies YAML documents to a namespace, by `kubectl apply`. A warning is an error.
    ///
    /// # Errors
    /// When one is refused or warned about.
    pub async fn apply(&self, namespace: &str, documents: &str) -> Result<()> {
        self.control_plane()
            .kubectl_with_input(&["--namespace", namespace, "apply", "-f", "-"], documents)
            .await?
            .without_complaint()?;
        Ok(())
    }

    /// A pod as it is now.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn pod(&self, namespace: &str, name: &str) -> Result<Pod> {
        let pods: Api<Pod> = Api::namespaced(self.control_plane().client(), namespace);
        pods.get(name)
            .await
            .with_context(|| format!("get the pod {namespace}/{name}"))
    }

    /// The names of all pods with a label, as `app=shop`, that are not being deleted; sorted.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<String>> {
        let pods: Api<Pod> = Api::namespaced(self.control_plane().client(), namespace);
        let found = pods
            .list(&kube::api::ListParams::default().labels(labels))
            .await?;
        let mut names: Vec<String> = found
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .filter_map(|pod| pod.metadata.name)
            .collect();
        names.sort();
        Ok(names)
    }

    /// Waits until all containers of a pod are ready and returns it.
    ///
    /// # Errors
    /// When that takes longer; with what its containers say.
    pub async fn wait_pod_ready(&self, namespace: &str, name: &str, patience: Duration) -> Result<Pod> {
        self.wait_pod(namespace, name, patience, "is ready", |pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            conditions.is_some_and(|all| {
                all.iter()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True")
            })
        })
        .await
    }

    /// Waits until a pod runs, ready or not, and returns it.
    ///
    /// # Errors
    /// When that takes longer; with what its containers say.
    pub async fn wait_pod_running(&self, namespace: &str, name: &str, patience: Duration) -> Result<Pod> {
        self.wait_pod_phase(namespace, name, "Running", patience).await
    }

    /// Waits until a pod is in a phase, as `Succeeded`, and returns it.
    ///
    /// # Errors
    /// When that takes longer; with what its containers say.
    pub async fn wait_pod_phase(
        &self,
        namespace: &str,
        name: &str,
        phase: &str,
        patience: Duration,
    ) -> Result<Pod> {
        self.wait_pod(namespace, name, patience, &format!("is {phase}"), |pod| {
            let found = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            found == Some(phase)
        })
        .await
    }

    /// Waits until a pod is as `check` wants it, `what` in words, and returns it.
    ///
    /// # Errors
    /// When that takes longer; with what its containers say.
    pub async fn wait_pod(
        &self,
        namespace: &str,
        name: &str,
        patience: Duration,
        what: &str,
        check: impl Fn(&Pod) -> bool,
    ) -> Result<Pod> {
        wait_until(&format!("the pod {name} {what}"), patience, async || {
            let pod = self.pod(namespace, name).await?;
            if check(&pod) {
                return Ok(pod);
            }
            bail!("it says {}", summary(&pod)?)
        })
        .await
    }

    /// Waits until a workload (`deployment/shop`) is rolled out.
    ///
    /// # Errors
    /// When that takes longer.
    pub async fn wait_rollout(&self, namespace: &str, workload: &str, patience: Duration) -> Result<()> {
        let timeout = format!("--timeout={}s", patience.as_secs());
        let args = ["--namespace", namespace, "rollout", "status", workload, &timeout];
        self.control_plane().kubectl(&args).await?.succeeded()?;
        Ok(())
    }

    /// The address of a pod, which this machine reaches.
    ///
    /// # Errors
    /// When it has none yet.
    pub async fn pod_ip(&self, namespace: &str, name: &str) -> Result<IpAddr> {
        let status = self.pod(namespace, name).await?.status.unwrap_or_default();
        let address = status
            .pod_ip
            .with_context(|| format!("the pod {name} has no address"))?;
        address
            .parse()
            .with_context(|| format!("`{address}` is no address"))
    }

    /// Connects once to a Service, and returns its address: where that works, the node forwards to one of its pods, which
    /// it does a moment after they are ready. Wait with this for what asks the Service then; a packet that is sent before
    /// is lost with all that follow on its connection.
    ///
    /// # Errors
    /// When there is no connection within a second.
    pub async fn connect_service(&self, namespace: &str, name: &str, port: u16) -> Result<IpAddr> {
        let address = self.service_ip(namespace, name).await?;
        let connected = timeout(CONNECTS, TcpStream::connect((address, port))).await;
        connected
            .with_context(|| format!("{address}:{port} did not answer in {CONNECTS:?}"))?
            .with_context(|| format!("{address}:{port}"))?;
        Ok(address)
    }

    /// The id by which containerd knows a running container, a native sidecar too.
    ///
    /// # Errors
    /// When the pod has no such container that runs.
    pub async fn container_id(&self, namespace: &str, pod: &str, container: &str) -> Result<String> {
        let status = self.pod(namespace, pod).await?.status.unwrap_or_default();
        let id = [status.container_statuses, status.init_container_statuses]
            .into_iter()
            .flatten()
            .flatten()
            .filter(|found| found.name == container)
            .find_map(|found| found.container_id)
            .with_context(|| format!("the pod {pod} runs no container `{container}`"))?;
        let (_, id) = id.split_once("://").with_context(|| format!("`{id}` is no id"))?;
        Ok(id.to_owned())
    }

    /// The address of a Service, which this machine reaches.
    ///
    /// # Errors
    /// When it has none.
    pub async fn service_ip(&self, namespace: &str, name: &str) -> Result<IpAddr> {
        let services: Api<Service> = Api::namespaced(self.control_plane().client(), namespace);
        let spec = services.get(name).await?.spec.unwrap_or_default();
        let address = spec
            .cluster_ip
            .with_context(|| format!("the service {name} has no address"))?;
        address
            .parse()
            .with_context(|| format!("`{address}` is no address"))
    }

    /// Runs a command in a container and tells what it said; where it ended with another status than 0, so does the outcome.
    ///
    /// # Errors
    /// When `kubectl` cannot be started.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[&str],
    ) -> Result<Outcome> {
        let mut args = vec![
            "--namespace",
            namespace,
            "exec",
            pod,
            "--container",
            container,
            "--",
        ];
        args.extend(command);
        self.control_plane().kubectl(&args).await
    }

    /// All that a container has printed.
    ///
    /// # Errors
    /// When there is no such container.
    pub async fn logs(&self, namespace: &str, pod: &str, container: &str) -> Result<String> {
        let args = ["--namespace", namespace, "logs", pod, "--container", container];
        Ok(self.control_plane().kubectl(&args).await?.succeeded()?.stdout)
    }

    /// Waits until a pod is gone.
    ///
    /// # Errors
    /// When that takes longer.
    pub async fn wait_pod_gone(&self, namespace: &str, name: &str, patience: Duration) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.control_plane().client(), namespace);
        wait_until(&format!("the pod {name} is gone"), patience, async || {
            let found = pods.get_opt(name).await?;
            ensure!(found.is_none(), "it is still there");
            Ok(())
        })
        .await
    }
}

/// What somebody wants to know who waits for a pod.
fn summary(pod: &Pod) -> Result<String> {
    let status = pod.status.clone().unwrap_or_default();
    let containers: Vec<_> = [status.init_container_statuses, status.container_statuses]
        .into_iter()
        .flatten()
        .flatten()
        .map(|container| {
            json!({
                "name": container.name,
                "ready": container.ready,
                "restarts": container.restart_count,
                "state": container.state,
            })
        })
        .collect();
    let waiting: Vec<_> = status
        .conditions
        .unwrap_or_default()
        .into_iter()
        .filter(|condition| condition.status != "True")
        .filter_map(|condition| condition.message)
        .collect();
    let summary = json!({"phase": status.phase, "containers": containers, "waiting": waiting});
    serde_json::to_string(&summary).context("tell about the pod")
}
