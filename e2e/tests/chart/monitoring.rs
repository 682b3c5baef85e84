//! Alerts and the dashboard.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Tools, repository};
use serde_json::Value;
use tokio::process::Command;

use crate::helm::{Helm, chart};

pub(crate) async fn alerts_are_valid(_: &ControlPlane, _: &Helm) -> Result<()> {
    promtool(&[
        "check",
        "rules",
        "--lint=all",
        "--lint-fatal",
        "files/alerts.yaml",
    ])
    .await
}

pub(crate) async fn every_alert_fires_when_it_should(_: &ControlPlane, _: &Helm) -> Result<()> {
    promtool(&["test", "rules", "tests/alerts_test.yaml"]).await
}

/// Each alert is shown to fire and to be silent, and somebody who is woken by it finds what to do.
pub(crate) async fn every_alert_has_a_test_and_a_runbook(_: &ControlPlane, _: &Helm) -> Result<()> {
    let alerts = alerts()?;
    ensure!(!alerts.is_empty(), "no alerts");
    let tests = yaml("tests/alerts_test.yaml")?;
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for case in tests["tests"].as_array().into_iter().flatten() {
        for test in case["alert_rule_test"].as_array().into_iter().flatten() {
            let name = test["alertname"]
                .as_str()
                .context("a test names its alert")?
                .to_owned();
            let expected = test["exp_alerts"]
                .as_array()
                .is_some_and(|alerts| !alerts.is_empty());
            if expected {
                fires.insert(name)
            } else {
                silent.insert(name)
            };
        }
    }
    let runbooks = std::fs::read_to_string(repository().join("docs/operations.md"))?;
    for alert in alerts {
        let name = alert["alert"].as_str().context("an alert has a name")?;
        ensure!(fires.contains(name), "{name} is not shown to fire");
        ensure!(silent.contains(name), "{name} is not shown to be silent");
        ensure!(
            runbooks.contains(&format!("#### {name}\n")),
            "{name} has no runbook"
        );
        let link = format!("docs/operations.md#{}", name.to_lowercase());
        ensure!(
            alert["annotations"]["runbook"] == link.as_str(),
            "{name} does not lead to its runbook"
        );
    }
    Ok(())
}

/// Its queries are parsed by Prometheus, with Grafana's variables filled in.
pub(crate) async fn every_panel_asks_what_prometheus_can_read(_: &ControlPlane, _: &Helm) -> Result<()> {
    let text = std::fs::read_to_string(chart().join("files/dashboard.json"))?;
    let dashboard: Value = serde_json::from_str(&text).context("read the dashboard")?;
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(target["expr"].as_str().context("a target has a query")?);
        }
    }
    ensure!(queries.len() > 20, "{} queries", queries.len());
    let rules: Vec<Value> = queries
        .iter()
        .enumerate()
        .map(|(index, query)| {
            let expr = query
                .replace("$__rate_interval", "1m")
                .replace("$namespace", ".*");
            serde_json::json!({"record": format!("panel:{index}"), "expr": expr})
        })
        .collect();
    let file = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("panels.yaml");
    std::fs::write(&path, file.to_string())?;
    promtool(&["check", "rules", path.to_str().context("a path in UTF-8")?]).await
}

fn alerts() -> Result<Vec<Value>> {
    let rules = yaml("files/alerts.yaml")?;
    let groups = rules["groups"].as_array().cloned().unwrap_or_default();
    let alerts = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
    Ok(alerts.collect())
}

fn yaml(path: &str) -> Result<Value> {
    let text = std::fs::read_to_string(chart().join(path)).with_context(|| format!("read {path}"))?;
    serde_yaml::from_str(&text).with_context(|| format!("parse {path}"))
}

async fn promtool(args: &[&str]) -> Result<()> {
    let output = Command::new(Tools::from_env()?.program("promtool"))
        .args(args)
        .current_dir(chart())
        .output()
        .await
        .context("start promtool; `make tools` builds it")?;
    ensure!(
        output.status.success(),
        "promtool {}:\n{}{}",
        args.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
