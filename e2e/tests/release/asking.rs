//! What tests ask from inside of pods, and what they find on objects.

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, wait_until};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use crate::apps::APP;
use crate::installed::PATIENCE;

/// Where a decider beside a pod is asked for the hero.
pub(crate) const HERO: &str = "http://127.0.0.1:8016/ofrep/v1/evaluate/flags/home-hero";

/// A member who buys much, and is not held out.
pub(crate) const LOYAL: &str = r#"{"context":{"targetingKey":"member-1","consent":["personalization"],"user":{"tier":"gold","spend90d":300.0}}}"#;

/// What a server said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What a decider answered, as far as tests look at it; empty where there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) variant: String,
    pub(crate) headline: String,
    pub(crate) reason: String,
    pub(crate) revision: String,
}

impl Decision {
    /// Reads an answer.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
        let text = |pointer: &str| {
            let value = document.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Ok(Self {
            variant: text("/variant"),
            headline: text("/value/headline"),
            reason: text("/metadata/attune.reason"),
            revision: text("/metadata/attune.revision"),
        })
    }

    /// Fails unless it is what a loyal member gets by the rules.
    pub(crate) fn ensure_loyal(&self) -> Result<()> {
        let found = (self.variant.as_str(), self.reason.as_str());
        ensure!(found == ("hero/loyal", "TARGETED"), "{self:?}");
        Ok(())
    }
}

/// Sends a request from inside of a pod's application, with these arguments of `/probe get`.
pub(crate) async fn ask(cluster: &Cluster, namespace: &str, pod: &str, args: &[&str]) -> Result<Said> {
    let command = [&["/probe", "get"], args].concat();
    let outcome = cluster.exec(namespace, pod, APP, &command).await?;
    let body = outcome.stdout.trim_end().to_owned();
    if outcome.status.success() {
        return Ok(Said { status: 200, body });
    }
    // As the probe words it.
    let said = outcome
        .stderr
        .split_once("answers with status ")
        .map(|(_, rest)| rest);
    let status = said.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let status = status.with_context(|| format!("no answer: {}{}", outcome.stdout, outcome.stderr))?;
    Ok(Said { status, body })
}

/// What a loyal member gets from a decider at this address, asked from inside of a pod.
async fn decide_at(cluster: &Cluster, namespace: &str, pod: &str, url: &str) -> Result<Decision> {
    let said = ask(cluster, namespace, pod, &[url, "--data", LOYAL]).await?;
    ensure!(said.status == 200, "{said:?}");
    Decision::read(&said.body)
}

/// As [`decide_at`], once the node forwards to what stands behind the name: a rollout is seen before that.
pub(crate) async fn decide_behind(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    url: &str,
) -> Result<Decision> {
    wait_until("the Service answers", PATIENCE, async || {
        decide_at(cluster, namespace, pod, url).await
    })
    .await
}

/// What a loyal member gets from the decider beside a pod.
pub(crate) async fn decide(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Decision> {
    decide_at(cluster, namespace, pod, HERO).await
}

/// Whether a decider stands in a pod.
pub(crate) fn has_decider(pod: &Pod) -> bool {
    let containers = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_ref());
    containers.is_some_and(|all| all.iter().any(|container| container.name == "attune-decider"))
}

/// How often containers of a pod were started again.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.clone().unwrap_or_default();
    let containers = [status.container_statuses, status.init_container_statuses];
    containers
        .into_iter()
        .flatten()
        .flatten()
        .map(|container| container.restart_count)
        .sum()
}

/// Waits for an Event with a text in its message, and gives the message.
pub(crate) async fn told(
    cluster: &Cluster,
    namespace: &str,
    (kind, name): (&str, &str),
    reason: &str,
    text: &str,
) -> Result<String> {
    let api: Api<Event> = Api::namespaced(cluster.control_plane().client(), namespace);
    let fields = format!("reason={reason},involvedObject.kind={kind},involvedObject.name={name}");
    let wanted = ListParams::default().fields(&fields);
    let what = format!("{kind} {name} is told {reason}");
    wait_until(&what, PATIENCE, async || {
        let messages: Vec<_> = api
            .list(&wanted)
            .await?
            .into_iter()
            .filter_map(|event| event.message)
            .collect();
        let found = messages.iter().find(|message| message.contains(text));
        found
            .cloned()
            .with_context(|| format!("no `{text}` in {messages:?}"))
    })
    .await
}
