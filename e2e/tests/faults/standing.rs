//! What stands while things break: a strategy, and a pod that asks its decider all the time.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::{HERO, Installed, PATIENCE, counts};
use attune_e2e::{Cluster, Strategy, condition, wait_until};
use serde_json::{Value, json};

use crate::traffic::{RATE, Traffic};

/// What every decider is asked: about a member who buys much and agrees to be known.
const MEMBER: &str = r#"{"context":{"targetingKey":"u-1","user":{"tier":"gold","spend90d":300.0},"consent":["personalization"]}}"#;

/// The variant that such a member sees.
const VARIANT: &str = "hero/loyal";

/// How long a decider may take to follow an edit, once everything runs again.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The release, and a namespace beside it whose pod `shop` asks for decisions all the time.
pub(crate) struct Standing {
    pub(crate) shop: Shop,
    pub(crate) traffic: Traffic,
}

impl Standing {
    pub(crate) async fn set_up(cluster: &Cluster) -> Result<Self> {
        Installed::install(cluster).await?;
        let mut shop = Shop::new(cluster, "20s").await?;
        shop.strategy.apply().await?;
        shop.programmed().await?;
        cluster
            .apply(&shop.namespace, &asking(cluster, "shop", true).to_string())
            .await?;
        cluster.wait_pod_ready(&shop.namespace, "shop", PATIENCE).await?;
        shop.rewrite("Before anything broke").await?;
        shop.says(cluster, "shop", "Before anything broke").await?;
        counts(&shop.strategy, "web", [1, 1, 1, 0, 0]).await?;
        let traffic = Traffic::of(cluster, &shop.namespace, "shop", "client")?;
        Ok(Self { shop, traffic })
    }

    /// The strategy, to be edited by one test.
    pub(crate) fn shop(&self, cluster: &Cluster) -> Result<Shop> {
        Shop::at(cluster, &self.shop.namespace, "20s")
    }
}

/// The example strategy in a namespace.
pub(crate) struct Shop {
    pub(crate) namespace: String,
    pub(crate) strategy: Strategy,
}

impl Shop {
    /// One in a new namespace, not applied yet. Deciders wait so long for their first rules.
    pub(crate) async fn new(cluster: &Cluster, startup: &str) -> Result<Self> {
        let namespace = cluster.create_restricted_namespace().await?;
        Self::at(cluster, &namespace, startup)
    }

    fn at(cluster: &Cluster, namespace: &str, startup: &str) -> Result<Self> {
        let mut strategy = Strategy::new(cluster.control_plane(), namespace)?;
        strategy.edit("Channel", "web", |channel| {
            channel["spec"]["delivery"] = json!({"sidecar": {"startup": {"timeout": startup}}});
            Ok(())
        })?;
        Ok(Self {
            namespace: namespace.to_owned(),
            strategy,
        })
    }

    /// Waits until the rules are published.
    pub(crate) async fn programmed(&self) -> Result<()> {
        wait_until("the Channel has a revision", SOON, async || {
            let status = self.strategy.status("Channel", "web").await?;
            ensure!(status["revision"].is_string(), "{status}");
            ensure!(
                self.strategy.bundle("web").await?.is_some(),
                "there is no ConfigMap"
            );
            Ok(())
        })
        .await
    }

    /// Changes the headline for members who buy much.
    pub(crate) async fn rewrite(&mut self, headline: &str) -> Result<()> {
        self.strategy.edit("ContentModule", "hero", |module| {
            let variants = module["spec"]["variants"].as_array_mut();
            let mut variants = variants.context("a list of variants")?.iter_mut();
            let variant = variants.find(|variant| variant["name"] == "loyal");
            variant.context("a variant `loyal`")?["content"]["headline"] = headline.into();
            Ok(())
        })?;
        // The API server may just have come back.
        wait_until("the edit is taken", SOON, async || {
            self.strategy.apply_one("ContentModule", "hero").await
        })
        .await
    }

