//! Deciders of their own for a Channel that is asked as a Service: written once, put back, never fought over.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{AuditMark, ControlPlane, PATIENCE, Strategy, WriteRequest, wait_until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::programs::Programs;
use crate::release::{Release, Replica};

const FLAGS: &[&str] = &["--decider-image", "attune.test/attune:dev"];

/// What stands for the Channel `email`.
const NAME: &str = "attune-email";

/// Long enough for whatever a restarted operator finds to write.
const CALM: Duration = Duration::from_secs(6);

/// Somebody else's Deployment, where that of a Channel `web` would be.
fn foreign() -> Result<Deployment> {
    let labels = json!({"app": "theirs"});
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "attune-web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "theirs", "image": "example.com/theirs:1"}]},
            },
        },
    }))?)
}

/// What an operator asked to be written in its namespace.
fn asked(cluster: &ControlPlane, mark: AuditMark, replica: &Replica) -> Result<Vec<WriteRequest>> {
    let mut requests = cluster.audit().of_all_groups_since(mark)?;
    requests.retain(|request| request.user == replica.user && request.namespace == replica.tenant);
    Ok(requests)
}

pub(crate) async fn workloads_are_written_once_and_put_back(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let tenant = cluster.create_namespace().await?;
    let deployments: Api<Deployment> = Api::namespaced(cluster.client(), &tenant);
    let services: Api<Service> = Api::namespaced(cluster.client(), &tenant);
    let theirs = deployments.create(&PostParams::default(), &foreign()?).await?;
    let mut strategy = Strategy::new(cluster, &tenant)?;
    strategy.edit("Channel", "web", |channel| {
        channel["spec"]["delivery"] = json!({"service": {"replicas": 1}});
        Ok(())
    })?;
    strategy.apply().await?;
    let release = Release::prepare(cluster, programs, &tenant).await?;
    let mark = cluster.audit().mark()?;
    let mut replica = release.replica("one", FLAGS).await?;
    wait_until("the workload of `email` stands", PATIENCE, async || {
        deployments.get(NAME).await?;
        services.get(NAME).await?;
        let status = strategy.status("Channel", "email").await?;
        let deciders = &status["deciders"];
        ensure!(
            deciders["desired"] == 2 && deciders["missing"] == 2,
            "it counts {deciders}"
        );
        Ok(())
    })
    .await?;
    is_told_that_the_name_is_taken(cluster, &tenant).await?;
    let written = settles(cluster, mark, &replica).await?;
    println!("{written} writes for a new namespace");

    // Counts that have changed since are written with the first restart, instead of a minute after the ones before.
    restart(&mut replica).await?;
    settles(cluster, mark, &replica).await?;
    let mark = cluster.audit().mark()?;
    restart(&mut replica).await?;
    tokio::time::sleep(CALM).await;
    let mut written = asked(cluster, mark, &replica)?;
    // A new process says once more what is in its way.
    written.retain(|request| request.resource != "events");
    ensure!(written.is_empty(), "a restart wrote {written:#?}");

    drift_is_put_back(&deployments, &services).await?;
    let after = deployments.get("attune-web").await?;
    ensure!(
        after.metadata.generation == theirs.metadata.generation
            && after.metadata.owner_references.is_none()
            && after.labels() == theirs.labels(),
        "somebody else's Deployment was touched: {after:#?}"
    );
    let touched = cluster.audit().of_all_groups_since(mark)?;
    let touched: Vec<_> = touched
        .iter()
        .filter(|request| {
            request.user == replica.user && request.resource == "deployments" && request.name == "attune-web"
        })
        .collect();
    ensure!(touched.is_empty(), "{touched:#?}");
    replica.server.ensure_running()
}

async fn restart(replica: &mut Replica) -> Result<()> {
    replica.server.stop().await?;
    replica.server.start_again()?;
    replica.server.is_ready().await?;
    wait_until("it leads again", PATIENCE, async || {
        ensure!(replica.leads().await?, "not yet");
        Ok(())
    })
    .await
}

async fn is_told_that_the_name_is_taken(cluster: &ControlPlane, tenant: &str) -> Result<()> {
    let events: Api<Event> = Api::namespaced(cluster.client(), tenant);
    wait_until("an Event says that the name is taken", PATIENCE, async || {
        let listed = events.list(&ListParams::default()).await?;
        let is_it = |event: &&Event| {
            event.reason.as_deref() == Some("NameTaken")
                && event.involved_object.name.as_deref() == Some("web")
        };
        let found = listed.items.iter().find(is_it);
        let message = found.and_then(|event| event.message.as_deref());
        let message = message.context("no such Event")?;
        ensure!(message.contains("attune-web"), "it says `{message}`");
        Ok(())
    })
    .await
}

/// Waits until nothing was asked for during a while; gives how much was.
async fn settles(cluster: &ControlPlane, mark: AuditMark, replica: &Replica) -> Result<usize> {
    wait_until("it writes no more", PATIENCE, async || {
        let before = asked(cluster, mark, replica)?.len();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = asked(cluster, mark, replica)?.len();
        ensure!(before == after, "{} writes more", after - before);
        Ok(after)
    })
    .await
}

/// What we apply comes back; what somebody else puts beside it stays.
async fn drift_is_put_back(deployments: &Api<Deployment>, services: &Api<Service>) -> Result<()> {
    let before = deployments.get(NAME).await?;
    let image = |deployment: &Deployment| -> Option<String> {
        let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
        pod.containers.first()?.image.clone()
    };
    let container = before.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let container = container
        .and_then(|pod| pod.containers.first())
        .context("a container")?;
    let drift = json!({
        "metadata": {"annotations": {"example.com/theirs": "stays"}},
        "spec": {"template": {"spec": {"containers": [{"name": container.name, "image": "example.com/other:1"}]}}},
    });
    deployments
        .patch(NAME, &PatchParams::default(), &Patch::Strategic(drift))
        .await?;
    let began = std::time::Instant::now();
    services.delete(NAME, &DeleteParams::default()).await?;
    wait_until("drift is put back", PATIENCE, async || {
        let now = deployments.get(NAME).await?;
        ensure!(image(&now) == image(&before), "the image is {:?}", image(&now));
        ensure!(
            now.annotations()
                .get("example.com/theirs")
                .is_some_and(|value| value == "stays"),
            "what is theirs went too"
        );
        services.get(NAME).await?;
        Ok(())
    })
    .await?;
    println!("drift was put back in {:.1?}", began.elapsed());
    Ok(())
}
