//! The kinds of objects that stand for a Channel.

use serde::Serialize;
use serde_json::Value;

use super::Workload;

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
}

impl Part {
    /// All of them, in the order in which they are written: nobody unwelcome reaches a decider even for a moment.
    pub const ALL: [Self; 5] = [
        Self::NetworkPolicy,
        Self::Service,
        Self::Deployment,
        Self::HorizontalPodAutoscaler,
        Self::PodDisruptionBudget,
    ];

    /// The name in `kind`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Service => "Service",
            Self::Deployment => "Deployment",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
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

impl Workload {
    /// The object of one kind as it is applied; `None` where the Channel wants none.
    pub fn document(&self, part: Part) -> Option<Value> {
        match part {
            Part::NetworkPolicy => Some(to_json(&self.policy)),
            Part::Service => Some(to_json(&self.service)),
            Part::Deployment => Some(to_json(&self.deployment)),
            Part::HorizontalPodAutoscaler => self.autoscaler.as_ref().map(to_json),
            Part::PodDisruptionBudget => self.budget.as_ref().map(to_json),
        }
    }
}

/// The types of Kubernetes have text keys and finite numbers only, so that writing them cannot fail.
fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
