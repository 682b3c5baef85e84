//! One metric of a holdout's scope.

use std::fmt;

use attune_core::measure::answer::{SecondSummary, Summary, Verdict};
use attune_core::measure::holdout::{HoldoutQuestion, HoldoutResult, HoldoutScope, Incremental};
use attune_core::measure::{MetricKind, MetricQuestion, MetricRole};
use attune_lift::holdout::incremental_value;
use attune_lift::{Analysis, ArmMoments, InvalidCause, Look, Method, Question, Reason, analyse_phases};
use jiff::Timestamp;

use super::census::{HELD, SLICE, Side};
use crate::analysis::AnswerError;
use crate::analysis::compare::{basis_points, direction, kind};
use crate::analysis::looks::looks;
use crate::analysis::novelty::figures;
use crate::analysis::observe::{observe_members, sum_up};
use crate::analysis::sums::length;
use crate::store::{Snapshot, micros};

/// What the confidence sequence is tuned to unless the question says: units of both sides together.
const PLANNED_UNITS: u64 = 20_000;

/// Why a scope has no figures, whatever its outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The period has another salt or share.
    OtherRegistration,
    /// The period has not begun.
    NotBegun,
    /// Exposures of the period were dropped, because they had been kept long enough.
    Dropped,
    /// So many units were held by another salt or share.
    OtherSplit(u64),
    /// Something breaks the comparison.
    Invalid(InvalidCause),
    /// So many units, and no bucket is known.
    Unknown(u64),
    /// Nobody was held.
    NoHeld,
    /// Nobody is in the slice.
    NoSlice,
}

/// Everything that a scope's results are made of.
pub(super) struct Compared<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) question: &'a HoldoutQuestion,
    pub(super) scope: &'a HoldoutScope,
    pub(super) side: &'a Side,
    pub(super) blocked: Option<Blocked>,
    pub(super) at: Timestamp,
}

impl Compared<'_> {
    /// The result of the metric at a place of the scope.
    pub(super) fn result(&self, place: usize, metric: &MetricQuestion) -> Result<HoldoutResult, AnswerError> {
        let observed = observe_members(self.snapshot, metric, (&self.side.members, None), (2, self.at))?;
        let looks = looks(&[observed]).map_err(|error| sum_up(metric, error))?;
        let mut looks: Vec<Vec<Look>> = looks.iter().map(|look| vec![pair(&look.phases)]).collect();
        let now = looks.pop().unwrap_or_else(|| vec![pair(&[])]);
        let mut result = nothing(metric, &now);
        let window = (metric.window_seconds <= 0).then_some(Blocked::Invalid(InvalidCause::Window));
        if let Some(blocked) = self.blocked.or(window) {
            result.verdict = blocked.verdict();
            blocked.reason().clone_into(&mut result.reason);
            result.message = blocked.to_string();
            return Ok(result);
        }
        match analyse_phases(&self.asked(metric), &now, &looks) {
            Ok(analysis) => {
                self.show(&mut result, metric, &analysis);
                let exposed = self.side.exposed_matured.get(place).copied().unwrap_or(0);
                // A difference of ratios is not one a unit, so it adds up to nothing.
                result.incremental = (metric.kind != MetricKind::Ratio)
                    .then(|| incremental(&analysis, exposed))
                    .flatten();
            }
            Err(error) => {
                "QuestionRefused".clone_into(&mut result.reason);
                result.message = error.to_string();
            }
        }
        Ok(result)
    }

    fn asked(&self, metric: &MetricQuestion) -> Question {
        let alpha = basis_points(self.question.alpha_bp);
        let mut asked = Question::new(kind(metric), direction(metric), Method::Continuous, alpha);
        asked.planned_units = Some(self.question.planned_units.unwrap_or(PLANNED_UNITS));
        if metric.role == MetricRole::Primary {
            asked.minimum_lift = self.scope.minimum_lift_bp.map(basis_points);
        }
        asked
    }

    /// Puts figures and verdict on a result. A holdout ends with its period and not with a number of units.
    fn show(&self, result: &mut HoldoutResult, metric: &MetricQuestion, analysis: &Analysis) {
        let end = micros(self.question.registration.until).saturating_add(length(metric.window_seconds));
        let ended = micros(self.at) >= end;
        result.n = analysis.n;
        result.absolute = analysis.absolute.map(figures);
        result.relative = analysis.relative.ok().map(figures);
        result.inflated = analysis.verdict.is_claim() && !ended;
        let (verdict, reason, message) = match (analysis.reason, ended) {
            (Reason::Undecided | Reason::PlannedEndReached, true) => (
                Verdict::Unproven,
                Reason::PlannedEndReached,
                "the period is over and the interval contains zero".to_owned(),
            ),
            (Reason::Undecided | Reason::PlannedEndReached, false) => (
                Verdict::Collecting,
                Reason::Undecided,
                Reason::Undecided.to_string(),
            ),
            (reason, _) => (verdict(analysis.verdict), reason, reason.to_string()),
        };
        result.verdict = verdict;
        reason.as_str().clone_into(&mut result.reason);
        result.message = message;
    }
}

