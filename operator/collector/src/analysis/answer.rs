//! The form of an answer.

use attune_core::measure::MetricRole;
use attune_core::measure::answer::{Novelty, Power, ThresholdCheck, Unavailable};
use attune_lift::guardrail::Standing;
use attune_lift::{
    AnalysisError, ArmMoments, Companion, Look, Method, Moments, NoAdjustment, NoPercentage, Reason, Verdict,
};
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
    /// The registration that was asked with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registration: String,
    /// When the first unit was exposed; absent before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The present phase.
    pub phase: i32,
    /// Every phase up to the present one that had exposures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseCount>,
    /// Units that the rules of the question left out, over all arms and phases.
    #[serde(skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// The arms of the question, in its order.
    pub arms: Vec<ArmCount>,
    /// Arms that exposures name and the question does not; their units enter nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_arms: Vec<ArmCount>,
    /// Whether the arms have the sizes that their weights promise, of the phase in which they do least; absent before the
    /// first exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatioCheck>,
    /// For every metric in the question's order, every arm but the control.
    pub results: Vec<MetricResult>,
    /// What the planned size can show; absent while the control has no figures to plan with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
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
    /// Units that the rules of the question left out; they are in no other count.
    #[serde(skip_serializing_if = "is_zero")]
    pub excluded: u64,
}

/// One phase of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseCount {
    /// The phase, from 1 on.
    pub phase: i32,
    /// The weight of every arm in the question's order; empty when nobody remembers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<i64>,
    /// Units whose first exposure in this phase was in each arm, in the question's order.
    pub exposed: Vec<u64>,
    /// Whether they have the shares that this phase's weights promise; absent where the weights are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatioCheck>,
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
    /// Units of both arms together, matured or not.
    pub exposed: u64,
    /// The control's moments; of several phases, see [`Summary`].
    pub control: Summary,
    /// The arm's moments; of several phases, see [`Summary`].
    pub treatment: Summary,
    /// The moments of each phase that has units of either arm, the earliest first; empty when there is only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseMoments>,
    /// Arm less control in the metric's unit; absent when withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Figures>,
    /// Arm over control less one; absent when there is no such figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
    /// Why there is no relative figure.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "no_percentage")]
    pub relative_reason: Option<NoPercentage>,
    /// The share of the variance that the covariate left; absent without adjustment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variance_kept: Option<f64>,
    /// What the figures would be without the covariate; absent when they are without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unadjusted: Option<Unadjusted>,
    /// Why the covariate of the question was not used; absent when it was, and without one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "no_adjustment")]
    pub no_adjustment: Option<NoAdjustment>,
    /// A claim before the planned end: the estimate that crossed the line is larger than the truth on average.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inflated: bool,
    /// A metric to look around with, not to decide by.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exploratory: bool,
    /// The two-sided level of the intervals: alpha, or less where several arms are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The p-value with all comparisons of its kind taken into account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_p: Option<f64>,
    /// The lift by weeks since first exposure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub novelty: Option<Novelty>,
    /// The verdict that stands when a claim is taken back.
    #[serde(skip)]
    pub(super) undecided: Verdict,
    /// The control's moments over the metric's whole window, which stay where novelty puts a week's in their place.
    #[serde(skip)]
    pub(super) baseline: Summary,
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

/// Why a result is what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ResultReason {
    /// The statistics say so.
    Analysed(Reason),
    /// The registered design cannot be analysed.
    NotAnalysed(AnalysisError),
    /// The question is not the one that was registered when the first units were exposed.
    OtherRegistration,
    /// The weights are not those that the phase began with.
    OtherWeights,
    /// Units of the experiment were dropped, because they had been kept long enough.
    Dropped,
    /// The interval alone would claim what several comparisons together do not.
    ManyComparisons,
    /// The lift wears off, so the latest week speaks; it says this.
    WearsOff(Reason),
}

/// Figures without the adjustment for a covariate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unadjusted {
    /// Arm less control in the metric's unit.
    pub absolute: Figures,
    /// Arm over control less one; absent when there is no such figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
}

/// The moments of both arms in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhaseMoments {
    /// The control's.
    pub control: Summary,
    /// The arm's.
    pub treatment: Summary,
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
///
/// Of several phases, the means are combined with the weights `n_k / n` that the figures are combined with, and the sums of
/// squares are those within the phases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The outcome (of a ratio: the numerator).
    #[serde(flatten)]
    pub outcome: MomentsOf,
    /// The denominator of a ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denominator: Option<SecondMoments>,
    /// The covariate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covariate: Option<SecondMoments>,
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

