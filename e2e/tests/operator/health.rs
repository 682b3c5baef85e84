//! What Argo CD and Flux see of real objects of every kind, in every state that they come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use attune_e2e::{
    ControlPlane, ObjectId, PATIENCE, Tools, example, in_namespace, read_documents, repository, wait_until,
};
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::programs::{Programs, Server};

/// Kinds that refer to others by name and wait for them.
const REFERRING: [&str; 4] = ["ChannelBinding", "ContentModule", "Experiment", "Program"];

/// Kinds that a person can suspend.
const SUSPENDED: [&str; 4] = ["Channel", "ChannelBinding", "ContentModule", "Program"];

/// Our definitions in a directory, without what they demand of a spec: so every kind can be wrong by itself.
fn install_open(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(repository().join("crds"))? {
        let path = entry?.path();
        for mut definition in read_documents(&path)? {
            let versions = definition.data["spec"]["versions"].as_array_mut();
            for version in versions.context("versions")? {
                let spec = &mut version["schema"]["openAPIV3Schema"]["properties"]["spec"];
                *spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
                let whole = version["schema"]["openAPIV3Schema"].as_object_mut();
                whole.context("a schema")?.remove("x-kubernetes-validations");
                version
                    .as_object_mut()
                    .context("a version")?
                    .remove("selectableFields");
            }
            let name = path.file_name().context("a file name")?;
            fs::write(directory.join(name), serde_json::to_string(&definition)?)?;
        }
    }
    Ok(())
}

/// Objects on a server, and those who judge them.
struct Bench<'c> {
    cluster: &'c ControlPlane,
    documents: Vec<DynamicObject>,
    tools: Tools,
}

/// What is said of an object.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    argo: String,
    kstatus: String,
}

impl Verdict {
    fn new(argo: &str, kstatus: &str) -> Self {
        Self {
            argo: argo.to_owned(),
            kstatus: kstatus.to_owned(),
        }
    }
}

impl Bench<'_> {
    /// The objects as they stand.
    async fn objects(&self) -> Result<Vec<DynamicObject>> {
        let mut objects = Vec::new();
        for document in &self.documents {
            let api = self.cluster.objects().api_of(document).await?;
            objects.push(api.get(&document.name_any()).await?);
        }
        Ok(objects)
    }

    async fn judge(&self, object: &DynamicObject) -> Result<Verdict> {
        let script = repository().join("charts/attune/files/argocd/health.lua");
        let script = script.to_str().context("a path in UTF-8")?;
        let text = serde_json::to_string(object)?;
        let argo: Value = serde_json::from_str(&self.tools.pipe("luahealth", &[script], &text).await?)?;
        let kstatus: Value = serde_json::from_str(&self.tools.pipe("kstatus", &[], &text).await?)?;
        let of = |verdict: &Value| verdict["status"].as_str().unwrap_or_default().to_owned();
        Ok(Verdict {
            argo: of(&argo),
            kstatus: of(&kstatus),
        })
    }

    /// Fails unless of each object both say this.
    async fn ensure_all(&self, state: &str, expected: &Verdict) -> Result<()> {
        for object in self.objects().await? {
            let id = ObjectId::of(&object);
            let found = self.judge(&object).await?;
            ensure!(
                found == *expected,
                "{state}: {id}: {found:?}, {}",
                object.data["status"]
            );
        }
        let kinds: BTreeSet<_> = self
            .documents
            .iter()
            .map(|document| ObjectId::of(document).kind)
            .collect();
        println!(
            "{state}: {} kinds are {} and {}",
            kinds.len(),
            expected.argo,
            expected.kstatus
        );
        Ok(())
    }

    /// Waits until a condition of every object has this status, for the object as it is now.
    async fn all_turn(&self, type_: &str, status: &str) -> Result<()> {
        wait_until(&format!("every {type_} is {status}"), PATIENCE, async || {
            for object in self.objects().await? {
                let found = &object.data["status"];
                let condition = attune_e2e::condition(found, type_);
                let condition = condition.with_context(|| ObjectId::of(&object).to_string())?;
                ensure!(
                    condition.status == status
                        && found["observedGeneration"] == json!(object.metadata.generation),
                    "{}: {condition:?}",
                    ObjectId::of(&object)
                );
            }
            Ok(())
        })
        .await
    }

    /// Changes every object by a merge patch.
    async fn patch_all(&self, patch: impl Fn(&DynamicObject) -> Value) -> Result<()> {
        for document in &self.documents {
            let api = self.cluster.objects().api_of(document).await?;
            let (params, patch) = (PatchParams::default(), Patch::Merge(patch(document)));
            let patched = api.patch(&document.name_any(), &params, &patch).await;
            patched.with_context(|| ObjectId::of(document).to_string())?;
        }
        Ok(())
    }
}

