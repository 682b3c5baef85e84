//! The one entry point: a pre-registered question and two arms in, figures and a verdict out.

use alloc::vec::Vec;

use crate::contrast::Interval;
use crate::cuped::NoAdjustment;
use crate::fieller::{NoPercentage, RelativeLift};
use crate::moments::ArmMoments;
use crate::verdict::{Evidence, Reason, Verdict, decide};

mod error;
mod question;
mod reading;

pub use error::{AnalysisError, Arm};
pub use question::{Direction, Look, Method, MetricKind, Question};
use reading::{Covariate, Reading, Seen, read};

/// An estimate as it may be shown: never without its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// The point estimate, treatment against control.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Two-sided p-value of no difference, valid for the design.
    pub p: f64,
    /// The e-value of no difference, for `Continuous`.
    pub e: Option<f64>,
}

/// The figures without the adjustment for a covariate, shown beside the adjusted ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unadjusted {
    /// Treatment less control in the metric's unit.
    pub absolute: Figures,
    /// Treatment over control less one, or why there is no such figure.
    pub relative: Result<Figures, NoPercentage>,
}

/// What may be said, and from what.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// Treatment less control in the metric's unit; absent when withheld, `reason` says why.
    pub absolute: Option<Figures>,
    /// Treatment over control less one, or why there is no such figure.
    pub relative: Result<Figures, NoPercentage>,
    /// Interval of what the treatment gains beyond the minimum lift, in the metric's unit and turned so that more is better;
    /// absent without a minimum lift, and when the control is not above zero.
    pub beyond_minimum: Option<Interval>,
    /// Standard error of the absolute difference.
    pub standard_error: Option<f64>,
    /// The critical value that both intervals were made with.
    pub critical: Option<f64>,
    /// The variance that is left after the adjustment for a covariate, as a share; absent without adjustment.
    pub variance_kept: Option<f64>,
    /// What the figures would be without the adjustment; absent when there is none.
    pub unadjusted: Option<Unadjusted>,
    /// Why a covariate was not used; absent when one was, and when figures are withheld.
    pub no_adjustment: Option<NoAdjustment>,
    /// A claim before the planned end: the estimate that crossed the line is larger than the truth on average.
    pub inflated: bool,
    /// What may be claimed.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// Units of both arms together.
    pub n: u64,
    /// The design.
    pub method: Method,
}

impl Analysis {
    fn withheld(verdict: Verdict, reason: Reason, n: u64, method: Method) -> Self {
        Self {
            absolute: None,
            relative: Err(NoPercentage::Withheld),
            beyond_minimum: None,
            standard_error: None,
            critical: None,
            variance_kept: None,
            unadjusted: None,
            no_adjustment: None,
            inflated: false,
            verdict,
            reason,
            n,
            method,
        }
    }
}

/// Analyses two arms as the question demands.
///
/// Every figure that is not covered by the design is withheld, with the reason: a fixed interval before its planned
/// number of units, anything of an invalid comparison, an arm without units, outcomes without variance.
///
/// A planned design ends at its first look with the planned number of units: with such a look among the earlier ones, the
/// answer is about that look, whatever came after. A look that brings less than a thousandth of the plan is no look either;
/// the one before it stands. [`Analysis::n`] says which look is meant.
///
/// # Errors
/// When the question is out of range, or the moments are not those of such a metric. Too little data is not an error.
pub fn analyse(
    question: &Question,
    control: &ArmMoments,
    treatment: &ArmMoments,
) -> Result<Analysis, AnalysisError> {
    let now = [Look {
        control: *control,
        treatment: *treatment,
    }];
    let earlier: Vec<&[Look]> = question.looks.iter().map(core::slice::from_ref).collect();
    analyse_seen(question, &Seen { earlier, now: &now })
}

/// Analyses an experiment whose split changed: one pair of arms for each phase, combined and never pooled.
///
/// `earlier` are earlier looks, oldest first, each with the phases there were by then; [`Question::looks`] is for
/// experiments of one phase and must be empty.
///
/// # Errors
/// As [`analyse`]; and when there are looks on the question.
pub fn analyse_phases(
    question: &Question,
    phases: &[Look],
    earlier: &[Vec<Look>],
) -> Result<Analysis, AnalysisError> {
    if !question.looks.is_empty() {
        return Err(AnalysisError::LooksWithoutPhases);
    }
    let earlier = earlier.iter().map(Vec::as_slice).collect();
    analyse_seen(question, &Seen { earlier, now: phases })
}

fn analyse_seen(question: &Question, seen: &Seen<'_>) -> Result<Analysis, AnalysisError> {
    error::check_question(question)?;
    error::check_seen(question.metric, seen)?;
    let seen = seen.that_count(question);
    let withheld = |verdict, reason| Ok(Analysis::withheld(verdict, reason, seen.n(), question.method));
    if let Some(cause) = question.invalid {
        return withheld(Verdict::Invalid(cause), cause.into());
    }
    if seen.n() == 0 {
        return withheld(Verdict::NotStarted, Reason::NoUnits);
    }
    let plain = match read(question, &seen, Covariate::Unused) {
        Ok(reading) => reading,
        Err(reason) => return withheld(Verdict::Collecting, reason),
    };
    let analysis = match seen.adjusted(question.metric) {
        Err(no_adjustment) => Analysis {
            no_adjustment: Some(no_adjustment),
            ..conclude(question, &seen, &plain)
        },
        Ok(variance_kept) => match read(question, &seen, Covariate::Used) {
            Err(reason) => return withheld(Verdict::Collecting, reason),
            Ok(adjusted) => Analysis {
                variance_kept: Some(variance_kept),
                unadjusted: Some(Unadjusted {
                    absolute: absolute(&plain),
                    relative: relative(&plain),
                }),
                ..conclude(question, &seen, &adjusted)
            },
        },
    };
    Ok(analysis)
}

fn conclude(question: &Question, seen: &Seen<'_>, reading: &Reading) -> Analysis {
    let ended = question.planned_units.is_none_or(|planned| seen.n() >= planned);
    let turn = |interval: Interval| match question.direction {
        Direction::Increase => interval,
        Direction::Decrease => Interval {
            low: -interval.high,
            high: -interval.low,
        },
    };
    let evidence = Evidence {
        gain: turn(reading.cautious),
        beyond_minimum: reading.beyond_minimum.map(turn),
        ended,
    };
    let (verdict, reason) = decide(&evidence);
    Analysis {
        absolute: Some(absolute(reading)),
        relative: relative(reading),
        beyond_minimum: evidence.beyond_minimum,
        standard_error: Some(reading.standard_error),
        critical: Some(reading.critical),
        variance_kept: None,
        unadjusted: None,
        no_adjustment: None,
        inflated: verdict.is_claim() && !ended,
        verdict,
        reason,
        n: seen.n(),
        method: question.method,
    }
}

fn absolute(reading: &Reading) -> Figures {
    reading.figures(reading.estimate, reading.difference)
}

fn relative(reading: &Reading) -> Result<Figures, NoPercentage> {
    reading
        .relative
        .map(|RelativeLift { estimate, interval }| reading.figures(estimate, interval))
}

#[cfg(test)]
mod tests;
