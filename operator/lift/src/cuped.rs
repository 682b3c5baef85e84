//! CUPED: what a covariate from before exposure explains is taken out of the difference.
//!
//! Deng, Xu, Kohavi and Walker (WSDM 2013), `theta` pooled over both arms. The adjustment stays linear in the arms' means,
//! so the adjusted [`Contrast`] carries the exact covariance with the control's own mean and the relative interval follows
//! without approximation: it is relative to the control as it was, not to an adjusted one.

use core::fmt;

use crate::contrast::{ArmFigure, Contrast, welch_df};
use crate::moments::{ArmMoments, Companion, Moments};

/// A weaker correlation than this is not worth a second figure.
const WEAKEST_CORRELATION: f64 = 0.1;
/// A covariate as different between the arms as this is not from before exposure, or the split is broken.
const IMBALANCE: f64 = 0.001;

/// Why the covariate was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoAdjustment {
    /// An arm has no covariate.
    NoCovariate,
    /// The covariate hardly goes with the outcome.
    WeakCorrelation,
    /// The covariate differs between the arms although nothing had happened yet.
    Imbalanced,
    /// The moments do not carry what a ratio would need.
    RatioMetric,
    /// Cells too small for anything but Newcombe's interval.
    SmallCells,
    /// The covariate explains everything, as the outcome itself would.
    NothingLeft,
}

impl NoAdjustment {
    /// The name, for status fields and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCovariate => "NoCovariate",
            Self::WeakCorrelation => "WeakCorrelation",
            Self::Imbalanced => "Imbalanced",
            Self::RatioMetric => "RatioMetric",
            Self::SmallCells => "SmallCells",
            Self::NothingLeft => "NothingLeft",
        }
    }
}

impl fmt::Display for NoAdjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCovariate => "no covariate was given",
            Self::WeakCorrelation => "the covariate's correlation with the outcome is below 0.1",
            Self::Imbalanced => {
                "the covariate differs between the arms (p < 0.001) although it is from before exposure"
            }
            Self::RatioMetric => "a ratio metric is not adjusted",
            Self::SmallCells => "an arm has fewer than 30 successes or failures",
            Self::NothingLeft => "the covariate explains the whole outcome, as only the outcome itself can",
        })
    }
}

/// A contrast with the covariate taken out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adjusted {
    /// The adjusted contrast, its base the unadjusted control.
    pub contrast: Contrast,
    /// The pooled regression coefficient of the outcome on the covariate.
    pub theta: f64,
    /// The pooled correlation of outcome and covariate.
    pub correlation: f64,
    /// The variance of the difference that is left, as a share of the unadjusted one.
    pub variance_kept: f64,
}

/// Which variance of a mean applies: `n` for proportions, `n - 1` for means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denominator {
    /// `p (1 - p) / n`.
    Units,
    /// `s^2 / n` with `n - 1`.
    UnitsLessOne,
}

/// The contrast of two arms of a mean or a proportion, adjusted for their covariate.
///
/// # Errors
/// When there is no covariate, or it may not or need not be used.
pub fn adjusted(
    denominator: Denominator,
    control: &ArmMoments,
    treatment: &ArmMoments,
) -> Result<Adjusted, NoAdjustment> {
    let both = control.merged(treatment).map_err(|_| NoAdjustment::NoCovariate)?;
    let (x_control, x_treatment) = control
        .covariate()
        .zip(treatment.covariate())
        .ok_or(NoAdjustment::NoCovariate)?;
    let pooled = both.covariate().ok_or(NoAdjustment::NoCovariate)?;
    let scale = libm::sqrt(pooled.m2()) * libm::sqrt(both.outcome().m2());
    let correlation = if scale > 0.0 { pooled.co() / scale } else { 0.0 };
    if correlation.abs() < WEAKEST_CORRELATION {
        return Err(NoAdjustment::WeakCorrelation);
    }
    if imbalanced((control, x_control), (treatment, x_treatment)) {
        return Err(NoAdjustment::Imbalanced);
    }
    let theta = pooled.co() / pooled.m2();
    let arm = |arm: &ArmMoments, x: &Companion| AdjustedArm::of(denominator, arm.outcome(), x, theta);
    Ok(combine(
        &arm(control, x_control),
        &arm(treatment, x_treatment),
        theta,
        correlation,
    ))
}

/// One arm's means and the (co)variances of those means.
struct AdjustedArm {
    n: u64,
    mean: f64,
    covariate: f64,
    variance: f64,
    /// `theta^2 var x`
    explained: f64,
    /// `theta cov(y, x)`
    shared: f64,
}

impl AdjustedArm {
    fn of(denominator: Denominator, outcome: &Moments, x: &Companion, theta: f64) -> Self {
        let n = outcome.n() as f64;
        let degrees = match denominator {
            Denominator::Units => n,
            Denominator::UnitsLessOne => n - 1.0,
        };
        let scale = degrees * n;
        Self {
            n: outcome.n(),
            mean: outcome.mean(),
            covariate: x.mean(),
            variance: outcome.m2() / scale,
            explained: theta * theta * x.m2() / scale,
            shared: theta * x.co() / scale,
        }
    }

    fn adjusted_variance(&self) -> f64 {
        (self.variance + self.explained - 2.0 * self.shared).max(0.0)
    }
}

fn combine(control: &AdjustedArm, treatment: &AdjustedArm, theta: f64, correlation: f64) -> Adjusted {
    let (left, right) = (control.adjusted_variance(), treatment.adjusted_variance());
    // T(rho) = yb - theta (xb - xa) - rho ya: the control's covariate belongs to the top, its outcome to the base.
    let contrast = Contrast {
        base: control.mean,
        top: treatment.mean - theta * (treatment.covariate - control.covariate),
        base_variance: control.variance,
        top_variance: right + control.explained,
        covariance: control.shared,
        df: welch_df(&[(left, control.n), (right, treatment.n)]),
    };
    let variance_kept = (left + right) / (control.variance + treatment.variance);
    Adjusted {
        contrast,
        theta,
        correlation,
        variance_kept,
    }
}

fn imbalanced(control: (&ArmMoments, &Companion), treatment: (&ArmMoments, &Companion)) -> bool {
    let figure = |(arm, x): (&ArmMoments, &Companion)| {
        let n = arm.n() as f64;
        ArmFigure {
            value: x.mean(),
            variance: x.m2() / (n - 1.0) / n,
            n: arm.n(),
        }
    };
    Contrast::of(&figure(control), &figure(treatment)).p() < IMBALANCE
}

#[cfg(test)]
mod tests;
