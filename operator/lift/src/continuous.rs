//! The `continuous` design: an asymptotic confidence sequence, valid at every look at once.
//!
//! Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (arXiv:2103.06476), equation (9), tuned to be narrowest at the planned
//! number of units. Its other side is the e-value of a normal mixture; one over the largest e-value seen is a p-value that
//! may be read at any time.

use crate::moments::ArmMoments;

/// Before this many units in each arm the normal approximation is not relied on.
pub const FIRST_LOOK_UNITS: u64 = 250;
/// Before this many units with an outcome other than zero in each arm it is not relied on either.
pub const FIRST_LOOK_NON_ZERO: f64 = 25.0;

/// A confidence sequence at one level, tuned to one number of units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceSequence {
    alpha: f64,
    rho_squared: f64,
}

impl ConfidenceSequence {
    /// The sequence at the two-sided level `alpha` (between 0 and 1) that is narrowest at `planned_units` (at least 1) of
    /// both arms together.
    pub fn tuned_to(alpha: f64, planned_units: f64) -> Self {
        let level = -2.0 * libm::log(alpha);
        Self {
            alpha,
            rho_squared: (level + libm::log1p(level)) / planned_units,
        }
    }

    /// The sequence at the two-sided level `alpha` whose mixture has the variance parameter `rho_squared` (above 0): what
    /// others tune otherwise, for comparison.
    pub fn of_mixture(alpha: f64, rho_squared: f64) -> Self {
        Self { alpha, rho_squared }
    }

    /// The mixture's variance parameter, `rho^2`.
    pub fn rho_squared(&self) -> f64 {
        self.rho_squared
    }

    /// How many standard errors to either side the sequence reaches at `n` units of both arms together.
    pub fn critical(&self, n: f64) -> f64 {
        let time = n * self.rho_squared;
        let log = 0.5 * libm::log1p(time) - libm::log(self.alpha);
        libm::sqrt(2.0 * (time + 1.0) / time * log)
    }

    /// The logarithm of the e-value of an estimate that is `z` standard errors from what is tested, at `n` units.
    pub fn log_e(&self, z: f64, n: f64) -> f64 {
        let time = n * self.rho_squared;
        0.5 * time / (time + 1.0) * z * z - 0.5 * libm::log1p(time)
    }
}

/// One over an e-value that is given as a logarithm, as a p-value.
pub fn p_of_log_e(log_e: f64) -> f64 {
    libm::exp(-log_e).min(1.0)
}

/// Whether an arm is large enough for the first look: 250 units, 25 of them with an outcome other than zero.
pub fn may_be_looked_at(arm: &ArmMoments) -> bool {
    arm.n() >= FIRST_LOOK_UNITS && arm.non_zero_at_least() >= FIRST_LOOK_NON_ZERO
}

#[cfg(test)]
mod tests;
