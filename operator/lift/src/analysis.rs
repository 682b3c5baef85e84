//! The one entry point: a pre-registered question and two arms in, figures and a verdict out.

use alloc::vec::Vec;

use crate::contrast::{ArmFigure, Contrast, Interval};
use crate::difference::{self, Bounds, has_small_cell};
use crate::fieller::{NoPercentage, RelativeLift};
use crate::moments::ArmMoments;
use crate::verdict::{Evidence, InvalidCause, Reason, Verdict, decide};

mod error;

pub use error::{AnalysisError, Arm};

/// How success is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// A share of units: every outcome is 0 or 1.
    Proportion,
    /// A mean over units: revenue, counts.
    Mean,
    /// A sum over units through another sum over the same units.
    Ratio,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is better.
    Increase,
    /// Less is better.
    Decrease,
}

/// The design, chosen before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// One look, at the planned number of units.
    Fixed,
    /// A group-sequential design: Lan and `DeMets`' spending of O'Brien and Fleming's kind.
    Planned,
    /// An asymptotic confidence sequence, valid at every look.
    Continuous,
}

impl Method {
    /// The name, for status fields and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Planned => "planned",
            Self::Continuous => "continuous",
        }
    }
}

/// The moments of both arms at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The arm that everything is compared with.
    pub control: ArmMoments,
    /// The arm under test.
    pub treatment: ArmMoments,
}

impl Look {
    /// Units of both arms together.
    pub fn n(&self) -> u64 {
        self.control.n().saturating_add(self.treatment.n())
    }
}

/// What was pre-registered, and what has been seen of it before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Question {
    /// How success is counted.
    pub metric: MetricKind,
    /// Which way is better.
    pub direction: Direction,
    /// The design.
    pub method: Method,
    /// Two-sided level, between 0 and 1.
    pub alpha: f64,
    /// Units of both arms together at which the experiment ends. Absent with `Fixed`: these moments are final.
    pub planned_units: Option<u64>,
    /// The minimum worthwhile lift, as a share of control (0.02 is 2 %).
    pub minimum_lift: Option<f64>,
    /// Earlier looks, oldest first, for the two sequential designs.
    pub looks: Vec<Look>,
    /// Something outside the moments that breaks the comparison.
    pub invalid: Option<InvalidCause>,
}

impl Question {
    /// A question with neither a plan nor a minimum lift nor earlier looks; set the fields that apply.
    pub fn new(metric: MetricKind, direction: Direction, method: Method, alpha: f64) -> Self {
        Self {
            metric,
            direction,
            method,
            alpha,
            planned_units: None,
            minimum_lift: None,
            looks: Vec::new(),
            invalid: None,
        }
    }
}

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

/// What may be said, and from what.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Analysis {
    /// Treatment less control in the metric's unit; absent when withheld, `reason` says why.
    pub absolute: Option<Figures>,
    /// Treatment over control less one, or why there is no such figure.
    pub relative: Result<Figures, NoPercentage>,
    /// The critical value that both intervals were made with.
    pub critical: Option<f64>,
    /// The variance that is left after the adjustment for a covariate, as a share; absent without adjustment.
    pub variance_kept: Option<f64>,
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
            critical: None,
            variance_kept: None,
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
/// # Errors
/// When the question is out of range, or the moments are not those of such a metric. Too little data is not an error.
pub fn analyse(
    question: &Question,
    control: &ArmMoments,
    treatment: &ArmMoments,
) -> Result<Analysis, AnalysisError> {
    error::check_question(question)?;
    error::check_arm(question.metric, Arm::Control, control)?;
    error::check_arm(question.metric, Arm::Treatment, treatment)?;
    let look = Look {
        control: *control,
        treatment: *treatment,
    };
    let withheld = |verdict, reason| Ok(Analysis::withheld(verdict, reason, look.n(), question.method));
    if let Some(cause) = question.invalid {
        return withheld(Verdict::Invalid(cause), cause.into());
    }
    if look.n() == 0 {
        return withheld(Verdict::NotStarted, Reason::NoUnits);
    }
    match reading(question, &look)? {
        Err(reason) => withheld(Verdict::Collecting, reason),
        Ok(reading) => Ok(conclude(question, &look, &reading)),
    }
}

