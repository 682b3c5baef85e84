//! The answer to a [`Question`](super::Question), as a collector sends it.
//!
//! The collector writes more than this (moments, the inputs of every figure); a reader takes what it needs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Method, MetricRole};

/// What an experiment has shown as of a data cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The data cut: nothing that happened later counts.
    pub as_of: Timestamp,
    /// The hash of the pre-registered question.
    pub question: String,
    /// Namespace of the experiment.
    pub namespace: String,
    /// Name of the experiment.
    pub experiment: String,
    /// The registration that was asked with, which is the one that the collector remembers unless every verdict says that
    /// it is not; empty when nothing is registered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub registration: String,
    /// When the first unit was exposed, as far as the collector knows; absent before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The present phase.
    pub phase: i32,
    /// Every phase up to the present one that had exposures; figures are combined over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseCount>,
    /// Units that the rules of the question left out, over all arms and phases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// The arms of the question, in its order.
    pub arms: Vec<ArmCount>,
    /// For every metric in the question's order, every arm but the control.
    pub results: Vec<MetricResult>,
    /// Whether the arms have the shares that they should have; absent where it was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
    /// What the planned size can show; absent while the control has no figures to plan with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
    /// Metrics whose source gave no figures; what was known of them before stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<Unavailable>,
    /// How the thresholds stand, which enter no verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<ThresholdCheck>,
    /// Version of the crates that computed it.
    pub version: String,
}

/// A metric without figures, because its source gave none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// The metric.
    pub metric: String,
    /// From a closed set.
    pub reason: UnavailableReason,
    /// Why, in words, without anything that was secret.
    pub message: String,
}

/// Why a metric has no figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnavailableReason {
    /// The source is slow, broken, or not as it should be.
    SourceUnavailable,
}

/// How a threshold stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdCheck {
    /// The metric.
    pub metric: String,
    /// Where the number lies.
    pub state: ThresholdState,
    /// The number; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// What that means, in words.
    pub message: String,
}

/// Where the number of a threshold lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ThresholdState {
    /// On the better side of the limit, or at it.
    Within,
    /// Beyond the limit: reason to stop.
    Breached,
    /// There is no number.
    Unavailable,
}

/// What the planned size of an experiment can show on its primary metric, by what the control has shown so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// Units that show the minimum lift with the power asked for, in all arms together; absent where no minimum lift is
    /// registered, or no number of units shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// The smallest relative lift that the planned units show; absent without a planned size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable_lift: Option<f64>,
    /// The mean a unit that both rest on.
    pub control_mean: f64,
    /// Units that the mean was seen on.
    pub seen_units: u64,
    /// Whether the planned units show the minimum lift; absent where one of the two is not registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sufficient: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One phase of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseCount {
    /// The phase, from 1 on.
    pub phase: i32,
    /// The weight of every arm in the question's order; empty when nobody remembers them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<i64>,
    /// Units whose first exposure in this phase was in each arm, in the question's order.
    pub exposed: Vec<u64>,
    /// Whether they have the shares that this phase's weights promise; absent where the weights are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
}

/// The units of one arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmCount {
    /// The arm.
    pub name: String,
    /// Units whose first exposure was in this arm, up to the data cut.
    pub exposed: u64,
    /// Those of them whose window of the primary metric is over.
    pub matured: u64,
    /// Those of them that were seen in another arm later.
    pub crossed_over: u64,
    /// Units that the rules of the question left out; they are in no other count.
    #[serde(default)]
    pub excluded: u64,
}

/// One metric of one arm against the control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// The metric.
    pub metric: String,
    /// What it is to the experiment.
    #[serde(flatten)]
    pub role: MetricRole,
    /// The arm that is compared with the control.
    pub arm: String,
    /// The design of this comparison.
    pub method: Method,
    /// Matured units of both arms together.
    pub n: u64,
    /// Units of both arms together, matured or not.
    #[serde(default)]
    pub exposed: u64,
    /// The control's units and mean.
    pub control: Summary,
    /// The arm's units and mean.
    pub treatment: Summary,
    /// Arm less control in the metric's unit; absent when withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Figures>,
    /// Arm over control less one; absent when there is no such figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
    /// The share of the variance that the covariate left, from 0 to 1; absent without adjustment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_kept: Option<f64>,
    /// What the figures would be without the covariate; absent when they are without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unadjusted: Option<Unadjusted>,
    /// Why the covariate of the question was not used, from a closed set; absent when it was, and without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_adjustment: Option<String>,
    /// A claim before the planned end: the estimate that crossed the line is larger than the truth on average.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inflated: bool,
    /// A metric to look around with, not to decide by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exploratory: bool,
    /// The two-sided level of the intervals: alpha, or less where several arms are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The p-value with all comparisons of its kind taken into account: Holm over the arms of the primary metric, Benjamini
    /// and Hochberg over secondary metrics and arms. Absent for a single comparison, and for secondary metrics of a
    /// continuous design, which e-values decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted_p: Option<f64>,
    /// The lift by weeks since first exposure; only of a primary metric with a window of three weeks or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub novelty: Option<Novelty>,
    /// What may be claimed of a primary or secondary metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How a guardrail stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Why, from a closed set.
    pub reason: String,
    /// Why, in words.
    pub message: String,
}

/// One arm's part of a result: enough to compute its figures again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Units.
    pub n: u64,
    /// Mean over units.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub m2: Option<f64>,
    /// The denominator of a ratio; the rest is then its numerator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<SecondSummary>,
}

/// The moments of a second variable over the same units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SecondSummary {
    /// Mean over units.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
    /// Sum of the products of its deviations with the first variable's.
    pub co: f64,
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The point estimate.
    pub estimate: f64,
    /// Lower bound; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper bound; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Two-sided p-value of no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}

/// Figures without the adjustment for a covariate, shown beside the adjusted ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Unadjusted {
    /// Arm less control in the metric's unit.
    pub absolute: Figures,
    /// Arm over control less one; absent when there is no such figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
}

/// Whether a lift wears off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Novelty {
    /// The weeks since first exposure, each of the units that have completed it.
    pub weeks: Vec<NoveltyWeek>,
    /// Change of the gain a week in the metric's unit, positive is better; absent with fewer than three weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope: Option<Figures>,
    /// Whether the slope's whole interval is below zero; verdict and figures are then of the latest week that has any.
    pub falling: bool,
}

/// The lift of one week.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoveltyWeek {
    /// The week since first exposure, from 1 on.
    pub week: u32,
    /// Units of both arms together that have completed it.
    pub n: u64,
    /// Arm less control in the metric's unit; absent when withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Figures>,
}

/// What may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// No unit was exposed yet.
    NotStarted,
    /// Not enough data to say anything.
    Collecting,
    /// The data may not be believed.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Not worse than the margin allows.
    Safe,
    /// Worse than the margin allows.
    Breached,
    /// Neither is shown yet.
    Open,
}

/// Whether the arms have the shares that they should have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    /// The anytime-valid p-value of the registered weights; absent when no statistics are needed to see that the split is
    /// broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// Whether every comparison is invalid because of it.
    pub blocked: bool,
    /// The finding in words.
    pub message: String,
}
