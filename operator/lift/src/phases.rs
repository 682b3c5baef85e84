//! Phases: a changed split is a new phase with its own salt.
//!
//! The estimate is made within each phase and the estimates combined with weights `n_k / n`. Pooling the units of all phases
//! is what this module exists to prevent: when the split and the outcome both change between phases, no effect at all can
//! look like +24 % (Simpson's paradox).

use alloc::vec::Vec;

use crate::contrast::{ArmFigure, Contrast};
use crate::cuped::{self, Denominator, NoAdjustment};
use crate::difference::{self, has_small_cell};
use crate::moments::ArmMoments;
use crate::verdict::Reason;
use crate::{Look, MetricKind, ratio};

/// A contrast over all phases of one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Combined {
    pub(crate) contrast: Contrast,
    /// How much of the variance the covariate left, where it was used.
    pub(crate) variance_kept: Option<f64>,
}

/// Combines the contrasts of all phases, without a covariate.
pub(crate) fn combine(metric: MetricKind, phases: &[Look]) -> Result<Combined, Reason> {
    let parts = usable(phases)?
        .iter()
        .map(|phase| plain(metric, phase))
        .collect::<Result<Vec<_>, _>>()?;
    let contrast = weigh(phases, &parts)?;
    // A standard error below the resolution of the figures is rounding: outcomes that are equal but for the last digit.
    let resolution = 64.0 * f64::EPSILON * contrast.base.abs().max(contrast.top.abs());
    if contrast.difference().standard_error() > resolution {
        Ok(Combined {
            contrast,
            variance_kept: None,
        })
    } else {
        Err(Reason::ZeroVariance)
    }
}

/// Combines the contrasts of all phases, each adjusted for the covariate, which must be usable in every one.
pub(crate) fn combine_adjusted(
    metric: MetricKind,
    phases: &[Look],
    unadjusted: &Contrast,
) -> Result<Combined, NoAdjustment> {
    let denominator = match metric {
        MetricKind::Proportion => Denominator::Units,
        MetricKind::Mean => Denominator::UnitsLessOne,
        MetricKind::Ratio => return Err(NoAdjustment::RatioMetric),
    };
    if phases
        .iter()
        .any(|phase| phase.control.covariate().is_none() || phase.treatment.covariate().is_none())
    {
        return Err(NoAdjustment::NoCovariate);
    }
    if metric == MetricKind::Proportion && phases.iter().any(has_small_cells) {
        return Err(NoAdjustment::SmallCells);
    }
    let usable = usable(phases).map_err(|_| NoAdjustment::NoCovariate)?;
    let parts = usable
        .iter()
        .map(|phase| cuped::adjusted(denominator, &phase.control, &phase.treatment).map(|part| part.contrast))
        .collect::<Result<Vec<_>, _>>()?;
    let contrast = weigh(phases, &parts).map_err(|_| NoAdjustment::NoCovariate)?;
    let variance_kept = contrast.difference().variance / unadjusted.difference().variance;
    if variance_kept > 0.0 {
        Ok(Combined {
            contrast,
            variance_kept: Some(variance_kept),
        })
    } else {
        // Nothing is left to measure chance by, as when somebody gives the outcome as its own covariate.
        Err(NoAdjustment::NothingLeft)
    }
}

/// Whether Newcombe's interval applies: one phase of a proportion with a small cell.
pub(crate) fn small_cells(metric: MetricKind, phases: &[Look]) -> Option<&Look> {
    match phases {
        [only] if metric == MetricKind::Proportion && has_small_cells(only) => Some(only),
        _ => None,
    }
}

fn has_small_cells(phase: &Look) -> bool {
    has_small_cell(&phase.control) || has_small_cell(&phase.treatment)
}

/// Phases in which both arms have a spread; one in which an arm has had no units yet cannot say anything.
fn usable(phases: &[Look]) -> Result<Vec<Look>, Reason> {
    let arms = |of: fn(&Look) -> &ArmMoments| phases.iter().map(move |phase| of(phase).n());
    if arms(|phase| &phase.control).all(|n| n == 0) || arms(|phase| &phase.treatment).all(|n| n == 0) {
        return Err(Reason::ArmEmpty);
    }
    let usable: Vec<Look> = phases.iter().filter(|phase| is_usable(phase)).copied().collect();
    if usable.is_empty() {
        Err(Reason::TooFewUnits)
    } else {
        Ok(usable)
    }
}

fn is_usable(phase: &Look) -> bool {
    phase.control.n() >= 2 && phase.treatment.n() >= 2
}

fn weigh(phases: &[Look], contrasts: &[Contrast]) -> Result<Contrast, Reason> {
    let sizes = phases
        .iter()
        .filter(|phase| is_usable(phase))
        .map(|phase| phase.n() as f64);
    let total: f64 = sizes.clone().sum();
    let parts: Vec<(f64, Contrast)> = sizes.map(|n| n / total).zip(contrasts.iter().copied()).collect();
    Contrast::combined(&parts).ok_or(Reason::TooFewUnits)
}

fn plain(metric: MetricKind, phase: &Look) -> Result<Contrast, Reason> {
    Ok(Contrast::of(
        &figure(metric, &phase.control)?,
        &figure(metric, &phase.treatment)?,
    ))
}

fn figure(metric: MetricKind, arm: &ArmMoments) -> Result<ArmFigure, Reason> {
    match metric {
        MetricKind::Proportion => Ok(difference::proportion(arm.outcome())),
        MetricKind::Mean => Ok(difference::mean(arm.outcome())),
        MetricKind::Ratio => ratio::ratio(arm).ok_or(Reason::ZeroDenominator),
    }
}

#[cfg(test)]
mod tests;
