//! Guardrails: non-inferiority with a margin that was registered before the start.
//!
//! A guardrail is always `continuous`. It is safe once the whole interval of `mb - (1 - margin) ma` (with the sign of the
//! metric's direction) is on the right side, breached once it is on the wrong one. "No significant difference" is neither.

use alloc::vec::Vec;

use crate::analysis::{
    Analysis, AnalysisError, Direction, Figures, Look, Method, MetricKind, Question, analyse, analyse_phases,
};
use crate::contrast::Interval;
use crate::fieller::NoPercentage;
use crate::moments::ArmMoments;
use crate::verdict::Reason;

/// What must not get worse than by the margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrail {
    /// How it is counted.
    pub metric: MetricKind,
    /// Which way is better.
    pub direction: Direction,
    /// How much worse is tolerated, as a share of control; 0 tolerates nothing.
    pub margin: f64,
    /// Two-sided level.
    pub alpha: f64,
    /// Planned units of the experiment, both arms together.
    pub planned_units: u64,
    /// Earlier looks, oldest first.
    pub looks: Vec<Look>,
}

/// How a guardrail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Not worse than the margin allows.
    Safe,
    /// Worse than the margin allows.
    Breached,
    /// Neither is shown.
    Open,
}

impl Standing {
    /// The name, for status fields and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "Safe",
            Self::Breached => "Breached",
            Self::Open => "Open",
        }
    }
}

/// A guardrail's standing with the figures it follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Guarded {
    /// How it stands.
    pub standing: Standing,
    /// Why.
    pub reason: Reason,
    /// Interval of the distance to the margin in the metric's unit, positive is safe; absent when withheld.
    pub distance: Option<Interval>,
    /// Treatment less control; absent when withheld.
    pub absolute: Option<Figures>,
    /// Treatment over control less one, or why there is no such figure.
    pub relative: Result<Figures, NoPercentage>,
    /// Units of both arms together.
    pub n: u64,
}

/// Judges a guardrail.
///
/// # Errors
/// As [`analyse`]; the margin of a metric that should increase must be below 1.
pub fn guard(
    guardrail: &Guardrail,
    control: &ArmMoments,
    treatment: &ArmMoments,
) -> Result<Guarded, AnalysisError> {
    Ok(judged(analyse(&asked(guardrail), control, treatment)?))
}

/// Judges a guardrail of an experiment whose split changed: one pair of arms for each phase, combined and never pooled.
///
/// `earlier` are earlier looks, oldest first, each with the phases there were by then; [`Guardrail::looks`] must be empty.
///
/// # Errors
/// As [`guard`] and [`analyse_phases`].
pub fn guard_phases(
    guardrail: &Guardrail,
    phases: &[Look],
    earlier: &[Vec<Look>],
) -> Result<Guarded, AnalysisError> {
    Ok(judged(analyse_phases(&asked(guardrail), phases, earlier)?))
}

/// Not worse by the margin is better by at least minus the margin: the same test as a minimum lift, turned around.
fn asked(guardrail: &Guardrail) -> Question {
    let worse = match guardrail.direction {
        Direction::Increase => Direction::Decrease,
        Direction::Decrease => Direction::Increase,
    };
    let mut question = Question::new(guardrail.metric, worse, Method::Continuous, guardrail.alpha);
    question.planned_units = Some(guardrail.planned_units);
    question.minimum_lift = Some(guardrail.margin);
    question.looks.clone_from(&guardrail.looks);
    question
}

fn judged(analysis: Analysis) -> Guarded {
    let Analysis {
        absolute,
        relative,
        beyond_minimum,
        reason,
        n,
        ..
    } = analysis;
    let distance = beyond_minimum.map(|Interval { low, high }| Interval {
        low: -high,
        high: -low,
    });
    let (standing, reason) = match distance {
        Some(distance) if distance.low > 0.0 => (Standing::Safe, Reason::WithinMargin),
        Some(distance) if distance.high < 0.0 => (Standing::Breached, Reason::BeyondMargin),
        Some(_) => (Standing::Open, Reason::Undecided),
        None if absolute.is_some() => (Standing::Open, Reason::ControlNotPositive),
        None => (Standing::Open, reason),
    };
    Guarded {
        standing,
        reason,
        distance,
        absolute,
        relative,
        n,
    }
}

#[cfg(test)]
mod tests;
