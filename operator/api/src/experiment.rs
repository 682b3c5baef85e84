//! `Experiment`: what is being tested, registered before it starts.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::channel::Identity;
use crate::common::{LocalRef, Owner, is_false};
use crate::number::{BasisPoints, Whole};
use crate::rules::{self, must_at, once_started, same};
use crate::text::{AttributeName, ItemName, ObjectName, Salt};
use crate::time::{Instant, Span};

mod analysis;
mod effect;
mod status;

pub use analysis::{Analysis, Covariate, DecisionRule, ExcludedUnits, OnHarm, OnLift, OnNoWorthwhileLift};
pub use effect::{Effect, EffectType};
pub use status::{
    ArmFigures, Decision, ExperimentStatus, Headline, Outcome, PowerFigures, Registration, ShownFigures,
};

const NEW_PHASE: &str = "(has(self.phase) ? self.phase : 1)";
const OLD_PHASE: &str = "(has(oldSelf.phase) ? oldSelf.phase : 1)";

/// What is being tested: arms, who takes part, and the analysis that was agreed on before.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Experiment",
    plural = "experiments",
    namespaced,
    doc = "What is being tested: arms, who takes part, and the analysis that was agreed on before.",
    status = "ExperimentStatus",
    derive = "PartialEq",
    shortname = "attexp",
    category = "attune"
)]
#[x_kube(
    validation = once_started(
        "arms",
        "self.arms.map(a, a.name) == oldSelf.arms.map(a, a.name)",
        "the arms and their order are frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "arms",
        "self.arms.map(a, has(a.control) && a.control) == oldSelf.arms.map(a, has(a.control) && a.control)",
        "the control arm is frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "arms",
        "self.arms.map(a, a.effect) == oldSelf.arms.map(a, a.effect)",
        "the effects of arms are frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "arms",
        &format!("self.arms.map(a, a.weight) == oldSelf.arms.map(a, a.weight) || {NEW_PHASE} == {OLD_PHASE} + 1"),
        "weights may change only together with the phase: raise `phase` by 1"
    ),
    validation = once_started(
        "phase",
        &format!("{NEW_PHASE} == {OLD_PHASE} || {NEW_PHASE} == {OLD_PHASE} + 1"),
        "the phase may only be raised, by 1 at a time"
    ),
    validation = once_started(
        "unit",
        &same("unit"),
        "the unit is frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "salt",
        &same("salt"),
        "the salt is frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "analysis",
        "self.analysis == oldSelf.analysis",
        "the analysis is frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "exclusion",
        &same("exclusion"),
        "the exclusion range is frozen once the experiment left Draft: start a new experiment"
    ),
    validation = once_started(
        "state",
        "self.state != 'Draft'",
        "an experiment cannot go back to Draft: start a new experiment"
    ),
    validation = must_at(
        "state",
        "oldSelf.state != 'Stopped' || self.state in ['Stopped', 'Draft']",
        "a stopped experiment cannot be restarted: start a new experiment"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentSpec {
    /// Who answers for the experiment.
    pub owner: Owner,
    /// Program that it belongs to.
    pub program_ref: LocalRef,
    /// What is believed, in one sentence.
    #[schemars(length(min = 1, max = 1024))]
    pub hypothesis: String,
    /// Where it stands.
    pub state: ExperimentState,
    /// Number of the split: a changed split is a new phase; absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Whole<1, 1000>>,
    /// Who puts units into arms; absent: `Engine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// Attribute with the id of what is randomized; absent: `targetingKey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<AttributeName>,
    /// What is hashed in front of the unit; absent: `<namespace>/<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// Bindings that it runs on.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each binding once"))]
    pub bindings: Vec<ObjectName>,
    /// Audiences that it runs on; absent: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each audience of an experiment once"))]
    pub audiences: Vec<ObjectName>,
    /// Share of units that take part, in basis points; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_bp: Option<BasisPoints>,
    /// Range of a group of experiments that must not share units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
    /// When it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What is compared, in the order that decides who is where.
    #[schemars(length(min = 2, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(
        validation = rules::unique_by("name", "give each arm a name of its own"),
        validation = rules::must("self.exists_one(a, has(a.control) && a.control)", "mark exactly one arm as control"),
        validation = rules::must("self.exists(a, a.weight > 0)", "give at least one arm a weight above 0")
    )]
    pub arms: Vec<Arm>,
    /// How it is judged.
    pub analysis: Analysis,
    /// What follows from the verdict; absent: it is reported only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionRule>,
}

impl ExperimentSpec {
    /// Number of the split.
    pub fn phase(&self) -> u32 {
        self.phase.map_or(1, Whole::get_u32)
    }

    /// Who puts units into arms.
    pub fn assignment(&self) -> Assignment {
        self.assignment.unwrap_or(Assignment::Engine)
    }

    /// Attribute with the id of what is randomized.
    pub fn unit(&self) -> &str {
        self.unit
            .as_ref()
            .map_or(Identity::DEFAULT_UNIT, AttributeName::as_str)
    }

    /// Share of units that take part.
    pub fn traffic(&self) -> BasisPoints {
        self.traffic_bp.unwrap_or(BasisPoints::ALL)
    }
}

/// Where an experiment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ExperimentState {
    /// Being written; nobody takes part.
    Draft,
    /// Units are put into arms.
    Running,
    /// Everybody gets control for now.
    Paused,
    /// Over for good.
    Stopped,
}

/// Who puts units into arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Assignment {
    /// The deciders.
    Engine,
    /// Another system; its exposures carry the arm.
    Imported,
}

/// A range of a group of experiments that must not share units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = must_at("toBp", "self.fromBp < self.toBp", "let `toBp` be above `fromBp`"))]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Name of the group.
    pub group: ItemName,
    /// First basis point that belongs to it.
    pub from_bp: BasisPoints,
    /// First basis point that does not belong to it any more.
    pub to_bp: BasisPoints,
}

/// When an experiment runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = rules::before("start", "end", "let the schedule end after it starts"),
    validation = must_at(
        "minimumRuntime",
        "!has(self.start) || !has(self.end) || !has(self.minimumRuntime) || self.start >= self.end \
         || self.end - self.start >= self.minimumRuntime",
        "let there be at least `minimumRuntime` between start and end"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// When the first unit may take part; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Instant>,
    /// How long it runs at least before it is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_runtime: Option<Span>,
    /// When nobody takes part any more; absent: open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Instant>,
}

/// One of the things compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Its name.
    pub name: ItemName,
    /// Its part of the sum of weights.
    pub weight: Whole<0, 1_000_000>,
    /// Whether the others are compared with it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub control: bool,
    /// What its units get.
    pub effect: Effect,
}
