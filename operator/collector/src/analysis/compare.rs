//! Every arm against the control, in the words of the statistics.

use attune_core::measure::{self, MetricQuestion, MetricRole, Question};
use attune_lift::guardrail::{Guardrail, guard};
use attune_lift::sample_ratio::{Split as MeantSplit, SplitError};
use attune_lift::{
    AnalysisError, ArmMoments, Direction, InvalidCause, Look, Method, MetricKind, NoPercentage, Reason,
    Verdict, analyse,
};
use jiff::Timestamp;

use super::answer::{Figures, Finding, MetricResult, ResultReason, SampleRatioCheck};
use super::looks::{DAY, DayLook};
use crate::store::{Entrance, micros};

/// Every other arm against the one at `control`; `invalid` withholds all figures.
pub(super) fn with_control(
    question: &Question,
    metric: &MetricQuestion,
    (control, invalid): (usize, Option<InvalidCause>),
    looks: &[DayLook],
    at: Timestamp,
) -> Vec<MetricResult> {
    let looks = seen(method(question, metric), looks, at);
    let others = question
        .arms
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != control);
    others
        .map(|(place, arm)| {
            let moments =
                |look: &DayLook, place: usize| look.arms.get(place).copied().unwrap_or(ArmMoments::EMPTY);
            let mut looks: Vec<Look> = looks
                .iter()
                .map(|look| Look {
                    control: moments(look, control),
                    treatment: moments(look, place),
                })
                .collect();
            let now = looks.pop().unwrap_or(Look {
                control: ArmMoments::EMPTY,
                treatment: ArmMoments::EMPTY,
            });
            let pair = Pair {
                arm: &arm.name,
                now,
                looks,
                invalid,
            };
            match metric.role {
                MetricRole::Guardrail { margin_bp } => pair.guarded(question, metric, margin_bp),
                MetricRole::Primary | MetricRole::Secondary => pair.analysed(question, metric),
            }
        })
        .collect()
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

/// One arm and the control at every look.
struct Pair<'a> {
    arm: &'a str,
    now: Look,
    looks: Vec<Look>,
    invalid: Option<InvalidCause>,
}

impl Pair<'_> {
    fn analysed(self, question: &Question, metric: &MetricQuestion) -> MetricResult {
        let method = method(question, metric);
        let mut result = self.nothing(metric, method, Finding::Verdict(Verdict::Collecting));
        let mut asked = attune_lift::Question::new(
            kind(metric),
            direction(metric),
            method,
            basis_points(question.alpha_bp),
        );
        asked.planned_units = question.planned_units;
        asked.invalid = self.invalid;
        if metric.role == MetricRole::Primary {
            asked.minimum_lift = question.minimum_lift_bp.map(basis_points);
        }
        if method != Method::Fixed {
            asked.looks = self.looks;
        }
        match analyse(&asked, &self.now.control, &self.now.treatment) {
            Ok(analysis) => {
                result.n = analysis.n;
                result.show(analysis.absolute, analysis.relative);
                result.inflated = analysis.inflated;
                result.finding = Finding::Verdict(analysis.verdict);
                result.explain(ResultReason::Analysed(analysis.reason));
            }
            Err(error) => result.explain(ResultReason::NotAnalysed(error)),
        }
        result
    }

    fn guarded(self, question: &Question, metric: &MetricQuestion, margin_bp: i32) -> MetricResult {
        let method = Method::Continuous;
        let mut result = self.nothing(
            metric,
            method,
            Finding::Standing(attune_lift::guardrail::Standing::Open),
        );
        if let Some(cause) = self.invalid {
            result.explain(ResultReason::Analysed(cause.into()));
            return result;
        }
        let Some(planned_units) = question.planned_units else {
            result.explain(ResultReason::NotAnalysed(AnalysisError::PlannedUnitsMissing {
                method,
            }));
            return result;
        };
        let guardrail = Guardrail {
            metric: kind(metric),
            direction: direction(metric),
            margin: basis_points(margin_bp),
            alpha: basis_points(question.alpha_bp),
            planned_units,
            looks: self.looks,
        };
        match guard(&guardrail, &self.now.control, &self.now.treatment) {
            Ok(guarded) => {
                result.n = guarded.n;
                result.show(guarded.absolute, guarded.relative);
                result.finding = Finding::Standing(guarded.standing);
                result.explain(ResultReason::Analysed(guarded.reason));
            }
            Err(error) => result.explain(ResultReason::NotAnalysed(error)),
        }
        result
    }

    /// A result without figures.
    fn nothing(&self, metric: &MetricQuestion, method: Method, finding: Finding) -> MetricResult {
        MetricResult {
            metric: metric.name.clone(),
            role: metric.role,
            arm: self.arm.to_owned(),
            method,
            n: self.now.n(),
            control: (&self.now.control).into(),
            treatment: (&self.now.treatment).into(),
            absolute: None,
            relative: None,
            relative_reason: Some(NoPercentage::Withheld),
            inflated: false,
            finding,
            reason: ResultReason::Analysed(Reason::NoUnits),
            message: String::new(),
        }
    }
}

