//! Bandits: what a policy would have earned, from the log of another one.
//!
//! Claims about a bandit come from a fixed uniform slice and from the holdout, never from here. This is the second opinion:
//! self-normalised inverse propensity scores (Swaminathan and Joachims, NIPS 2015), with the effective sample size shown and
//! refused below 100.

use core::error::Error;
use core::fmt;

use crate::contrast::Estimate;

/// Fewer effective units than this carry no estimate.
const FEWEST_EFFECTIVE: f64 = 100.0;

/// Sums over logged decisions, mergeable.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OffPolicy {
    n: u64,
    weight: f64,
    weight_squared: f64,
    reward: f64,
    reward_weighted_squared: f64,
    reward_squared: f64,
}

/// Why a logged decision or an estimate is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum OffPolicyError {
    /// The logged probability is not in (0, 1], the target's not in [0, 1], or the reward not finite.
    Decision {
        /// Which field.
        field: &'static str,
    },
    /// The two policies have too little in common.
    TooFewEffective {
        /// How many units' worth of information there is.
        effective: f64,
    },
}

impl fmt::Display for OffPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision { field } => write!(f, "`{field}` of a logged decision is out of range"),
            Self::TooFewEffective { effective } => write!(
                f,
                "the log is worth {effective:.0} units of the target policy; an estimate needs {FEWEST_EFFECTIVE}"
            ),
        }
    }
}

impl Error for OffPolicyError {}

impl OffPolicy {
    /// Takes in one decision: its reward, the probability that the logging policy gave its action, and the target's.
    ///
    /// # Errors
    /// When a probability is out of range or the reward is not finite; the sums are then unchanged.
    pub fn push(&mut self, reward: f64, logged: f64, target: f64) -> Result<(), OffPolicyError> {
        if !reward.is_finite() {
            return Err(OffPolicyError::Decision { field: "reward" });
        }
        if !(0.0..=1.0).contains(&target) {
            return Err(OffPolicyError::Decision { field: "target" });
        }
        let weight = target / logged;
        let proper = logged > 0.0 && logged <= 1.0 && (weight * weight).is_finite();
        if !proper || !(weight * reward * weight * reward).is_finite() {
            return Err(OffPolicyError::Decision { field: "logged" });
        }
        *self = self.merged(&Self {
            n: 1,
            weight,
            weight_squared: weight * weight,
            reward: weight * reward,
            reward_weighted_squared: weight * weight * reward,
            reward_squared: weight * weight * reward * reward,
        });
        Ok(())
    }

    /// The sums of both logs.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        Self {
            n: self.n.saturating_add(other.n),
            weight: self.weight + other.weight,
            weight_squared: self.weight_squared + other.weight_squared,
            reward: self.reward + other.reward,
            reward_weighted_squared: self.reward_weighted_squared + other.reward_weighted_squared,
            reward_squared: self.reward_squared + other.reward_squared,
        }
    }

    /// How many units drawn by the target policy the log is worth (Kish).
    pub fn effective_units(&self) -> f64 {
        if self.weight_squared > 0.0 {
            self.weight * self.weight / self.weight_squared
        } else {
            0.0
        }
    }

    /// The plain inverse propensity score: unbiased, and wild where weights are large.
    pub fn plain(&self) -> Option<f64> {
        (self.n > 0).then(|| self.reward / self.n as f64)
    }

    /// The self-normalised score with its variance, however few effective units there are; for display beside them only.
    pub fn unguarded(&self) -> Option<Estimate> {
        if self.weight <= 0.0 {
            return None;
        }
        let value = self.reward / self.weight;
        let residual = self.reward_squared - 2.0 * value * self.reward_weighted_squared
            + value * value * self.weight_squared;
        Some(Estimate {
            value,
            variance: residual.max(0.0) / (self.weight * self.weight),
        })
    }

    /// The self-normalised score with its variance.
    ///
    /// # Errors
    /// Below 100 effective units.
    pub fn estimate(&self) -> Result<Estimate, OffPolicyError> {
        let effective = self.effective_units();
        match self.unguarded() {
            Some(estimate) if effective >= FEWEST_EFFECTIVE => Ok(estimate),
            _ => Err(OffPolicyError::TooFewEffective { effective }),
        }
    }
}

#[cfg(test)]
mod tests;
