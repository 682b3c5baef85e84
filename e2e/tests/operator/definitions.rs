//! Definitions that come later than the operator, and definitions that are ahead of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, read_documents, repository, wait_until};
use serde_json::{Value, json};

use crate::neighbours::{decisions, ensure_same_words};
use crate::programs::Programs;
use attune_e2e::PATIENCE;
use attune_e2e::{Strategy, condition};

pub(crate) async fn an_operator_waits_for_its_definitions(
    _: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    let namespace = cluster.create_namespace().await?;
    let mut operator = programs.launch_operator(&cluster, &namespace, &[])?;
    wait_until("it finds no definitions", PATIENCE, async || {
        let metrics = operator.metrics().await?;
        let failures = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("attune_operator_watch_failures_total"));
        ensure!(failures.count() >= 10, "not every watch has failed yet");
        Ok(())
    })
    .await?;
    let (status, text) = operator.get("/readyz").await?;
    ensure!(
        status == 503 && text.contains("waiting"),
        "`/readyz` says {status} {text}"
    );
    let (status, text) = operator.get("/healthz").await?;
    ensure!(status == 200, "`/healthz` says {status} {text}");
    let (status, text) = operator.get(&format!("/v1/bundles/{namespace}/web")).await?;
    ensure!(status == 503, "a bundle: {status} {text}");

    cluster.install(&repository().join("crds")).await?;
    operator.is_ready().await?;
    let strategy = Strategy::new(&cluster, &namespace)?;
    strategy.apply().await?;
    strategy.is_ready().await?;
    operator.ensure_running()
}

/// Our definitions in a directory, but for enumerations that a later version might have more values of.
fn install_loosened(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(repository().join("crds"))? {
        let path = entry?.path();
        for mut definition in read_documents(&path)? {
            let versions = definition.data["spec"]["versions"]
                .as_array_mut()
                .context("versions")?;
            for version in versions {
                let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
                for field in ["stage", "type", "objective"] {
                    if let Some(schema) = spec.get_mut(field).and_then(Value::as_object_mut) {
                        schema.remove("enum");
                    }
                }
                if let Some(priority) = spec.get_mut("priority") {
                    *priority = json!({"x-kubernetes-int-or-string": true});
                }
            }
            let name = path.file_name().context("a file name")?;
            fs::write(directory.join(name), serde_json::to_string(&definition)?)?;
        }
    }
    Ok(())
}

/// Values that the API server takes and this operator does not know.
pub(crate) async fn an_object_that_cannot_be_read_disturbs_nobody(
    _: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    let directory = tempfile::tempdir()?;
    install_loosened(directory.path())?;
    cluster.install(directory.path()).await?;
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(&cluster, &namespace)?;
    let mut operator = programs.operator(&cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let decider = programs.decider(&cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    let settled = strategy.is_ready().await?;
    let before = decisions(&decider).await?;

    let unreadable = [
        ("Audience", "loyal-high-value", "stage", json!("Nirvana")),
        (
            "ChannelBinding",
            "retention-home-hero",
            "priority",
            json!("highest"),
        ),
        ("Channel", "web", "type", json!("Hologram")),
    ];
    for (kind, name, field, value) in unreadable {
        let mut good = Value::Null;
        strategy.edit(kind, name, |document| {
            good = std::mem::replace(&mut document["spec"][field], value);
            Ok(())
        })?;
        strategy.apply_one(kind, name).await?;
        says_that_it_cannot_be_read(&strategy, (kind, name), field).await?;
        ensure_same_words(&before, &decisions(&decider).await?).with_context(|| format!("{kind} {name}"))?;
        ensure!(
            strategy.bundle("web").await?.is_some(),
            "{kind} {name} took the bundle away"
        );
        // Also for a process that never saw the object whole.
        operator.kill().await?;
        operator.start_again()?;
        operator.is_ready().await?;
        let newcomer = programs
            .decider(&cluster, &namespace, &format!("after-{field}"), &operator)
            .await?;
        ensure_same_words(&before, &decisions(&newcomer).await?)
            .with_context(|| format!("after a restart with {kind} {name}"))?;
        drop(newcomer);

        strategy.edit(kind, name, |document| {
            document["spec"][field] = good;
            Ok(())
        })?;
        strategy.apply_one(kind, name).await?;
        strategy
            .turns(kind, name, "Accepted", ("True", "Accepted"))
            .await?;
    }
    // The deciders of the restarts are counted for a while.
    let mut after = strategy.is_ready().await?;
    for (id, status) in &mut after {
        if id.kind == "Channel" && id.name == "web" {
            let is_it = |(known, _): &(&attune_e2e::ObjectId, &Value)| *known == id;
            let (_, settled) = settled.iter().find(is_it).context("the channel was there")?;
            status["deciders"] = settled["deciders"].clone();
            status["conditions"] = settled["conditions"].clone();
        }
    }
    attune_e2e::ensure_same(&without_generations(settled), &without_generations(after))?;
    operator.ensure_running()
}

async fn says_that_it_cannot_be_read(
    strategy: &Strategy,
    (kind, name): (&str, &str),
    field: &str,
) -> Result<()> {
    let status = strategy
        .turns(kind, name, "Accepted", ("False", "Undecodable"))
        .await?;
    let accepted = condition(&status, "Accepted")?;
    ensure!(
        accepted.message.contains(field),
        "the message does not name the field: {accepted:?}"
    );
    let ready = condition(&status, "Ready")?;
    ensure!(ready.status == "False", "{ready:?}");
    Ok(())
}

/// Each edit is a generation.
fn without_generations(mut statuses: attune_e2e::Statuses) -> attune_e2e::Statuses {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("observedGeneration");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    statuses.values_mut().for_each(strip);
    statuses
}

pub(crate) async fn decisions_go_on_while_the_api_server_restarts(
    _: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    use attune_e2e::Component::ApiServer;

    let cluster = ControlPlane::start().await?;
    cluster.install(&repository().join("crds")).await?;
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(&cluster, &namespace)?;
    let mut operator = programs.operator(&cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    let decider = programs.decider(&cluster, &namespace, "one", &operator).await?;
    strategy
        .turns("Channel", "web", "Programmed", ("True", "Acknowledged"))
        .await?;
    let settled = strategy.is_ready().await?;
    let before = decisions(&decider).await?;

    cluster.kill(ApiServer).await?;
    ensure_same_words(&before, &decisions(&decider).await?).context("no API server")?;
    let newcomer = programs
        .decider(&cluster, &namespace, "two", &operator)
        .await
        .context("a decider starts without an API server")?;
    ensure_same_words(&before, &decisions(&newcomer).await?).context("a newcomer")?;
    drop(newcomer);
    // Long enough for every watch to have noticed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (status, text) = operator.get("/readyz").await?;
    ensure!(
        status == 200,
        "what it knows it serves on, but it says {status} {text}"
    );
    cluster.start_again(ApiServer).await?;
    ensure_same_words(&before, &decisions(&decider).await?).context("the API server is back")?;

    // It sees again what happens, and writes again.
    strategy.delete("Audience", "lapsed").await?;
    strategy
        .turns(
            "ChannelBinding",
            "retention-home-hero",
            "ResolvedRefs",
            ("False", "RefNotFound"),
        )
        .await?;
    strategy.apply_one("Audience", "lapsed").await?;
    strategy
        .turns(
            "ChannelBinding",
            "retention-home-hero",
            "ResolvedRefs",
            ("True", "ResolvedRefs"),
        )
        .await?;
    let back = strategy.statuses().await?;
    ensure!(back.len() == settled.len(), "objects were lost");
    operator.ensure_running()
}
