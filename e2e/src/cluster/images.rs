//! Images without an engine and without a registry: made of static programs and handed to containerd.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::components::CONTAINERD_SOCKET;
use crate::{binary, repository};

/// The operator's own image.
pub(super) const ATTUNE: &str = "attune.test/attune:dev";
/// The program `probe` and nothing else; sleeps unless told otherwise.
pub(super) const PROBE: &str = "attune.test/probe:dev";
/// The cluster's name server.
pub(super) const COREDNS: &str = "attune.test/coredns:dev";

/// Makes the three images; the paths of their tars.
pub(super) async fn make(directory: &Path, coredns: &Path) -> Result<Vec<PathBuf>> {
    let programs = tokio::task::spawn_blocking(|| {
        let ours = ["attune", "attune-collector", "attune-decider", "attune-operator"];
        let ours = ours.into_iter().map(binary).collect::<Result<Vec<PathBuf>>>()?;
        Ok::<_, anyhow::Error>((ours, binary("probe")?))
    });
    let (ours, probe) = programs.await.context("find our programs")??;
    let ours: Vec<&Path> = ours.iter().map(PathBuf::as_path).collect();
    let tars = ["attune.tar", "probe.tar", "coredns.tar"].map(|name| directory.join(name));
    let [attune_tar, probe_tar, coredns_tar] = &tars;
    let (probe, coredns) = ([probe.as_path()], [coredns]);
    let start_coredns = ["--entrypoint=/coredns", "--keep-symbols"];
    tokio::try_join!(
        make_one(ATTUNE, attune_tar, &[], &ours),
        make_one(PROBE, probe_tar, &["--entrypoint=/probe sleep"], &probe),
        make_one(COREDNS, coredns_tar, &start_coredns, &coredns),
    )?;
    Ok(tars.into())
}

async fn make_one(name: &str, tar: &Path, options: &[&str], programs: &[&Path]) -> Result<()> {
    let output = Command::new("python3")
        .arg(repository().join("image/oci-tar"))
        .arg(format!("--name={name}"))
        .arg(format!("--output={}", tar.display()))
        .args(options)
        .args(programs)
        .kill_on_drop(true)
        .output()
        .await
        .context("start `python3`")?;
    ensure!(
        output.status.success(),
        "make the image `{name}`:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Hands a tar to the node's containerd.
pub(super) async fn import(enter: &[String], tar: &Path) -> Result<()> {
    ctr(enter, &["images", "import", &tar.display().to_string()]).await
}

/// Signals the first process of a container, as a crash or the kernel would; no API server is needed for it.
pub(super) async fn signal(enter: &[String], signal: &str, container: &str) -> Result<()> {
    ctr(enter, &["tasks", "kill", "--signal", signal, container]).await
}

async fn ctr(enter: &[String], command: &[&str]) -> Result<()> {
    let (program, args) = enter.split_first().context("a command that enters the node")?;
    let output = Command::new(program)
        .args(args)
        .args(["ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"])
        .args(command)
        .kill_on_drop(true)
        .output()
        .await
        .context("start `ctr`")?;
    ensure!(
        output.status.success(),
        "`ctr {}` ended with {}\n{}{}",
        command.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
