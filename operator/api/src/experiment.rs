//! `Experiment`: what is being tested, registered before it starts.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::channel::Identity;
use crate::common::{LocalRef, Owner, is_false};
use crate::number::{BasisPoints, Whole};
use crate::results::{AnalysisMethod, MetricResult};
use crate::rules::{self, must_at, once_started, same};
use crate::text::{AttributeName, ItemName, ObjectName, Salt};
use crate::time::{Instant, Span};

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

/// What the units of an arm get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Effect {
    /// The touchpoint's baseline.
    Baseline,
    /// What the rules would give without the experiment.
    Personalize,
    /// A module, with the variant that fits the unit best.
    Module {
        /// The module.
        #[serde(rename = "moduleRef")]
        module_ref: LocalRef,
    },
    /// One variant of a module.
    Variant {
        /// The module.
        #[serde(rename = "moduleRef")]
        module_ref: LocalRef,
        /// The variant.
        name: ItemName,
    },
}

impl Effect {
    /// Which of the four it is.
    pub fn type_(&self) -> EffectType {
        match self {
            Self::Baseline => EffectType::Baseline,
            Self::Personalize => EffectType::Personalize,
            Self::Module { .. } => EffectType::Module,
            Self::Variant { .. } => EffectType::Variant,
        }
    }

    /// The module that it shows, where it names one.
    pub fn module_ref(&self) -> Option<&LocalRef> {
        match self {
            Self::Baseline | Self::Personalize => None,
            Self::Module { module_ref } | Self::Variant { module_ref, .. } => Some(module_ref),
        }
    }
}

/// The schema of [`Effect`].
#[derive(Serialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "moduleRef",
        "has(self.moduleRef) == (self.type in ['Module', 'Variant'])",
        "give `moduleRef` with Module and Variant, and only with them"
    ),
    validation = must_at(
        "name",
        "has(self.name) == (self.type == 'Variant')",
        "give `name` with Variant, and only with it"
    )
)]
#[serde(rename_all = "camelCase")]
struct EffectFields {
    /// Which of the four it is.
    #[serde(rename = "type")]
    type_: EffectType,
    /// The module of `Module` and `Variant`.
    #[serde(default)]
    module_ref: Option<LocalRef>,
    /// The variant of `Variant`.
    #[serde(default)]
    name: Option<ItemName>,
}

/// Which effect it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EffectType {
    /// The touchpoint's baseline.
    Baseline,
    /// What the rules would give without the experiment.
    Personalize,
    /// A module.
    Module,
    /// One variant of a module.
    Variant,
}

impl JsonSchema for Effect {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Effect".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EffectFields::json_schema(generator)
    }
}

/// How an experiment is judged; registered before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = must_at(
        "guardrails",
        "!has(self.guardrails) || !(self.primary in self.guardrails)",
        "the primary metric decides already: remove it from the guardrails"
    ),
    validation = must_at(
        "secondary",
        "!has(self.secondary) || !(self.primary in self.secondary)",
        "the primary metric decides already: remove it from the secondary ones"
    ),
    validation = must_at(
        "secondary",
        "!has(self.secondary) || !has(self.guardrails) || self.secondary.all(m, !(m in self.guardrails))",
        "a metric is either secondary or a guardrail: remove it from one of the two"
    ),
    validation = must_at(
        "plannedUnits",
        "!has(self.method) || self.method != 'Planned' || has(self.plannedUnits)",
        "Planned spends its error rate over a number of units: add `plannedUnits`"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Analysis {
    /// Metric that decides.
    pub primary: ObjectName,
    /// Metrics that are looked at too, as exploration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each secondary metric once"))]
    pub secondary: Vec<ObjectName>,
    /// Metrics that must not get worse; their margins are the program's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each guardrail of the analysis once"))]
    pub guardrails: Vec<ObjectName>,
    /// How looks at the data are planned; absent: `Continuous`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<AnalysisMethod>,
    /// Error rate of false lift, both sides, in basis points; absent: 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha_bp: Option<Whole<1, 2000>>,
    /// Chance to see the minimum worthwhile lift, in basis points; absent: 8000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_bp: Option<Whole<5000, 9999>>,
    /// Units in all arms together at which it is judged at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_units: Option<Whole<2, 10_000_000_000>>,
    /// A figure from before the exposure that explains some of the noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covariate: Option<Covariate>,
}

impl Analysis {
    /// How looks at the data are planned.
    pub fn method(&self) -> AnalysisMethod {
        self.method.unwrap_or(AnalysisMethod::Continuous)
    }

    /// Error rate of false lift, both sides, as a fraction.
    pub fn alpha(&self) -> f64 {
        f64::from(self.alpha_bp.map_or(500, Whole::get_u32)) / 10_000.0
    }

    /// Chance to see the minimum worthwhile lift, as a fraction.
    pub fn power(&self) -> f64 {
        f64::from(self.power_bp.map_or(8000, Whole::get_u32)) / 10_000.0
    }
}

/// A figure from before the exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covariate {
    /// Metric that is counted before the exposure.
    pub metric: ObjectName,
    /// How long before the exposure.
    pub window: Span,
}

/// What follows from the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRule {
    /// After a worthwhile lift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_lift: Option<OnLift>,
    /// After it is clear that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_worthwhile_lift: Option<OnNoWorthwhileLift>,
    /// After harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_harm: Option<OnHarm>,
}

/// What follows from a worthwhile lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnLift {
    /// Everybody gets the winning arm.
    Promote,
    /// It is reported only.
    Report,
}

/// What follows when the minimum worthwhile lift is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnNoWorthwhileLift {
    /// Everybody gets control.
    Retire,
    /// It is reported only.
    Report,
}

/// What follows from harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OnHarm {
    /// Everybody gets control.
    Stop,
    /// It is reported only.
    Report,
}

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
    pub verdict: crate::results::Verdict,
    /// Lift with its interval (`+50.0% [+3.1%, +118.3%]`), where it may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub lift: Option<String>,
    /// Units in all arms.
    pub units: i64,
}
