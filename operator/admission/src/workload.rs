//! What stands for a Channel with delivery `service`: deciders of their own behind a Service.
//!
//! Building cannot fail, and the same Channel and settings always give the same objects, so that comparing them with
//! what stands tells whether anything is to be written.

use std::collections::BTreeMap;

use attune_api::channel::State;
use attune_api::delivery::{Delivery, ServiceDelivery};
use attune_api::labels::{APP_NAME, DECIDER, INJECT, MANAGED_BY, MANAGER, OWNER_KIND, OWNER_NAME};
use attune_api::{API_VERSION, Channel, Kind};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use crate::Settings;

mod batch;
mod deployment;
mod name;
mod part;
mod scale;
mod traffic;

#[cfg(test)]
mod tests;

pub use batch::BatchChannel;
pub use name::{batch_name, endpoint, label_value, object_name};
pub use part::Part;

/// Value of [`APP_NAME`].
const APP: &str = "attune-decider";
/// Recommended label: the release that it belongs to.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// A Channel with delivery `service` as a server knows it.
#[derive(Debug, Clone, Copy)]
pub struct ServiceChannel<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    service: &'a ServiceDelivery,
    state: Option<&'a State>,
}

impl<'a> ServiceChannel<'a> {
    /// A Channel, if that is its delivery and a server has given it an identity.
    pub fn of(channel: &'a Channel) -> Option<Self> {
        let Delivery::Service(service) = &channel.spec.delivery else {
            return None;
        };
        Some(Self {
            namespace: channel.metadata.namespace.as_deref()?,
            name: channel.metadata.name.as_deref()?,
            uid: channel.metadata.uid.as_deref()?,
            service,
            state: channel.spec.state.as_ref(),
        })
    }

    /// Objects of a name and with labels of ours, which go with the Channel.
    fn metadata(&self, settings: &Settings) -> ObjectMeta {
        metadata(
            (self.namespace, self.name, self.uid),
            object_name(self.name),
            self.labels(settings),
        )
    }

    fn labels(&self, settings: &Settings) -> BTreeMap<String, String> {
        let mut labels = self.selected();
        labels.extend([
            (MANAGED_BY.to_owned(), MANAGER.to_owned()),
            (OWNER_KIND.to_owned(), owner_kind()),
            (INSTANCE.to_owned(), label_value(&settings.release)),
        ]);
        labels
    }

    /// What its pods are found by. INVARIANT: never changes, because a Deployment's selector cannot; and a pod with a
    /// sidecar never has it, because it has no owner of ours.
    fn selected(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (APP_NAME.to_owned(), APP.to_owned()),
            (OWNER_NAME.to_owned(), label_value(self.name)),
        ])
    }

    fn selector(&self) -> LabelSelector {
        LabelSelector {
            match_labels: Some(self.selected()),
            match_expressions: None,
        }
    }

    /// Labels of its pods.
    fn pod_labels(&self, settings: &Settings) -> BTreeMap<String, String> {
        let mut labels = self.labels(settings);
        labels.insert(DECIDER.to_owned(), label_value(self.name));
        // In a namespace that asks for deciders, a decider needs none beside it.
        labels.insert(INJECT.to_owned(), "false".to_owned());
        labels
    }
}

/// An object that goes with a Channel, of which this is the namespace, the name and the UID.
fn metadata(
    (namespace, channel, uid): (&str, &str, &str),
    name: String,
    labels: BTreeMap<String, String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels),
        owner_references: Some(vec![OwnerReference {
            api_version: API_VERSION.to_owned(),
            kind: Kind::Channel.name().to_owned(),
            name: channel.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }]),
        ..ObjectMeta::default()
    }
}

/// Value of [`OWNER_KIND`] on what stands for a Channel.
pub fn owner_kind() -> String {
    Kind::Channel.name().to_lowercase()
}

/// What stands for a Channel by its delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Deciders of its own.
    Service(Box<Workload>),
    /// What decides in bulk.
    Batch(Box<CronJob>),
}

/// The objects of one Channel with delivery `service`.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The deciders.
    pub deployment: Deployment,
    /// Where clients ask.
    pub service: Service,
    /// Adds deciders under load, where the Channel wants that.
    pub autoscaler: Option<HorizontalPodAutoscaler>,
    /// Keeps all but one while nodes are emptied, where there is more than one.
    pub budget: Option<PodDisruptionBudget>,
    /// Who may ask.
    pub policy: NetworkPolicy,
}

impl Workload {
    /// What stands for a Channel.
    pub fn build(channel: &ServiceChannel<'_>, settings: &Settings) -> Self {
        Self {
            deployment: deployment::build(channel, settings),
            service: traffic::service(channel, settings),
            autoscaler: scale::autoscaler(channel, settings),
            budget: scale::budget(channel, settings),
            policy: traffic::policy(channel, settings),
        }
    }
}
