//! Admission of pods and resources, and the workloads of Channels. Pure: what is there and what time it is, it is told.
//!
//! - [`review`]: the bytes of a request become a [`Review`], or an answer that says why not.
//! - [`inject`]: a pod that asks for a decider gets one.
//! - [`validate`]: a resource whose expressions are not CEL is refused; what else it proves about itself is a warning.
//! - [`workload`]: what stands for a Channel with delivery `service`.
//! - [`decider`]: the container that the last two share.

pub mod decider;
pub mod inject;
pub mod quantity;
pub mod review;
pub mod validate;
mod warning;
pub mod workload;

pub use inject::{Found, Injection, Outcome, inject};
pub use review::{Review, ReviewError};
pub use validate::{Ground, Validation, Verdict, validate, validate_under};
pub use workload::{ServiceChannel, Workload};

/// What deciders are started with, whatever their Channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Base URL of the operator, from which they fetch bundles.
    pub operator_url: String,
    /// Base URL of the collector, to which they report; `None` where there is none.
    pub collector_url: Option<String>,
    /// Image with the program `/attune-decider`.
    pub image: String,
    /// When the image is pulled.
    pub pull_policy: PullPolicy,
    /// Name of the release that they belong to.
    pub release: String,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// Where the node does not have it.
    #[default]
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}

impl PullPolicy {
    /// As Kubernetes spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// A text that is no [`PullPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pull policy: write `Always`, `IfNotPresent` or `Never`")]
pub struct UnknownPullPolicy(pub String);

impl std::str::FromStr for PullPolicy {
    type Err = UnknownPullPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPullPolicy> {
        [Self::Always, Self::IfNotPresent, Self::Never]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| UnknownPullPolicy(text.to_owned()))
    }
}

#[cfg(test)]
mod fixture;
