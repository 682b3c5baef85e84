//! Who gets which bundle, and how many at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, PATIENCE, Strategy, wait_until};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use crate::programs::{Programs, Server};
use crate::release::{Release, token_of};

/// Deciders that wait at one operator.
const MANY: usize = 200;

/// The slowest of them must have a new revision within this.
const SOON: Duration = Duration::from_secs(2);

pub(crate) async fn a_bundle_is_for_pods_of_its_namespace(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let (tenant, stranger) = (
        cluster.create_namespace().await?,
        cluster.create_namespace().await?,
    );
    let strategy = Strategy::new(cluster, &tenant)?;
    strategy.apply().await?;
    let release = Release::prepare(cluster, programs, &tenant).await?;
    let mut replica = release.replica("one", &[]).await?;
    let own = token_of(cluster, &tenant, "default", "attune.dev").await?;
    let others = token_of(cluster, &stranger, "default", "attune.dev").await?;
    let for_another = token_of(cluster, &tenant, "default", "another.example").await?;
    let path = format!("/v1/bundles/{tenant}/web");
    let revision = wait_until("its own pods get the bundle", PATIENCE, async || {
        let (status, text) = release.ask(&replica, &path, Some(&own)).await?;
        ensure!(status == 200, "{status} {text}");
        let status = strategy.status("Channel", "web").await?;
        status["revision"]
            .as_str()
            .map(str::to_owned)
            .context("no revision")
    })
    .await?;
    let past = format!("{path}/revisions/{revision}");
    let peers = "/v1/bundles/nowhere/web";
    let expected = [
        (path.as_str(), Some(own.as_str()), 200),
        (&past, Some(&own), 200),
        (&path, Some(&others), 403),
        (&past, Some(&others), 403),
        // Whether there is such a namespace is no business of theirs either.
        (peers, Some(&others), 403),
        (&path, Some(&for_another), 401),
        (&path, Some("no.such.token"), 401),
        (&path, None, 401),
    ];
    for (path, token, code) in expected {
        let (status, text) = release.ask(&replica, path, token).await?;
        ensure!(status == code, "{path}: {status} instead of {code}: {text}");
        ensure!(code == 200 || !text.contains("headline"), "{path}: {text}");
    }
    let (status, _) = replica.server.get(&path).await?;
    ensure!(status == 404, "a bundle without TLS: {status}");
    let events: Api<Event> = Api::namespaced(cluster.client(), &tenant);
    wait_until("an Event says who asked", PATIENCE, async || {
        let listed = events.list(&ListParams::default()).await?;
        let denied = |event: &&Event| event.reason.as_deref() == Some("BundleDenied");
        let found = listed
            .items
            .iter()
            .find(denied)
            .and_then(|event| event.message.clone());
        let message = found.context("no such Event")?;
        ensure!(message.contains(&stranger), "it says `{message}`");
        Ok(())
    })
    .await?;
    replica.server.ensure_running()
}

/// Waits for another revision than the one it has, as a decider does; gives when it came and which.
async fn poll(operator: &Server, path: &str, decider: &str, known: &str) -> Result<(Instant, String)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = operator
            .poll(&format!("{path}?wait=25s&decider={decider}"), known)
            .await?;
        if let Some(revision) = answer {
            return Ok((Instant::now(), revision));
        }
        ensure!(Instant::now() < deadline, "{decider} waits in vain");
    }
}

pub(crate) async fn hundreds_of_deciders_get_an_edit_at_once(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    strategy.is_ready().await?;
    let status = strategy.status("Channel", "web").await?;
    let known = status["revision"].as_str().context("no revision")?.to_owned();
    let path = format!("/v1/bundles/{namespace}/web");
    let names: Vec<_> = (0..MANY).map(|number| format!("simulated-{number}")).collect();
    let polls = try_join_all(names.iter().map(|name| poll(&operator, &path, name, &known)));
    let edit = async {
        wait_until("all of them wait", PATIENCE, async || {
            // The Channel counts them too, but with a minute between two counts.
            let metrics = operator.metrics().await?;
            let current = metrics.get("attune_operator_deciders{state=\"current\"}");
            ensure!(current == Some(&(MANY as f64)), "{current:?} are current");
            Ok(())
        })
        .await?;
        strategy.edit("ContentModule", "hero", |module| {
            module["spec"]["variants"][1]["content"]["headline"] = Value::from("Come in first");
            Ok(())
        })?;
        let began = Instant::now();
        strategy.apply_one("ContentModule", "hero").await?;
        Ok::<_, anyhow::Error>(began)
    };
    let (polls, began) = tokio::join!(polls, edit);
    let (polls, began) = (polls?, began?);
    let mut times: Vec<_> = polls
        .iter()
        .map(|(at, _)| at.saturating_duration_since(began))
        .collect();
    times.sort();
    let (median, slowest) = (times[MANY / 2], times[MANY * 99 / 100]);
    println!("{MANY} deciders had the edit after {median:.0?} (p50) and {slowest:.0?} (p99)");
    ensure!(slowest < SOON, "the slowest waited {slowest:?}");
    let revisions: std::collections::BTreeSet<_> = polls.iter().map(|(_, revision)| revision).collect();
    ensure!(
        revisions.len() == 1 && !revisions.contains(&known),
        "{revisions:?}"
    );
    operator.ensure_running()
}
