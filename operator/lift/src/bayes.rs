//! Bayesian figures: how sure one may be of a lift, given a prior.
//!
//! They may stand beside a verdict, always with their prior and with [`CAVEAT`]. They decide nothing: whoever stops when the
//! chance to win is high is right about that chance only if the prior is right, and wins by chance as often as he looks.

use core::error::Error;
use core::fmt;

use crate::analysis::Direction;
use crate::contrast::{Contrast, Interval};
use crate::special::{normal_density, normal_quantile, normal_tail};

mod best;

pub use best::{BetaArm, chances_to_be_best};

/// What must stand beside every figure of this room.
pub const CAVEAT: &str = "not protected against peeking";

/// What is believed about a relative lift before the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// Every lift is as likely as any other.
    Flat,
    /// A normal distribution.
    Normal {
        /// Its mean, 0.02 for a lift of 2 %.
        mean: f64,
        /// Its variance, above 0.
        variance: f64,
    },
}

/// What is believed about a relative lift after the data.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Belief {
    /// The prior that it started from.
    pub prior: Prior,
    /// The posterior's mean.
    pub estimate: f64,
    /// The posterior's central interval.
    pub interval: Interval,
    /// How likely the treatment is better.
    pub chance_to_win: f64,
    /// What choosing control is expected to lose, as a share of control.
    pub risk_control: f64,
    /// What choosing the treatment is expected to lose, as a share of control.
    pub risk_treatment: f64,
}

/// Why nothing is believed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum BayesError {
    /// The prior, the level or the counts are out of range.
    OutOfRange {
        /// Which one.
        field: &'static str,
    },
    /// The control is not above zero, or the data have no variance: there is no relative lift to believe in.
    NoLift,
}

impl fmt::Display for BayesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field } => write!(f, "`{field}` is out of range"),
            Self::NoLift => {
                f.write_str("the control is not above zero, or nothing varies: there is no relative lift")
            }
        }
    }
}

impl Error for BayesError {}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat => f.write_str("a flat prior"),
            Self::Normal { mean, variance } => {
                write!(f, "a normal prior with mean {mean} and variance {variance}")
            }
        }
    }
}

impl fmt::Display for Belief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} % chance to win on {}; {CAVEAT}",
            100.0 * self.chance_to_win,
            self.prior
        )
    }
}

/// What the data of two arms make of a prior about the relative lift.
///
/// The lift is taken as normal with the delta method's variance, the prior is conjugate, and the interval holds `1 - alpha`
/// of the posterior. A losing choice is expected to cost the mean of the posterior on the wrong side of zero.
///
/// # Errors
/// When the prior or `alpha` is out of range, or there is no relative lift.
pub fn belief_in_lift(
    contrast: &Contrast,
    direction: Direction,
    prior: Prior,
    alpha: f64,
) -> Result<Belief, BayesError> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(BayesError::OutOfRange { field: "alpha" });
    }
    if contrast.base <= 0.0 {
        return Err(BayesError::NoLift);
    }
    let rho = contrast.top / contrast.base;
    let variance = contrast.against(rho).variance / contrast.base / contrast.base;
    if !(rho.is_finite() && variance > 0.0 && variance.is_finite()) {
        return Err(BayesError::NoLift);
    }
    let (mean, variance) = posterior(rho - 1.0, variance, prior)?;
    let deviation = libm::sqrt(variance);
    let margin = -normal_quantile(0.5 * alpha) * deviation;
    let gain = match direction {
        Direction::Increase => mean,
        Direction::Decrease => -mean,
    };
    Ok(Belief {
        prior,
        estimate: mean,
        interval: Interval {
            low: mean - margin,
            high: mean + margin,
        },
        chance_to_win: normal_tail(-gain / deviation),
        risk_control: expected_above_zero(gain, deviation),
        risk_treatment: expected_above_zero(-gain, deviation),
    })
}

/// Mean and variance after the data.
fn posterior(lift: f64, variance: f64, prior: Prior) -> Result<(f64, f64), BayesError> {
    match prior {
        Prior::Flat => Ok((lift, variance)),
        Prior::Normal {
            mean,
            variance: before,
        } => {
            if !mean.is_finite() {
                return Err(BayesError::OutOfRange { field: "prior.mean" });
            }
            if !(before > 0.0 && before.is_finite()) {
                return Err(BayesError::OutOfRange {
                    field: "prior.variance",
                });
            }
            let weight = before / (before + variance);
            Ok((mean + weight * (lift - mean), weight * variance))
        }
    }
}

/// The mean of a normal variable where it is above zero, and zero elsewhere.
fn expected_above_zero(mean: f64, deviation: f64) -> f64 {
    let z = mean / deviation;
    (deviation * (normal_density(z) + z * normal_tail(-z))).max(0.0)
}

#[cfg(test)]
mod tests;