/// The figures of one look, before the verdict.
struct Reading {
    bounds: Bounds,
    p: f64,
}

/// The figures of a look, or why there are none yet.
fn reading(question: &Question, look: &Look) -> Result<Result<Reading, Reason>, AnalysisError> {
    let contrast = match contrast(question.metric, look) {
        Ok(contrast) => contrast,
        Err(reason) => return Ok(Err(reason)),
    };
    match question.method {
        Method::Fixed => Ok(fixed(question, look, contrast)),
        Method::Planned | Method::Continuous => Err(AnalysisError::MethodNotSupported {
            method: question.method,
        }),
    }
}

fn contrast(metric: MetricKind, look: &Look) -> Result<Contrast, Reason> {
    let (control, treatment) = (&look.control, &look.treatment);
    if control.n() == 0 || treatment.n() == 0 {
        return Err(Reason::ArmEmpty);
    }
    if control.n() < 2 || treatment.n() < 2 {
        return Err(Reason::TooFewUnits);
    }
    let contrast = Contrast::of(&figure(metric, control)?, &figure(metric, treatment)?);
    // A standard error below the resolution of the figures is rounding: outcomes that are equal but for the last digit.
    let resolution = 64.0 * f64::EPSILON * contrast.base.abs().max(contrast.top.abs());
    if contrast.difference().standard_error() > resolution {
        Ok(contrast)
    } else {
        Err(Reason::ZeroVariance)
    }
}

fn figure(metric: MetricKind, arm: &ArmMoments) -> Result<ArmFigure, Reason> {
    match metric {
        MetricKind::Proportion => Ok(difference::proportion(arm.outcome())),
        MetricKind::Mean => Ok(difference::mean(arm.outcome())),
        MetricKind::Ratio => crate::ratio::ratio(arm).ok_or(Reason::ZeroDenominator),
    }
}

fn fixed(question: &Question, look: &Look, contrast: Contrast) -> Result<Reading, Reason> {
    if question.planned_units.is_some_and(|planned| look.n() < planned) {
        return Err(Reason::BeforePlannedEnd);
    }
    let critical = contrast.critical(question.alpha);
    Ok(Reading {
        bounds: bounds(question.metric, look, contrast, critical),
        p: contrast.p(),
    })
}

fn bounds(metric: MetricKind, look: &Look, contrast: Contrast, critical: f64) -> Bounds {
    let small = has_small_cell(&look.control) || has_small_cell(&look.treatment);
    if metric == MetricKind::Proportion && small {
        Bounds::newcombe(contrast, critical, look.control.n(), look.treatment.n())
    } else {
        Bounds::normal(contrast, critical)
    }
}

fn conclude(question: &Question, look: &Look, reading: &Reading) -> Analysis {
    let Reading { bounds, p } = reading;
    let figures = |estimate, interval: Interval| Figures {
        estimate,
        low: interval.low,
        high: interval.high,
        p: *p,
        e: None,
    };
    let evidence = evidence(question, look, bounds);
    let (verdict, reason) = decide(&evidence);
    Analysis {
        absolute: Some(figures(bounds.contrast().difference().value, bounds.against(1.0))),
        relative: bounds
            .relative()
            .map(|RelativeLift { estimate, interval }| figures(estimate, interval)),
        critical: Some(bounds.critical()),
        variance_kept: None,
        verdict,
        reason,
        n: look.n(),
        method: question.method,
    }
}

fn evidence(question: &Question, look: &Look, bounds: &Bounds) -> Evidence {
    let (turn, sign): (fn(Interval) -> Interval, f64) = match question.direction {
        Direction::Increase => (|interval| interval, 1.0),
        Direction::Decrease => (
            |Interval { low, high }| Interval {
                low: -high,
                high: -low,
            },
            -1.0,
        ),
    };
    // A share of a control that is not above zero has no meaning, so neither has a minimum lift.
    let minimum = question.minimum_lift.filter(|_| bounds.contrast().base > 0.0);
    Evidence {
        gain: turn(bounds.cautious(1.0)),
        beyond_minimum: minimum.map(|minimum| turn(bounds.cautious(1.0 + sign * minimum))),
        ended: question.planned_units.is_none_or(|planned| look.n() >= planned),
    }
}

#[cfg(test)]
mod tests;
