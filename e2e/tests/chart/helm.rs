//! Runs the built `helm` against a control plane, with directories of its own.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use attune_e2e::{ControlPlane, Tools, parse_documents, repository};
use kube::api::DynamicObject;
use tempfile::TempDir;
use tokio::process::Command;

/// `helm`, as one control plane's administrator.
pub(crate) struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: TempDir,
}

/// How one command went.
#[derive(Debug)]
pub(crate) struct Outcome {
    command: String,
    success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Where the chart is.
pub(crate) fn chart() -> PathBuf {
    repository().join("charts/attune")
}

impl Helm {
    pub(crate) fn new(cluster: &ControlPlane) -> Result<Self> {
        Ok(Self {
            program: Tools::from_env()?.program("helm"),
            kubeconfig: cluster.kubeconfig().to_owned(),
            home: tempfile::tempdir().context("make a home for helm")?,
        })
    }

    /// Runs a command; an argument `CHART` stands for the chart.
    pub(crate) async fn run(&self, args: &[&str]) -> Result<Outcome> {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        for arg in args {
            if *arg == "CHART" {
                command.arg(chart());
            } else {
                command.arg(arg);
            }
        }
        let line = format!("helm {}", args.join(" "));
        let output = command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"))
            .env("HOME", home)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("start `{line}`; `make tools` builds it"))?;
        Ok(Outcome {
            command: line,
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// What `helm template` makes of the chart with these values, as text.
    pub(crate) async fn template(&self, values: &[&str]) -> Result<String> {
        let mut args = vec!["template", "attune", "CHART", "-n", crate::NAMESPACE];
        args.extend(values);
        // Rendering asks no server; without the version of ours it would assume that of Helm's own client.
        args.extend(["--kube-version", "1.36.3"]);
        Ok(self.run(&args).await?.succeeded()?.stdout)
    }

    /// The same as objects.
    pub(crate) async fn objects(&self, values: &[&str]) -> Result<Vec<DynamicObject>> {
        parse_documents(&self.template(values).await?)
    }
}

impl Outcome {
    /// Itself, when the command succeeded.
    pub(crate) fn succeeded(self) -> Result<Self> {
        if !self.success {
            bail!("`{}` failed:\n{}{}", self.command, self.stdout, self.stderr);
        }
        Ok(self)
    }

    /// What the command complained of, when it failed.
    pub(crate) fn refused(self) -> Result<String> {
        if self.success {
            bail!("`{}` succeeded:\n{}", self.command, self.stdout);
        }
        Ok(self.stderr)
    }
}
