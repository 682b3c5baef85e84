//! How the rules of a channel get to where they are used: one of five ways.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::number::Whole;
use crate::rules;
use crate::text::{ItemName, ObjectName, TimeZoneName};

mod access;
mod batch;
mod push;
mod timeout;

pub use access::{AllowedOrigin, ServiceAccess};
pub use batch::{BatchDelivery, BatchEnd, BatchFormat, BatchSink, BatchSource, BatchTable, BatchVolume};
pub use push::{
    OAuth2, PushAuth, PushDelivery, PushRate, PushRetry, PushTls, PushVerify, SecretKeyRef, SecretRef,
};
pub use timeout::StartupTimeout;

/// How the rules get to a channel: exactly one of the five.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// A decider beside each pod that asks for one.
    Sidecar(SidecarDelivery),
    /// Deciders of their own behind a Service.
    Service(Box<ServiceDelivery>),
    /// The rules are sent to an endpoint.
    Push(Box<PushDelivery>),
    /// The rules are written into a ConfigMap.
    ConfigMap(ConfigMapDelivery),
    /// Decisions are made in bulk on a schedule.
    Batch(Box<BatchDelivery>),
}

impl Delivery {
    /// The field of the way that is used.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sidecar(_) => "sidecar",
            Self::Service(_) => "service",
            Self::Push(_) => "push",
            Self::ConfigMap(_) => "configMap",
            Self::Batch(_) => "batch",
        }
    }
}

impl Delivery {
    /// The format that rules are written in for whoever runs no decider of ours; `None` where deciders do.
    pub fn format(&self) -> Option<RuleFormat> {
        let format = match self {
            Self::Push(push) => push.format,
            Self::ConfigMap(config_map) => config_map.format,
            Self::Sidecar(_) | Self::Service(_) | Self::Batch(_) => return None,
        };
        Some(format.unwrap_or(RuleFormat::Attune))
    }
}

/// The schema of [`Delivery`]: a plain object whose rule has a message that a person can act on, where `oneOf` has none.
#[derive(Serialize, KubeSchema)]
#[x_kube(
    validation = rules::exactly_one(
        &["sidecar", "service", "push", "configMap", "batch"],
        "choose exactly one of sidecar, service, push, configMap and batch"
    )
)]
#[serde(rename_all = "camelCase")]
struct DeliveryFields {
    /// A decider beside each pod that asks for one.
    #[serde(default)]
    sidecar: Option<SidecarDelivery>,
    /// Deciders of their own behind a Service.
    #[serde(default)]
    service: Option<ServiceDelivery>,
    /// The rules are sent to an endpoint.
    #[serde(default)]
    push: Option<PushDelivery>,
    /// The rules are written into a ConfigMap.
    #[serde(default)]
    config_map: Option<ConfigMapDelivery>,
    /// Decisions are made in bulk on a schedule.
    #[serde(default)]
    batch: Option<BatchDelivery>,
}

impl JsonSchema for Delivery {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Delivery".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        DeliveryFields::json_schema(generator)
    }
}

/// A decider beside each pod that asks for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SidecarDelivery {
    /// What holds back the application's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Startup>,
    /// What the decider may use; absent: small requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<DeciderResources>,
}

/// Deciders of their own behind a Service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = rules::must_at(
        "autoscaling.maxReplicas",
        "!has(self.autoscaling) || (has(self.replicas) ? self.replicas : 2) <= self.autoscaling.maxReplicas",
        "let `maxReplicas` be at least `replicas`, which is 2 where it is absent"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDelivery {
    /// Deciders; absent: 2. With `autoscaling` it is the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Whole<0, 1000>>,
    /// Adds deciders under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// What holds back a decider's readiness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Startup>,
    /// What a decider may use; absent: small requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<DeciderResources>,
    /// Who may ask; absent: every pod of the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub clients: Vec<ClientPods>,
    /// Keys, pages of browsers and a certificate; absent: whoever reaches the deciders may ask, over plain HTTP, and no page of
    /// another origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<ServiceAccess>,
}

impl ServiceDelivery {
    /// Deciders wanted.
    pub fn replicas(&self) -> u32 {
        self.replicas.map_or(2, Whole::get_u32)
    }

    /// Whether clients ask over TLS.
    pub fn is_tls(&self) -> bool {
        let access = self.access.as_ref();
        access.is_some_and(|access| access.certificate_ref.is_some())
    }
}

/// What holds back the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Startup {
    /// How long to wait for the first rules, or `Forever`; absent: 60s. Then the client's own defaults are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<StartupTimeout>,
}

/// What a decider may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeciderResources {
    /// What is set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<ComputeAmount>,
    /// The most it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ComputeAmount>,
}

/// An amount of processor and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComputeAmount {
    /// Processor, as a Kubernetes quantity (`50m`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), regex(pattern = r"^[0-9]+(\.[0-9]{1,3})?m?$"))]
    pub cpu: Option<String>,
    /// Memory, as a Kubernetes quantity (`64Mi`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 20),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")
    )]
    pub memory: Option<String>,
}

/// Adds deciders under load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Autoscaling {
    /// Most deciders.
    pub max_replicas: Whole<1, 1000>,
    /// Processor use to aim for, in percent of the request; absent: 70.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cpu_percent: Option<Whole<1, 1000>>,
}

/// Pods that may ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientPods {
    /// Namespaces they are in; absent: the channel's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Their labels; absent: all pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
}

/// The rules are written into a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigMapDelivery {
    /// Name of the ConfigMap, in the channel's namespace.
    pub name: ObjectName,
    /// What is written; absent: `Attune`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<RuleFormat>,
}

/// How rules are written for those who do not run a decider of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RuleFormat {
    /// The bundle itself.
    Attune,
    /// flagd's flag definitions.
    Flagd,
    /// The content each audience gets, for tools that know their audiences themselves.
    Content,
}

impl RuleFormat {
    /// As resources spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attune => "Attune",
            Self::Flagd => "Flagd",
            Self::Content => "Content",
        }
    }
}
