//! `GovernancePolicy`: the organisation's rules for strategies.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Dimension;
use crate::number::{BasisPoints, Whole};
use crate::rules::{self, must_at};
use crate::text::{AttributeName, GroupName, Locale, Tactic};
use crate::time::Span;

/// The organisation's rules: what a strategy must have, and what happens when it has not.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "GovernancePolicy",
    plural = "governancepolicies",
    doc = "The organisation's rules: what a strategy must have, and what happens when it has not.",
    status = "GovernancePolicyStatus",
    derive = "PartialEq",
    shortname = "attpol",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "rules.capacity.versionsPerQuarter",
        "!has(self.rules.capacity) || !has(self.rules.capacity.versionsPerQuarter) \
         || self.rules.capacity.versionsPerQuarter.all(g, has(self.teams) && g in self.teams)",
        "give a capacity only to groups that `teams` lists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct GovernancePolicySpec {
    /// Namespaces that it rules; empty: all.
    pub namespace_selector: LabelSelector,
    /// Groups that may own something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each team once"))]
    pub teams: Vec<GroupName>,
    /// What stands before a group's name in the cluster's access control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub group_prefix: Option<String>,
    /// The rules; an absent one is not judged.
    pub rules: PolicyRules,
}

/// What happens when a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Enforcement {
    /// Nothing is said.
    Ignore,
    /// It is said; bundles do not change.
    Warn,
    /// It is an error: new forms are not programmed, or, for the rules that stop, the offender leaves at once.
    Enforce,
}

/// The rules; an absent one is not judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRules {
    /// A program says everything that it is to be judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<PlainRule>,
    /// Every part of a program has an owner among the teams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_roles: Option<PlainRule>,
    /// The owning group may really change what it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_access: Option<OwnerAccessRule>,
    /// No more audiences than a team can serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_budget: Option<AudienceBudgetRule>,
    /// Audiences have an insight of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insight: Option<PlainRule>,
    /// Programs reach their minimum coverage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<PlainRule>,
    /// Audiences are reachable, addressed differently and measurable, and nothing lives on one channel alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actionable: Option<PlainRule>,
    /// Rules use audited attributes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_audit: Option<DataAuditRule>,
    /// Review dates are kept, and not too far away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRule>,
    /// Sensitive attributes are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_attributes: Option<PlainRule>,
    /// Attributes are used for their purpose only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<PlainRule>,
    /// What is known about persons is used with care.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<AttributesRule>,
    /// Some locales are not shown everything, and every locale is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locales: Option<LocalesRule>,
    /// Some tactics are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tactics: Option<TacticsRule>,
    /// More than the test share needs a concluded experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRule>,
    /// Programs are measured against a holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldoutRule>,
    /// Primary metrics are of dimensions that matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_metric: Option<PrimaryMetricRule>,
    /// Not everything waits at the lower end of the funnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funnel_balance: Option<FunnelBalanceRule>,
    /// No more versions than a team can make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityRule>,
    /// Variants are approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
}

/// A rule without parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlainRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
}

/// The owning group may really change what it owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerAccessRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// What says who may change what; absent: `Rbac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<AccessVia>,
}

/// What says who may change what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AccessVia {
    /// The cluster's access control.
    Rbac,
    /// The repository's CODEOWNERS file.
    Codeowners,
}

/// No more audiences than a team can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceBudgetRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Audiences a program may have without evidence; absent: 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_program: Option<Whole<1, 64>>,
}

/// Rules use audited attributes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataAuditRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// How old an audit may be; absent: any age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
}

/// Review dates are kept, and not too far away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "unusedAfter",
        "!has(self.unusedAfter) || self.unusedAfter >= duration('24h')",
        "let `unusedAfter` be a day or more: decisions are counted by day"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ReviewRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// How far away a review may be; absent: any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ahead: Option<Span>,
    /// How long before its end an expiring thing is told about; absent: `336h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Span>,
    /// How long a live rule may win nobody while decisions are counted, a day or more; absent: `720h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused_after: Option<Span>,
}

/// What is known about persons is used with care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttributesRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Values that no rule may ask for, by attribute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<64>)]
    pub forbidden_values: BTreeMap<AttributeName, Phrases>,
}

/// Some locales are not shown everything, and every locale is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalesRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// What may not be shown in a locale and those below it (`de` holds for `de-AT` too).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<64>)]
    pub forbidden: BTreeMap<Locale, LocaleLimits>,
}

/// What may not be shown in one locale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct LocaleLimits {
    /// Tactics that no variant may use there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub tactics: Vec<Tactic>,
    /// Phrases that no variant may contain there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub phrases: Vec<String>,
    /// Labels of modules that may not be shown there: one that is equal is enough.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::text_map::<32, 256>)]
    pub labels: BTreeMap<String, String>,
}

/// Some tactics are not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct TacticsRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Tactics that no variant may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each prohibited tactic once"))]
    pub prohibited: Vec<Tactic>,
    /// Phrases that give away an undeclared one, by locale.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<64>)]
    pub phrases: BTreeMap<Locale, Phrases>,
}

/// Phrases of one locale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Phrases(#[schemars(length(max = 64), inner(length(min = 1, max = 128)))] pub Vec<String>);

/// More than the test share needs a concluded experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Share that needs no evidence, in basis points; absent: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_share_bp: Option<BasisPoints>,
    /// How old evidence may be; absent: any age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
}

/// Programs are measured against a holdout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Least share that is held, in basis points; absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_bp: Option<BasisPoints>,
}

/// Primary metrics are of dimensions that matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct PrimaryMetricRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Dimensions that matter; absent: `Business` and `Relationship`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each dimension once"))]
    pub dimensions: Vec<Dimension>,
}

/// Not everything waits at the lower end of the funnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunnelBalanceRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Largest share of rules at the lower end, in basis points; absent: 7000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lower_funnel_bp: Option<BasisPoints>,
}

/// No more versions than a team can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Versions a team can make in a quarter, by group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(transform = rules::any_map::<256>)]
    pub versions_per_quarter: BTreeMap<GroupName, Whole<0, 100_000>>,
}

/// Variants are approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRule {
    /// What happens when it is broken.
    pub enforcement: Enforcement,
    /// Whether an approval holds only for the words it was given for; absent: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_to_content: Option<bool>,
}

/// What is known about a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GovernancePolicyStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the policy, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Namespaces that it rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<i32>,
}
