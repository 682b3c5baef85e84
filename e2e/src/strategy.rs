//! The example strategy in a namespace of its own, and what its statuses say.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DynamicObject;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::{
    ControlPlane, ObjectId, Objects, in_namespace, read_documents, repository, shuffled, wait_until,
};

/// How long a program may take to answer, while others compile and start beside it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Statuses by object.
pub type Statuses = BTreeMap<ObjectId, Value>;

/// The documents of the example, cluster-scoped ones included.
///
/// # Errors
/// When the file cannot be read.
pub fn example() -> Result<Vec<DynamicObject>> {
    read_documents(&repository().join("examples/strategy/strategy.yaml"))
}

/// The example's objects in one namespace. Its policy is the cluster's and stays.
pub struct Strategy {
    objects: Objects,
    client: Client,
    documents: Vec<DynamicObject>,
    namespace: String,
}

impl Strategy {
    /// The example's objects for a namespace, not applied yet.
    ///
    /// # Errors
    /// When the example cannot be read.
    pub fn new(cluster: &ControlPlane, namespace: &str) -> Result<Self> {
        let documents = in_namespace(&example()?, namespace).into_iter();
        Ok(Self {
            objects: cluster.objects(),
            client: cluster.client(),
            documents: documents
                .filter(|object| object.metadata.namespace.is_some())
                .collect(),
            namespace: namespace.to_owned(),
        })
    }

    /// Changes a document before it is applied.
    ///
    /// # Errors
    /// That of `edit`, or when the example has no such document.
    pub fn edit(
        &mut self,
        kind: &str,
        name: &str,
        edit: impl FnOnce(&mut Value) -> Result<()>,
    ) -> Result<()> {
        let document = self.documents.iter_mut().find(|object| is(object, kind, name));
        let document = document.with_context(|| format!("the example has no {kind} {name}"))?;
        edit(&mut document.data)
    }

