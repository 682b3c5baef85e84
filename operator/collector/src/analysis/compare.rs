//! Every arm against the control, in the words of the statistics.

use attune_core::measure::{self, MetricQuestion, MetricRole, Question};
use attune_lift::guardrail::{Guardrail, Standing, guard_phases};
use attune_lift::{
    Analysis, AnalysisError, ArmMoments, Direction, Look, Method, MetricKind, NoPercentage, Reason, Verdict,
    analyse_phases,
};
use jiff::Timestamp;

use super::answer::{Figures, Finding, MetricResult, ResultReason, Summary, Unadjusted};
use super::looks::{DAY, DayLook};
use super::observe::Weeks;
use super::registration::Withheld;
use super::{multiplicity, novelty};
use crate::store::micros;

/// What all comparisons of a question have in common.
#[derive(Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) question: &'a Question,
    /// The place of the control.
    pub(super) control: usize,
    /// Why nothing is shown, whatever the figures.
    pub(super) withheld: Option<Withheld>,
    /// The weights that the plan's units are shared by.
    pub(super) weights: &'a [i64],
    /// Units of every arm, matured or not.
    pub(super) exposed: &'a [u64],
    pub(super) at: Timestamp,
}

/// One metric with all that was seen of it.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) metric: &'a MetricQuestion,
    pub(super) looks: &'a [DayLook],
    pub(super) weeks: Option<&'a Weeks>,
}

/// One arm and the control at every look, by phase.
pub(super) struct Pair<'a> {
    pub(super) comparison: Comparison<'a>,
    pub(super) metric: &'a MetricQuestion,
    arm: &'a str,
    place: usize,
    now: Vec<Look>,
    earlier: Vec<Vec<Look>>,
    pub(super) weeks: Option<Vec<Vec<Look>>>,
}

/// A result, and the analysis that it shows.
pub(super) struct Analysed {
    pub(super) result: MetricResult,
    pub(super) p: f64,
}

/// Every other arm against the control.
pub(super) fn with_control(comparison: Comparison<'_>, evidence: Evidence<'_>) -> Vec<MetricResult> {
    let pairs: Vec<Pair<'_>> = comparison
        .question
        .arms
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != comparison.control)
        .map(|(place, arm)| Pair::new(comparison, evidence, place, &arm.name))
        .collect();
    match evidence.metric.role {
        MetricRole::Guardrail { margin_bp } => pairs.iter().map(|pair| pair.guarded(margin_bp)).collect(),
        MetricRole::Primary => multiplicity::primary(&pairs),
        MetricRole::Secondary => pairs
            .iter()
            .map(|pair| {
                let mut result = pair.analysed(pair.comparison.alpha()).result;
                result.exploratory = true;
                result
            })
            .collect(),
    }
}

/// The looks that the design takes up to the data cut; the last of them is the present one.
fn seen(method: Method, looks: &[DayLook], at: Timestamp) -> &[DayLook] {
    let today = micros(at).div_euclid(DAY);
    let taken = match method {
        Method::Fixed | Method::Continuous => looks.len(),
        Method::Planned => looks.partition_point(|look| look.day <= today),
    };
    looks.get(..taken).unwrap_or(looks)
}

impl Comparison<'_> {
    /// The two-sided level of the question.
    pub(super) fn alpha(&self) -> f64 {
        basis_points(self.question.alpha_bp)
    }

    /// The part of the planned units that an arm and the control have together.
    fn planned_units(&self, place: usize) -> Option<u64> {
        let planned = self.question.planned_units?;
        let weight = |place: usize| self.weights.get(place).copied().unwrap_or(0).max(0) as f64;
        let total: f64 = (0..self.weights.len()).map(weight).sum();
        let both = weight(self.control) + weight(place);
        if both >= total || both <= 0.0 {
            return Some(planned);
        }
        let share = (planned as f64 * (both / total)).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 0 and the planned units"
        )]
        Some((share as u64).clamp(1, planned.max(1)))
    }

    fn exposed(&self, place: usize) -> u64 {
        let units = |place: usize| self.exposed.get(place).copied().unwrap_or(0);
        units(self.control) + units(place)
    }
}

