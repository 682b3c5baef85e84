//! Effects on one object: read it, compare it, write it, remove it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use attune_admission::workload::Part;
use attune_api::labels::{FIELD_MANAGER_DELIVER, MANAGED_BY, MANAGER};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::changes::is_owned_by;
use super::differ::{covers, drops};
use super::{fingerprint, part_resource};

/// Field manager that holds a Deployment's replicas from when we give them up until an autoscaler takes them. Without it
/// the field would fall back to one.
const HANDOVER: &str = "attune-operator/replicas";

/// An object that could not be brought in line.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliverError {
    /// It was not read.
    #[error("{kind} `{name}` was not read")]
    Read {
        kind: &'static str,
        name: String,
        #[source]
        source: kube::Error,
    },
    /// It was not written.
    #[error("{kind} `{name}` was not written")]
    Apply {
        kind: &'static str,
        name: String,
        #[source]
        source: kube::Error,
    },
    /// It was not removed.
    #[error("{kind} `{name}` was not removed")]
    Remove {
        kind: &'static str,
        name: String,
        #[source]
        source: kube::Error,
    },
}

/// Which object, and whose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) part: Part,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) channel: &'a str,
}

/// Kind, namespace and name of an object.
type Address = (Part, String, String);

/// How an object stands.
#[derive(Debug)]
pub(super) enum Established {
    /// It stood so.
    Unchanged(Box<DynamicObject>),
    /// It was written.
    Written(Box<DynamicObject>),
    /// One that is on its way out is still there.
    Ending,
    /// Somebody else's is there.
    Foreign,
}

/// Writes objects, and remembers of which a write has changed nothing.
pub(super) struct Establisher {
    client: Client,
    /// Objects that somebody changes as they are written (a webhook that rewrites images, say), by the document that was
    /// applied and the version that came of it: applying it again would change nothing.
    bent: Mutex<HashMap<Address, (u64, Option<String>)>>,
}

impl Establisher {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            bent: Mutex::default(),
        }
    }

    /// Lets an object be as a document says; writes only where that changes something.
    pub(super) async fn establish(
        &self,
        target: &Target<'_>,
        document: &Value,
    ) -> Result<Established, DeliverError> {
        let api = self.api(target);
        let Some(live) = api
            .get_opt(target.name)
            .await
            .map_err(|source| target.unread(source))?
        else {
            // Without force: whatever somebody else puts there meanwhile is not taken over.
            let params = PatchParams::apply(FIELD_MANAGER_DELIVER);
            return self.apply(&api, target, document, &params).await;
        };
        if !is_owned_by(&live, target.channel) {
            return Ok(Established::Foreign);
        }
        if live.metadata.deletion_timestamp.is_some() {
            return Ok(Established::Ending);
        }
        if stands(&live, document) || self.is_bent(target, document, &live) {
            return Ok(Established::Unchanged(Box::new(live)));
        }
        if holds_replicas(&live) && document.pointer("/spec/replicas").is_none() {
            hand_over_replicas(&api, target, &live).await?;
        }
        // The UID: should it be replaced by somebody else's meanwhile, the API server refuses.
        let mut document = document.clone();
        if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("uid".to_owned(), live.uid().into());
        }
        let params = PatchParams::apply(FIELD_MANAGER_DELIVER).force();
        self.apply(&api, target, &document, &params).await
    }

    async fn apply(
        &self,
        api: &Api<DynamicObject>,
        target: &Target<'_>,
        document: &Value,
        params: &PatchParams,
    ) -> Result<Established, DeliverError> {
        let written = api
            .patch(target.name, params, &Patch::Apply(document))
            .await
            .map_err(|source| target.unwritten(source))?;
        let key = target.key();
        let mut bent = self.bent.lock().unwrap_or_else(PoisonError::into_inner);
        if stands(&written, document) {
            bent.remove(&key);
        } else {
            bent.insert(key, (document_hash(document), written.resource_version()));
        }
        drop(bent);
        Ok(Established::Written(Box::new(written)))
    }

    fn is_bent(&self, target: &Target<'_>, document: &Value, live: &DynamicObject) -> bool {
        let bent = self.bent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = bent.get(&target.key());
        known.is_some_and(|(hash, version)| {
            *hash == document_hash(document) && *version == live.resource_version()
        })
    }

    /// Removes an object, if it is the Channel's and carries our labels; gives whether it was there.
    pub(super) async fn remove(&self, target: &Target<'_>) -> Result<bool, DeliverError> {
        let api = self.api(target);
        let live = api
            .get_opt(target.name)
            .await
            .map_err(|source| target.unread(source))?;
        let is_ours = |live: &DynamicObject| {
            is_owned_by(live, target.channel) && live.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER)
        };
        let Some(live) = live.filter(|live| is_ours(live) && live.metadata.deletion_timestamp.is_none())
        else {
            return Ok(false);
        };
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: live.uid(),
            resource_version: live.resource_version(),
        });
        match api.delete(target.name, &params).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(false),
            Err(source) => Err(target.unremoved(source)),
        }
    }

    fn api(&self, target: &Target<'_>) -> Api<DynamicObject> {
        let resource = part_resource(target.part);
        Api::namespaced_with(self.client.clone(), target.namespace, &resource)
    }
}

impl Target<'_> {
    fn key(&self) -> Address {
        (self.part, self.namespace.to_owned(), self.name.to_owned())
    }

    fn unread(&self, source: kube::Error) -> DeliverError {
        DeliverError::Read {
            kind: self.part.kind(),
            name: self.name.to_owned(),
            source,
        }
    }

    fn unwritten(&self, source: kube::Error) -> DeliverError {
        DeliverError::Apply {
            kind: self.part.kind(),
            name: self.name.to_owned(),
            source,
        }
    }

    fn unremoved(&self, source: kube::Error) -> DeliverError {
        DeliverError::Remove {
            kind: self.part.kind(),
            name: self.name.to_owned(),
            source,
        }
    }
}

/// Whether applying a document would change nothing.
fn stands(live: &DynamicObject, document: &Value) -> bool {
    let Some(owned) = owned(live) else {
        return false;
    };
    let fields = serde_json::to_value(live).unwrap_or_default();
    covers(&fields, document) && !drops(owned, document)
}

/// The fields that we have applied.
fn owned(live: &DynamicObject) -> Option<&Value> {
    let entries = live.metadata.managed_fields.iter().flatten();
    let mut ours = entries.filter(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER_DELIVER)
            && entry.operation.as_deref() == Some("Apply")
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    });
    ours.next()?.fields_v1.as_ref().map(|fields| &fields.0)
}

fn holds_replicas(live: &DynamicObject) -> bool {
    owned(live).is_some_and(|owned| owned.pointer("/f:spec/f:replicas").is_some())
}

async fn hand_over_replicas(
    api: &Api<DynamicObject>,
    target: &Target<'_>,
    live: &DynamicObject,
) -> Result<(), DeliverError> {
    let patch = json!({
        "apiVersion": live.types.as_ref().map(|types| &types.api_version),
        "kind": target.part.kind(),
        "metadata": {"name": target.name, "uid": live.uid()},
        "spec": {"replicas": live.data.pointer("/spec/replicas")},
    });
    let params = PatchParams::apply(HANDOVER).force();
    let handed = api.patch(target.name, &params, &Patch::Apply(&patch)).await;
    handed.map(drop).map_err(|source| target.unwritten(source))
}

/// Of what a document says; the UID that a write names is not part of that.
fn document_hash(document: &Value) -> u64 {
    let mut document = document.clone();
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("uid");
    }
    fingerprint(&document.to_string())
}
