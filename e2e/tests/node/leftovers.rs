//! A cluster whose test binary is killed, while another runs on the same machine.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{Cluster, wait_until};

/// Makes this binary the one that is killed.
pub(crate) const VICTIM: &str = "ATTUNE_E2E_VICTIM";

/// Starts a cluster, tells where it is and waits to be killed.
pub(crate) fn victim() -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    let cluster = runtime.block_on(Cluster::start())?;
    println!("{}", cluster.control_plane().logs().display());
    std::thread::sleep(Duration::from_mins(10));
    Ok(ExitCode::FAILURE)
}

pub(crate) async fn a_killed_cluster_leaves_nothing_behind(other: &Cluster, (): &()) -> Result<()> {
    let mut victim = Command::new(std::env::current_exe()?)
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .context("start the victim")?;
    let output = victim.stdout.take().context("take its output")?;
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map(|_| line)
    });
    let logs = PathBuf::from(line.await??.trim());
    let scratch = logs.parent().context("a victim that started")?.to_owned();
    let name = scratch
        .file_name()
        .context("the name of its directory")?
        .to_string_lossy()
        .into_owned();
    let during = traces(&name);
    ensure!(
        during.iter().any(|trace| trace.starts_with("process"))
            && during.iter().any(|trace| trace.starts_with("cgroup"))
            && during.iter().any(|trace| trace.starts_with("directory")),
        "this test would see nothing: {during:?}"
    );
    let interface = format!("attune{}-", victim.id());
    ensure!(has_interface(&interface), "the victim has no link to its node");
    victim.kill()?;
    victim.wait()?;
    let outcome = wait_until("all of it is gone", Duration::from_secs(30), async || {
        let left = traces(&name);
        ensure!(left.is_empty(), "left: {left:#?}");
        ensure!(!has_interface(&interface), "its link is still there");
        Ok(())
    });
    outcome.await?;
    // Logs stay, for they tell of it; here they are of no use.
    std::fs::remove_dir_all(&scratch).with_context(|| format!("remove {}", scratch.display()))?;
    // The other is not meant.
    let namespace = other.create_namespace(&[]).await?;
    let pod = [
        "run",
        "app",
        "--image",
        other.probe_image(),
        "--image-pull-policy=Never",
    ];
    let in_namespace = [&["--namespace", &namespace][..], &pod].concat();
    other.control_plane().kubectl(&in_namespace).await?.succeeded()?;
    other
        .wait_pod_running(&namespace, "app", Duration::from_mins(1))
        .await?;
    Ok(())
}

/// Whatever on this machine bears a cluster's name: its processes and those of its pods, its cgroups, its data and mounts.
fn traces(name: &str) -> Vec<String> {
    let mut traces = Vec::new();
    for process in entries(Path::new("/proc")) {
        let read = |file: &str| {
            std::fs::read(process.join(file))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default()
        };
        if read("cmdline").contains(name) || read("cgroup").contains(name) {
            traces.push(format!("process {} {}", process.display(), read("comm").trim()));
        }
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    traces.extend(
        mounts
            .lines()
            .filter(|line| line.contains(name))
            .map(|line| format!("mount {line}")),
    );
    for hierarchy in entries(Path::new("/sys/fs/cgroup")) {
        let found = entries(&hierarchy).into_iter().chain([hierarchy]);
        let named = found.filter(|path| {
            path.file_name()
                .is_some_and(|n| n.to_string_lossy().contains(name))
        });
        traces.extend(named.map(|path| format!("cgroup {}", path.display())));
    }
    let scratch = entries(&std::env::temp_dir())
        .into_iter()
        .filter(|path| {
            path.file_name()
                .is_some_and(|n| n.to_string_lossy().contains(name))
        })
        .filter(|path| path.join("data").exists());
    traces.extend(scratch.map(|path| format!("directory {}", path.display())));
    traces.sort();
    traces.dedup();
    traces
}

fn has_interface(prefix: &str) -> bool {
    entries(Path::new("/sys/class/net")).iter().any(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix)
    })
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
