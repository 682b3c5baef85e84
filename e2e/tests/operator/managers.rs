//! Others who write the same objects: a second field manager, and whoever tightens a definition.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, ObjectId, Strategy, example, in_namespace, read_documents, repository};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::json;

use crate::programs::Programs;

/// Long enough for whatever follows from a write.
const CALM: Duration = Duration::from_secs(3);

/// As a tool of delivery does it.
const APPLY: [&str; 5] = ["apply", "--server-side", "--field-manager=gitops", "-f", "-"];
const DIFF: [&str; 5] = ["diff", "--server-side", "--field-manager=gitops", "-f", "-"];

/// Generations and versions, by object.
async fn versions(
    cluster: &ControlPlane,
    documents: &[DynamicObject],
) -> Result<Vec<(ObjectId, Option<i64>, Option<String>)>> {
    let mut versions = Vec::new();
    for document in documents {
        let api = cluster.objects().api_of(document).await?;
        let object = api.get(&document.name_any()).await?;
        versions.push((
            ObjectId::of(document),
            object.metadata.generation,
            object.resource_version(),
        ));
    }
    Ok(versions)
}

pub(crate) async fn a_second_field_manager_changes_nothing(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let namespace = cluster.create_namespace().await?;
    let strategy = Strategy::new(cluster, &namespace)?;
    let mut operator = programs.operator(cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    strategy.is_ready().await?;
    let mut documents = in_namespace(&example()?, &namespace);
    documents.retain(|document| document.metadata.namespace.is_some());
    let text: Vec<String> = documents
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    let text = text.join("\n---\n");

    // `kubectl diff` ends with 1 where there is a difference.
    let diff = cluster
        .kubectl_with_input(&DIFF, &text)
        .await?
        .without_complaint()?;
    ensure!(diff.stdout.is_empty(), "a difference:\n{}", diff.stdout);
    let before = versions(cluster, &documents).await?;
    let mark = cluster.audit().mark()?;
    cluster
        .kubectl_with_input(&APPLY, &text)
        .await?
        .without_complaint()?;
    let taken = versions(cluster, &documents).await?;
    for ((id, before, _), (_, after, _)) in before.iter().zip(&taken) {
        ensure!(before == after, "{id} has generation {after:?} after {before:?}");
    }
    // From now on it is one of its managers, so that nothing at all changes.
    cluster
        .kubectl_with_input(&APPLY, &text)
        .await?
        .without_complaint()?;
    tokio::time::sleep(CALM).await;
    let after = versions(cluster, &documents).await?;
    ensure!(
        after == taken,
        "the second apply changed {taken:#?} into {after:#?}"
    );
    let diff = cluster
        .kubectl_with_input(&DIFF, &text)
        .await?
        .without_complaint()?;
    ensure!(diff.stdout.is_empty(), "a difference:\n{}", diff.stdout);
    let mut requests = cluster.audit().since(mark)?;
    requests.retain(|request| request.namespace == namespace && request.resource.ends_with("/status"));
    ensure!(requests.is_empty(), "statuses were written: {requests:#?}");
    operator.ensure_running()
}

/// What an earlier definition let in keeps being told about.
pub(crate) async fn an_object_under_a_tightened_definition_takes_statuses(
    _: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    cluster.install(&repository().join("crds")).await?;
    let namespace = cluster.create_namespace().await?;
    let mut strategy = Strategy::new(&cluster, &namespace)?;
    let mut operator = programs.operator(&cluster, &namespace, &[]).await?;
    strategy.apply().await?;
    strategy.is_ready().await?;
    operator.stop().await?;

    tighten(&cluster, "audiences", "description").await?;
    let document = in_namespace(&example()?, &namespace)
        .into_iter()
        .find(|document| document.name_any() == "lapsed")
        .context("the example has an audience `lapsed`")?;
    let mut newcomer = document.clone();
    newcomer.metadata.name = Some("newcomer".to_owned());
    attune_e2e::wait_until("the definition is in force", attune_e2e::PATIENCE, async || {
        let refused = cluster
            .objects()
            .apply(std::slice::from_ref(&newcomer), "owner")
            .await;
        if refused.is_ok() {
            cluster
                .objects()
                .delete(std::slice::from_ref(&newcomer), attune_e2e::PATIENCE)
                .await?;
        }
        let error = refused.err().context("a new object is taken")?;
        ensure!(format!("{error:#}").contains("description"), "{error:#}");
        Ok(())
    })
    .await?;
    // Another verdict for what it says: its contract is gone.
    strategy.delete("DataContract", "shopper").await?;
    operator.start_again()?;
    operator.is_ready().await?;
    let status = strategy
        .turns("Audience", "lapsed", "Accepted", ("False", "UnknownAttribute"))
        .await?;
    ensure!(status["conditions"].is_array(), "{status}");
    // Its owner changes another field of it, and all is well again.
    strategy.edit("Audience", "lapsed", |audience| {
        audience["spec"]["reviewBy"] = json!("2027-03-31");
        Ok(())
    })?;
    strategy.apply().await?;
    strategy
        .turns("Audience", "lapsed", "Ready", ("True", "Ready"))
        .await?;
    operator.ensure_running()
}

/// From now on a field of a kind's spec has three characters at most.
async fn tighten(cluster: &ControlPlane, plural: &str, field: &str) -> Result<()> {
    let path = repository().join(format!("crds/attune.dev_{plural}.yaml"));
    let mut definitions = read_documents(&path)?;
    for definition in &mut definitions {
        let versions = definition.data["spec"]["versions"].as_array_mut();
        for version in versions.context("versions")? {
            let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
            ensure!(spec[field].is_object(), "{plural} have no `{field}`");
            spec[field]["maxLength"] = json!(3);
        }
    }
    let text: Vec<String> = definitions
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    cluster
        .kubectl_with_input(&["apply", "-f", "-"], &text.join("\n---\n"))
        .await?
        .succeeded()?;
    Ok(())
}
