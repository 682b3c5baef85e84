//! The definitions of products that the chart makes objects for: cert-manager and the Prometheus operator. They come from
//! those products' own Go modules, so that their servers' word is taken, not ours.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use attune_e2e::ControlPlane;
use serde::Deserialize;
use tokio::process::Command;

/// A module, what it weighs in Go's checksum database, and the files that we take from it.
struct Module {
    version: &'static str,
    sum: &'static str,
    directory: &'static str,
    files: &'static [&'static str],
}

const MODULES: [Module; 2] = [
    Module {
        version: "github.com/cert-manager/cert-manager@v1.19.1",
        sum: "h1:Txh8L/nLWTDcb7ZnXuXbTe15BxQnLbLirXmbNk0fGgY=",
        directory: "deploy/crds",
        files: &[
            "cert-manager.io_certificates.yaml",
            "cert-manager.io_issuers.yaml",
        ],
    },
    Module {
        version: "github.com/prometheus-operator/prometheus-operator@v0.92.0",
        sum: "h1:tAbsod3+9sQsxDeAvLP27dAe9terToht5M+YdDwLGP0=",
        directory: "example/prometheus-operator-crd",
        files: &[
            "monitoring.coreos.com_podmonitors.yaml",
            "monitoring.coreos.com_prometheusrules.yaml",
            "monitoring.coreos.com_servicemonitors.yaml",
        ],
    },
];

/// What `go mod download -json` tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    dir: PathBuf,
    sum: String,
}

/// Installs the definitions.
pub(crate) async fn install(cluster: &ControlPlane) -> Result<()> {
    for module in &MODULES {
        let directory = download(module).await?.join(module.directory);
        for file in module.files {
            let path = directory.join(file);
            let path_text = path.to_str().context("a path in UTF-8")?;
            // Some are too large for the annotation of a client-side apply.
            let apply = ["apply", "--server-side", "-f", path_text];
            cluster.kubectl(&apply).await?.succeeded()?;
            cluster.wait_established(&path).await?;
        }
    }
    Ok(())
}

async fn download(module: &Module) -> Result<PathBuf> {
    let output = Command::new("go")
        .args(["mod", "download", "-json", module.version])
        .env("GOWORK", "off")
        // Outside of any module of ours.
        .current_dir(std::env::temp_dir())
        .output()
        .await
        .context("run go, which also built the tools")?;
    ensure!(
        output.status.success(),
        "download {}:\n{}{}",
        module.version,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let downloaded: Downloaded = serde_json::from_slice(&output.stdout).context("read what go says")?;
    ensure!(
        downloaded.sum == module.sum,
        "{} is {}, not {}",
        module.version,
        downloaded.sum,
        module.sum
    );
    Ok(downloaded.dir)
}