    /// Waits until the Channel says that what was decided by is what is published, and that its deciders have it.
    pub(crate) async fn acknowledges(&self, decision: &Value) -> Result<Value> {
        let revision = &decision["metadata"]["attune.revision"];
        wait_until("the decision's revision is acknowledged", SOON, async || {
            let status = self.strategy.status("Channel", "web").await?;
            ensure!(
                status["revision"] == *revision,
                "{revision} is not that of {status:#}"
            );
            let programmed = condition(&status, "Programmed")?;
            ensure!(
                (programmed.status.as_str(), programmed.reason.as_str()) == ("True", "Acknowledged"),
                "{programmed:?}"
            );
            Ok(status)
        })
        .await
    }

    /// What the decider beside a pod's container `shop` answers.
    pub(crate) async fn decide(&self, cluster: &Cluster, pod: &str) -> Result<Value> {
        let get = ["/probe", "get", HERO, "--data", MEMBER];
        let outcome = cluster
            .exec(&self.namespace, pod, "shop", &get)
            .await?
            .succeeded()?;
        serde_json::from_str(&outcome.stdout).with_context(|| outcome.stdout.clone())
    }

    /// Waits until the decider beside a pod decides by this headline; gives the decision.
    pub(crate) async fn says(&self, cluster: &Cluster, pod: &str, headline: &str) -> Result<Value> {
        wait_until(&format!("`{headline}` is decided"), SOON, async || {
            let decision = self.decide(cluster, pod).await?;
            ensure!(decision["value"]["headline"] == headline, "{decision}");
            Ok(decision)
        })
        .await
    }
}

/// A pod that asks for a decider of the Channel `web`. Where it has a client, that asks it for decisions all the time.
pub(crate) fn asking(cluster: &Cluster, name: &str, has_client: bool) -> Value {
    let container = |name: &str, command: &[String]| {
        json!({
            "name": name,
            "image": cluster.probe_image(),
            "imagePullPolicy": "Never",
            "command": command,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        })
    };
    let mut containers = vec![container("shop", &["/probe", "sleep"].map(str::to_owned))];
    if has_client {
        let rate = format!("--rate={RATE}");
        let load = [
            "/probe",
            "load",
            HERO,
            "--data",
            MEMBER,
            "--expect",
            VARIANT,
            "--every=1",
            &rate,
        ];
        containers.push(container("client", &load.map(str::to_owned)));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": name, "attune.dev/inject": "true"},
            "annotations": {"attune.dev/channel": "web"},
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": containers,
        },
    })
}

/// Whether a pod has a decider.
pub(crate) fn is_injected(pod: &Value) -> bool {
    let sidecars = pod["spec"]["initContainers"].as_array();
    sidecars.is_some_and(|all| all.iter().any(|one| one["name"] == "attune-decider"))
}

/// What a decider counts, at its pod's address.
pub(crate) struct Decider(pub(crate) IpAddr);

impl Decider {
    /// The sum of the samples of a metric whose line begins like this.
    pub(crate) async fn metric(&self, prefix: &str) -> Result<u64> {
        crate::operator::metric(&format!("http://{}:8017/metrics", self.0), prefix).await
    }

    /// Waits until the rules that decide are vouched for by this source: `operator`, `disk` or `fallback`.
    pub(crate) async fn decides_by(&self, source: &str) -> Result<()> {
        let text = format!("source=\"{source}\"");
        wait_until(&format!("the rules come from `{source}`"), SOON, async || {
            let metrics = reqwest::get(format!("http://{}:8017/metrics", self.0)).await?;
            let metrics = metrics.text().await?;
            let info = metrics
                .lines()
                .find(|line| line.starts_with("attune_decider_bundle_info{"));
            let info = info.context("it has no rules")?;
            ensure!(info.contains(&text), "{info}");
            Ok(())
        })
        .await
    }
}
