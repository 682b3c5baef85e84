//! `Audience`: who is addressed, and what makes them different.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Owner;
use crate::number::Whole;
use crate::text::Expression;
use crate::time::{Day, Instant};

/// Who: an expression over attributes, and the insight that makes these people worth addressing apart.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Audience",
    plural = "audiences",
    namespaced,
    doc = "Who is addressed: an expression over attributes, and what makes these people worth addressing apart.",
    status = "AudienceStatus",
    derive = "PartialEq",
    shortname = "attaud",
    category = "attune"
)]
#[serde(rename_all = "camelCase")]
pub struct AudienceSpec {
    /// Who answers for the audience.
    pub owner: Owner,
    /// Who these people are, in one sentence.
    #[schemars(length(min = 1, max = 512))]
    pub description: String,
    /// Where in their journey they are.
    pub stage: Stage,
    /// What makes them different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insight: Option<Insight>,
    /// CEL over the attributes of the data contracts, and `now`.
    #[serde(rename = "match")]
    pub matches: Expression,
    /// How many they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// Day by which somebody looks at the audience again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Day>,
}

/// Stage of the journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// Learns that there is something.
    Awareness,
    /// Compares.
    Consideration,
    /// Is about to act: the lower end of the funnel.
    Conversion,
    /// Acted before, and should again.
    Retention,
    /// Comes back by itself.
    Loyalty,
}

/// What makes an audience different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Insight {
    /// What they believe.
    #[schemars(length(min = 1, max = 512))]
    pub believes: String,
    /// What they need.
    #[schemars(length(min = 1, max = 512))]
    pub needs: String,
    /// What changes what they do.
    #[schemars(length(min = 1, max = 512))]
    pub shifts: String,
}

/// How many people an audience has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// Units that match.
    pub estimate: Whole<0, 100_000_000_000>,
    /// Day of the estimate.
    pub as_of: Day,
    /// System that estimated.
    #[schemars(length(min = 1, max = 128))]
    pub source: String,
}

/// What is known about an audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the audience, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What uses the audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<AudienceUse>,
    /// Hash of the compiled expression: the same rule in two places has the same hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub rule_hash: Option<String>,
    /// Share of recent decisions in which it matched, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_bp: Option<i32>,
    /// Time of that share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
}

/// How many resources use an audience.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AudienceUse {
    /// Programs that address it.
    pub programs: i32,
    /// Bindings with a candidate for it.
    pub bindings: i32,
    /// Variants of content written for it.
    pub variants: i32,
    /// Experiments on it.
    pub experiments: i32,
}
