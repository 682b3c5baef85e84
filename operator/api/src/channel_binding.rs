//! `ChannelBinding`: which content is shown at which touchpoint, for which program.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Cap, LocalRef, distinct_caps, is_false};
use crate::number::{BasisPoints, Whole};
use crate::results::Verdict;
use crate::rules;
use crate::text::{EventName, Expression, ItemName, ObjectName};
use crate::time::{Day, Instant, Span};

/// Which content, for which program, at which touchpoint: the rules themselves.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "ChannelBinding",
    plural = "channelbindings",
    namespaced,
    doc = "Which content is shown at which touchpoint, for which program: the rules themselves.",
    status = "ChannelBindingStatus",
    derive = "PartialEq",
    shortname = "attbind",
    category = "attune"
)]
#[serde(rename_all = "camelCase")]
pub struct ChannelBindingSpec {
    /// Program that the rules serve.
    pub program_ref: LocalRef,
    /// Channel that they apply on.
    pub channel_ref: LocalRef,
    /// Touchpoint of that channel.
    pub touchpoint: ItemName,
    /// Which binding goes first at the touchpoint: the higher one; absent: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Whole<-1_000_000, 1_000_000>>,
    /// What may be shown, in order: the first that admits the unit.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub candidates: Vec<Candidate>,
    /// Which share of units it is open to; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// What counts as having been shown; absent: `OnRender`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// At most so many in a window; all of them hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = distinct_caps())]
    pub caps: Vec<Cap>,
    /// Events after which a unit is left alone for a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("event", "list each event once"))]
    pub stop_on: Vec<StopOn>,
    /// The binding wins nobody while this is `true`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

impl ChannelBindingSpec {
    /// Which binding goes first: the higher one.
    pub fn priority(&self) -> i32 {
        self.priority.map_or(0, Whole::get_i32)
    }

    /// Share of units it is open to.
    pub fn share(&self) -> BasisPoints {
        self.rollout
            .as_ref()
            .map_or(BasisPoints::ALL, |rollout| rollout.share_bp)
    }

    /// What counts as having been shown.
    pub fn exposure(&self) -> Exposure {
        self.exposure.unwrap_or(Exposure::OnRender)
    }
}

/// Content that may be shown, and to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Module to show.
    pub module_ref: LocalRef,
    /// Audiences it is for, in order: the first that matches is the decision's; absent: everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rules::unique("list each audience of a candidate once"))]
    pub audiences: Vec<ObjectName>,
    /// CEL that must hold too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expression>,
    /// CEL that gives a number: the higher one goes first among scored candidates, and scored before unscored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Expression>,
}

/// Which share of units a binding is open to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The share in basis points; growing it only lets units in.
    pub share_bp: BasisPoints,
    /// What shows that it may be more than the test share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What shows that a binding works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// Experiment that concluded with lift.
    pub experiment_ref: LocalRef,
}

/// What counts as having been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Exposure {
    /// The channel reports that it committed to show or send.
    OnRender,
    /// The decision itself.
    OnDecision,
}

/// An event after which a unit is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopOn {
    /// Name of the outcome event.
    pub event: EventName,
    /// For how long.
    pub window: Span,
}

/// What is known about a binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelBindingStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the binding, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Revision of the channel's bundle that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
    /// Rules that it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_rules: Option<i32>,
    /// Rules of it in that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_rules: Option<i32>,
    /// Rules that are live and won somebody within seven days; absent until deciders have told of any decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_rules: Option<i32>,
    /// What became of decisions at its touchpoint within seven days, today and the six days before it in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<DecisionFigures>,
    /// Share of units that it really reaches after rollout and holdouts, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_traffic_bp: Option<i32>,
    /// What the experiment that it cites has concluded with; it stays when the experiment is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<CitedEvidence>,
}

/// Decisions at a touchpoint, as one of its bindings sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionFigures {
    /// All of them.
    pub total: i64,
    /// Shares by reason: of decisions that rules of this binding won, held out and not enrolled ones too, and of those that no
    /// rule won.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub shares: Vec<ReasonShare>,
    /// Share of those that rules of other bindings won, in basis points.
    pub others_bp: i32,
    /// What this binding adds to the sums, by day: they go on from here when the operator starts anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub days: Vec<DecisionDay>,
    /// When its rules won somebody last, those that have within seven days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub fired: Vec<FiredRule>,
    /// Its live rules that win nobody, although decisions are counted: as `days`, it is what the operator goes on from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub idle: Vec<IdleRule>,
}

/// The share of decisions that came out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonShare {
    /// The reason, as `attune.reason` spells it.
    #[schemars(length(max = 32))]
    pub reason: String,
    /// The share in basis points.
    pub share_bp: i32,
}

/// Decisions of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionDay {
    /// The day in UTC.
    pub day: Day,
    /// Their number by reason.
    #[schemars(extend("maxProperties" = 16))]
    pub reasons: BTreeMap<String, i64>,
}

/// A rule that has won somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FiredRule {
    /// Its position among the candidates; absent where it is not one of them any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<i32>,
    /// What deciders call it: a hash of its module, audiences and expressions.
    #[schemars(length(max = 64))]
    pub rule: String,
    /// The last day, in UTC.
    pub last: Day,
}

/// A live rule that wins nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdleRule {
    /// What deciders call it: a hash of its module, audiences and expressions.
    #[schemars(length(max = 64))]
    pub rule: String,
    /// The first day on which it won nobody although decisions were counted, in UTC.
    pub since: Day,
    /// The last day on which decisions were counted, in UTC. No week lies without any between the two.
    pub last: Day,
    /// Decisions at its touchpoint from the one day until the other, which is not over.
    pub decisions: i64,
}

/// What an experiment has concluded with, and for whom that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CitedEvidence {
    /// The experiment.
    pub experiment: ObjectName,
    /// What it concluded with.
    pub verdict: Verdict,
    /// When.
    pub concluded_at: Instant,
    /// Audiences that took part; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub audiences: Vec<String>,
    /// Modules that treated arms showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub modules: Vec<String>,
    /// Metric that decided.
    pub metric: String,
}
