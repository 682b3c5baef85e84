//! What a holdout is asked, and what it answers: what the whole programme is worth.
//!
//! Units that are held out are compared with an equal-sized slice of those that are not: the units whose holdout bucket
//! lies in `[share, 2 share)`. A small holdout against everybody else errs on revenue-like data, nearly always towards lift.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Figures, SampleRatio, Summary, Verdict};
use super::{MetricQuestion, MetricRole};

/// What a collector has to know of a holdout's period when its exposures arrive, because buckets need the plain unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutRegistration {
    /// Namespace of the holdout.
    pub namespace: String,
    /// Name of the holdout, as exposures carry it.
    pub holdout: String,
    /// What is hashed in front of the unit, the default spelled out: `<namespace>/<holdout>:holdout`.
    pub salt: String,
    /// Share of units that are held, in basis points: 1 to 5000.
    pub share_bp: i32,
    /// When the period begins; it names the period.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// What a holdout's period is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutQuestion {
    /// The holdout with its period; asking registers it.
    #[serde(flatten)]
    pub registration: HoldoutRegistration,
    /// Two-sided error rate, in basis points (500 = 5 %).
    pub alpha_bp: i32,
    /// Units of both sides together that the confidence sequence is tuned to; absent: 20,000.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned_units: Option<u64>,
    /// What is compared, one answer each.
    pub scopes: Vec<HoldoutScope>,
    /// The arms of experiments that show the baseline, so that their share of the slice can be told.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub baseline_arms: Vec<BaselineArm>,
}

/// The whole holdout, or one program of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutScope {
    /// Name of the program; absent: everything that the holdout holds back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
    /// The bindings whose exposures count; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bindings: Vec<String>,
    /// What is measured. A [`MetricRole::Guardrail`] is compared like any other metric.
    pub metrics: Vec<MetricQuestion>,
    /// The smallest relative lift of the primary metric worth having, in basis points.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_lift_bp: Option<i32>,
}

/// An arm of an experiment that shows the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineArm {
    /// Name of the experiment, as exposures carry it.
    pub experiment: String,
    /// Name of the arm, as exposures carry it.
    pub arm: String,
}

/// What a holdout's period has shown as of a data cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutAnswer {
    /// The data cut: nothing that happened later counts.
    pub as_of: Timestamp,
    /// The hash of the question.
    pub question: String,
    /// Namespace of the holdout.
    pub namespace: String,
    /// Name of the holdout.
    pub holdout: String,
    /// When the period began.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// All units with an exposure in the period, whatever the binding.
    pub units: HoldoutUnits,
    /// Share of `units` that are held, in basis points; absent without units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_share_bp: Option<f64>,
    /// One for every scope, in the question's order.
    pub scopes: Vec<ScopeAnswer>,
    /// Version of the crates that computed it.
    pub version: String,
}

/// The units that a holdout and its slice are made of, up to the data cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutUnits {
    /// Units below the share: those that are held out.
    pub held: u64,
    /// Units of the matched slice.
    pub slice: u64,
    /// All units that were not held, the slice among them.
    pub exposed: u64,
    /// Units of the slice that were seen in an arm that shows the baseline.
    pub slice_in_baseline: u64,
    /// Held units that were exposed nevertheless.
    pub contaminated: u64,
    /// Units that were held although their bucket is not below the share: deciders use another salt or share.
    pub misplaced: u64,
    /// Units whose bucket is not known, because they were seen before the salt was; they are on neither side.
    pub unknown: u64,
}

/// How clean a holdout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Contamination {
    /// At most 0.1 % of the held units were exposed.
    Clean,
    /// More than 0.1 %: to be looked into.
    Suspect,
    /// More than 1 %: no figure is shown.
    Refused,
}

/// One scope of a [`HoldoutAnswer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeAnswer {
    /// Name of the program; absent: the whole holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The units with an exposure of this scope.
    pub units: HoldoutUnits,
    /// How many of the held units were exposed.
    pub contamination: Contamination,
    /// Share of the slice that sits in arms that show the baseline, in basis points; absent without a slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice_in_baseline_bp: Option<f64>,
    /// Whether held and slice have the same size; absent without units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatio>,
    /// One for every metric, in the question's order.
    pub results: Vec<HoldoutResult>,
}

/// One metric of a scope: the slice against the held units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldoutResult {
    /// The metric.
    pub metric: String,
    /// What it is to the program.
    #[serde(flatten)]
    pub role: MetricRole,
    /// Matured units of both sides together.
    pub n: u64,
    /// The held units whose window is over, and their mean.
    pub held: Summary,
    /// The units of the slice whose window is over, and their mean.
    pub slice: Summary,
    /// Slice less held in the metric's unit; absent when withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<Figures>,
    /// Slice over held less one; absent when there is no such figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<Figures>,
    /// What the programme has brought; absent when withheld, and of a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental: Option<Incremental>,
    /// A claim before the period's end: the estimate that crossed the line is larger than the truth on average.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inflated: bool,
    /// What may be claimed.
    pub verdict: Verdict,
    /// Why, from a closed set.
    pub reason: String,
    /// Why, in words.
    pub message: String,
}

/// A total with its interval, in the metric's unit: never a point alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Incremental {
    /// Units that were not held and whose window is over: what the difference per unit is multiplied by.
    pub units: u64,
    /// The difference per unit over these units.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}
