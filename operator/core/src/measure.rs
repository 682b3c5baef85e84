//! The pre-registered questions that experiments ask of the collector.
//!
//! A [`Question`] is to measurement what a bundle is to decisions: everything needed to compute an answer and nothing
//! more, compiled from the resources, content-hashed, and understood by a collector that has never seen Kubernetes.

use serde::{Deserialize, Serialize};

use crate::expr::Expression;

pub mod activity;
pub mod answer;
pub mod counts;
pub mod holdout;
mod source;

pub use source::{Source, TableSource, Threshold};

/// One experiment's analysis as registered before its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Namespace of the experiment; events of other namespaces do not count.
    pub namespace: String,
    /// Name of the experiment, as exposures carry it.
    pub experiment: String,
    /// The hash of everything that was frozen before the start. It is the same in every phase and leaves the weights out.
    ///
    /// A collector remembers the first one that it is asked with once there were exposures, and refuses another. Empty:
    /// nothing is registered and nothing refused.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub registration: String,
    /// The present phase, from 1 on. Estimates are made within every phase up to it and combined, never pooled.
    pub phase: i32,
    /// The arms in the listed order; exactly one is the control.
    pub arms: Vec<ArmQuestion>,
    /// The primary metric first, then guardrails and secondaries.
    pub metrics: Vec<MetricQuestion>,
    /// The design chosen before the start.
    pub method: Method,
    /// Two-sided error rate, in basis points (500 = 5 %).
    pub alpha_bp: i32,
    /// Chance to see the minimum lift, in basis points (8000 = 80 %), for the planner.
    #[serde(default = "default_power", skip_serializing_if = "is_default_power")]
    pub power_bp: i32,
    /// Units planned over all arms together; absent with [`Method::Fixed`] means that the data are final.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned_units: Option<u64>,
    /// The smallest relative lift of the primary metric worth having, in basis points.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_lift_bp: Option<i32>,
    /// What units did before their first exposure, to take out of the difference what it explains (CUPED).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub covariate: Option<CovariateQuestion>,
    /// Which units are left out, by what they did before their first exposure; any rule suffices.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub exclude: Vec<ExcludeRule>,
    /// The bindings that it runs on, so that the planned size can be judged by whom they have exposed before the start.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub bindings: Vec<String>,
    /// The weights of earlier phases, where whoever asks knows them; a collector takes those that it remembers otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub earlier: Vec<PhaseWeights>,
    /// Thresholds that stop the experiment; they yield no interval and enter no verdict.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub thresholds: Vec<Threshold>,
}

/// A number for every unit from before its first exposure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CovariateQuestion {
    /// Name of the metric that it is taken from.
    pub name: String,
    /// How outcomes become a number per unit; a [`MetricKind::Ratio`] has none and is refused.
    pub kind: MetricKind,
    /// Which outcomes count.
    pub event: EventQuery,
    /// How long before the first exposure an outcome counts, in seconds; more than 0.
    pub window_seconds: i64,
}

/// Units that are left out because of what they did before their first exposure: the same rule in every arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExcludeRule {
    /// What the rule is called in the answer.
    pub name: String,
    /// Which outcomes count.
    pub event: EventQuery,
    /// How long before the first exposure an outcome counts, in seconds; more than 0.
    pub window_seconds: i64,
    /// A unit with more outcomes than this is left out.
    pub more_than: u64,
}

/// How an earlier phase split its units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseWeights {
    /// The phase, from 1 on.
    pub phase: i32,
    /// The weight of every arm of the question, in its order.
    pub weights: Vec<i64>,
}

/// The usual chance to see the minimum lift.
const DEFAULT_POWER_BP: i32 = 8000;

const fn default_power() -> i32 {
    DEFAULT_POWER_BP
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_default_power(power: &i32) -> bool {
    *power == DEFAULT_POWER_BP
}

/// One arm of a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmQuestion {
    /// The arm's name, as exposures carry it.
    pub name: String,
    /// Its weight in the split; shares are weights over the sum of weights.
    pub weight: i64,
    /// Whether the other arms are compared with this one.
    #[serde(default)]
    pub control: bool,
}

/// How an experiment is analysed over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// One look, at the planned number of units.
    Fixed,
    /// Planned looks with an alpha-spending function.
    Planned,
    /// A confidence sequence, valid at every look.
    Continuous,
}

/// What a metric is to the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "role")]
pub enum MetricRole {
    /// The one metric that the verdict rests on.
    Primary,
    /// A metric that must not get worse by more than the margin.
    Guardrail {
        /// Relative margin against control, in basis points.
        #[serde(rename = "marginBp")]
        margin_bp: i32,
    },
    /// Exploratory.
    Secondary,
}

impl MetricRole {
    /// Whether it is a guardrail.
    pub const fn is_guardrail(&self) -> bool {
        matches!(self, Self::Guardrail { .. })
    }
}

/// How a metric turns a unit's outcomes into one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricKind {
    /// 1 if at least one matching outcome happened in the window, else 0.
    Proportion,
    /// The sum of the matching outcomes' values.
    Mean,
    /// The number of matching outcomes.
    Count,
    /// The sum of values over the sum of the denominator's values.
    Ratio,
}

/// The direction in which a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// More is better.
    Increase,
    /// Less is better.
    Decrease,
}

/// One metric of a [`Question`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricQuestion {
    /// The metric's name.
    pub name: String,
    /// What it is to the experiment.
    #[serde(flatten)]
    pub role: MetricRole,
    /// How outcomes become a number per unit.
    pub kind: MetricKind,
    /// Which outcomes count.
    pub event: EventQuery,
    /// The denominator's outcomes, for [`MetricKind::Ratio`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denominator: Option<EventQuery>,
    /// How long after the first exposure an outcome counts, in seconds.
    pub window_seconds: i64,
    /// Which direction is better.
    pub direction: Direction,
    /// Where the moments come from; absent: the collector's own store.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Source>,
}

/// A selection of outcomes and the number that each carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventQuery {
    /// The outcome's event name.
    pub name: String,
    /// The property that holds the value; absent: the outcome's own `value`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
    /// The condition on `value` (Double) and `properties.*` that an outcome must meet.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none", default)]
    pub filter: Option<Expression>,
}