/// Looks at a pair of arms in every phase that has units of either.
fn phases(phases: &[Vec<ArmMoments>], control: usize, place: usize) -> Vec<Look> {
    let moments = |arms: &[ArmMoments], place: usize| arms.get(place).copied().unwrap_or(ArmMoments::EMPTY);
    let mut looks: Vec<Look> = phases
        .iter()
        .map(|arms| Look {
            control: moments(arms, control),
            treatment: moments(arms, place),
        })
        .filter(|look| look.n() > 0)
        .collect();
    if looks.is_empty() {
        looks.push(Look {
            control: ArmMoments::EMPTY,
            treatment: ArmMoments::EMPTY,
        });
    }
    looks
}

impl<'a> Pair<'a> {
    fn new(comparison: Comparison<'a>, evidence: Evidence<'a>, place: usize, arm: &'a str) -> Self {
        let Evidence { metric, looks, weeks } = evidence;
        let pair = |all: &[Vec<ArmMoments>]| phases(all, comparison.control, place);
        let looks = seen(method(comparison.question, metric), looks, comparison.at);
        let mut earlier: Vec<Vec<Look>> = looks.iter().map(|look| pair(&look.phases)).collect();
        let now = earlier.pop().unwrap_or_else(|| pair(&[]));
        Self {
            comparison,
            metric,
            arm,
            place,
            now,
            earlier,
            weeks: weeks.map(|weeks| weeks.iter().map(|week| pair(week)).collect()),
        }
    }

    fn n(&self) -> u64 {
        self.now.iter().map(Look::n).sum()
    }

    /// The question to the statistics, at a two-sided level.
    pub(super) fn asked(&self, level: f64) -> attune_lift::Question {
        let Comparison { question, .. } = self.comparison;
        let method = method(question, self.metric);
        let mut asked = attune_lift::Question::new(kind(self.metric), direction(self.metric), method, level);
        asked.planned_units = self.comparison.planned_units(self.place);
        if self.metric.role == MetricRole::Primary {
            asked.minimum_lift = question.minimum_lift_bp.map(basis_points);
        }
        asked
    }

    /// The verdict of a comparison that shows nothing and has no end yet, or has reached it.
    fn undecided(&self) -> Verdict {
        match self.comparison.planned_units(self.place) {
            Some(planned) if self.n() < planned => Verdict::Collecting,
            _ => Verdict::Unproven,
        }
    }

    /// The comparison at a two-sided level.
    pub(super) fn analysed(&self, level: f64) -> Analysed {
        let asked = self.asked(level);
        let mut result = self.nothing(asked.method, Finding::Verdict(Verdict::Collecting));
        result.level = Some(level);
        if let Some(withheld) = self.withheld() {
            result.finding = Finding::Verdict(Verdict::Invalid(withheld.cause()));
            result.explain(withheld.into());
            return Analysed { result, p: 1.0 };
        }
        let earlier = match asked.method {
            Method::Fixed => &[][..],
            Method::Planned | Method::Continuous => self.earlier.as_slice(),
        };
        match analyse_phases(&asked, &self.now, earlier) {
            Ok(overall) => {
                let p = overall.absolute.map_or(1.0, |figures| figures.p);
                self.show(&mut result, &overall);
                // What is withheld as a whole is not shown by weeks.
                if let Some(weeks) = self.weeks.as_ref().filter(|_| overall.absolute.is_some()) {
                    novelty::show(self, &asked, weeks, &overall, &mut result);
                }
                Analysed { result, p }
            }
            Err(error) => {
                result.explain(ResultReason::NotAnalysed(error));
                Analysed { result, p: 1.0 }
            }
        }
    }

    fn withheld(&self) -> Option<Withheld> {
        let window = (self.metric.window_seconds <= 0).then_some(Withheld::NoWindow);
        self.comparison.withheld.or(window)
    }

