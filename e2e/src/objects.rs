//! Many objects of many kinds at once: read from files, applied in an order, their statuses side by side.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{ApiCapabilities, ApiResource, Scope, group, pinned_kind};
use kube::{Api, Client, ResourceExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{GROUP, wait_until};

/// How long a kind may take to be served after its definition is established.
const DISCOVERY: Duration = Duration::from_secs(15);

/// Which object: its kind, namespace (empty when it has none) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// The kind, without its group.
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectId {
    /// That of an object read from a file or from the server.
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            kind: object
                .types
                .as_ref()
                .map(|types| types.kind.clone())
                .unwrap_or_default(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{} {}", self.kind, self.name),
            namespace => write!(f, "{} {namespace}/{}", self.kind, self.name),
        }
    }
}

/// All documents of a YAML file, in order; empty ones are left out.
///
/// # Errors
/// When the file cannot be read, or a document is no Kubernetes object.
pub fn read_documents(path: &Path) -> Result<Vec<DynamicObject>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse_documents(&text).with_context(|| format!("parse {}", path.display()))
}

/// All documents of a YAML text, as [`read_documents`].
///
/// # Errors
/// When a document is no Kubernetes object.
pub fn parse_documents(text: &str) -> Result<Vec<DynamicObject>> {
    let mut documents = Vec::new();
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let value = Value::deserialize(document).with_context(|| format!("parse document {index}"))?;
        if !value.is_null() {
            let object: DynamicObject =
                serde_json::from_value(value).with_context(|| format!("document {index} is no object"))?;
            if object.types.is_none() || object.metadata.name.is_none() {
                bail!("document {index} lacks a kind or a name");
            }
            documents.push(object);
        }
    }
    Ok(documents)
}

/// The same documents, those with a namespace moved to this one.
#[must_use]
pub fn in_namespace(documents: &[DynamicObject], namespace: &str) -> Vec<DynamicObject> {
    let mut moved = documents.to_vec();
    for object in &mut moved {
        if object.metadata.namespace.is_some() {
            object.metadata.namespace = Some(namespace.to_owned());
        }
    }
    moved
}

/// The same documents in an order that depends on the seed alone.
#[must_use]
pub fn shuffled(documents: &[DynamicObject], seed: u64) -> Vec<DynamicObject> {
    let mut order = documents.to_vec();
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    order
}

/// A status with what differs from run to run taken out: every instant becomes `<time>`; versions and ids go.
#[must_use]
pub fn normalised(status: &Value) -> Value {
    match status {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => Value::from("<time>"),
        Value::Array(items) => items.iter().map(normalised).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "resourceVersion" | "uid"))
            .map(|(name, value)| (name.clone(), normalised(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Reads and writes objects of any kind the server knows.
pub struct Objects {
    client: Client,
    known: Mutex<BTreeMap<String, (ApiResource, ApiCapabilities)>>,
}

impl Objects {
    /// With the rights of this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// Applies documents one after the other by server-side apply, as this field manager, and returns what the server made
    /// of them. A conflict with another manager is an error.
    ///
    /// # Errors
    /// When the server refuses one; with which.
    pub async fn apply(&self, documents: &[DynamicObject], manager: &str) -> Result<Vec<DynamicObject>> {
        let params = PatchParams::apply(manager).validation_strict();
        let mut applied = Vec::with_capacity(documents.len());
        for document in documents {
            let api = self.api_of(document).await?;
            let outcome = api
                .patch(&document.name_any(), &params, &Patch::Apply(document))
                .await;
            applied.push(outcome.with_context(|| format!("apply {}", ObjectId::of(document)))?);
        }
        Ok(applied)
    }

    /// Deletes them, in this order, and waits until they are gone. What is not there is passed over.
    ///
    /// # Errors
    /// When the server refuses one, or it does not go.
    pub async fn delete(&self, documents: &[DynamicObject], patience: Duration) -> Result<()> {
        for document in documents {
            let outcome = self
                .api_of(document)
                .await?
                .delete(&document.name_any(), &DeleteParams::background())
                .await;
            match outcome {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("delete {}", ObjectId::of(document)));
                }
            }
        }
        wait_until("deleted objects are gone", patience, async || {
            for document in documents {
                if self
                    .api_of(document)
                    .await?
                    .get_opt(&document.name_any())
                    .await?
                    .is_some()
                {
                    bail!("{} is still there", ObjectId::of(document));
                }
            }
            Ok(())
        })
        .await
    }

    /// Every object of our group, from all namespaces.
    ///
    /// # Errors
    /// When the server cannot list one of the kinds.
    pub async fn all(&self) -> Result<Vec<DynamicObject>> {
        let mut objects = Vec::new();
        for resource in kinds(&self.client).await? {
            let listed = Api::<DynamicObject>::all_with(self.client.clone(), &resource)
                .list(&ListParams::default())
                .await
                .with_context(|| format!("list {}", resource.plural))?;
            // A list leaves the kind of its items out.
            let types = TypeMeta {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
            };
            objects.extend(listed.items.into_iter().map(|item| DynamicObject {
                types: Some(types.clone()),
                ..item
            }));
        }
        Ok(objects)
    }

    /// The normalised status of every object of our group; `null` where there is none. Two of these compare with `==`.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub async fn statuses(&self) -> Result<BTreeMap<ObjectId, Value>> {
        let all = self.all().await?;
        let status = |object: &DynamicObject| object.data.get("status").map(normalised).unwrap_or_default();
        Ok(all
            .iter()
            .map(|object| (ObjectId::of(object), status(object)))
            .collect())
    }

    /// The interface for the kind, and the namespace, of a document.
    ///
    /// # Errors
    /// When the server does not know the kind.
    pub async fn api_of(&self, document: &DynamicObject) -> Result<Api<DynamicObject>> {
        let types = document.types.as_ref().context("a document without a kind")?;
        let (resource, capabilities) = self.resource(types).await?;
        Ok(match (capabilities.scope, document.namespace()) {
            (Scope::Cluster, _) => Api::all_with(self.client.clone(), &resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), &namespace, &resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(self.client.clone(), &resource),
        })
    }

    async fn resource(&self, types: &TypeMeta) -> Result<(ApiResource, ApiCapabilities)> {
        let gvk = GroupVersionKind::try_from(types).context("read the apiVersion")?;
        let key = format!("{gvk:?}");
        let mut known = self.known.lock().await;
        if let Some(found) = known.get(&key) {
            return Ok(found.clone());
        }
        let what = format!("the server knows {} {}", types.api_version, types.kind);
        let found = wait_until(&what, DISCOVERY, async || {
            Ok(pinned_kind(&self.client, &gvk).await?)
        })
        .await?;
        known.insert(key, found.clone());
        Ok(found)
    }
}

/// The kinds of our group that the server knows.
pub(crate) async fn kinds(client: &Client) -> Result<Vec<ApiResource>> {
    let group = group(client, GROUP)
        .await
        .with_context(|| format!("discover {GROUP}; are its definitions applied?"))?;
    Ok(group
        .recommended_resources()
        .into_iter()
        .map(|(resource, _)| resource)
        .collect())
}
