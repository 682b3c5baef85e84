//! The cluster's name server: `CoreDNS` in a pod.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;

use super::PATIENCE;
use crate::{ControlPlane, wait_until};

const OBJECTS: &str = include_str!("dns.yaml");
const NAMESPACE: &str = "kube-system";

pub(super) async fn install(control_plane: &ControlPlane, address: Ipv4Addr) -> Result<()> {
    let objects = OBJECTS.replace("NAME_SERVER", &address.to_string());
    control_plane
        .kubectl_with_input(&["apply", "-f", "-"], &objects)
        .await?
        .without_complaint()
        .context("install the name server")?;
    Ok(())
}

pub(super) async fn answers(control_plane: &ControlPlane) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(control_plane.client(), NAMESPACE);
    wait_until("the name server answers", PATIENCE, async || {
        let status = deployments.get("coredns").await?.status.unwrap_or_default();
        ensure!(status.available_replicas == Some(1), "{status:?}");
        Ok(())
    })
    .await
}
