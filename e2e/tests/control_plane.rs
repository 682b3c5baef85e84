//! The control plane itself, and the harness around it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_e2e::{
    Change, Component, ControlPlane, Launch, Process, Suite, binary, parse_documents, wait_until,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::json;

/// Makes this binary the one that is killed in `a_killed_test_binary_leaves_nothing_behind`.
const VICTIM: &str = "ATTUNE_E2E_VICTIM";
const MANAGER: &str = "attune-e2e";

fn main() -> Result<ExitCode> {
    if let Some(logs) = std::env::var_os(VICTIM) {
        return victim(Path::new(&logs));
    }
    let suite = Suite::prepared(async |cluster| cluster.install(&fixture("probe.yaml")).await)?
        .test("creates_and_deletes_a_namespace", creates_and_deletes_a_namespace)
        .test(
            "is_of_the_pinned_version_and_decides_by_rbac",
            is_of_the_pinned_version_and_decides_by_rbac,
        )
        .test("a_warning_is_a_complaint", a_warning_is_a_complaint)
        .test(
            "a_second_one_is_apart_and_its_components_restart",
            a_second_one_is_apart_and_its_components_restart,
        )
        .test(
            "a_killed_test_binary_leaves_nothing_behind",
            a_killed_test_binary_leaves_nothing_behind,
        )
        .test(
            "tells_writes_with_an_effect_from_those_without",
            tells_writes_with_an_effect_from_those_without,
        )
        .test(
            "a_program_of_ours_is_built_and_runs",
            a_program_of_ours_is_built_and_runs,
        )
        .test(
            "strict_apply_names_the_document_it_refuses",
            strict_apply_names_the_document_it_refuses,
        );
    Ok(suite.run())
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn probe(namespace: &str, name: &str, size: i64) -> Result<DynamicObject> {
    let object = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Probe",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"size": size},
    });
    parse_documents(&object.to_string())?
        .pop()
        .context("one document")
}

async fn creates_and_deletes_a_namespace(cluster: &ControlPlane, (): &()) -> Result<()> {
    let began = Instant::now();
    let name = cluster.with_namespace(async |name| {
        cluster
            .kubectl(&["get", "namespace", name])
            .await?
            .without_complaint()?;
        Ok(name.to_owned())
    });
    let name = name.await?;
    wait_until("the namespace is gone", Duration::from_mins(1), async || {
        let outcome = cluster.kubectl(&["get", "namespace", &name]).await?;
        ensure!(!outcome.status.success(), "still there: {}", outcome.stdout);
        ensure!(
            outcome.stderr.contains("NotFound"),
            "another failure: {}",
            outcome.stderr
        );
        Ok(())
    })
    .await?;
    println!("a namespace came and went in {:.1?}", began.elapsed());
    Ok(())
}

async fn is_of_the_pinned_version_and_decides_by_rbac(cluster: &ControlPlane, (): &()) -> Result<()> {
    let version = cluster
        .kubectl(&["version", "-o", "json"])
        .await?
        .without_complaint()?;
    let version: serde_json::Value = serde_json::from_str(&version.stdout)?;
    for side in ["/serverVersion/gitVersion", "/clientVersion/gitVersion"] {
        ensure!(
            version.pointer(side).is_some_and(|found| found == "v1.36.3"),
            "{side} of {version}"
        );
    }
    let question = [
        "auth",
        "can-i",
        "list",
        "secrets",
        "--as=system:serviceaccount:default:default",
    ];
    let answer = cluster.kubectl(&question).await?;
    ensure!(
        answer.stdout.trim() == "no",
        "a service account without a role may list secrets: {answer:?}"
    );
    Ok(())
}

async fn a_warning_is_a_complaint(cluster: &ControlPlane, (): &()) -> Result<()> {
    // Deprecated since 1.19, so the server warns.
    let outcome = cluster
        .kubectl(&["get", "componentstatuses"])
        .await?
        .succeeded()?;
    ensure!(outcome.stderr.contains("Warning: "), "no warning: {outcome:?}");
    ensure!(outcome.without_complaint().is_err(), "a warning passed");
    let refused = cluster
        .kubectl_with_input(&["create", "-f", "-"], "{apiVersion: v1, kind: Nonsense}")
        .await?;
    let message = refused
        .succeeded()
        .err()
        .context("nonsense was created")?
        .to_string();
    ensure!(
        message.contains("Nonsense"),
        "the failure does not tell what kubectl said: {message}"
    );
    Ok(())
}