/// The first field of an object's spec that is no number, as a number.
fn broken(document: &DynamicObject) -> Value {
    let fields = document.data["spec"].as_object().into_iter().flatten();
    let mut fields = fields.filter(|(_, value)| !value.is_number());
    let name = fields.next().map_or("owner", |(name, _)| name);
    json!({"spec": {name: 7}})
}

pub(crate) async fn kstatus_and_argo_cd_see_every_kind_in_every_state(
    _: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let cluster = ControlPlane::start().await?;
    let directory = tempfile::tempdir()?;
    install_open(directory.path())?;
    cluster.install(directory.path()).await?;
    let namespace = cluster.create_namespace().await?;
    let mut documents = in_namespace(&example()?, &namespace);
    documents.sort_by_key(|document| ObjectId::of(document).kind);
    cluster.objects().apply(&documents, "owner").await?;
    let mut bench = Bench {
        cluster: &cluster,
        documents,
        tools: Tools::from_env()?,
    };
    let kinds: BTreeSet<_> = bench
        .documents
        .iter()
        .map(|document| ObjectId::of(document).kind)
        .collect();
    ensure!(kinds.len() == 10, "the example has {kinds:?}");
    // kstatus takes an object without any status for one that needs none.
    bench
        .ensure_all("never seen", &Verdict::new("Progressing", "Current"))
        .await?;

    let mut operator = programs.launch_cluster_operator(&cluster, &namespace)?;
    operator.is_ready().await?;
    bench.all_turn("Ready", "True").await?;
    bench
        .ensure_all("ready", &Verdict::new("Healthy", "Current"))
        .await?;

    bench.patch_all(broken).await?;
    bench.all_turn("Stalled", "True").await?;
    bench
        .ensure_all("wrong by itself", &Verdict::new("Degraded", "Failed"))
        .await?;
    cluster
        .objects()
        .apply(&bench.documents, "owner")
        .await
        .err()
        .context("the owner sees the conflict")?;
    bench
        .patch_all(|document| json!({"spec": document.data["spec"]}))
        .await?;
    bench.all_turn("Ready", "True").await?;

    see_missing_references(&bench).await?;
    see_suspended(&mut bench).await?;
    see_changes_and_ends(&bench, &mut operator).await
}

/// Every kind that refers to others, where the others are not.
async fn see_missing_references(bench: &Bench<'_>) -> Result<()> {
    let namespace = bench.cluster.create_namespace().await?;
    let mut documents = in_namespace(&bench.documents, &namespace);
    documents.retain(|document| REFERRING.contains(&ObjectId::of(document).kind.as_str()));
    bench.cluster.objects().apply(&documents, "owner").await?;
    let alone = Bench {
        cluster: bench.cluster,
        documents,
        tools: bench.tools.clone(),
    };
    alone.all_turn("Reconciling", "True").await?;
    alone
        .ensure_all(
            "a reference is missing",
            &Verdict::new("Progressing", "InProgress"),
        )
        .await
}

async fn see_suspended(bench: &mut Bench<'_>) -> Result<()> {
    let all = bench.documents.clone();
    bench
        .documents
        .retain(|document| SUSPENDED.contains(&ObjectId::of(document).kind.as_str()));
    bench.patch_all(|_| json!({"spec": {"suspend": true}})).await?;
    bench.settles().await?;
    for object in bench.objects().await? {
        let found = bench.judge(&object).await?;
        ensure!(found.argo == "Suspended", "{}: {found:?}", ObjectId::of(&object));
    }
    bench.patch_all(|_| json!({"spec": {"suspend": null}})).await?;
    bench.documents = all;
    bench.all_turn("Ready", "True").await
}

/// While nobody looks, and while somebody else holds up the end.
async fn see_changes_and_ends(bench: &Bench<'_>, operator: &mut Server) -> Result<()> {
    operator.stop().await?;
    bench.patch_all(broken).await?;
    bench
        .ensure_all("changed since", &Verdict::new("Progressing", "InProgress"))
        .await?;
    operator.start_again()?;
    operator.is_ready().await?;
    bench.all_turn("Stalled", "True").await?;

    bench
        .patch_all(|_| json!({"metadata": {"finalizers": ["example.com/wait"]}}))
        .await?;
    for document in &bench.documents {
        let api = bench.cluster.objects().api_of(document).await?;
        api.delete(&document.name_any(), &DeleteParams::default()).await?;
    }
    bench.settles().await?;
    bench
        .ensure_all("being deleted", &Verdict::new("Progressing", "Terminating"))
        .await?;
    operator.ensure_running()
}

impl Bench<'_> {
    /// Waits until the versions of all objects stay the same for a while.
    async fn settles(&self) -> Result<()> {
        let mut before = BTreeMap::new();
        wait_until("the objects settle", PATIENCE, async || {
            let versions: BTreeMap<_, _> = self
                .objects()
                .await?
                .iter()
                .map(|object| (ObjectId::of(object), object.resource_version()))
                .collect();
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            let same = before == versions;
            before = versions;
            ensure!(same, "they still change");
            Ok(())
        })
        .await
    }
}
