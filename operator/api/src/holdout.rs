//! `Holdout`: what is never personalized, so that there is something to compare with.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Owner, Period};
use crate::number::Whole;
use crate::results::LiftSummary;
use crate::rules::{must_at, same};
use crate::text::Salt;

/// What is never personalized: a share of units, for a period.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Holdout",
    plural = "holdouts",
    namespaced,
    doc = "What is never personalized: a share of units, for a period.",
    status = "HoldoutStatus",
    derive = "PartialEq",
    shortname = "atthold",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "shareBp",
        "self.shareBp == oldSelf.shareBp || self.period.from != oldSelf.period.from",
        "the share may change only together with `period.from`: begin a new period"
    ),
    validation = must_at(
        "salt",
        format!("({}) || self.period.from != oldSelf.period.from", same("salt")),
        "the salt may change only together with `period.from`: begin a new period"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutSpec {
    /// Who answers for the holdout.
    pub owner: Owner,
    /// Share of units that are held, in basis points.
    pub share_bp: Whole<1, 5000>,
    /// Which programs it holds for.
    pub scope: HoldoutScope,
    /// What is hashed in front of the unit; absent: `<namespace>/<name>:holdout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// When it holds.
    pub period: Period,
}

/// Which programs a holdout holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HoldoutScope {
    /// Every program of the namespace.
    Namespace,
    /// Programs whose `holdoutRef` names it.
    Program,
}

/// What is known about a holdout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the holdout, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Share of tested units that were held, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_bp: Option<i32>,
    /// Programs that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<i32>,
    /// Lift of the exposed against the held, by program metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub lift: Vec<LiftSummary>,
}