async fn a_second_one_is_apart_and_its_components_restart(first: &ControlPlane, (): &()) -> Result<()> {
    let second = ControlPlane::start().await?;
    let maps = |cluster: &ControlPlane| Api::<ConfigMap>::namespaced(cluster.client(), "default");
    let map = serde_json::from_value(json!({"metadata": {"name": "only-here"}}))?;
    maps(&second).create(&PostParams::default(), &map).await?;
    ensure!(
        maps(first).get_opt("only-here").await?.is_none(),
        "both have one database"
    );

    for component in [
        Component::Etcd,
        Component::ApiServer,
        Component::ControllerManager,
    ] {
        let (old, began) = (second.id(component).await, Instant::now());
        second.kill(component).await?;
        second
            .start_again(component)
            .await
            .with_context(|| format!("start {component:?} again"))?;
        ensure!(
            second.id(component).await != old,
            "{component:?} has the same process"
        );
        wait_until("what was written is there", Duration::from_secs(30), async || {
            maps(&second).get("only-here").await.map(drop).context("get it")
        })
        .await?;
        println!("{component:?} was killed and back after {:.1?}", began.elapsed());
    }
    let logs = second.logs();
    drop(second);
    ensure!(!logs.exists(), "{} outlives its control plane", logs.display());
    Ok(())
}

/// Starts a process, says its id and waits to be killed.
fn victim(logs: &Path) -> Result<ExitCode> {
    let process = Process::spawn(Launch::new("orphan", Path::new("sleep"), logs).arg("600"))?;
    println!("{}", process.id());
    std::thread::sleep(Duration::from_mins(10));
    Ok(ExitCode::FAILURE)
}

async fn a_killed_test_binary_leaves_nothing_behind(_: &ControlPlane, (): &()) -> Result<()> {
    let logs = tempfile::tempdir()?;
    let mut victim = Command::new(std::env::current_exe()?)
        .env(VICTIM, logs.path())
        .stdout(Stdio::piped())
        .spawn()
        .context("start the victim")?;
    let mut id = String::new();
    BufReader::new(victim.stdout.take().context("take its output")?).read_line(&mut id)?;
    let orphan = Path::new("/proc").join(id.trim());
    ensure!(orphan.exists(), "the victim's child {id} does not run");
    victim.kill()?;
    victim.wait()?;
    wait_until(
        "the victim's child is gone",
        Duration::from_secs(10),
        async || {
            ensure!(!orphan.exists(), "process {id} still runs");
            Ok(())
        },
    )
    .await
}

async fn tells_writes_with_an_effect_from_those_without(cluster: &ControlPlane, (): &()) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let objects = cluster.objects();
    let mut watch = cluster.watch_writes().await?;
    let mark = cluster.audit().mark()?;
    let documents = [probe(&namespace, "b", 1)?, probe(&namespace, "a", 2)?];
    objects.apply(&documents, MANAGER).await?;
    objects.apply(&documents, MANAGER).await?;
    objects.apply(&[probe(&namespace, "a", 3)?], MANAGER).await?;
    let effects = watch
        .until_quiet(Duration::from_secs(1), Duration::from_secs(30))
        .await?;
    // Other tests of this binary write to namespaces of their own.
    let effects: Vec<_> = effects
        .iter()
        .filter(|write| write.object.namespace == namespace)
        .collect();
    let told: Vec<_> = effects
        .iter()
        .map(|write| (write.change, write.object.name.as_str()))
        .collect();
    ensure!(
        told == [
            (Change::Added, "b"),
            (Change::Added, "a"),
            (Change::Modified, "a")
        ],
        "saw {effects:?}"
    );
    ensure!(
        effects.iter().all(|write| write.manager == MANAGER),
        "saw {effects:?}"
    );

    let mut asked = cluster.audit().since(mark)?;
    asked.retain(|request| request.namespace == namespace);
    let names: Vec<&str> = asked.iter().map(|request| request.name.as_str()).collect();
    ensure!(names == ["b", "a", "b", "a", "a"], "the audit log has {asked:?}");
    ensure!(
        asked
            .iter()
            .all(|request| request.verb == "patch" && request.user == "attune-e2e-admin"),
        "{asked:?}"
    );

    objects.delete(&documents, Duration::from_secs(20)).await?;
    let effects = watch
        .until_quiet(Duration::from_millis(500), Duration::from_secs(30))
        .await?;
    let deleted = effects
        .iter()
        .filter(|w| w.object.namespace == namespace && w.change == Change::Deleted)
        .count();
    ensure!(deleted == 2, "saw {effects:?}");
    Ok(())
}

async fn strict_apply_names_the_document_it_refuses(cluster: &ControlPlane, (): &()) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let mut unknown = probe(&namespace, "odd", 1)?;
    unknown.data = json!({"spec": {"size": 1, "colour": "red"}});
    let error = cluster
        .objects()
        .apply(&[unknown], MANAGER)
        .await
        .err()
        .context("an unknown field passed")?;
    let message = format!("{error:#}");
    ensure!(
        message.contains("apply Probe") && message.contains("colour"),
        "{message}"
    );
    Ok(())
}

async fn a_program_of_ours_is_built_and_runs(cluster: &ControlPlane, (): &()) -> Result<()> {
    let decider = binary("attune-decider")?;
    let mut process = Process::spawn(cluster.launch("decider-help", &decider).arg("--help"))?;
    let status = wait_until(
        "it has said what it can do",
        Duration::from_secs(10),
        async || process.ended()?.context("it still runs"),
    );
    let status = status.await?;
    ensure!(status.success(), "{status}: {}", process.log_tail(20));
    ensure!(
        process.log_tail(400).contains("Usage"),
        "{}",
        process.log_tail(50)
    );
    Ok(())
}
