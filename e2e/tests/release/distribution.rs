//! Who may ask for what, over TLS and with tokens.

use anyhow::{Result, ensure};
use attune_e2e::{Cluster, Strategy, wait_until};
use serde_json::{Value, json};

use crate::apps::{App, CA, TOKEN};
use crate::asking::{Said, ask, told};
use crate::installed::{Installed, PATIENCE, leave, retitle, strategy};

/// The token of every pod, which is for the API server.
const OTHER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const OPERATOR: &str = "https://attune-operator.attune-system.svc";
const COLLECTOR: &str = "https://attune-collector.attune-system.svc";

/// A pod that knows us, in a namespace of its own with a strategy.
struct Caller<'c> {
    cluster: &'c Cluster,
    namespace: String,
    strategy: Strategy,
}

impl<'c> Caller<'c> {
    async fn start(cluster: &'c Cluster) -> Result<Self> {
        let namespace = cluster.create_restricted_namespace().await?;
        let strategy = strategy(cluster, &namespace).await?;
        let caller = App::new(cluster).with_identity().pod("caller");
        cluster.apply(&namespace, &caller.to_string()).await?;
        cluster.wait_pod_ready(&namespace, "caller", PATIENCE).await?;
        Ok(Self {
            cluster,
            namespace,
            strategy,
        })
    }

    /// Asks with a token, if one is given.
    async fn ask(&self, url: &str, token: Option<&str>) -> Result<Said> {
        let mut args = vec![url, "--ca-file", CA];
        args.extend(token.iter().flat_map(|file| ["--bearer-file", file]));
        ask(self.cluster, &self.namespace, "caller", &args).await
    }

    /// Reports a purchase, by its own token.
    async fn report(&self, event: &Value) -> Result<Said> {
        let url = format!("{COLLECTOR}/v1/events");
        let event = event.to_string();
        let args = [
            &url,
            "--ca-file",
            CA,
            "--bearer-file",
            TOKEN,
            "--data",
            event.as_str(),
        ];
        ask(self.cluster, &self.namespace, "caller", &args).await
    }
}

fn bundle_of(namespace: &str) -> String {
    format!("{OPERATOR}/v1/bundles/{namespace}/web")
}

pub(crate) async fn bundles_are_for_pods_of_their_own_namespace(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let other = cluster.create_restricted_namespace().await?;
    strategy(cluster, &other).await?;
    let caller = Caller::start(cluster).await?;
    let own = bundle_of(&caller.namespace);
    // One connection may come to one replica always; these come to both.
    for _ in 0..3 {
        let said = caller.ask(&own, Some(TOKEN)).await?;
        ensure!(said.status == 200, "{said:?}");
        let bundle: Value = serde_json::from_str(&said.body)?;
        ensure!(bundle["namespace"] == caller.namespace.as_str(), "{}", said.body);

        let said = caller.ask(&own, None).await?;
        ensure!(said.status == 401 && said.body.contains("no token"), "{said:?}");
        let said = caller.ask(&own, Some(OTHER_TOKEN)).await?;
        ensure!(
            said.status == 401 && said.body.contains("audience `attune.dev`"),
            "{said:?}"
        );
        let said = caller.ask(&bundle_of(&other), Some(TOKEN)).await?;
        ensure!(said.status == 403 && !said.body.contains("hero"), "{said:?}");
    }
    let who = format!("pod `{}/caller`", caller.namespace);
    told(cluster, &other, ("Channel", "web"), "BundleDenied", &who).await?;
    leave(cluster, &caller.namespace).await
}

pub(crate) async fn past_revisions_can_be_had(cluster: &Cluster, _: &Installed) -> Result<()> {
    let mut caller = Caller::start(cluster).await?;
    let revision = caller.strategy.status("Channel", "web").await?["revision"].clone();
    let past = revision.as_str().unwrap_or_default().to_owned();
    retitle(&mut caller.strategy, "Later than before").await?;
    wait_until("the edit is published", PATIENCE, async || {
        let now = caller.strategy.status("Channel", "web").await?;
        ensure!(now["revision"] != past.as_str(), "{now:#}");
        Ok(())
    })
    .await?;
    let own = bundle_of(&caller.namespace);
    for _ in 0..4 {
        let now = caller.ask(&own, Some(TOKEN)).await?;
        ensure!(now.body.contains("Later than before"), "{now:?}");
        let said = caller
            .ask(&format!("{own}/revisions/{past}"), Some(TOKEN))
            .await?;
        ensure!(
            said.status == 200
                && said.body.contains("Early access for you")
                && !said.body.contains("Later than"),
            "{said:?}"
        );
    }
    let said = caller
        .ask(&format!("{own}/revisions/0123456789abcdef"), Some(TOKEN))
        .await?;
    ensure!(said.status == 404, "{said:?}");
    let said = caller.ask(&format!("{own}/revisions/{past}"), None).await?;
    ensure!(said.status == 401, "{said:?}");
    leave(cluster, &caller.namespace).await
}

pub(crate) async fn events_are_taken_for_the_callers_own_namespace(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let caller = Caller::start(cluster).await?;
    let event = |namespace: &str| {
        json!({
            "specversion": "1.0",
            "type": "dev.attune.outcome.v1",
            "id": "order-1",
            "source": "/shop/checkout",
            "time": jiff::Timestamp::now().to_string(),
            "data": {"unit": "member-1", "event": "purchase", "value": 12.5, "namespace": namespace},
        })
    };
    let said = caller.report(&event("default")).await?;
    ensure!(said.status == 403, "{said:?}");
    let said = caller.report(&event(&caller.namespace)).await?;
    ensure!(
        said.status == 200 && said.body.contains(r#""stored":1"#),
        "{said:?}"
    );
    // Questions are the operator's.
    let answers = format!("{COLLECTOR}/v1/answers");
    let args = [&answers, "--ca-file", CA, "--bearer-file", TOKEN, "--data", "{}"];
    let said = ask(cluster, &caller.namespace, "caller", &args).await?;
    ensure!(said.status == 403, "{said:?}");
    leave(cluster, &caller.namespace).await
}
