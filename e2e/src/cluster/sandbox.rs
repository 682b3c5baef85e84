//! The node's own network and mounts. The kernel keeps them as long as a process in them lives: with the last one go
//! routes, packet filters and mounts, and nothing of it but the link was ever seen outside.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::block::Block;
use crate::process::guardian;
use crate::{Launch, Process, wait_until};

/// Makes the link to the node and what the node sees of this machine.
const SETUP: &str = include_str!("sandbox.sh");

/// Namespaces with a process that keeps them.
#[derive(Debug)]
pub(super) struct Sandbox {
    keeper: Process,
    interface: String,
}

impl Sandbox {
    /// Makes them. `state` becomes the node's `/var/lib`, `logs` its `/var/log`; its `/run` is in memory.
    pub(super) async fn create(block: &Block, state: &Path, logs: &Path) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "a node needs root: namespaces, mounts and cgroups are made for it"
        );
        let keep = Launch::new("node", Path::new("unshare"), logs).args([
            "--net",
            "--mount",
            "--propagation=private",
            "sleep",
            "infinity",
        ]);
        let mut keeper = Process::spawn(keep)?;
        wait_until(
            "the node's namespaces are there",
            Duration::from_secs(10),
            async || {
                keeper.ensure_running()?;
                let theirs = fs::read_link(format!("/proc/{}/ns/net", keeper.id()))?;
                ensure!(
                    theirs != fs::read_link("/proc/self/ns/net")?,
                    "it is still in our own"
                );
                let name = fs::read_to_string(format!("/proc/{}/comm", keeper.id()))?;
                ensure!(name.trim() == "sleep", "`{}` is still at work", name.trim());
                Ok(())
            },
        )
        .await?;
        let sandbox = Self {
            keeper,
            interface: block.interface(),
        };
        let pod_logs = logs.join("node");
        guardian::adopt_interface(&sandbox.interface)?;
        for directory in [state, &pod_logs] {
            fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        }
        sandbox.set_up(block, state, &pod_logs)?;
        Ok(sandbox)
    }

    fn set_up(&self, block: &Block, state: &Path, logs: &Path) -> Result<()> {
        let output = Command::new("sh")
            .args(["-c", SETUP, "sandbox"])
            .env("KEEPER", self.keeper.id().to_string())
            .env("INTERFACE", &self.interface)
            .env("NEAR", block.near().to_string())
            .env("NODE", block.node().to_string())
            .env("PODS", block.pods())
            .env("SERVICES", block.services())
            .env("STATE", state)
            .env("LOGS", logs)
            .output()
            .context("start `sh`")?;
        if !output.status.success() {
            bail!(
                "set up the node's network and mounts:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// A command that starts another in here, and becomes it.
    pub(super) fn enter(&self) -> Vec<String> {
        let keeper = self.keeper.id().to_string();
        ["nsenter", "--target", &keeper, "--net", "--mount", "--"]
            .map(str::to_owned)
            .to_vec()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It would go by itself, but only when the connections of the dead processes have timed out.
        let deleted = Command::new("ip")
            .args(["link", "delete", &self.interface])
            .output();
        if deleted.is_ok_and(|output| output.status.success()) {
            let _ = guardian::release_interface(&self.interface);
        }
    }
}
