//! What a question or its moments may be refused for.

use core::error::Error;
use core::fmt;

use super::reading::{Seen, units};
use super::{Direction, Method, MetricKind, Question};
use crate::moments::ArmMoments;

/// One of the two arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// The arm that everything is compared with.
    Control,
    /// The arm under test.
    Treatment,
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Treatment => "treatment",
        })
    }
}

/// Why a question has no answer, whatever the data.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum AnalysisError {
    /// The level is not strictly between 0 and 1.
    AlphaOutOfRange {
        /// What was asked for.
        alpha: f64,
    },
    /// The minimum lift is negative or not finite or, for a decrease, not below 1.
    MinimumLiftOutOfRange {
        /// What was asked for.
        minimum_lift: f64,
    },
    /// A sequential design without a planned number of units.
    PlannedUnitsMissing {
        /// The design.
        method: Method,
    },
    /// A plan of no units.
    PlannedUnitsZero,
    /// Moments of a proportion that are not those of zeros and ones.
    NotAProportion {
        /// Whose.
        arm: Arm,
    },
    /// Moments of a ratio without its denominator.
    DenominatorMissing {
        /// Whose.
        arm: Arm,
    },
    /// No phase at all.
    PhasesMissing,
    /// Looks without their phases, on a question that is asked of phases.
    LooksWithoutPhases,
    /// A look with fewer units than the one before it.
    LooksOutOfOrder,
}

impl fmt::Display for AnalysisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlphaOutOfRange { alpha } => {
                write!(
                    f,
                    "`alpha` is {alpha}: it must lie between 0 and 1, for example 0.05"
                )
            }
            Self::MinimumLiftOutOfRange { minimum_lift } => {
                write!(
                    f,
                    "the minimum lift is {minimum_lift}: it is a share of control, for example 0.02, and of a decrease below 1"
                )
            }
            Self::PlannedUnitsMissing { method } => {
                write!(
                    f,
                    "`{}` needs the planned number of units of both arms",
                    method.as_str()
                )
            }
            Self::PlannedUnitsZero => f.write_str("the planned number of units is 0"),
            Self::NotAProportion { arm } => {
                write!(
                    f,
                    "`{arm}` is not a proportion: its sums are not those of zeros and ones"
                )
            }
            Self::DenominatorMissing { arm } => {
                write!(
                    f,
                    "`{arm}` has no denominator: a ratio needs its sum, its sum of squares and its cross sum"
                )
            }
            Self::PhasesMissing => f.write_str("there is no phase to analyse"),
            Self::LooksWithoutPhases => {
                f.write_str("`looks` are of one phase: give earlier looks together with their phases")
            }
            Self::LooksOutOfOrder => {
                f.write_str("a look has fewer units than the one before it: give looks oldest first, the current one last")
            }
        }
    }
}

impl Error for AnalysisError {}

pub(super) fn check_question(question: &Question) -> Result<(), AnalysisError> {
    let alpha = question.alpha;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(AnalysisError::AlphaOutOfRange { alpha });
    }
    if let Some(minimum_lift) = question.minimum_lift {
        let most = match question.direction {
            Direction::Increase => f64::MAX,
            Direction::Decrease => 1.0,
        };
        if !(minimum_lift >= 0.0 && minimum_lift < most) {
            return Err(AnalysisError::MinimumLiftOutOfRange { minimum_lift });
        }
    }
    match (question.planned_units, question.method) {
        (Some(0), _) => Err(AnalysisError::PlannedUnitsZero),
        (None, method @ (Method::Planned | Method::Continuous)) => {
            Err(AnalysisError::PlannedUnitsMissing { method })
        }
        _ => Ok(()),
    }
}

/// Every look has arms of this metric, and none has fewer units than the one before it.
pub(super) fn check_seen(metric: MetricKind, seen: &Seen<'_>) -> Result<(), AnalysisError> {
    if seen.now.is_empty() {
        return Err(AnalysisError::PhasesMissing);
    }
    let mut before = 0;
    for look in seen.earlier.iter().copied().chain([seen.now]) {
        for phase in look {
            check_arm(metric, Arm::Control, &phase.control)?;
            check_arm(metric, Arm::Treatment, &phase.treatment)?;
        }
        if units(look) < before {
            return Err(AnalysisError::LooksOutOfOrder);
        }
        before = units(look);
    }
    Ok(())
}

fn check_arm(metric: MetricKind, arm: Arm, moments: &ArmMoments) -> Result<(), AnalysisError> {
    if moments.n() == 0 {
        return Ok(());
    }
    match metric {
        MetricKind::Proportion if !moments.is_binary() => Err(AnalysisError::NotAProportion { arm }),
        MetricKind::Ratio if moments.denominator().is_none() => {
            Err(AnalysisError::DenominatorMissing { arm })
        }
        _ => Ok(()),
    }
}