    /// Puts the figures and the verdict of an analysis on a result.
    pub(super) fn show(&self, result: &mut MetricResult, analysis: &Analysis) {
        result.n = analysis.n;
        result.figures(analysis.absolute, analysis.relative);
        result.variance_kept = analysis.variance_kept;
        result.unadjusted = analysis.unadjusted.map(Unadjusted::from);
        let wanted = self.comparison.question.covariate.is_some() && result.absolute.is_some();
        result.no_adjustment = analysis.no_adjustment.filter(|_| wanted);
        result.inflated = analysis.inflated;
        result.finding = Finding::Verdict(analysis.verdict);
        result.explain(ResultReason::Analysed(analysis.reason));
    }

    fn guarded(&self, margin_bp: i32) -> MetricResult {
        let method = Method::Continuous;
        let mut result = self.nothing(method, Finding::Standing(Standing::Open));
        if let Some(withheld) = self.withheld() {
            result.explain(withheld.into());
            return result;
        }
        let Some(planned_units) = self.comparison.planned_units(self.place) else {
            result.explain(ResultReason::NotAnalysed(AnalysisError::PlannedUnitsMissing {
                method,
            }));
            return result;
        };
        let guardrail = Guardrail {
            metric: kind(self.metric),
            direction: direction(self.metric),
            margin: basis_points(margin_bp),
            alpha: self.comparison.alpha(),
            planned_units,
            looks: Vec::new(),
        };
        match guard_phases(&guardrail, &self.now, &self.earlier) {
            Ok(guarded) => {
                result.n = guarded.n;
                result.figures(guarded.absolute, guarded.relative);
                result.finding = Finding::Standing(guarded.standing);
                result.explain(ResultReason::Analysed(guarded.reason));
            }
            Err(error) => result.explain(ResultReason::NotAnalysed(error)),
        }
        result
    }

    /// A result without figures.
    fn nothing(&self, method: Method, finding: Finding) -> MetricResult {
        let control = Summary::combined(&self.now, |look| &look.control);
        MetricResult {
            metric: self.metric.name.clone(),
            role: self.metric.role,
            arm: self.arm.to_owned(),
            method,
            n: self.n(),
            exposed: self.comparison.exposed(self.place),
            control,
            treatment: Summary::combined(&self.now, |look| &look.treatment),
            phases: match self.now.as_slice() {
                [_] => Vec::new(),
                several => several.iter().map(Into::into).collect(),
            },
            absolute: None,
            relative: None,
            relative_reason: Some(NoPercentage::Withheld),
            variance_kept: None,
            unadjusted: None,
            no_adjustment: None,
            inflated: false,
            exploratory: false,
            level: None,
            adjusted_p: None,
            novelty: None,
            undecided: self.undecided(),
            baseline: control,
            finding,
            reason: ResultReason::Analysed(Reason::NoUnits),
            message: String::new(),
        }
    }
}

impl MetricResult {
    fn figures(
        &mut self,
        absolute: Option<attune_lift::Figures>,
        relative: Result<attune_lift::Figures, NoPercentage>,
    ) {
        self.absolute = absolute.map(Figures::from);
        self.relative = relative.ok().map(Figures::from);
        self.relative_reason = relative.err();
    }

    pub(super) fn explain(&mut self, reason: ResultReason) {
        self.reason = reason;
        self.message = reason.to_string();
    }
}

pub(super) fn kind(metric: &MetricQuestion) -> MetricKind {
    match metric.kind {
        measure::MetricKind::Proportion => MetricKind::Proportion,
        measure::MetricKind::Mean | measure::MetricKind::Count => MetricKind::Mean,
        measure::MetricKind::Ratio => MetricKind::Ratio,
    }
}

pub(super) fn direction(metric: &MetricQuestion) -> Direction {
    match metric.direction {
        measure::Direction::Increase => Direction::Increase,
        measure::Direction::Decrease => Direction::Decrease,
    }
}

/// Guardrails are watched continuously whatever the experiment's design, because they may stop it at any time.
fn method(question: &Question, metric: &MetricQuestion) -> Method {
    match (metric.role, question.method) {
        (MetricRole::Guardrail { .. }, _) | (_, measure::Method::Continuous) => Method::Continuous,
        (_, measure::Method::Planned) => Method::Planned,
        (_, measure::Method::Fixed) => Method::Fixed,
    }
}

pub(super) fn basis_points(bp: i32) -> f64 {
    f64::from(bp) / 10_000.0
}
