//! The kinds of objects that stand for a Channel.

use attune_api::Channel;
use serde::Serialize;
use serde_json::Value;

use super::{BatchChannel, ServiceChannel, Standing, Workload, batch, batch_name, object_name};
use crate::Settings;

/// A kind of object that stands for a Channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Who may ask.
    NetworkPolicy,
    /// Where clients ask.
    Service,
    /// The deciders.
    Deployment,
    /// Adds deciders under load.
    HorizontalPodAutoscaler,
    /// Keeps all but one.
    PodDisruptionBudget,
    /// Decides in bulk.
    CronJob,
}

impl Part {
    /// All of them, in the order in which they are written: nobody unwelcome reaches a decider even for a moment.
    pub const ALL: [Self; 6] = [
        Self::NetworkPolicy,
        Self::Service,
        Self::Deployment,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
        Self::CronJob,
    ];

    /// The name in `kind`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Service => "Service",
            Self::Deployment => "Deployment",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::CronJob => "CronJob",
        }
    }

    /// The name in paths.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "networkpolicies",
            Self::Service => "services",
            Self::Deployment => "deployments",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscalers",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
            Self::CronJob => "cronjobs",
        }
    }

    /// The API group; empty for the first one.
    pub const fn group(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "networking.k8s.io",
            Self::Service => "",
            Self::Deployment => "apps",
            Self::HorizontalPodAutoscaler => "autoscaling",
            Self::PodDisruptionBudget => "policy",
            Self::CronJob => "batch",
        }
    }

    /// The API version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::HorizontalPodAutoscaler => "v2",
            _ => "v1",
        }
    }
}

impl Part {
    /// What an object of this kind is called that stands for a Channel.
    pub fn object_name(self, channel: &str) -> String {
        match self {
            Self::CronJob => batch_name(channel),
            _ => object_name(channel),
        }
    }
}

impl Standing {
    /// What stands for a Channel, if anything does.
    pub fn of(channel: &Channel, settings: &Settings) -> Option<Self> {
        if let Some(service) = ServiceChannel::of(channel) {
            return Some(Self::Service(Box::new(Workload::build(&service, settings))));
        }
        let batch = BatchChannel::of(channel)?;
        Some(Self::Batch(Box::new(batch::build(&batch, settings))))
    }

    /// The object of one kind as it is applied; `None` where the Channel wants none.
    pub fn document(&self, part: Part) -> Option<Value> {
        match self {
            Self::Service(workload) => workload.document(part),
            Self::Batch(cron_job) => (part == Part::CronJob).then(|| to_json(cron_job.as_ref())),
        }
    }
}

impl Workload {
    /// The object of one kind as it is applied; `None` where the Channel wants none.
    pub fn document(&self, part: Part) -> Option<Value> {
        match part {
            Part::NetworkPolicy => Some(to_json(&self.policy)),
            Part::Service => Some(to_json(&self.service)),
            Part::Deployment => Some(to_json(&self.deployment)),
            Part::HorizontalPodAutoscaler => self.autoscaler.as_ref().map(to_json),
            Part::PodDisruptionBudget => self.budget.as_ref().map(to_json),
            Part::CronJob => None,
        }
    }
}

/// The types of Kubernetes have text keys and finite numbers only, so that writing them cannot fail.
fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