/// Moments of a second variable over the same units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SecondMoments {
    /// Mean over units.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
    /// Sum of the products of its deviations with the outcome's.
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
            Self::OtherRegistration => "Registration",
            Self::OtherWeights => "Phase",
            Self::Dropped => Reason::Window.as_str(),
            Self::ManyComparisons => "ManyComparisons",
            Self::WearsOff(_) => "WearsOff",
        }
    }
}

impl std::fmt::Display for ResultReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Analysed(reason) => reason.fmt(f),
            Self::NotAnalysed(error) => error.fmt(f),
            Self::OtherRegistration => f.write_str(
                "the question is not the one that was registered when the first units were exposed; what is frozen does \
                 not change after that: declare a new experiment under another name",
            ),
            Self::OtherWeights => f.write_str(
                "the weights are not those that this phase began with, so units of different splits are thrown together; \
                 give the phase its weights back and change them together with `spec.phase`",
            ),
            Self::Dropped => f.write_str(
                "units were dropped because they had been kept long enough, so what is left is not what the experiment has \
                 shown; results are kept longer by `collector.retention.results`, and for those that are gone: declare a \
                 new experiment under another name",
            ),
            Self::ManyComparisons => {
                f.write_str("the interval alone excludes zero, but of so many comparisons one may do so by chance")
            }
            Self::WearsOff(reason) => write!(
                f,
                "the lift falls from week to week, so the figures are those of the latest week: {reason}"
            ),
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

impl From<attune_lift::Unadjusted> for Unadjusted {
    fn from(figures: attune_lift::Unadjusted) -> Self {
        Self {
            absolute: figures.absolute.into(),
            relative: figures.relative.ok().map(Figures::from),
        }
    }
}

impl From<&Look> for PhaseMoments {
    fn from(look: &Look) -> Self {
        Self {
            control: (&look.control).into(),
            treatment: (&look.treatment).into(),
        }
    }
}

impl From<&ArmMoments> for Summary {
    fn from(arm: &ArmMoments) -> Self {
        Self {
            outcome: arm.outcome().into(),
            denominator: arm.denominator().map(SecondMoments::from),
            covariate: arm.covariate().map(SecondMoments::from),
        }
    }
}

impl From<&Companion> for SecondMoments {
    fn from(companion: &Companion) -> Self {
        Self {
            mean: companion.mean(),
            m2: companion.m2(),
            co: companion.co(),
        }
    }
}

impl Summary {
    /// One arm over all phases.
    pub(super) fn combined(phases: &[Look], arm: impl Fn(&Look) -> &ArmMoments) -> Self {
        if let [only] = phases {
            return arm(only).into();
        }
        // A phase in which an arm has no spread enters no figure, so it enters no mean either.
        let usable = |phase: &&Look| phase.control.n() >= 2 && phase.treatment.n() >= 2;
        let total: u64 = phases.iter().filter(usable).map(Look::n).sum();
        let mut summary = Self {
            outcome: MomentsOf {
                n: phases.iter().map(|phase| arm(phase).n()).sum(),
                mean: 0.0,
                m2: 0.0,
            },
            denominator: None,
            covariate: None,
        };
        for phase in phases.iter().filter(usable) {
            let weight = phase.n() as f64 / total as f64;
            let part = Self::from(arm(phase));
            summary.outcome.mean += weight * part.outcome.mean;
            summary.outcome.m2 += part.outcome.m2;
            summary.denominator = added(summary.denominator, part.denominator, weight);
            summary.covariate = added(summary.covariate, part.covariate, weight);
        }
        summary
    }
}

fn added(sum: Option<SecondMoments>, part: Option<SecondMoments>, weight: f64) -> Option<SecondMoments> {
    let part = part?;
    let sum = sum.unwrap_or(SecondMoments {
        mean: 0.0,
        m2: 0.0,
        co: 0.0,
    });
    Some(SecondMoments {
        mean: sum.mean + weight * part.mean,
        m2: sum.m2 + part.m2,
        co: sum.co + part.co,
    })
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

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn no_adjustment<S: Serializer>(reason: &Option<NoAdjustment>, serializer: S) -> Result<S::Ok, S::Error> {
    reason.map(NoAdjustment::as_str).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
