//! A release from its first test to its end, and again.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use attune_e2e::release::SYSTEM;
use attune_e2e::{Cluster, condition, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};

use crate::installed::{Installed, PATIENCE, chart, counts, helm, retitle};
use crate::load::{Flaps, Traffic};
use crate::validation::{audience, kubectl};

pub(crate) async fn helm_test_passes(cluster: &Cluster, _: &Installed) -> Result<()> {
    let args = ["test", "attune", "--namespace", SYSTEM, "--timeout", "90s"];
    let outcome = cluster.helm(&args).await?.without_complaint()?;
    ensure!(outcome.stdout.contains("Succeeded"), "{}", outcome.stdout);
    Ok(())
}

pub(crate) async fn an_upgrade_and_a_rollback_fail_no_decision(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let traffic = Traffic::start(cluster).await?;
    traffic.strategy.is_ready().await?;
    let flaps = Flaps::watch(cluster, &traffic.namespace);
    let chart = chart();
    let upgrade = [
        "upgrade",
        "attune",
        &chart,
        "--reuse-values",
        "--set",
        "operator.logLevel=info\\,attune_operator=debug",
        "--set",
        "operator.podAnnotations.rolled=once",
        // Another template for deciders behind a Service, as another image would make.
        "--set",
        "decider.image.pullPolicy=IfNotPresent",
    ];
    for (args, policy) in [
        (&upgrade[..], "IfNotPresent"),
        (&["rollback", "attune", "1"], "Never"),
    ] {
        let what = args.first().copied().unwrap_or_default();
        let began = Instant::now();
        helm(cluster, args).await?;
        let release = began.elapsed();
        traffic.deciders_are_rolled(policy).await?;
        println!(
            "{what}: release {release:.1?}, with its deciders {:.1?}",
            began.elapsed()
        );
        traffic
            .goes_well()
            .await
            .with_context(|| format!("during {what}"))?;
        flaps
            .ensure_none()
            .await
            .with_context(|| format!("during {what}"))?;
    }
    traffic.end().await
}

pub(crate) async fn deciders_outlive_the_release_and_the_next_one_adopts_everything(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let mut traffic = Traffic::start(cluster).await?;
    let namespace = traffic.namespace.clone();
    traffic.strategy.is_ready().await?;
    let before = Everything::of(cluster, &traffic).await?;

    let began = Instant::now();
    helm(cluster, &["uninstall", "attune"]).await?;
    println!("uninstalled in {:.1?}", began.elapsed());
    traffic.goes_well().await.context("after uninstall")?;
    let during = Everything::of(cluster, &traffic).await?;
    ensure!(
        during == before,
        "uninstalled:\n{during:#?}\nbefore:\n{before:#?}"
    );
    // Nobody refuses this now; it is there when somebody looks again.
    let broken = audience("unread", r#"user.tier in ["gold" &&"#);
    kubectl(cluster, &namespace, &["apply", "-f", "-"], &broken)
        .await?
        .without_complaint()?;

    let began = Instant::now();
    Installed::install(cluster).await?;
    println!("installed again in {:.1?}", began.elapsed());
    an_object_from_between_can_be_told_and_mended(cluster, &namespace).await?;
    counts(&traffic.strategy, "web", [1, 1, 1, 0, 0]).await?;
    counts(&traffic.strategy, "email", [2, 2, 2, 0, 0]).await?;
    let after = Everything::of(cluster, &traffic).await?;
    ensure!(
        after == before,
        "installed again:\n{after:#?}\nbefore:\n{before:#?}"
    );
    // It writes as the one before did.
    retitle(&mut traffic.strategy, "Early access again").await?;
    wait_until("an edit is published", PATIENCE, async || {
        let status = traffic.strategy.status("Channel", "web").await?;
        ensure!(status["revision"] != before.revisions[0], "{status:#}");
        Ok(())
    })
    .await?;
    counts(&traffic.strategy, "web", [1, 1, 1, 0, 0]).await?;
    traffic.goes_well().await.context("after the next install")?;
    traffic.end().await
}

/// A status is written, a label is taken; another expression is judged.
async fn an_object_from_between_can_be_told_and_mended(cluster: &Cluster, namespace: &str) -> Result<()> {
    let nothing = Value::Null;
    let told = [
        "wait",
        "--for=condition=Accepted=False",
        "audience/unread",
        "--timeout=60s",
    ];
    kubectl(cluster, namespace, &told, &nothing).await?.succeeded()?;
    let label = ["label", "audience/unread", "a=b"];
    kubectl(cluster, namespace, &label, &nothing)
        .await?
        .without_complaint()?;
    let apply = ["apply", "-f", "-"];
    let worse = audience("unread", r#"user.tier in ["silver" &&"#);
    let refused = kubectl(cluster, namespace, &apply, &worse).await?;
    ensure!(!refused.status.success(), "the webhook is not back");
    let good = audience("unread", r#"user.tier in ["gold"]"#);
    kubectl(cluster, namespace, &apply, &good)
        .await?
        .without_complaint()?;
    let ready = [
        "wait",
        "--for=condition=Ready",
        "audience/unread",
        "--timeout=60s",
    ];
    kubectl(cluster, namespace, &ready, &nothing).await?.succeeded()?;
    Ok(())
}

/// What must be the same before, between and after two releases.
#[derive(Debug, PartialEq)]
struct Everything {
    revisions: [Value; 2],
    ready: [String; 2],
    /// Changed by each write that has an effect.
    bundles: Vec<String>,
    /// Its identity, and the generation that changes with each write to its spec.
    deciders: (Option<String>, Option<i64>),
}

impl Everything {
    async fn of(cluster: &Cluster, traffic: &Traffic<'_>) -> Result<Self> {
        let strategy = &traffic.strategy;
        let web = strategy.status("Channel", "web").await?;
        let email = strategy.status("Channel", "email").await?;
        let ready = |status: &Value| condition(status, "Ready").map(|ready| ready.status);
        let api: Api<Deployment> = Api::namespaced(cluster.control_plane().client(), &traffic.namespace);
        let deployment = api.get("attune-email").await?.metadata;
        Ok(Self {
            ready: [ready(&web)?, ready(&email)?],
            revisions: [json!(web["revision"]), json!(email["revision"])],
            bundles: strategy.bundle_versions().await?.into_values().collect(),
            deciders: (deployment.uid, deployment.generation),
        })
    }
}
