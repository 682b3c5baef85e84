//! The form of an answer.

use attune_core::measure::MetricRole;
use attune_core::measure::answer::{ThresholdCheck, Unavailable};
use attune_lift::guardrail::Standing;
use attune_lift::{AnalysisError, ArmMoments, InvalidCause, Method, Moments, NoPercentage, Reason, Verdict};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What an experiment has shown as of a data cut, with all that is needed to compute it again.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The data cut: nothing that happened later counts.
    pub as_of: Timestamp,
    /// The [`question_hash`](super::question_hash) of the pre-registered question.
    pub question: String,
    /// Namespace of the experiment.
    pub namespace: String,
    /// Name of the experiment.
    pub experiment: String,
    /// The phase that was asked about.
    pub phase: i32,
    /// The arms of the question, in its order.
    pub arms: Vec<ArmCount>,
    /// Arms that exposures name and the question does not; their units enter nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_arms: Vec<ArmCount>,
    /// Whether the arms have the sizes that their weights promise; absent before the first exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatioCheck>,
    /// For every metric in the question's order, every arm but the control.
    pub results: Vec<MetricResult>,
    /// Metrics whose source gave no figures; they have no results here, and what was known of them before stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<Unavailable>,
    /// How the thresholds stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<ThresholdCheck>,
    /// Version of the crates that computed it; the workspace has one.
    pub version: &'static str,
}

/// The units of one arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl ArmCount {
    /// The share of the exposed units that have matured, 0 when there are none.
    pub fn matured_share(&self) -> f64 {
        if self.exposed == 0 {
            0.0
        } else {
            self.matured as f64 / self.exposed as f64
        }
    }
}

/// One metric of one arm against the control.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    #[serde(serialize_with = "method")]
    pub method: Method,
    /// Matured units of both arms together.
    pub n: u64,
    /// The control's moments.
    pub control: Summary,
    /// The arm's moments.
    pub treatment: Summary,
    /// Arm less control in the metric's unit; absent when withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Figures>,
    /// Arm over control less one; absent when there is no such figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
    /// Why there is no relative figure.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "no_percentage")]
    pub relative_reason: Option<NoPercentage>,
    /// A claim before the planned end: the estimate that crossed the line is larger than the truth on average.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inflated: bool,
    /// What may be claimed, or how the guardrail stands.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why, from a closed set.
    #[serde(serialize_with = "reason")]
    pub reason: ResultReason,
    /// Why, in words.
    pub message: String,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// Of a primary or secondary metric.
    #[serde(serialize_with = "verdict")]
    Verdict(Verdict),
    /// Of a guardrail.
    #[serde(serialize_with = "standing")]
    Standing(Standing),
}

/// Whether the arms have the sizes that their weights promise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleRatioCheck {
    /// May be read at any time; absent when no statistics are needed to see that the split is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// Whether every comparison is invalid because of it.
    pub blocked: bool,
    /// The finding in words.
    pub message: String,
}

impl SampleRatioCheck {
    /// What it means for the comparisons.
    pub fn invalid(&self) -> Option<InvalidCause> {
        self.blocked.then_some(InvalidCause::SampleRatio)
    }
}

/// Why a result is what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResultReason {
    /// The statistics say so.
    Analysed(Reason),
    /// The registered design cannot be analysed.
    NotAnalysed(AnalysisError),
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// The point estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Two-sided p-value of no difference.
    pub p: f64,
    /// The e-value of no difference, for continuous designs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<f64>,
}

/// The moments of one arm, as the analysis took them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The outcome (of a ratio: the numerator).
    #[serde(flatten)]
    pub outcome: MomentsOf,
    /// The denominator of a ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denominator: Option<Denominator>,
}

/// Mergeable moments of one variable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MomentsOf {
    /// Units.
    pub n: u64,
    /// Mean over units.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
}

/// Moments of a ratio's denominator over the same units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Denominator {
    /// Mean over units.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
    /// Sum of the products of its deviations with the numerator's.
    pub co: f64,
}

// === impl MetricResult ===

impl MetricResult {
    /// The verdict; guardrails have none.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.finding {
            Finding::Verdict(verdict) => Some(verdict),
            Finding::Standing(_) => None,
        }
    }
}

impl ResultReason {
    /// The name, for status fields, metric labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analysed(reason) => reason.as_str(),
            Self::NotAnalysed(_) => "QuestionRefused",
        }
    }
}

impl std::fmt::Display for ResultReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Analysed(reason) => reason.fmt(f),
            Self::NotAnalysed(error) => error.fmt(f),
        }
    }
}

impl From<attune_lift::Figures> for Figures {
    fn from(figures: attune_lift::Figures) -> Self {
        let attune_lift::Figures {
            estimate,
            low,
            high,
            p,
            e,
        } = figures;
        Self {
            estimate,
            low,
            high,
            p,
            e,
        }
    }
}

impl From<&ArmMoments> for Summary {
    fn from(arm: &ArmMoments) -> Self {
        let denominator = arm.denominator().map(|companion| Denominator {
            mean: companion.mean(),
            m2: companion.m2(),
            co: companion.co(),
        });
        Self {
            outcome: arm.outcome().into(),
            denominator,
        }
    }
}

impl From<&Moments> for MomentsOf {
    fn from(moments: &Moments) -> Self {
        Self {
            n: moments.n(),
            mean: moments.mean(),
            m2: moments.m2(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn method<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    // As questions spell it, and resources.
    serializer.serialize_str(match method {
        Method::Fixed => "Fixed",
        Method::Planned => "Planned",
        Method::Continuous => "Continuous",
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn verdict<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn standing<S: Serializer>(standing: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(standing.as_str())
}

fn reason<S: Serializer>(reason: &ResultReason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn no_percentage<S: Serializer>(reason: &Option<NoPercentage>, serializer: S) -> Result<S::Ok, S::Error> {
    reason.map(NoPercentage::as_str).serialize(serializer)
}
