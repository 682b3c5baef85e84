//! Sample-ratio mismatch: do the arms have the sizes that their weights promise?
//!
//! Lindon and Malek (arXiv:2011.03567): the Bayes factor of a Dirichlet-multinomial centred on the weights, with
//! concentration 100, against the weights themselves. An e-value, so it may be looked at every minute; everything is in
//! logarithms. A broken split invalidates the comparison whatever its figures say.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::continuous::p_of_log_e;
use crate::special::chi_square_tail;

/// How firmly the alternative is centred on the weights.
pub const CONCENTRATION: f64 = 100.0;
/// Below this p-value the comparison is blocked.
pub const BLOCK_BELOW: f64 = 0.001;

/// The split that was meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    shares: Vec<f64>,
    concentration: f64,
}

/// How a split looks at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRatio {
    /// The logarithm of the e-value at this look.
    pub log_e: f64,
    /// One over the largest e-value of all looks: may be read at any time.
    pub p: f64,
    /// Whether the comparison is invalid.
    pub blocked: bool,
}

/// Why a split cannot be checked, or needs no statistics to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitError {
    /// A weight is negative or not finite, or all are zero.
    Weights,
    /// More or fewer counts than arms.
    Counts {
        /// Arms with a weight.
        arms: usize,
        /// Counts given.
        counts: usize,
    },
    /// A unit in an arm of weight zero: the splitter is broken, by whatever number.
    ZeroWeightArm {
        /// Which arm.
        arm: usize,
        /// How many units.
        units: u64,
    },
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights => f.write_str("weights must be finite, not negative and not all zero"),
            Self::Counts { arms, counts } => write!(f, "{counts} counts for {arms} arms"),
            Self::ZeroWeightArm { arm, units } => {
                write!(
                    f,
                    "arm {arm} has weight 0 and {units} units: the split is not the one that was declared"
                )
            }
        }
    }
}

impl Error for SplitError {}

impl Split {
    /// A split by these weights, whatever they add up to.
    ///
    /// # Errors
    /// When a weight is negative or not finite, or all are zero.
    pub fn new(weights: &[f64]) -> Result<Self, SplitError> {
        Self::with_concentration(weights, CONCENTRATION)
    }

    /// The same with another concentration than [`CONCENTRATION`].
    ///
    /// # Errors
    /// As [`Split::new`], also for a concentration that is not a positive number.
    pub fn with_concentration(weights: &[f64], concentration: f64) -> Result<Self, SplitError> {
        let total: f64 = weights.iter().sum();
        let proper = weights.iter().all(|weight| *weight >= 0.0) && total > 0.0 && total.is_finite();
        let firm = concentration > 0.0 && concentration.is_finite();
        if !(proper && firm) {
            return Err(SplitError::Weights);
        }
        Ok(Self {
            shares: weights.iter().map(|weight| weight / total).collect(),
            concentration,
        })
    }

    /// The split after all looks, each with the units of every arm so far, oldest first.
    ///
    /// # Errors
    /// When the counts are not one for each arm, or an arm of weight zero has units.
    pub fn check(&self, looks: &[Vec<u64>]) -> Result<SampleRatio, SplitError> {
        let log_e = looks
            .iter()
            .map(|counts| self.log_e(counts))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(SampleRatio::of(&log_e))
    }

    /// The logarithm of the e-value against the split, of the units of every arm so far.
    ///
    /// # Errors
    /// When the counts are not one for each arm, or an arm of weight zero has units.
    pub fn log_e(&self, counts: &[u64]) -> Result<f64, SplitError> {
        Ok(log_bayes_factor(self.concentration, &self.arms(counts)?))
    }

    /// Pearson's chi-square of the counts and its p-value: the familiar figure, valid for one look only.
    ///
    /// # Errors
    /// When the counts are not one for each arm, or an arm of weight zero has units.
    pub fn chi_square(&self, counts: &[u64]) -> Result<(f64, f64), SplitError> {
        let arms = self.arms(counts)?;
        let total: f64 = arms.iter().map(|(_, count)| count).sum();
        if total <= 0.0 || arms.len() < 2 {
            return Ok((0.0, 1.0));
        }
        let distance = |&(share, count): &(f64, f64)| {
            (count - share * total) * (count - share * total) / (share * total)
        };
        let chi_square: f64 = arms.iter().map(distance).sum();
        Ok((chi_square, chi_square_tail(chi_square, arms.len() as f64 - 1.0)))
    }

    /// Share and count of every arm with a weight.
    fn arms(&self, counts: &[u64]) -> Result<Vec<(f64, f64)>, SplitError> {
        if counts.len() != self.shares.len() {
            return Err(SplitError::Counts {
                arms: self.shares.len(),
                counts: counts.len(),
            });
        }
        let mut arms = Vec::with_capacity(counts.len());
        for (arm, (&share, &units)) in self.shares.iter().zip(counts).enumerate() {
            if share > 0.0 {
                arms.push((share, units as f64));
            } else if units > 0 {
                return Err(SplitError::ZeroWeightArm { arm, units });
            }
        }
        Ok(arms)
    }
}

impl SampleRatio {
    /// Two arms of equal weight after all looks, oldest first.
    pub fn of_halves(looks: &[(u64, u64)]) -> Self {
        let halves = |&(left, right): &(u64, u64)| {
            log_bayes_factor(CONCENTRATION, &[(0.5, left as f64), (0.5, right as f64)])
        };
        Self::of(&looks.iter().map(halves).collect::<Vec<_>>())
    }

    fn of(log_e: &[f64]) -> Self {
        // Before the first unit the e-value is one.
        let largest = log_e.iter().copied().fold(0.0, f64::max);
        let p = p_of_log_e(largest);
        Self {
            log_e: log_e.last().copied().unwrap_or(0.0),
            p,
            blocked: p < BLOCK_BELOW,
        }
    }
}

/// Shares and counts under a Dirichlet-multinomial of concentration `k` against the shares themselves.
fn log_bayes_factor(k: f64, arms: &[(f64, f64)]) -> f64 {
    let total: f64 = arms.iter().map(|(_, count)| count).sum();
    let arm = |&(share, count): &(f64, f64)| {
        libm::lgamma(k * share + count) - libm::lgamma(k * share) - count * libm::log(share)
    };
    libm::lgamma(k) - libm::lgamma(k + total) + arms.iter().map(arm).sum::<f64>()
}

#[cfg(test)]
mod tests;
