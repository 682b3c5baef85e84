//! `Program`: why anything is personalized at all, as one objective with one figure to judge it by.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{LocalRef, Owner, is_false};
use crate::number::{BasisPoints, Whole};
use crate::results::LiftSummary;
use crate::rules::{self, must_at};
use crate::text::{GroupName, ItemName, Locale, ObjectName, Purpose};
use crate::time::Day;

const SAME_CELL: &str = "y.audience == x.audience && y.channel == x.channel && y.touchpoint == x.touchpoint \
    && has(y.locale) == has(x.locale) && (!has(y.locale) || y.locale == x.locale)";

/// Why: one objective, the figure it is judged by, and who answers for its parts.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "attune.dev",
    version = "v1alpha1",
    kind = "Program",
    plural = "programs",
    namespaced,
    doc = "A program of personalization: one objective, the figure it is judged by, and who answers for its parts.",
    status = "ProgramStatus",
    derive = "PartialEq",
    shortname = "attprog",
    category = "attune"
)]
#[x_kube(
    validation = must_at(
        "guardrails",
        "!has(self.guardrails) || self.guardrails.all(g, g.metricRef.name != self.kpi.metricRef.name)",
        "the KPI decides already: remove it from the guardrails"
    ),
    validation = must_at(
        "coverage.waivers",
        "!has(self.coverage) || !has(self.coverage.waivers) \
         || self.coverage.waivers.all(w, has(self.audiences) && w.audience in self.audiences)",
        "waive only cells of audiences that the program lists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct ProgramSpec {
    /// What is to be reached, in one sentence.
    #[schemars(length(min = 1, max = 512))]
    pub objective: String,
    /// The purpose that a person must have consented to.
    pub purpose: Purpose,
    /// The one figure that decides whether the program pays.
    pub kpi: Kpi,
    /// Figures that must not get worse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_by("metricRef.name", "list each guardrail metric once"))]
    pub guardrails: Vec<Guardrail>,
    /// Who answers for each part.
    pub owners: Owners,
    /// Audiences that the program addresses, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique("list each audience of a program once"))]
    pub audiences: Vec<ObjectName>,
    /// Holdout of `scope: Program` that the program is measured against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout_ref: Option<LocalRef>,
    /// How much of audiences by touchpoints must have its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Day by which somebody looks at the program again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Day>,
    /// Everybody gets the baseline while this is `true`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

/// The figure that decides, and the least that is worth it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kpi {
    /// Metric of the same namespace.
    pub metric_ref: LocalRef,
    /// Least relative lift worth having, in basis points (`1000` = 10 %).
    pub minimum_lift_bp: Whole<1, 1_000_000>,
}

/// A figure that must not get worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Guardrail {
    /// Metric of the same namespace.
    pub metric_ref: LocalRef,
    /// How much worse it may get relative to control, in basis points (`500` = 5 %).
    pub margin_bp: BasisPoints,
}

/// Who answers for each part of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owners {
    /// Answers for what is known about people.
    pub data_model: Owner,
    /// Answers for who is addressed.
    pub audiences: Owner,
    /// Answers for what is said.
    pub content: Owner,
    /// Answers for what is shown where.
    pub rules: Owner,
    /// Answers for how success is counted.
    pub measurement: Owner,
}

/// How much of audiences by touchpoints must have its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Least share of cells that are covered or waived, in basis points.
    pub minimum_bp: BasisPoints,
    /// Cells that are left out on purpose, for a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = rules::unique_where(SAME_CELL, "waive each cell once"))]
    pub waivers: Vec<Waiver>,
}

/// A cell of the coverage that is left out on purpose, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// Audience of the cell.
    pub audience: ObjectName,
    /// Channel of the cell.
    pub channel: ObjectName,
    /// Touchpoint of the cell.
    pub touchpoint: ItemName,
    /// Locale of the cell; absent: all of the channel's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Why it is left out.
    #[schemars(length(min = 1, max = 512))]
    pub reason: String,
    /// Last day on which it may be.
    pub until: Day,
}

/// What is known about a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgramStatus {
    /// Generation that the conditions speak about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The state of the program, one entry a type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Rules that are declared for this program, over all channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_rules: Option<i32>,
    /// Rules that are live for this program, over all channels: distinct, in a bundle, and able to win somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_rules: Option<i32>,
    /// Rules that are live and won somebody within seven days; absent until deciders have told of any decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_rules: Option<i32>,
    /// Cells of the coverage by state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageFigures>,
    /// Lift of the KPI against the holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lift: Option<LiftSummary>,
    /// Versions of content needed and present, by the team that makes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub content_debt: Vec<ContentDebt>,
    /// Metrics of the program by dimension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<DimensionFigures>,
}

/// Cells of audience, touchpoint and locale, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageFigures {
    /// All cells.
    pub cells: i32,
    /// Cells with words of their own.
    pub differentiated: i32,
    /// Cells that share another audience's or the baseline's words.
    pub shared: i32,
    /// Cells whose words are there in another language only.
    pub untranslated: i32,
    /// Cells that get the baseline.
    pub baseline: i32,
    /// Cells that nothing reaches.
    pub missing: i32,
    /// Cells left out on purpose.
    pub waived: i32,
    /// Share of cells that are covered or waived, in basis points.
    pub covered_bp: i32,
    /// Cells that are neither: those that reach the most people first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub worst: Vec<OpenCell>,
    /// How many more there are than are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<i32>,
}

/// A cell that is neither covered nor waived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenCell {
    /// The audience.
    pub audience: ObjectName,
    /// The channel.
    pub channel: ObjectName,
    /// The touchpoint.
    pub touchpoint: ItemName,
    /// The locale; absent where the channel lists none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// What the audience gets there.
    pub state: CellState,
}

/// What an audience gets at a touchpoint in a locale, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CellState {
    /// Words of its own.
    Differentiated,
    /// Left out on purpose, for a time.
    Waived,
    /// The words of another audience, of everybody or of the baseline: a copy is not different.
    Shared,
    /// Words that are not written in this locale.
    Untranslated,
    /// The baseline.
    Baseline,
    /// Nothing.
    Missing,
}

impl CellState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Differentiated,
        Self::Waived,
        Self::Shared,
        Self::Untranslated,
        Self::Baseline,
        Self::Missing,
    ];

    /// As resources spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Differentiated => "Differentiated",
            Self::Waived => "Waived",
            Self::Shared => "Shared",
            Self::Untranslated => "Untranslated",
            Self::Baseline => "Baseline",
            Self::Missing => "Missing",
        }
    }

    /// Whether nothing is left to do about it.
    pub const fn is_covered(self) -> bool {
        matches!(self, Self::Differentiated | Self::Waived)
    }
}

/// Versions of content that a team has to make, and has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContentDebt {
    /// The team.
    pub group: GroupName,
    /// Versions needed: one for each audience in each locale, of each module that is shown to it.
    pub needed: i32,
    /// Versions present: right wherever they are shown.
    pub present: i32,
    /// Versions whose validity ends in this quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<i32>,
    /// Versions to look at in this quarter, because the review of their audience or of the program is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<i32>,
    /// Versions that the team can make in a quarter, where a policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i32>,
}

/// Metrics by dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DimensionFigures {
    /// Quality of engagement.
    pub engagement: i32,
    /// The relationship with the person.
    pub relationship: i32,
    /// What the business earns.
    pub business: i32,
    /// Whether the journey fits together.
    pub coherence: i32,
    /// Consent, law and the organisation's own rules.
    pub compliance: i32,
}