    /// Applies everything.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub async fn apply(&self) -> Result<()> {
        self.objects.apply(&self.documents, "owner").await.map(drop)
    }

    /// Applies everything in an order that depends on the seed alone.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub async fn apply_shuffled(&self, seed: u64) -> Result<()> {
        let documents = shuffled(&self.documents, seed);
        self.objects.apply(&documents, "owner").await.map(drop)
    }

    /// Applies one object.
    ///
    /// # Errors
    /// When the example has none such, or the API server refuses it.
    pub async fn apply_one(&self, kind: &str, name: &str) -> Result<()> {
        let document = self.document(kind, name)?.clone();
        self.objects.apply(&[document], "owner").await.map(drop)
    }

    /// Deletes one object and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go in time.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let document = self.document(kind, name)?.clone();
        self.objects.delete(&[document], PATIENCE).await
    }

    /// Deletes everything, in an order that depends on the seed alone, and waits until it is gone.
    ///
    /// # Errors
    /// When not all of it goes in time.
    pub async fn delete_shuffled(&self, seed: u64) -> Result<()> {
        let documents = shuffled(&self.documents, seed);
        self.objects.delete(&documents, PATIENCE).await
    }

    /// The normalised statuses of the namespace.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn statuses(&self) -> Result<Statuses> {
        let mut statuses = self.objects.statuses().await?;
        statuses.retain(|id, _| id.namespace == self.namespace);
        Ok(statuses)
    }

    /// Waits until every object says that all is well with it as it is now; gives the statuses.
    ///
    /// # Errors
    /// When one is not in time; with what it says.
    pub async fn is_ready(&self) -> Result<Statuses> {
        wait_until("every object is ready", PATIENCE, async || {
            for document in &self.documents {
                let object = self
                    .objects
                    .api_of(document)
                    .await?
                    .get(&document.name_any())
                    .await?;
                let id = ObjectId::of(document);
                let status = object.data.get("status").cloned().unwrap_or_default();
                ensure!(
                    status.get("observedGeneration") == Some(&Value::from(object.metadata.generation)),
                    "{id}: {status}"
                );
                let ready = condition(&status, "Ready").with_context(|| id.to_string())?;
                ensure!(ready.status == "True", "{id}: {ready:?}");
                // What others are asked for follows what the operator knows by itself.
                if let Ok(owners) = condition(&status, "OwnersResolved") {
                    ensure!(owners.reason != "AccessUnknown", "{id}: {owners:?}");
                }
            }
            self.statuses().await
        })
        .await
    }

    /// Waits until the statuses are these.
    ///
    /// # Errors
    /// When they are not in time; with the first that differs.
    pub async fn comes_to(&self, expected: &Statuses) -> Result<()> {
        wait_until("the statuses are as before", PATIENCE, async || {
            ensure_same(expected, &self.statuses().await?)
        })
        .await
    }

    /// One object as it stands.
    ///
    /// # Errors
    /// When there is none such.
    pub async fn object(&self, kind: &str, name: &str) -> Result<DynamicObject> {
        let api = self.objects.api_of(self.document(kind, name)?).await?;
        Ok(api.get(name).await?)
    }

    /// The status of one object as it stands.
    ///
    /// # Errors
    /// When there is none such.
    pub async fn status(&self, kind: &str, name: &str) -> Result<Value> {
        let object = self.object(kind, name).await?;
        Ok(object.data.get("status").cloned().unwrap_or_default())
    }

    /// Waits until a condition reads like this: its status and its reason.
    ///
    /// # Errors
    /// When it does not in time; with what it is instead.
    pub async fn turns(&self, kind: &str, name: &str, type_: &str, to: (&str, &str)) -> Result<Value> {
        let what = format!("{type_} of {kind} {name} is {}/{}", to.0, to.1);
        wait_until(&what, PATIENCE, async || {
            let status = self.status(kind, name).await?;
            let found = condition(&status, type_)?;
            ensure!(
                (found.status.as_str(), found.reason.as_str()) == to,
                "it is {found:?}"
            );
            Ok(status)
        })
        .await
    }

    /// The ConfigMap with the bundle of a Channel, if there is one.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn bundle(&self, channel: &str) -> Result<Option<ConfigMap>> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        Ok(api.get_opt(&format!("attune-bundle-{channel}")).await?)
    }

    /// The version of every ConfigMap with a bundle: it changes with each write that has an effect.
    ///
    /// # Errors
    /// When one is not there.
    pub async fn bundle_versions(&self) -> Result<BTreeMap<String, String>> {
        let mut versions = BTreeMap::new();
        for channel in ["web", "email"] {
            let found = self.bundle(channel).await?;
            let found = found.with_context(|| format!("no ConfigMap for channel `{channel}`"))?;
            versions.insert(channel.to_owned(), found.resource_version().unwrap_or_default());
        }
        Ok(versions)
    }

    fn document(&self, kind: &str, name: &str) -> Result<&DynamicObject> {
        let document = self.documents.iter().find(|object| is(object, kind, name));
        document.with_context(|| format!("the example has no {kind} {name}"))
    }
}

fn is(object: &DynamicObject, kind: &str, name: &str) -> bool {
    object.types.as_ref().is_some_and(|types| types.kind == kind) && object.name_any() == name
}

/// A condition as it stands on an object.
#[derive(Debug)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
}

/// A condition of a status.
///
/// # Errors
/// When it is not there.
pub fn condition(status: &Value, type_: &str) -> Result<Condition> {
    let conditions = status["conditions"]
        .as_array()
        .context("no status was written yet")?;
    let found = conditions.iter().find(|condition| condition["type"] == type_);
    let found = found.with_context(|| format!("no condition {type_} in {status}"))?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Ok(Condition {
        status: text("status"),
        reason: text("reason"),
        message: text("message"),
    })
}

/// Fails with the first object that differs.
///
/// # Errors
/// When one does.
pub fn ensure_same(expected: &Statuses, found: &Statuses) -> Result<()> {
    for (id, status) in expected {
        match found.get(id) {
            None => bail!("{id} is not there"),
            Some(found) => ensure!(status == found, "{id} says\n{found:#}\ninstead of\n{status:#}"),
        }
    }
    let added: Vec<_> = found.keys().filter(|id| !expected.contains_key(id)).collect();
    ensure!(added.is_empty(), "there are others: {added:?}");
    Ok(())
}
