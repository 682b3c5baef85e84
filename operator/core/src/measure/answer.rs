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
    /// The phase that was asked about.
    pub phase: i32,
    /// The arms of the question, in its order.
    pub arms: Vec<ArmCount>,
    /// For every metric in the question's order, every arm but the control.
    pub results: Vec<MetricResult>,
    /// Whether the arms have the shares that they should have; absent where it was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
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

/// One arm's part of a result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Units.
    pub n: u64,
    /// Mean over units.
    pub mean: f64,
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
