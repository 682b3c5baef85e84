//! What Argo CD and Flux see, by the judgement of Argo CD's interpreter and of kstatus itself.

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, Tools, repository};
use serde_json::{Value, json};

use crate::helm::{Helm, chart};

const KINDS: [&str; 10] = [
    "Audience",
    "Channel",
    "ChannelBinding",
    "ContentModule",
    "DataContract",
    "Experiment",
    "GovernancePolicy",
    "Holdout",
    "Metric",
    "Program",
];

/// How an object stands, and what is expected to be said of it.
struct State {
    name: &'static str,
    generation: i64,
    suspend: bool,
    deleted: bool,
    status: Value,
    argo: &'static str,
    kstatus: &'static str,
}

/// The states of an object's life. Their conditions are what the operator renders (`compile/src/status.rs`).
fn states() -> Vec<State> {
    let state = |name, status, argo, kstatus| State {
        name,
        generation: 3,
        suspend: false,
        deleted: false,
        status,
        argo,
        kstatus,
    };
    let ready = conditions(3, ("True", "Ready"), "False", "False");
    vec![
        state("ready", ready.clone(), "Healthy", "Current"),
        state(
            "a reference is missing",
            conditions(3, ("False", "RefNotFound"), "True", "False"),
            "Progressing",
            "InProgress",
        ),
        state(
            "wrong by itself",
            conditions(3, ("False", "InvalidField"), "False", "True"),
            "Degraded",
            "Failed",
        ),
        state(
            "seen for the first time",
            conditions(3, ("Unknown", "Pending"), "True", "False"),
            "Progressing",
            "InProgress",
        ),
        state(
            "changed since",
            conditions(2, ("True", "Ready"), "False", "False"),
            "Progressing",
            "InProgress",
        ),
        state(
            "changed since it was wrong",
            conditions(2, ("False", "InvalidField"), "False", "True"),
            "Progressing",
            "InProgress",
        ),
        // kstatus takes an object without any status for one that needs none.
        state("never seen", Value::Null, "Progressing", "Current"),
        State {
            suspend: true,
            ..state("suspended", ready.clone(), "Suspended", "Current")
        },
        State {
            deleted: true,
            ..state("being deleted", ready, "Progressing", "Terminating")
        },
    ]
}

fn conditions(observed: i64, (ready, reason): (&str, &str), reconciling: &str, stalled: &str) -> Value {
    let condition = |type_: &str, status: &str, reason: &str| {
        json!({
            "type": type_,
            "status": status,
            "reason": reason,
            "message": "what is the matter",
            "observedGeneration": observed,
            "lastTransitionTime": "2026-12-01T00:00:00Z",
        })
    };
    json!({
        "observedGeneration": observed,
        "conditions": [
            condition("Accepted", "True", "Accepted"),
            condition("Ready", ready, reason),
            condition("Reconciling", reconciling, if reconciling == "True" { reason } else { "Settled" }),
            condition("Stalled", stalled, if stalled == "True" { reason } else { "Settled" }),
        ],
    })
}

impl State {
    fn object(&self, kind: &str) -> Value {
        let mut object = json!({
            "apiVersion": "attune.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": "subject", "namespace": "shop", "generation": self.generation},
            "spec": {"suspend": self.suspend},
        });
        if self.deleted {
            object["metadata"]["deletionTimestamp"] = json!("2026-12-01T00:00:00Z");
            object["metadata"]["finalizers"] = json!(["example.com/wait"]);
        }
        if !self.status.is_null() {
            object["status"] = self.status.clone();
        }
        object
    }
}

/// One script judges every kind, and says what Flux' library says.
pub(crate) async fn argo_cd_and_kstatus_agree(_: &ControlPlane, _: &Helm) -> Result<()> {
    let script = chart().join("files/argocd/health.lua");
    let script = script.to_str().context("a path in UTF-8")?;
    let tools = Tools::from_env()?;
    for kind in KINDS {
        for state in states() {
            let object = state.object(kind).to_string();
            let argo: Value = serde_json::from_str(&tools.pipe("luahealth", &[script], &object).await?)?;
            let kstatus: Value = serde_json::from_str(&tools.pipe("kstatus", &[], &object).await?)?;
            let name = state.name;
            ensure!(
                argo["status"] == state.argo,
                "{kind}, {name}: Argo CD says {argo}"
            );
            ensure!(
                kstatus["status"] == state.kstatus,
                "{kind}, {name}: kstatus says {kstatus}"
            );
            ensure!(
                argo["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{kind}, {name}: {argo}"
            );
        }
    }
    Ok(())
}

/// What people copy from the handbook is the script that is tested.
pub(crate) async fn the_documented_snippet_is_the_script(_: &ControlPlane, _: &Helm) -> Result<()> {
    let handbook = std::fs::read_to_string(repository().join("docs/operations.md"))?;
    let blocks = handbook.split("```yaml\n").skip(1);
    let block = blocks
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains("name: argocd-cm"))
        .context("docs/operations.md shows argocd-cm")?;
    let config: Value = serde_yaml::from_str(block)?;
    let text = config["data"]["resource.customizations"].as_str();
    let customizations: Value = serde_yaml::from_str(text.context("it has customizations")?)?;
    let shown = customizations["attune.dev/*"]["health.lua"].as_str();
    let script = std::fs::read_to_string(chart().join("files/argocd/health.lua"))?;
    ensure!(
        shown == Some(script.as_str()),
        "docs/operations.md shows another script than files/argocd/health.lua"
    );
    Ok(())
}
