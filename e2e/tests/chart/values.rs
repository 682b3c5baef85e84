//! What `values.yaml` says and what `values.schema.json` allows.

use anyhow::{Context, Result, ensure};
use attune_e2e::ControlPlane;
use serde_json::Value;

use crate::helm::{Helm, chart};

/// The defaults are validated with every rendering; here every one of them is known to the schema by name, and every name of
/// the schema has a default.
pub(crate) async fn every_default_is_allowed(_: &ControlPlane, _: &Helm) -> Result<()> {
    let text = std::fs::read_to_string(chart().join("values.yaml")).context("read values.yaml")?;
    let values: Value = serde_yaml::from_str(&text)?;
    let text = std::fs::read_to_string(chart().join("values.schema.json")).context("read the schema")?;
    let schema: Value = serde_json::from_str(&text)?;
    let mut differing = Vec::new();
    compare(&values, &schema, "", &mut differing);
    // Helm passes `global` to every chart.
    differing.retain(|path| path != ".global");
    ensure!(
        differing.is_empty(),
        "only in values.yaml or only in its schema: {differing:?}"
    );
    Ok(())
}

fn compare(values: &Value, schema: &Value, path: &str, differing: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (name, inner) in properties {
        match values.get(name) {
            Some(value) => compare(value, inner, &format!("{path}.{name}"), differing),
            None => differing.push(format!("{path}.{name}")),
        }
    }
    let unknown = values.as_object().into_iter().flatten();
    let unknown = unknown.filter(|(name, _)| !properties.contains_key(*name));
    differing.extend(unknown.map(|(name, _)| format!("{path}.{name}")));
}

pub(crate) async fn a_misspelt_value_is_refused(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let misspelt = [
        "replicas=3",
        "operator.replica=3",
        "collector.storage.class=fast",
        "image.repo=x",
        "crds.instal=false",
        "webhooks.mutating.enabled=true",
        "certificates.certManager.issuer.name=x",
        "monitoring.alerts.enable=true",
        "networkPolicy.monitoring.namespaces=x",
        "push.networks={10.0.0.0/8}",
        "operator.podDisruptionBudget.maxUnavailable=1",
    ];
    refused(helm, &misspelt).await
}

pub(crate) async fn a_wrong_value_is_refused(_: &ControlPlane, helm: &Helm) -> Result<()> {
    let wrong = [
        "operator.replicas=0",
        "operator.replicas=many",
        "certificates.mode=Manual",
        "watchNamespaces={Shop}",
        "watchNamespaces=shop",
        "watchNamespaces={shop,shop}",
        "webhooks.timeoutSeconds=30",
        "image.pullPolicy=Sometimes",
        "image.digest=latest",
        "image.repository=",
        "collector.storage.size=big",
        "collector.storage.accessModes={ReadOnlyMany}",
        "certificates.certManager.duration=90d",
        "fullnameOverride=Not_A_Name",
        "monitoring.interval=often",
        "collector.retention.exposures=often",
        "rbac.metricSecrets=perhaps",
        "rbac.pushSecrets={Not_A_Name}",
        "push.hosts={https://hooks.example}",
        "push.allowHttp=perhaps",
        "push.allowedNetworks={10.1.2.3}",
        "push.ports={0}",
    ];
    refused(helm, &wrong).await
}

/// Each of them alone; with a message that names the value.
async fn refused(helm: &Helm, settings: &[&str]) -> Result<()> {
    for setting in settings {
        let args = ["template", "attune", "CHART", "--set", setting];
        let said = helm.run(&args).await?.refused()?;
        let path = setting.split('=').next().unwrap_or_default();
        let names = path.split('.').any(|part| said.contains(part));
        ensure!(
            said.contains("values don't meet the specifications of the schema") && names,
            "`{setting}` was refused otherwise: {said}"
        );
    }
    Ok(())
}
