//! The example strategy on the API server, and what `kubectl get` shows of it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, ObjectId, read_documents, repository};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::Findings;
use crate::definitions::{self, Definition};
use crate::server::Server;

fn path() -> PathBuf {
    repository().join("examples/strategy/strategy.yaml")
}

/// Applies it, as an owner would. Both tests need it there and may be the first.
async fn apply(cluster: &ControlPlane) -> Result<String> {
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    cluster
        .kubectl_with_input(&["apply", "--server-side", "-f", "-"], namespace)
        .await?
        .succeeded()?;
    let file = path();
    let outcome = cluster
        .kubectl(&["apply", "-f", file.to_str().context("a path in UTF-8")?])
        .await?;
    Ok(outcome.without_complaint()?.stdout)
}

pub(crate) async fn applies_twice_without_a_change(cluster: &ControlPlane, _: &Findings) -> Result<()> {
    let first = apply(cluster).await?;
    let documents = read_documents(&path())?.len();
    ensure!(
        first.lines().count() == documents,
        "{documents} documents, but the first apply says:\n{first}"
    );
    let second = apply(cluster).await?;
    ensure!(
        second.lines().count() == documents,
        "{documents} documents, but the second apply says:\n{second}"
    );
    ensure!(
        second.lines().all(|line| line.ends_with(" unchanged")),
        "the second apply changes:\n{second}"
    );

    let listed = cluster
        .kubectl(&["get", "attune", "-A"])
        .await?
        .without_complaint()?
        .stdout;
    for object in read_documents(&path())? {
        // The policy has no namespace, so the category lists it as well, but in a table of its own.
        let name = object.name_any();
        ensure!(
            listed.contains(&name),
            "`kubectl get attune -A` leaves {} out:\n{listed}",
            ObjectId::of(&object)
        );
    }
    Ok(())
}

/// Columns about the spec have a value for some object of the example; those about the status have one as soon as there is
/// a status.
pub(crate) async fn prints_every_column(cluster: &ControlPlane, _: &Findings) -> Result<()> {
    apply(cluster).await?;
    let server = Server::new(cluster);
    for definition in definitions::read()? {
        write_conditions(&server, &definition).await?;
        for version in &definition.spec.versions {
            let plural = &definition.spec.names.plural;
            let table = server.table(plural, &version.name).await?;
            for column in &version.additional_printer_columns {
                let cells = cells(&table, &column.name).with_context(|| format!("in {plural}"))?;
                let from_conditions = column.json_path.starts_with(".status.conditions[");
                if from_conditions || !column.json_path.starts_with(".status.") {
                    let empty = cells
                        .iter()
                        .all(|cell| matches!(cell, Value::Null) || **cell == json!(""));
                    ensure!(
                        !empty,
                        "column {} of {plural} is empty for every object: {table:#}",
                        column.name
                    );
                }
            }
        }
    }
    Ok(())
}

/// Gives every object of a kind each condition that a column shows.
async fn write_conditions(server: &Server, definition: &Definition) -> Result<()> {
    let mut types: Vec<&str> = Vec::new();
    for column in definition
        .spec
        .versions
        .iter()
        .flat_map(|version| &version.additional_printer_columns)
    {
        let quoted = column
            .json_path
            .split_once("@.type==")
            .map(|(_, after)| after.trim_start_matches(['"', '\'']));
        types.extend(quoted.and_then(|quoted| quoted.split(['"', '\'']).next()));
    }
    types.sort_unstable();
    types.dedup();
    for object in read_documents(&path())? {
        let Some(kind) = object
            .types
            .clone()
            .filter(|types| types.kind == definition.spec.names.kind)
        else {
            continue;
        };
        let conditions: Vec<Value> = types
            .iter()
            .map(|name| {
                json!({"type": name, "status": "True", "reason": "Accepted", "message": "",
                    "observedGeneration": 1, "lastTransitionTime": "2026-12-01T00:00:00Z"})
            })
            .collect();
        let patch =
            json!({"apiVersion": kind.api_version, "kind": kind.kind, "status": {"conditions": conditions}});
        let params = PatchParams::apply("attune-e2e").force();
        let patched = server
            .api_of(&object)
            .await?
            .patch_status(&object.name_any(), &params, &Patch::Apply(patch))
            .await;
        patched.with_context(|| format!("write the status of {}", ObjectId::of(&object)))?;
    }
    Ok(())
}

/// The cells of a column, over all objects.
fn cells<'a>(table: &'a Value, column: &str) -> Result<Vec<&'a Value>> {
    let columns = table["columnDefinitions"]
        .as_array()
        .context("a table has columns")?;
    let index = columns.iter().position(|definition| definition["name"] == column);
    let index = index.with_context(|| format!("the server prints no column {column}"))?;
    let rows = table["rows"].as_array().context("a table has rows")?;
    let cell = |row: &'a Value| {
        row.get("cells")
            .and_then(|cells| cells.get(index))
            .unwrap_or(&Value::Null)
    };
    Ok(rows.iter().map(cell).collect())
}
