//! What is known about an experiment.

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
    /// Hash of what was registered when it left Draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub analysis_hash: Option<String>,
    /// When it left Draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Instant>,
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
    /// What should follow, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub recommendation: Option<String>,
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
}
