//! Thousands of resources: the example, with many audiences, metrics and modules more, in many namespaces.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, ObjectId, Objects, example, in_namespace, wait_until};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::operator::Operator;

/// Requests at a time.
const LANES: usize = 8;

/// Longer than it may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Kinds of which there are as many as are asked for.
const MANY: [&str; 3] = ["Audience", "ContentModule", "Metric"];

pub(crate) struct Crowd {
    objects: Objects,
    documents: Vec<DynamicObject>,
}

impl Crowd {
    /// Creates them; nobody looks at them yet.
    pub(crate) async fn create(cluster: &ControlPlane, namespaces: usize, each: usize) -> Result<Self> {
        let mut documents = Vec::new();
        for _ in 0..namespaces {
            let namespace = cluster.create_namespace().await?;
            documents.extend(tenant(&namespace, each)?);
        }
        let crowd = Self {
            objects: cluster.objects(),
            documents,
        };
        let began = std::time::Instant::now();
        // Each kind is discovered once, before they come in numbers.
        crowd
            .objects
            .api_of(crowd.documents.first().context("none")?)
            .await?;
        crowd
            .all(async |document| {
                let applied = crowd.objects.apply(std::slice::from_ref(document), "owner").await;
                applied.map(drop)
            })
            .await?;
        eprintln!(
            "created {} resources in {:.1?}",
            crowd.documents.len(),
            began.elapsed()
        );
        Ok(crowd)
    }

    /// Waits until each has a verdict on its generation; gives how long after the operator's start.
    pub(crate) async fn all_have_statuses(
        &self,
        cluster: &ControlPlane,
        operator: &Operator,
    ) -> Result<Duration> {
        let ours: BTreeSet<_> = self.documents.iter().map(ObjectId::of).collect();
        wait_until("every resource has a status", PATIENCE, async || {
            // Lists of thousands are looked at only when it is worth it: they cost the API server as much as the writes.
            let written = operator.statuses_written().await?;
            ensure!(written >= ours.len(), "{written} writes");
            let age = operator.age();
            let all = cluster.objects().all().await?;
            let is_told = |object: &&DynamicObject| {
                let observed = object.data["status"]["observedGeneration"].as_i64();
                observed.is_some() && observed == object.metadata.generation
            };
            let all = all.iter().filter(|object| ours.contains(&ObjectId::of(object)));
            let told = all.filter(is_told).count();
            ensure!(told == ours.len(), "{told} of {}", ours.len());
            Ok(age)
        })
        .await
    }

    /// Takes every status away, and every bundle, as if no operator had ever run.
    pub(crate) async fn forget_statuses(&self, cluster: &ControlPlane) -> Result<()> {
        use k8s_openapi::api::core::v1::ConfigMap;

        self.all(async |document| {
            let api = self.objects.api_of(document).await?;
            let (params, patch) = (PatchParams::default(), Patch::Merge(json!({"status": null})));
            api.patch_status(&document.name_any(), &params, &patch).await?;
            Ok(())
        })
        .await?;
        let everywhere: Api<ConfigMap> = Api::all(cluster.client());
        let ours = kube::api::ListParams::default().labels("app.kubernetes.io/managed-by=attune");
        for found in everywhere.list_metadata(&ours).await? {
            let api: Api<ConfigMap> =
                Api::namespaced(cluster.client(), &found.namespace().unwrap_or_default());
            api.delete(&found.name_any(), &kube::api::DeleteParams::default())
                .await?;
        }
        Ok(())
    }

    async fn all(&self, work: impl AsyncFn(&DynamicObject) -> Result<()>) -> Result<()> {
        let work = &work;
        stream::iter(&self.documents)
            .map(|document| async move {
                work(document)
                    .await
                    .with_context(|| ObjectId::of(document).to_string())
            })
            .buffer_unordered(LANES)
            .try_collect()
            .await
    }
}

/// The example in a namespace, and copies under other names of what there can be many of.
fn tenant(namespace: &str, count: usize) -> Result<Vec<DynamicObject>> {
    let mut documents = in_namespace(&example()?, namespace);
    documents.retain(|document| document.metadata.namespace.is_some());
    let kind = |document: &DynamicObject| ObjectId::of(document).kind;
    let originals: Vec<_> = documents
        .iter()
        .filter(|document| MANY.contains(&kind(document).as_str()))
        .cloned()
        .collect();
    let missing = count.saturating_sub(documents.len());
    for (number, original) in originals.iter().cycle().take(missing).enumerate() {
        let mut copy = original.clone();
        copy.metadata.name = Some(format!("{}-{number}", original.name_any()));
        documents.push(copy);
    }
    Ok(documents)
}
