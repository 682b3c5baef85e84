//! The way of results: events to the collector, its answer onto the Experiment.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, PATIENCE, wait_until};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::programs::{Programs, Server};
use attune_e2e::{Strategy, condition};

/// Units of each arm.
const UNITS: usize = 1000;

/// Events in one request.
const BATCH: usize = 500;

/// Another system split the traffic, and one look was agreed on.
fn import(strategy: &mut Strategy) -> Result<()> {
    strategy.edit("Experiment", "cart-hero", |document| {
        let spec = &mut document["spec"];
        spec["assignment"] = json!("Imported");
        spec["analysis"]["method"] = json!("Fixed");
        spec["analysis"]["plannedUnits"] = json!(2 * UNITS);
        Ok(())
    })
}

fn event(namespace: &str, kind: &str, id: &str, time: &str, mut data: Value) -> Value {
    data["namespace"] = json!(namespace);
    json!({
        "specversion": "1.0", "type": format!("dev.attune.{kind}.v1"), "source": "/another-system",
        "id": id, "time": time, "data": data,
    })
}

/// Every unit is exposed; of each arm so many buy.
fn events(namespace: &str, buyers: [(&str, usize); 2]) -> Vec<Value> {
    let mut events = Vec::new();
    for (arm, buyers) in buyers {
        for index in 0..UNITS {
            let unit = format!("{arm}-{index}");
            let exposure = json!({"unit": unit, "experiment": "cart-hero", "arm": arm});
            let id = format!("exposure-{unit}");
            events.push(event(
                namespace,
                "exposure",
                &id,
                "2026-11-16T08:00:00Z",
                exposure,
            ));
            if index < buyers {
                let outcome = json!({"unit": unit, "event": "purchase", "properties": {"amount": 40.0}});
                let id = format!("purchase-{unit}");
                events.push(event(namespace, "outcome", &id, "2026-11-17T08:00:00Z", outcome));
            }
        }
    }
    events
}

async fn refreshes(operator: &Server, outcome: &str) -> Result<f64> {
    let name = format!("attune_operator_results_total{{outcome=\"{outcome}\"}}");
    Ok(operator.metrics().await?.get(&name).copied().unwrap_or_default())
}

pub(crate) async fn results_come_onto_an_imported_experiment_and_stay(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(cluster, &namespace)?;
    import(&mut strategy)?;
    let collector = programs.collector(cluster, &namespace).await?;
    let events = events(&namespace, [("control", 100), ("reminder", 160)]);
    for batch in events.chunks(BATCH) {
        let (status, answer) = collector.post("/v1/events", &json!(batch)).await?;
        ensure!(
            status == 200 && answer["stored"] == batch.len(),
            "{status} {answer}"
        );
    }
    let flags = ["--collector", collector.url.as_str(), "--results-interval", "1"];
    let mut operator = programs.operator(cluster, &namespace, &flags).await?;
    strategy.apply().await?;

    let status = strategy
        .turns(
            "Experiment",
            "cart-hero",
            "Conclusive",
            ("True", "WorthwhileLift"),
        )
        .await?;
    ensure_results_stand(&status)?;
    ensure_written_by_two(&strategy).await?;
    strategy.is_ready().await?;
    ensure_asking_again_writes_nothing(cluster, &namespace, &operator).await?;

    // More events, other results.
    let late = json!({"unit": "reminder-999", "event": "purchase", "properties": {"amount": 10.0}});
    let late = event(&namespace, "outcome", "late", "2026-11-18T08:00:00Z", late);
    let (status, answer) = collector.post("/v1/events", &json!([late])).await?;
    ensure!(status == 200, "{status} {answer}");
    wait_until("the headline follows", Duration::from_secs(10), async || {
        let status = strategy.status("Experiment", "cart-hero").await?;
        let lift = status["headline"]["lift"].as_str().unwrap_or_default();
        ensure!(lift.starts_with("+61.0% ["), "the headline's lift is `{lift}`");
        Ok(())
    })
    .await?;
    operator.ensure_running()
}

