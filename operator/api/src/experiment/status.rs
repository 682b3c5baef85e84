//! What is known about an experiment.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::{MetricResult, Verdict};
use crate::text::ItemName;
use crate::time::Instant;

/// What is known about an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the experiment, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What was registered when it left Draft, by hash: it may not change any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// What its treated arms show, and to whom; once it has concluded, what they showed then: that is what its verdict is
    /// evidence of, whatever is edited later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownFigures>,
    /// Hash of the question that was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub analysis_hash: Option<String>,
    /// The arms, in their order; shares and counts are written by different writers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub arms: Vec<ArmFigures>,
    /// What each metric says of each arm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub results: Vec<MetricResult>,
    /// The primary metric of the best arm, for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<Headline>,
    /// What the planned size can show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerFigures>,
    /// What should follow, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub recommendation: Option<String>,
    /// What followed from the verdict, by `spec.decision`. It stands, and the analysis with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What an experiment shows, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownFigures {
    /// Audiences that take part; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub audiences: Vec<String>,
    /// Modules that treated arms show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub modules: Vec<String>,
}

/// What an experiment was registered with when it left Draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// Hash of all parts together.
    #[schemars(length(max = 64))]
    pub hash: String,
    /// When it left Draft.
    pub at: Instant,
    /// The phase of the split.
    pub phase: i32,
    /// Hash of the weights of that phase, which may change with it.
    #[schemars(length(max = 16))]
    pub weights: String,
    /// Hashes of what may never change, by part: `arms`, `unit`, `analysis`, `metric/<name>` and so on.
    #[schemars(extend("maxProperties" = 64))]
    pub parts: BTreeMap<String, String>,
}

/// What followed from a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What deciders do since.
    pub outcome: Outcome,
    /// The arm that everybody gets, where one was promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<ItemName>,
    /// The verdict that it rests on.
    pub verdict: Verdict,
    /// Why, in one sentence.
    #[schemars(length(max = 512))]
    pub reason: String,
    /// When it fell: data until here count.
    pub at: Instant,
    /// Units in all arms at that time.
    pub units: i64,
    /// Hash of the registration that was judged.
    #[schemars(length(max = 64))]
    pub registration: String,
}

/// What deciders do after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// Everybody gets the winning arm.
    Promoted,
    /// Everybody gets control, since there was nothing to gain.
    Retired,
    /// Everybody gets control, since there was harm.
    HarmStopped,
}

/// What the planned size can show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PowerFigures {
    /// Units that the planner asks for to see the minimum worthwhile lift, in all arms together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    /// The smallest relative lift that the planned units can show, as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectable_lift: Option<f64>,
    /// Mean a unit in control that both rest on.
    pub control_mean: f64,
    /// Units that the mean was seen on.
    pub seen_units: i64,
}

/// An arm as it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmFigures {
    /// The arm.
    pub name: ItemName,
    /// Its part of the sum of weights.
    pub weight: i32,
    /// Share of all units that it really gets, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_traffic_bp: Option<i32>,
    /// Units that were exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<i64>,
    /// Units that were seen in another arm too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossed_over: Option<i64>,
}

/// An experiment's result in short, for tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Headline {
    /// The arm.
    pub arm: ItemName,
    /// What the data say.
    pub verdict: Verdict,
    /// Lift with its interval (`+50.0% [+3.1%, +118.3%]`), where it may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub lift: Option<String>,
    /// Units in all arms.
    pub units: i64,
    /// Units that are still needed until it is judged at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<i64>,
}
