//! Decisions under way while the release changes, and what statuses say meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, condition, wait_until};
use futures::StreamExt;
use futures::future::try_join_all;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::apps::{APP, App, documents};
use crate::asking::{HERO, LOYAL};
use crate::installed::{PATIENCE, counts, deliver, draft, leave};

/// Who decides is asked this often in a second by each pod.
const RATE: u64 = 75;

/// A namespace whose pods ask a decider beside them and two behind a Service, over connections that they keep and over a
/// new one for each request.
pub(crate) struct Traffic<'c> {
    cluster: &'c Cluster,
    pub(crate) namespace: String,
    pub(crate) strategy: Strategy,
}

const PODS: [&str; 3] = ["beside", "behind", "behind-anew"];

impl<'c> Traffic<'c> {
    /// Starts it; everything is ready and asked.
    pub(crate) async fn start(cluster: &'c Cluster) -> Result<Self> {
        let namespace = cluster.create_restricted_namespace().await?;
        let mut strategy = draft(cluster, &namespace)?;
        deliver(&mut strategy, "email", json!({"service": {"replicas": 2}}))?;
        strategy.edit("Channel", "email", |channel| {
            // A decision does not depend on the time of the day at which this runs.
            let spec = channel["spec"].as_object_mut().context("it has a spec")?;
            spec.remove("quietHours");
            Ok(())
        })?;
        strategy.apply().await?;
        let status = counts(&strategy, "email", [2, 2, 2, 0, 0]).await?;
        ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
        // By address: hundreds of questions a second to the name server would be a test of that.
        let address = wait_until("the node forwards to the deciders", PATIENCE, async || {
            cluster.connect_service(&namespace, "attune-email", 80).await
        })
        .await?;
        let newsletter = format!("http://{address}/ofrep/v1/evaluate/flags/newsletter");

        let [beside, behind, anew] = PODS;
        let pods = [
            asking_for(App::asking(cluster, "web"), HERO, &[]).pod(beside),
            asking_for(App::new(cluster), &newsletter, &[]).pod(behind),
            asking_for(App::new(cluster), &newsletter, &["--fresh"]).pod(anew),
        ];
        cluster.apply(&namespace, &documents(&pods)).await?;
        for pod in PODS {
            cluster.wait_pod_ready(&namespace, pod, PATIENCE).await?;
        }
        counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
        let traffic = Self {
            cluster,
            namespace,
            strategy,
        };
        traffic.goes_well().await?;
        Ok(traffic)
    }

    /// Waits for the answers to what was asked so far, and more: none may have failed, ever.
    pub(crate) async fn goes_well(&self) -> Result<()> {
        let reports = PODS.map(async |pod| {
            let before = self.report(pod).await.map_or(0, |report| sent(&report));
            let more = wait_until("more decisions are asked for", PATIENCE, async || {
                let report = self.report(pod).await?;
                ensure!(sent(&report) >= before + 3 * RATE, "{report}");
                Ok(report)
            });
            Ok::<_, anyhow::Error>((pod, more.await?))
        });
        let reports = try_join_all(reports).await?;
        let lines = reports
            .iter()
            .map(|(pod, report)| format!("{pod}: {} decisions, {}", report["sent"], report["latency"]));
        println!("{}", lines.collect::<Vec<_>>().join("\n"));
        let failed: Vec<_> = reports
            .into_iter()
            .filter(|(_, report)| report["failed"] != 0)
            .collect();
        ensure!(failed.is_empty(), "{failed:#?}");
        Ok(())
    }

    /// What a pod says last.
    async fn report(&self, pod: &str) -> Result<Value> {
        let logs = self.cluster.logs(&self.namespace, pod, APP).await?;
        let line = logs.lines().last().context("it says nothing yet")?;
        serde_json::from_str(line).with_context(|| line.to_owned())
    }

    /// Waits until the deciders behind the Service are of this pull policy, all of them, and run the rules.
    pub(crate) async fn deciders_are_rolled(&self, policy: &str) -> Result<()> {
        wait_until("the deciders are written anew", PATIENCE, async || {
            let args = ["-n", &self.namespace, "get", "deployment/attune-email", "-o"];
            let path = "jsonpath={.spec.template.spec.containers[0].imagePullPolicy}";
            let args = [&args[..], &[path]].concat();
            let found = self.cluster.control_plane().kubectl(&args).await?.succeeded()?;
            ensure!(found.stdout == policy, "{}", found.stdout);
            Ok(())
        })
        .await?;
        let deployment = "deployment/attune-email";
        self.cluster
            .wait_rollout(&self.namespace, deployment, PATIENCE)
            .await?;
        // Not the figures themselves: where only they change, they may be a minute old.
        let converged = ("True", "Converged");
        self.strategy
            .turns("Channel", "email", "Converged", converged)
            .await?;
        Ok(())
    }

    /// Removes it, for what runs after it.
    pub(crate) async fn end(self) -> Result<()> {
        leave(self.cluster, &self.namespace).await
    }
}

/// Makes an application one that asks there without an end. It waits long for an answer, as the machine may be busy with
/// other things; what is never answered, or refused, or answered by other rules, is a failure.
fn asking_for(app: App, url: &str, more: &[&str]) -> App {
    let rate = RATE.to_string();
    let args = ["load", url, "--data", LOYAL, "--rate", &rate, "--every", "1"];
    let patience = ["--timeout", "5000", "--in-flight", "1000"];
    let expected = ["--expect", r#""variant":"hero/loyal""#];
    app.running(&[&args[..], &patience, &expected, more].concat())
}

fn sent(report: &Value) -> u64 {
    report["sent"].as_u64().unwrap_or_default()
}

/// Sees every status of a namespace in which something that was ready is not.
pub(crate) struct Flaps {
    seen: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Flaps {
    pub(crate) fn watch(cluster: &Cluster, namespace: &str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for (kind, plural) in [
            ("Channel", "channels"),
            ("ChannelBinding", "channelbindings"),
            ("ContentModule", "contentmodules"),
            ("Program", "programs"),
            ("Experiment", "experiments"),
        ] {
            let kind = GroupVersionKind::gvk(attune_e2e::GROUP, "v1alpha1", kind);
            let resource = ApiResource::from_gvk_with_plural(&kind, plural);
            let client = cluster.control_plane().client();
            let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
            let seen = Arc::clone(&seen);
            tasks.spawn(async move {
                let objects = watcher(api, watcher::Config::default()).applied_objects();
                let mut objects = std::pin::pin!(objects);
                while let Some(object) = objects.next().await {
                    let flap = match object {
                        Ok(object) => flap(&object),
                        Err(error) => Some(format!("the watch failed: {error}")),
                    };
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.extend(flap);
                }
            });
        }
        Self { seen, _tasks: tasks }
    }

    /// Fails when something was not ready for a moment.
    pub(crate) async fn ensure_none(&self) -> Result<()> {
        // What is written last is seen, too.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.is_empty(), "statuses flapped: {seen:#?}");
        Ok(())
    }
}

fn flap(object: &DynamicObject) -> Option<String> {
    let status = object.data.get("status").cloned().unwrap_or_default();
    let ready = condition(&status, "Ready");
    match ready {
        Ok(ready) if ready.status == "True" => None,
        other => Some(format!("{}: {other:?}", object.name_any())),
    }
}