fn pair(phases: &[Vec<ArmMoments>]) -> Look {
    let arms = phases.first().map_or(&[][..], Vec::as_slice);
    let moments = |place: usize| arms.get(place).copied().unwrap_or(ArmMoments::EMPTY);
    Look {
        control: moments(HELD),
        treatment: moments(SLICE),
    }
}

/// A result without figures.
fn nothing(metric: &MetricQuestion, now: &[Look]) -> HoldoutResult {
    let pair = now.first();
    let side = |arm: fn(&Look) -> &ArmMoments| summary(pair.map_or(&ArmMoments::EMPTY, arm));
    HoldoutResult {
        metric: metric.name.clone(),
        role: metric.role,
        n: pair.map_or(0, Look::n),
        held: side(|look| &look.control),
        slice: side(|look| &look.treatment),
        absolute: None,
        relative: None,
        incremental: None,
        inflated: false,
        verdict: Verdict::Collecting,
        reason: Reason::NoUnits.as_str().to_owned(),
        message: Reason::NoUnits.to_string(),
    }
}

fn summary(arm: &ArmMoments) -> Summary {
    Summary {
        n: arm.n(),
        mean: arm.outcome().mean(),
        m2: Some(arm.outcome().m2()),
        denominator: arm.denominator().map(|companion| SecondSummary {
            mean: companion.mean(),
            m2: companion.m2(),
            co: companion.co(),
        }),
    }
}

fn incremental(analysis: &Analysis, units: u64) -> Option<Incremental> {
    let value = incremental_value(analysis, units)?;
    Some(Incremental {
        units,
        estimate: value.estimate,
        low: value.low,
        high: value.high,
    })
}

fn verdict(verdict: attune_lift::Verdict) -> Verdict {
    match verdict {
        attune_lift::Verdict::NotStarted => Verdict::NotStarted,
        attune_lift::Verdict::Collecting => Verdict::Collecting,
        attune_lift::Verdict::Invalid(_) => Verdict::Invalid,
        attune_lift::Verdict::Harm => Verdict::Harm,
        attune_lift::Verdict::NoWorthwhileLift => Verdict::NoWorthwhileLift,
        attune_lift::Verdict::WorthwhileLift => Verdict::WorthwhileLift,
        attune_lift::Verdict::Lift => Verdict::Lift,
        attune_lift::Verdict::Unproven => Verdict::Unproven,
    }
}

impl Blocked {
    fn verdict(self) -> Verdict {
        match self {
            Self::OtherRegistration | Self::Dropped | Self::OtherSplit(_) | Self::Invalid(_) => {
                Verdict::Invalid
            }
            Self::NotBegun => Verdict::NotStarted,
            Self::Unknown(_) | Self::NoHeld | Self::NoSlice => Verdict::Collecting,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::OtherRegistration => "Registration",
            Self::NotBegun => "PeriodNotBegun",
            Self::Dropped => Reason::Window.as_str(),
            Self::OtherSplit(_) => Reason::Contamination.as_str(),
            Self::Invalid(cause) => Reason::from(cause).as_str(),
            Self::Unknown(_) => "BucketsUnknown",
            Self::NoHeld => "NoHeldUnits",
            Self::NoSlice => "NoSlice",
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRegistration => f.write_str(
                "the period began with another salt or share; these change only together with `period.from`: begin a new \
                 period",
            ),
            Self::NotBegun => f.write_str("the period has not begun"),
            Self::Dropped => f.write_str(
                "exposures of the period were dropped because they had been kept long enough, so what is left is not what \
                 it has shown; results are kept longer by `collector.retention.results`",
            ),
            Self::OtherSplit(units) => write!(
                f,
                "{units} units were held whose bucket is not below the share: whoever decides uses another salt or share \
                 than this period's"
            ),
            Self::Invalid(cause) => Reason::from(*cause).fmt(f),
            Self::Unknown(units) => write!(
                f,
                "the buckets of all {units} units are unknown, because their exposures came before the salt was \
                 registered; units that come again will have one"
            ),
            Self::NoHeld => f.write_str("no held-out unit has been seen in the period yet"),
            Self::NoSlice => f.write_str("no unit of the matched slice has been seen in the period yet"),
        }
    }
}
