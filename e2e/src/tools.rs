//! Where the programs of the control plane are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The variable that holds what `e2e/cluster/build-tools` printed.
pub const TOOLS_VARIABLE: &str = "ATTUNE_TOOLS_BIN";

const PROGRAMS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];
const NODE_PROGRAMS: [&str; 5] = ["kube-scheduler", "kubelet", "kube-proxy", "coredns", "helm"];

/// The programs `e2e/cluster/build-tools` builds; those of the machine are never used.
#[derive(Clone, Debug)]
pub struct Tools {
    directory: PathBuf,
}

impl Tools {
    /// Those in the directory named by [`TOOLS_VARIABLE`].
    ///
    /// # Errors
    /// When it is unset or something is missing there: a cluster test without a cluster fails, it is never skipped.
    pub fn from_env() -> Result<Self> {
        let Some(directory) = std::env::var_os(TOOLS_VARIABLE) else {
            bail!(
                "{TOOLS_VARIABLE} is not set: run `make test-cluster`, or {TOOLS_VARIABLE}=$(e2e/cluster/build-tools)"
            );
        };
        let tools = Self {
            directory: PathBuf::from(directory),
        };
        tools.ensure(&PROGRAMS)?;
        Ok(tools)
    }

    /// Itself, when those of a node are there too.
    pub(crate) fn with_node(self) -> Result<Self> {
        self.ensure(&NODE_PROGRAMS)?;
        Ok(self)
    }

    fn ensure(&self, programs: &[&str]) -> Result<()> {
        for program in programs {
            if !self.program(program).is_file() {
                bail!(
                    "no `{program}` in {} ({TOOLS_VARIABLE}): run `make tools`",
                    self.directory.display()
                );
            }
        }
        Ok(())
    }

    /// The path of one of them.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What a program that reads its input prints; `make tools` builds it.
    ///
    /// # Errors
    /// When it is not there or fails; with what it complained about.
    pub async fn pipe(&self, name: &str, args: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new(self.program(name))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {name}; `make tools` builds it"))?;
        let mut stdin = child.stdin.take().context("take its input")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name}: {complaint}");
        String::from_utf8(output.stdout).with_context(|| format!("read what {name} prints"))
    }

    /// Where all of them are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
