//! Whatever somebody asks for, the pod starts, and somebody hears of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, wait_until};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::apps::{App, CA, TOKEN};
use crate::asking::{HERO, LOYAL, ask, decide, has_decider, restarts, told};
use crate::installed::{Installed, PATIENCE, counts, deliver, draft, leave, strategy};

pub(crate) async fn what_cannot_be_injected_starts_bare_with_a_warning_and_an_event(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    strategy(cluster, &namespace).await?;
    let cases = [
        ("both", "web, email", "names 2 Channels; name one"),
        ("nowhere", "absent", "there is no Channel `absent`"),
        ("elsewhere", "email", "has delivery `service`, not `sidecar`"),
        ("nonsense", "We_b!", "cannot be the name of a Channel"),
    ];
    for (name, channel, why) in cases {
        let pod = App::asking(cluster, channel).pod(name).to_string();
        let args = ["--namespace", &namespace, "apply", "-f", "-"];
        let applied = cluster
            .control_plane()
            .kubectl_with_input(&args, &pod)
            .await?
            .succeeded()?;
        ensure!(
            applied.stderr.contains("Warning: no decider was added") && applied.stderr.contains(why),
            "{name}: {}",
            applied.stderr
        );
    }
    for (name, _, why) in cases {
        let pod = cluster.wait_pod_ready(&namespace, name, PATIENCE).await?;
        ensure!(!has_decider(&pod), "{name} has a decider");
        told(cluster, &namespace, ("Pod", name), "InjectionSkipped", why).await?;
    }
    leave(cluster, &namespace).await
}

pub(crate) async fn a_deleted_channel_leaves_its_pods_deciding(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let pod = App::asking(cluster, "web").pod("shop");
    cluster.apply(&namespace, &pod.to_string()).await?;
    cluster.wait_pod_ready(&namespace, "shop", PATIENCE).await?;
    let before = decide(cluster, &namespace, "shop").await?;
    before.ensure_loyal()?;

    strategy.delete("Channel", "web").await?;
    bundle_goes(&strategy).await?;
    // Longer than a decider takes to ask again.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = decide(cluster, &namespace, "shop").await?;
        ensure!(
            now == before,
            "{now:?} after the Channel was deleted, not {before:?}"
        );
    }
    let pod = cluster.wait_pod_ready(&namespace, "shop", PATIENCE).await?;
    ensure!(restarts(&pod) == 0, "{pod:?}");

    strategy.apply_one("Channel", "web").await?;
    let status = counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    let after = decide(cluster, &namespace, "shop").await?;
    ensure!(status["revision"] == after.revision, "{after:?}; {status:#}");
    leave(cluster, &namespace).await
}

pub(crate) async fn a_pod_of_a_megabyte_gets_a_decider(cluster: &Cluster, _: &Installed) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let variables: Vec<_> = (0..8)
        .map(|number| (format!("LARGE_{number}"), "x".repeat(100_000)))
        .collect();
    let pod = App::asking(cluster, "web")
        .with_env(&variables)
        .annotated("shop.example/notes", &"y".repeat(240_000))
        .pod("heavy");
    let size = pod.to_string().len();
    ensure!(size > 1_000_000, "only {size} bytes");
    let pods: Api<Pod> = Api::namespaced(cluster.control_plane().client(), &namespace);
    let began = Instant::now();
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?)
        .await
        .context("create the pod")?;
    println!("a pod of {size} bytes is created in {:.2?}", began.elapsed());
    cluster.wait_pod_ready(&namespace, "heavy", PATIENCE).await?;
    counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    decide(cluster, &namespace, "heavy").await?.ensure_loyal()?;
    leave(cluster, &namespace).await
}

pub(crate) async fn what_is_no_review_is_answered_with_400(cluster: &Cluster, _: &Installed) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    strategy(cluster, &namespace).await?;
    let caller = App::new(cluster).with_identity().pod("caller");
    cluster.apply(&namespace, &caller.to_string()).await?;
    cluster.wait_pod_ready(&namespace, "caller", PATIENCE).await?;
    let bodies = [
        ("not JSON", "<xml/>", "not JSON"),
        (
            "a pod",
            r#"{"apiVersion":"v1","kind":"Pod"}"#,
            "the body is a `Pod` of `v1`",
        ),
        (
            "no request",
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
            "`request` is missing",
        ),
        (
            "a broken request",
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":7}}"#,
            "`request` cannot be read",
        ),
    ];
    for path in ["inject", "validate"] {
        let url = format!("https://attune-operator.attune-system.svc/webhooks/{path}");
        for (what, body, why) in bodies {
            let args = [&url, "--data", body, "--ca-file", CA, "--bearer-file", TOKEN];
            let said = ask(cluster, &namespace, "caller", &args).await?;
            ensure!(
                said.status == 400 && said.body.contains(why),
                "{what} to {path}: {said:?}"
            );
        }
    }
    leave(cluster, &namespace).await
}

pub(crate) async fn a_pod_without_rules_starts_after_the_timeout_and_counts_as_missing(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut strategy = draft(cluster, &namespace)?;
    let patient = json!({"sidecar": {"startup": {"timeout": "6s"}}});
    deliver(&mut strategy, "web", patient)?;
    strategy.apply().await?;
    // It starts when there are no rules any more, neither at the operator nor beside it.
    let pod = App::asking(cluster, "web").gated().pod("early");
    cluster.apply(&namespace, &pod.to_string()).await?;
    counts(&strategy, "web", [1, 1, 0, 0, 1]).await?;
    // Else it could come after it was seen not to be there.
    wait_until("the bundle is published", PATIENCE, async || {
        strategy.bundle("web").await?.context("it is not there yet")
    })
    .await?;
    strategy.delete("Channel", "web").await?;
    bundle_goes(&strategy).await?;
    let open = r#"[{"op": "remove", "path": "/spec/schedulingGates"}]"#;
    let open = ["-n", &namespace, "patch", "pod/early", "--type=json", "-p", open];
    let began = Instant::now();
    cluster.control_plane().kubectl(&open).await?.succeeded()?;
    cluster.wait_pod_ready(&namespace, "early", PATIENCE).await?;
    let waited = began.elapsed();
    println!("without rules the pod is ready after {waited:.1?}");
    ensure!(waited.as_secs() >= 6, "it did not wait for rules");

    let said = ask(cluster, &namespace, "early", &[HERO, "--data", LOYAL]).await?;
    let answer: Value = serde_json::from_str(&said.body).with_context(|| said.body.clone())?;
    println!("without rules the decider answers {} {answer}", said.status);
    ensure!(
        said.status == 200 && answer["metadata"]["attune.reason"] == "NO_BUNDLE",
        "{said:?}"
    );
    ensure!(
        answer["value"].is_null() && answer["variant"].is_null(),
        "{answer:#}"
    );

    // Rules that come late come.
    strategy.apply_one("Channel", "web").await?;
    counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    decide(cluster, &namespace, "early").await?.ensure_loyal()?;
    leave(cluster, &namespace).await
}

/// Waits until the ConfigMap with the rules of the deleted Channel `web` is gone.
async fn bundle_goes(strategy: &Strategy) -> Result<()> {
    wait_until("the bundle goes with the Channel", PATIENCE, async || {
        let bundle = strategy.bundle("web").await?;
        ensure!(bundle.is_none(), "it is still there");
        Ok(())
    })
    .await
}
