//! What the API server is told about resources before it stores them.

use anyhow::{Result, ensure};
use attune_e2e::{Cluster, Outcome};
use serde_json::{Value, json};

use crate::installed::{Installed, leave, strategy};

/// An Audience with this expression.
pub(crate) fn audience(name: &str, expression: &str) -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Audience",
        "metadata": {"name": name},
        "spec": {
            "owner": {"group": "crm", "contact": "crm@shop.example"},
            "description": "Members who buy often and much.",
            "stage": "Loyalty",
            "insight": {
                "believes": format!("{name} are known by now."), "needs": format!("What {name} need."),
                "shifts": format!("What {name} get first."),
            },
            "match": expression,
            "reach": {"estimate": 42000, "asOf": "2026-11-01", "source": "crm"},
            "reviewBy": "2027-02-28",
        },
    })
}

pub(crate) async fn kubectl(
    cluster: &Cluster,
    namespace: &str,
    args: &[&str],
    input: &Value,
) -> Result<Outcome> {
    let args = [&["--namespace", namespace], args].concat();
    cluster
        .control_plane()
        .kubectl_with_input(&args, &input.to_string())
        .await
}

pub(crate) async fn an_expression_that_is_not_cel_is_refused_with_its_place(
    cluster: &Cluster,
    _: &Installed,
) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    strategy(cluster, &namespace).await?;
    let apply = ["apply", "-f", "-"];
    let good = r#"user.tier in ["gold", "platinum"]"#;
    kubectl(cluster, &namespace, &apply, &audience("regulars", good))
        .await?
        .without_complaint()?;
    let ready = [
        "wait",
        "--for=condition=Ready",
        "audience/regulars",
        "--timeout=60s",
    ];
    kubectl(cluster, &namespace, &ready, &Value::Null)
        .await?
        .succeeded()?;

    let broken = audience("regulars", r#"user.tier in ["gold" && true"#);
    let refused = kubectl(cluster, &namespace, &apply, &broken).await?;
    println!("{}", refused.stderr.trim());
    ensure!(!refused.status.success(), "it was taken");
    ensure!(
        refused.stderr.contains("validate.attune.dev")
            && refused
                .stderr
                .contains("spec.match, column 14: `[` is never closed"),
        "{}",
        refused.stderr
    );
    // What stands is what stood.
    kubectl(cluster, &namespace, &ready, &Value::Null)
        .await?
        .succeeded()?;

    let better = audience("regulars", r#"user.tier in ["gold"] && true"#);
    kubectl(cluster, &namespace, &apply, &better)
        .await?
        .without_complaint()?;
    let observed = [
        "wait",
        "--for=jsonpath={.status.observedGeneration}=2",
        "audience/regulars",
    ];
    kubectl(cluster, &namespace, &observed, &Value::Null)
        .await?
        .succeeded()?;
    kubectl(cluster, &namespace, &ready, &Value::Null)
        .await?
        .succeeded()?;
    leave(cluster, &namespace).await
}

pub(crate) async fn what_cannot_be_refused_is_warned_about(cluster: &Cluster, _: &Installed) -> Result<()> {
    let namespace = cluster.create_restricted_namespace().await?;
    strategy(cluster, &namespace).await?;
    let apply = ["apply", "-f", "-"];
    let text = audience("regulars", r#""gold""#);
    let warned = kubectl(cluster, &namespace, &apply, &text).await?.succeeded()?;
    println!("{}", warned.stderr.trim());
    ensure!(
        warned.stderr.contains("Warning: spec.match"),
        "no warning: {}",
        warned.stderr
    );
    let told = [
        "wait",
        "--for=condition=Ready=False",
        "audience/regulars",
        "--timeout=60s",
    ];
    kubectl(cluster, &namespace, &told, &Value::Null)
        .await?
        .succeeded()?;
    // Neither a status nor a label is held up or warned about.
    let status = r#"{"status":{"observedGeneration":1}}"#;
    let patches = [
        [
            "patch",
            "audience/regulars",
            "--type=merge",
            "--subresource=status",
            "-p",
            status,
        ],
        [
            "patch",
            "audience/regulars",
            "--type=merge",
            "--subresource=",
            "-p",
            r#"{"metadata":{"labels":{"a":"b"}}}"#,
        ],
    ];
    for patch in patches {
        kubectl(cluster, &namespace, &patch, &Value::Null)
            .await?
            .without_complaint()?;
    }
    let good = audience("regulars", r#"user.tier == "gold""#);
    kubectl(cluster, &namespace, &apply, &good)
        .await?
        .without_complaint()?;
    let ready = [
        "wait",
        "--for=condition=Ready",
        "audience/regulars",
        "--timeout=60s",
    ];
    kubectl(cluster, &namespace, &ready, &Value::Null)
        .await?
        .succeeded()?;
    leave(cluster, &namespace).await
}
