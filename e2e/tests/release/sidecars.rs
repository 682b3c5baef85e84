//! Deciders beside pods.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, condition, wait_until};

use crate::apps::{APP, App, INIT, documents};
use crate::asking::{Decision, HERO, LOYAL, decide, has_decider, restarts};
use crate::installed::{Installed, PATIENCE, counts, leave, retitle, strategy};

pub(crate) async fn a_deployment_gets_deciders_that_are_counted(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let shop = App::asking(cluster, "web").deployment("shop", 2);
    cluster.apply(&namespace, &shop.to_string()).await?;
    cluster
        .wait_rollout(&namespace, "deployment/shop", PATIENCE)
        .await?;
    let status = counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    let programmed = condition(&status, "Programmed")?;
    ensure!(programmed.reason == "Acknowledged", "{programmed:?}");
    for pod in cluster.pods(&namespace, "app=shop").await? {
        let decision = decide(cluster, &namespace, &pod).await?;
        decision.ensure_loyal()?;
        ensure!(
            status["revision"] == decision.revision,
            "{decision:?}; {status:#}"
        );
    }
    leave(cluster, &namespace).await
}

pub(crate) async fn pods_with_and_without_an_owner_get_deciders(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let app = App::asking(cluster, "web");
    let applied = documents(&[app.pod("lone"), app.stateful_set("ledger", 1)]);
    cluster.apply(&namespace, &applied).await?;
    for pod in ["lone", "ledger-0"] {
        cluster.wait_pod_ready(&namespace, pod, PATIENCE).await?;
        decide(cluster, &namespace, pod)
            .await?
            .ensure_loyal()
            .context(pod)?;
    }
    counts(&strategy, "web", [2, 2, 2, 0, 0]).await?;
    leave(cluster, &namespace).await
}

pub(crate) async fn an_init_container_may_ask_the_decider(cluster: &Cluster, _: &Installed) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    strategy(cluster, &namespace).await?;
    let early = App::asking(cluster, "web").preparing(&["get", HERO, "--data", LOYAL]);
    cluster.apply(&namespace, &early.pod("early").to_string()).await?;
    let pod = cluster.wait_pod_ready(&namespace, "early", PATIENCE).await?;
    ensure!(restarts(&pod) == 0, "it was not there at once: {pod:?}");
    Decision::read(&cluster.logs(&namespace, "early", INIT).await?)?.ensure_loyal()?;
    leave(cluster, &namespace).await
}

pub(crate) async fn a_job_completes_beside_its_decider(cluster: &Cluster, _: &Installed) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let strategy = strategy(cluster, &namespace).await?;
    let report = App::asking(cluster, "web").running(&["get", HERO, "--data", LOYAL]);
    cluster
        .apply(&namespace, &report.job("report").to_string())
        .await?;
    let wait = ["wait", "--for=condition=complete", "job/report", "--timeout=90s"];
    let wait = [&["--namespace", &namespace], &wait[..]].concat();
    cluster.control_plane().kubectl(&wait).await?.succeeded()?;
    let pods = cluster.pods(&namespace, "app=report").await?;
    let [pod] = pods.as_slice() else {
        anyhow::bail!("pods of the job: {pods:?}");
    };
    Decision::read(&cluster.logs(&namespace, pod, APP).await?)?.ensure_loyal()?;
    // What has ended needs no decider, though it stays to be looked at.
    let status = counts(&strategy, "web", [0, 0, 0, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    ensure!(has_decider(&cluster.pod(&namespace, pod).await?));
    leave(cluster, &namespace).await
}

pub(crate) async fn a_namespace_asks_for_its_pods_but_for_those_that_refuse(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let labels = [
        ("pod-security.kubernetes.io/enforce", "restricted"),
        ("attune.dev/inject", "true"),
    ];
    let namespace = cluster.create_namespace(&labels).await?;
    let strategy = strategy(cluster, &namespace).await?;
    let app = App::new(cluster);
    let refusing = app.clone().named("web").labelled("attune.dev/inject", "false");
    let pods = [
        app.clone().named("web").pod("asking"),
        refusing.pod("refusing"),
        app.pod("silent"),
    ];
    // None is warned about.
    cluster.apply(&namespace, &documents(&pods)).await?;
    for (pod, expected) in [("asking", true), ("refusing", false), ("silent", false)] {
        let found = cluster.wait_pod_ready(&namespace, pod, PATIENCE).await?;
        ensure!(
            has_decider(&found) == expected,
            "{pod} has a decider: {}",
            !expected
        );
    }
    let status = counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    ensure!(condition(&status, "Converged")?.status == "True", "{status:#}");
    leave(cluster, &namespace).await
}

pub(crate) async fn an_edit_reaches_the_answers_of_an_injected_decider(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let mut strategy = strategy(cluster, &namespace).await?;
    let pod = App::asking(cluster, "web").pod("shop");
    cluster.apply(&namespace, &pod.to_string()).await?;
    cluster.wait_pod_ready(&namespace, "shop", PATIENCE).await?;
    counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    let mut times: Vec<Duration> = Vec::new();
    for headline in ["First look", "Second look", "Third look"] {
        let began = Instant::now();
        retitle(&mut strategy, headline).await?;
        wait_until("the edit is served", PATIENCE, async || {
            let decision = decide(cluster, &namespace, "shop").await?;
            ensure!(decision.headline == headline, "{decision:?}");
            Ok(())
        })
        .await?;
        times.push(began.elapsed());
    }
    println!("from apply to served, asked by `kubectl exec`: {times:.2?}");
    counts(&strategy, "web", [1, 1, 1, 0, 0]).await?;
    leave(cluster, &namespace).await
}