impl MetricResult {
    fn show(
        &mut self,
        absolute: Option<attune_lift::Figures>,
        relative: Result<attune_lift::Figures, NoPercentage>,
    ) {
        self.absolute = absolute.map(Figures::from);
        self.relative = relative.ok().map(Figures::from);
        self.relative_reason = relative.err();
    }

    fn explain(&mut self, reason: ResultReason) {
        self.reason = reason;
        self.message = reason.to_string();
    }
}

/// Whether the arms of the question have the sizes that their weights promise, looked at every midnight and now. Nothing
/// before the first exposure.
pub(super) fn sample_ratio(question: &Question, entrances: &[Entrance]) -> Option<SampleRatioCheck> {
    let looks = exposed_by_day(question, entrances);
    if looks.is_empty() {
        return None;
    }
    let weights: Vec<f64> = question.arms.iter().map(|arm| arm.weight as f64).collect();
    let check = MeantSplit::new(&weights).and_then(|meant| meant.check(&looks));
    Some(match check {
        Ok(check) => SampleRatioCheck {
            p: Some(check.p),
            blocked: check.blocked,
            message: if check.blocked {
                "the arms' sizes contradict their weights; look for exposures that are lost or filtered in one arm".into()
            } else {
                "the arms' sizes agree with their weights".into()
            },
        },
        Err(error @ SplitError::ZeroWeightArm { .. }) => SampleRatioCheck {
            p: None,
            blocked: true,
            message: error.to_string(),
        },
        // Weights that no split can have are refused where resources are checked; here they say nothing.
        Err(error) => SampleRatioCheck {
            p: None,
            blocked: false,
            message: error.to_string(),
        },
    })
}

/// Units of every arm of the question so far, at every midnight at which somebody was new and at the data cut.
fn exposed_by_day(question: &Question, entrances: &[Entrance]) -> Vec<Vec<u64>> {
    let mut exposed = vec![0; question.arms.len()];
    let mut looks: Vec<(i64, Vec<u64>)> = Vec::new();
    for entrance in entrances {
        let Some(place) = question.arms.iter().position(|arm| arm.name == entrance.arm) else {
            continue;
        };
        if let Some(units) = exposed.get_mut(place) {
            *units += entrance.units;
        }
        match looks.last_mut() {
            Some((period, look)) if *period == entrance.period => look.clone_from(&exposed),
            _ => looks.push((entrance.period, exposed.clone())),
        }
    }
    looks.into_iter().map(|(_, look)| look).collect()
}

fn kind(metric: &MetricQuestion) -> MetricKind {
    match metric.kind {
        measure::MetricKind::Proportion => MetricKind::Proportion,
        measure::MetricKind::Mean | measure::MetricKind::Count => MetricKind::Mean,
        measure::MetricKind::Ratio => MetricKind::Ratio,
    }
}

fn direction(metric: &MetricQuestion) -> Direction {
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

fn basis_points(bp: i32) -> f64 {
    f64::from(bp) / 10_000.0
}
