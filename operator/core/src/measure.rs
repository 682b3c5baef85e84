//! The pre-registered questions that experiments ask of the collector.
//!
//! A [`Question`] is to measurement what a bundle is to decisions: everything needed to compute an answer and nothing
//! more, compiled from the resources, content-hashed, and understood by a collector that has never seen Kubernetes.

use serde::{Deserialize, Serialize};

use crate::expr::Expression;

pub mod answer;
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
    /// The phase whose exposures count; estimates are never pooled across phases.
    pub phase: i32,
    /// The arms in the listed order; exactly one is the control.
    pub arms: Vec<ArmQuestion>,
    /// The primary metric first, then guardrails and secondaries.
    pub metrics: Vec<MetricQuestion>,
    /// The design chosen before the start.
    pub method: Method,
    /// Two-sided error rate, in basis points (500 = 5 %).
    pub alpha_bp: i32,
    /// Units planned over both arms together; absent with [`Method::Fixed`] means that the data are final.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub planned_units: Option<u64>,
    /// The smallest relative lift of the primary metric worth having, in basis points.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_lift_bp: Option<i32>,
    /// Thresholds that stop the experiment; they yield no interval and enter no verdict.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub thresholds: Vec<Threshold>,
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
