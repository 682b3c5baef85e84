//! How an experiment is judged, and what follows from it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::Whole;
use crate::results::AnalysisMethod;
use crate::rules::{self, must_at};
use crate::text::ObjectName;
use crate::time::Span;

/// How an experiment is judged; registered before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "guardrails",
        "!has(self.guardrails) || !(self.primary in self.guardrails)",
        "the primary metric decides already: remove it from the guardrails"
    ),
    validation = must_at(
        "secondary",
        "!has(self.secondary) || !(self.primary in self.secondary)",
        "the primary metric decides already: remove it from the secondary ones"
    ),
    validation = must_at(
        "secondary",
        "!has(self.secondary) || !has(self.guardrails) || self.secondary.all(m, !(m in self.guardrails))",
        "a metric is either secondary or a guardrail: remove it from one of the two"
    ),
    validation = must_at(
        "plannedUnits",
        "!has(self.method) || self.method != 'Planned' || has(self.plannedUnits)",
        "Planned spends its error rate over a number of units: add `plannedUnits`"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Metric that decides.
    pub primary: ObjectName,
    /// Metrics that are looked at too, as exploration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each secondary metric once"))]
    pub secondary: Vec<ObjectName>,
    /// Metrics that must not get worse; their margins are the program's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each guardrail of the analysis once"))]
    pub guardrails: Vec<ObjectName>,
    /// How looks at the data are planned; absent: `Continuous`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<AnalysisMethod>,
    /// Error rate of false lift, both sides, in basis points; absent: 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha_bp: Option<Whole<1, 2000>>,
    /// Chance to see the minimum worthwhile lift, in basis points; absent: 8000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_bp: Option<Whole<5000, 9999>>,
    /// Units in all arms together at which it is judged at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_units: Option<Whole<2, 10_000_000_000>>,
    /// A figure from before the exposure that explains some of the noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covariate: Option<Covariate>,
    /// Units that are no people, such as bots, by what they did before the exposure: left out of every arm alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub exclude: Vec<ExcludedUnits>,
}

impl Analysis {
    /// How looks at the data are planned.
    pub fn method(&self) -> AnalysisMethod {
        self.method.unwrap_or(AnalysisMethod::Continuous)
    }

    /// Error rate of false lift, both sides, as a fraction.
    pub fn alpha(&self) -> f64 {
        f64::from(self.alpha_bp.map_or(500, Whole::get_u32)) / 10_000.0
    }

    /// Chance to see the minimum worthwhile lift, as a fraction.
    pub fn power(&self) -> f64 {
        f64::from(self.power_bp.map_or(8000, Whole::get_u32)) / 10_000.0
    }
}

/// A figure from before the exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covariate {
    /// Metric that is counted before the exposure.
    pub metric: ObjectName,
    /// How long before the exposure.
    pub window: Span,
}

/// Units that are left out because of what they did before the exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExcludedUnits {
    /// Metric whose events are counted.
    pub metric: ObjectName,
    /// A unit with more events than this is left out.
    pub more_than: Whole<0, 1_000_000_000>,
    /// How long before the exposure.
    pub window: Span,
}

/// What follows from the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRule {
    /// After a worthwhile lift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_lift: Option<OnLift>,
    /// After it is clear that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_worthwhile_lift: Option<OnNoWorthwhileLift>,
    /// After harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_harm: Option<OnHarm>,
}

/// What follows from a worthwhile lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnLift {
    /// Everybody gets the winning arm.
    Promote,
    /// It is reported only.
    Report,
}

/// What follows when the minimum worthwhile lift is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnNoWorthwhileLift {
    /// Everybody gets control.
    Retire,
    /// It is reported only.
    Report,
}

/// What follows from harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnHarm {
    /// Everybody gets control.
    Stop,
    /// It is reported only.
    Report,
}
