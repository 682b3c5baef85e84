//! When a component may be called ready.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::DeleteParams;
use kube::{Api, Client};

use super::components::Ports;
use super::{PATIENCE, create_namespace};
use crate::{Process, wait_until};

pub(super) async fn etcd_is_healthy(process: &mut Process, ports: &Ports) -> Result<()> {
    let url = format!("{}/health", ports.etcd_url());
    until_ready(process, "etcd is healthy", async || {
        let answer = reqwest::get(&url).await?.error_for_status()?.text().await?;
        ensure!(answer.contains("\"true\""), "it answers {answer}");
        Ok(())
    })
    .await
}

pub(super) async fn api_server_is_ready(process: &mut Process, client: &Client) -> Result<()> {
    until_ready(process, "the API server is ready", async || {
        let request = http::Request::get("/readyz?verbose").body(Vec::new())?;
        client
            .request_text(request)
            .await
            .map(drop)
            .context("GET /readyz")
    })
    .await
}

/// Controllers have no endpoint that says they caught up; these two objects are the work of two of them. A namespace
/// made for the purpose shows it after a restart as well.
pub(super) async fn controllers_work(process: &mut Process, client: &Client) -> Result<()> {
    let name = create_namespace(client, "controllers-").await?;
    until_ready(process, "the controllers work", async || {
        Api::<ServiceAccount>::namespaced(client.clone(), &name)
            .get("default")
            .await?;
        Api::<ConfigMap>::namespaced(client.clone(), &name)
            .get("kube-root-ca.crt")
            .await?;
        Ok(())
    })
    .await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .delete(&name, &DeleteParams::default())
        .await
        .context("delete a namespace")?;
    Ok(())
}

/// Waits, but not for a process that has already ended.
async fn until_ready(
    process: &mut Process,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let outcome = wait_until(what, PATIENCE, async || {
        if let Err(ended) = process.ensure_running() {
            return Ok(Err(ended));
        }
        attempt().await.map(Ok)
    });
    outcome.await?
}