/// Verdicts and results have a field manager each, and each owns its own.
async fn ensure_written_by_two(strategy: &Strategy) -> Result<()> {
    let experiment = strategy.object("Experiment", "cart-hero").await?;
    let owned = |manager: &str| -> Result<Value> {
        let mut entries = experiment.managed_fields().iter();
        let entry = entries.find(|entry| entry.manager.as_deref() == Some(manager));
        let entry = entry.with_context(|| format!("nothing was written by `{manager}`"))?;
        ensure!(
            entry.subresource.as_deref() == Some("status"),
            "{manager} wrote {entry:?}"
        );
        let fields = entry.fields_v1.as_ref().context("no fields")?;
        Ok(fields.0["f:status"].clone())
    };
    let (verdicts, results) = (
        owned("attune-operator/status")?,
        owned("attune-operator/results")?,
    );
    for field in ["f:results", "f:headline", "f:analysisHash"] {
        ensure!(
            results.get(field).is_some() && verdicts.get(field).is_none(),
            "{field} is owned by {verdicts} and {results}"
        );
    }
    for (type_, is_result) in [("Accepted", false), ("Running", false), ("Conclusive", true)] {
        let key = format!("k:{{\"type\":\"{type_}\"}}");
        let owners = [&verdicts, &results].map(|fields| fields["f:conditions"].get(&key).is_some());
        ensure!(
            owners == [!is_result, is_result],
            "{type_} is owned by {verdicts} and {results}"
        );
    }
    Ok(())
}

fn ensure_results_stand(status: &Value) -> Result<()> {
    for (type_, reason) in [
        ("SampleRatioHealthy", "SampleRatioHealthy"),
        ("GuardrailsHealthy", "GuardrailsHealthy"),
    ] {
        let found = condition(status, type_)?;
        ensure!(
            (found.status.as_str(), found.reason.as_str()) == ("True", reason),
            "{found:?}"
        );
    }
    let exposed: Vec<_> = status["arms"]
        .as_array()
        .context("arms")?
        .iter()
        .map(|arm| (&arm["name"], &arm["exposed"], &arm["weight"]))
        .collect();
    let expected = [
        (&json!("control"), &json!(UNITS), &json!(50)),
        (&json!("reminder"), &json!(UNITS), &json!(50)),
    ];
    ensure!(exposed == expected, "{exposed:?}");
    ensure!(
        status["headline"]["verdict"] == "WorthwhileLift" && status["headline"]["arm"] == "reminder",
        "{}",
        status["headline"]
    );
    let lift = status["headline"]["lift"].as_str().unwrap_or_default();
    ensure!(lift.starts_with("+60.0% ["), "the headline's lift is `{lift}`");
    Ok(())
}

/// The same question again says the same.
async fn ensure_asking_again_writes_nothing(
    cluster: &ControlPlane,
    namespace: &str,
    operator: &Server,
) -> Result<()> {
    // The experiment, its holdout and its metrics ask, each once a second.
    let round = async |operator: &Server| {
        let before = refreshes(operator, "unchanged").await?;
        wait_until("more answers come to nothing new", PATIENCE, async || {
            ensure!(refreshes(operator, "unchanged").await? >= before + 8.0, "not yet");
            Ok(())
        })
        .await
    };
    round(operator).await?;
    let changed = refreshes(operator, "changed").await?;
    let mark = cluster.audit().mark()?;
    round(operator).await?;
    ensure!(
        refreshes(operator, "changed").await? <= changed,
        "results changed although no event came"
    );
    let requests = cluster.audit().since(mark)?;
    let own: Vec<_> = requests
        .iter()
        .filter(|request| request.namespace == namespace)
        .collect();
    ensure!(own.is_empty(), "written although nothing changed: {own:#?}");
    Ok(())
}
