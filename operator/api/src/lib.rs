//! Custom resources of `attune.dev/v1alpha1`: the types, their schemas and validation rules, the condition types and
//! reasons that the operator writes, and the labels and annotations it reads.
//!
//! Nothing in this crate talks to a cluster. A document becomes a typed object with [`Resource::decode`]; the
//! definitions to install come from [`crds`] and [`crd_yaml`].
#![expect(
    unreachable_pub,
    reason = "kube's schema derive copies each struct, with its `pub`, into a function"
)]

pub mod audience;
pub mod channel;
pub mod channel_binding;
pub mod common;
pub mod conditions;
pub mod content_module;
pub mod crd;
pub mod data_contract;
pub mod delivery;
pub mod events;
pub mod experiment;
pub mod governance_policy;
pub mod holdout;
pub mod kind;
pub mod labels;
pub mod metric;
pub mod number;
pub mod program;
pub mod resource;
pub mod results;
mod rules;
pub mod text;
pub mod time;

pub use audience::{Audience, AudienceSpec, AudienceStatus};
pub use channel::{Channel, ChannelSpec, ChannelStatus};
pub use channel_binding::{ChannelBinding, ChannelBindingSpec, ChannelBindingStatus};
pub use common::{LocalRef, Owner};
pub use conditions::{Condition, ConditionType, Reason};
pub use content_module::{ContentModule, ContentModuleSpec, ContentModuleStatus};
pub use crd::{crd_yaml, crds};
pub use data_contract::{DataContract, DataContractSpec, DataContractStatus};
pub use delivery::Delivery;
pub use events::EventReason;
pub use experiment::{Experiment, ExperimentSpec, ExperimentStatus};
pub use governance_policy::{GovernancePolicy, GovernancePolicySpec, GovernancePolicyStatus};
pub use holdout::{Holdout, HoldoutSpec, HoldoutStatus};
pub use kind::{Kind, Scope};
pub use metric::{Metric, MetricSpec, MetricStatus};
pub use number::{BasisPoints, Whole};
pub use program::{Program, ProgramSpec, ProgramStatus};
pub use resource::{DecodeError, Resource};
pub use text::{
    AttributeName, EventName, Expression, GroupName, ItemName, Locale, ObjectName, Purpose, Salt,
};
pub use time::{Day, Instant, Span, TimeOfDay};

/// The API group of all kinds.
pub const GROUP: &str = "attune.dev";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of all kinds.
pub const API_VERSION: &str = "attune.dev/v1alpha1";
