//! Channels whose decisions are made in bulk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, Strategy, wait_until};
use k8s_openapi::api::batch::v1::CronJob;
use kube::Api;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::apps::documents;
use crate::installed::{Installed, PATIENCE, deliver, leave, retitle, strategy};

const PEOPLE: &str = "targetingKey,user.tier,user.spend90d,consent\n\
                      u1,gold,300,personalization\n\
                      u2,none,,\n\
                      ,gold,300,personalization\n\
                      u3,gold,300,personalization\n";

/// A claim that is bound to a directory of the node.
fn claim(namespace: &str, directory: &Path) -> Vec<Value> {
    let spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "capacity": {"storage": "1Gi"},
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": directory, "type": "Directory"},
        "claimRef": {"namespace": namespace, "name": "people"},
    });
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("people-{namespace}")}, "spec": spec,
    });
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "people"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": format!("people-{namespace}"),
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    vec![volume, claim]
}

async fn kubectl(cluster: &Cluster, namespace: &str, args: &[&str]) -> Result<String> {
    let args = [&["-n", namespace], args].concat();
    Ok(cluster.control_plane().kubectl(&args).await?.succeeded()?.stdout)
}

/// Runs the batch by hand and gives the Channel's status once it says what came of that.
async fn run(cluster: &Cluster, strategy: &Strategy, namespace: &str, job: &str) -> Result<Value> {
    kubectl(
        cluster,
        namespace,
        &["create", "job", job, "--from=cronjob/attune-web"],
    )
    .await?;
    let mut last = Value::Null;
    wait_until("the Channel tells of the run", PATIENCE * 2, async || {
        last = strategy.status("Channel", "web").await?;
        let pod = last["batch"]["pod"].as_str().unwrap_or_default();
        ensure!(pod.starts_with(&format!("{job}-")), "{:#}", last["batch"]);
        Ok(())
    })
    .await?;
    strategy.status("Channel", "web").await
}

fn synced(status: &Value) -> Result<(String, String)> {
    let condition = attune_e2e::condition(status, "Synced")?;
    Ok((condition.status, condition.reason))
}

/// A run that succeeds has counts; gives what it has written.
async fn succeeds(
    cluster: &Cluster,
    strategy: &Strategy,
    namespace: &str,
    directory: &Path,
) -> Result<String> {
    let status = run(cluster, strategy, namespace, "first").await?;
    let counts = &status["batch"];
    ensure!(counts["succeeded"] == true, "{counts:#}");
    let counted = ["units", "decisions", "rejected"].map(|field| counts[field].as_i64());
    ensure!(counted == [Some(3), Some(3), Some(1)], "{counts:#}");
    ensure!(counts["revision"] == status["revision"], "{status:#}");
    ensure!(
        synced(&status)? == ("True".to_owned(), "Synced".to_owned()),
        "{status:#}"
    );
    let decisions = std::fs::read_to_string(directory.join("decisions.csv"))?;
    ensure!(
        decisions.lines().count() == 4 && decisions.contains("u1,home-hero,hero/"),
        "{decisions}"
    );
    let rejects = std::fs::read_to_string(directory.join("decisions.csv.rejects.ndjson"))?;
    ensure!(rejects.contains("\"line\":4"), "{rejects}");
    Ok(decisions)
}

/// A run that fails says why.
async fn fails(cluster: &Cluster, strategy: &Strategy, namespace: &str, directory: &Path) -> Result<()> {
    std::fs::remove_file(directory.join("people.csv"))?;
    let status = run(cluster, strategy, namespace, "second").await?;
    ensure!(
        synced(&status)? == ("False".to_owned(), "BatchFailed".to_owned()),
        "{status:#}"
    );
    let message = status["batch"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains("cannot open"), "{status:#}");
    Ok(())
}

pub(crate) async fn a_batch_runs_on_its_schedule_and_the_channel_tells_of_it(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    let directory = TempDir::new()?;
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777))?;
    std::fs::write(directory.path().join("people.csv"), PEOPLE)?;
    cluster
        .apply(&namespace, &documents(&claim(&namespace, directory.path())))
        .await?;
    let mut strategy = strategy(cluster, &namespace).await?;
    let end = |path: &str| json!({"volume": {"claimName": "people", "path": path}});
    let batch = json!({
        "schedule": "0 4 1 1 *", "timeZone": "Europe/Berlin", "source": end("people.csv"), "sink": end("decisions.csv"),
    });
    deliver(&mut strategy, "web", json!({"batch": batch}))?;
    strategy.apply_one("Channel", "web").await?;
    let jobs: Api<CronJob> = Api::namespaced(cluster.control_plane().client(), &namespace);
    wait_until("the CronJob stands", PATIENCE, async || {
        let job = jobs.get("attune-web").await?;
        let spec = job.spec.context("it has a spec")?;
        ensure!(
            spec.schedule == "0 4 1 1 *" && spec.time_zone.as_deref() == Some("Europe/Berlin"),
            "{spec:?}"
        );
        let (status, reason) = synced(&strategy.status("Channel", "web").await?)?;
        ensure!(
            (status.as_str(), reason.as_str()) == ("Unknown", "SyncPending"),
            "{status} {reason}"
        );
        Ok(())
    })
    .await?;

    let decisions = succeeds(cluster, &strategy, &namespace, directory.path()).await?;

    // What was written is by other rules now.
    retitle(&mut strategy, "Early access, just for you").await?;
    strategy
        .turns("Channel", "web", "Synced", ("False", "SyncPending"))
        .await?;

    fails(cluster, &strategy, &namespace, directory.path()).await?;
    ensure!(
        std::fs::read_to_string(directory.path().join("decisions.csv"))? == decisions,
        "it is as it was"
    );

    deliver(&mut strategy, "web", json!({"sidecar": {}}))?;
    strategy.apply_one("Channel", "web").await?;
    wait_until("the CronJob is gone", PATIENCE, async || {
        ensure!(jobs.get_opt("attune-web").await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    kubectl(cluster, &namespace, &["delete", "jobs", "--all", "--wait=false"]).await?;
    leave(cluster, &namespace).await
}
