//! Measured figures as they stand on a status: estimates, intervals, verdicts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{ItemName, ObjectName};
use crate::time::Instant;

/// How looks at the data are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AnalysisMethod {
    /// One look, at the planned number of units.
    Fixed,
    /// Several looks that spend the error rate between them.
    Planned,
    /// Any number of looks, at any time.
    Continuous,
}

/// What the data say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Verdict {
    /// No unit was exposed yet.
    NotStarted,
    /// Not enough data to say anything.
    Collecting,
    /// The data may not be believed; the figure is withheld.
    Invalid,
    /// Worse than control.
    Harm,
    /// The minimum worthwhile lift is out of reach.
    NoWorthwhileLift,
    /// At least the minimum worthwhile lift.
    WorthwhileLift,
    /// Better than control.
    Lift,
    /// The planned end was reached without proof either way.
    Unproven,
}

/// How a guardrail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Standing {
    /// Not worse than the margin allows.
    Safe,
    /// Worse than the margin allows.
    Breached,
    /// Neither is shown yet.
    Open,
}

/// What a metric is for in an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetricRole {
    /// Decides.
    Primary,
    /// Exploratory.
    Secondary,
    /// Must not get worse.
    Guardrail,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower end of the interval; absent when it is unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of the interval; absent when it is unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Two-sided p-value, where the method has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}

/// One metric of one arm against control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// Metric that was compared.
    pub metric: ObjectName,
    /// What the metric is for.
    pub role: MetricRole,
    /// Arm that was compared with control.
    pub arm: ItemName,
    /// How looks at the data are planned.
    pub method: AnalysisMethod,
    /// What the data say of a primary or secondary metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How a guardrail stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Why, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// Units in control that count.
    pub control_units: i64,
    /// Units in the arm that count.
    pub arm_units: i64,
    /// Mean, or share, a unit in control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_mean: Option<f64>,
    /// Mean, or share, a unit in the arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm_mean: Option<f64>,
    /// Difference a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Interval>,
    /// Difference relative to control, as a fraction (`0.5` = +50 %).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Interval>,
    /// The relative lift as tables show it (`+50.0%`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub lift_percent: Option<String>,
    /// Lower end of the relative interval as tables show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub low_percent: Option<String>,
    /// Upper end of the relative interval as tables show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub high_percent: Option<String>,
    /// Share of exposed units whose window is over, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matured_bp: Option<i32>,
    /// Hash of the pre-registered analysis that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub analysis_hash: Option<String>,
    /// Data until here are in the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

/// A lift against a holdout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiftSummary {
    /// Program whose bindings count; absent: all that the holdout holds back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ObjectName>,
    /// Metric that was compared.
    pub metric: ObjectName,
    /// What the data say.
    pub verdict: Verdict,
    /// Why, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// Difference a unit, in the metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Interval>,
    /// Difference relative to the held, as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Interval>,
    /// The relative lift with its interval as tables show it (`+4.1% [+1.0%, +7.3%]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub percent: Option<String>,
    /// What personalizing has brought so far, over everybody who was exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<IncrementalValue>,
    /// Units held out that count.
    pub held_units: i64,
    /// Units of the matched slice that count.
    pub exposed_units: i64,
    /// Share of the slice that sits in arms that show the baseline, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice_in_baseline_bp: Option<i32>,
    /// Data until here are in the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

/// A total with its interval: never a point alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncrementalValue {
    /// Units that were exposed and whose window is over.
    pub units: i64,
    /// The difference a unit, over these units.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// As tables show it, in the metric's unit: `+12,300 EUR [+4,100, +20,500]`.
    #[schemars(length(max = 96))]
    pub text: String,
}
