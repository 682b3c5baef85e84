//! What is kept of an arm: mergeable moments, never rows.
//!
//! Mean and sum of squared deviations instead of sums of squares: revenue has a variance that is small beside its mean
//! square, and a difference of two large sums has no digits left. Two sets of moments merge by Chan, Golub and `LeVeque`
//! (1979), in any order, to the moments of the union.

mod arm;
mod companion;
mod error;

pub use arm::{ArmMoments, CompanionSums, Sums};
pub use companion::Companion;
pub use error::MomentsError;

/// Counts are exact in an `f64` up to here.
const MOST_UNITS: u64 = 1 << 53;
/// A sum of squared deviations below this share of the sum of squares is rounding, not spread.
const ROUNDING: f64 = 64.0 * f64::EPSILON;
/// How far below zero rounding in somebody else's sums may push a sum of squared deviations, as a share.
const TOLERATED: f64 = 1e-9;

/// Moments of one variable over the units of one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    n: u64,
    mean: f64,
    m2: f64,
}

impl Moments {
    /// No units yet.
    pub const EMPTY: Self = Self {
        n: 0,
        mean: 0.0,
        m2: 0.0,
    };

    /// Moments from their parts, as they were stored: `n` units, their mean, and `m2`, the sum of squared deviations.
    ///
    /// # Errors
    /// When a part is not finite, `m2` is negative, or an empty set has a mean.
    pub fn from_parts(n: u64, mean: f64, m2: f64) -> Result<Self, MomentsError> {
        check_units(n)?;
        finite("mean", mean)?;
        finite("m2", m2)?;
        not_negative("m2", m2)?;
        if n == 0 && (mean != 0.0 || m2 != 0.0) {
            return Err(MomentsError::SumWithoutUnits { field: "mean" });
        }
        Ok(Self { n, mean, m2 })
    }

    /// Moments from plain sums over units.
    ///
    /// # Errors
    /// When a sum is not finite, the sum of squares is negative or smaller than the sum allows, or there are sums without
    /// units.
    pub fn from_sums(n: u64, sum: f64, sum_squares: f64) -> Result<Self, MomentsError> {
        Self::from_named_sums(n, ("sum", sum), ("sum_squares", sum_squares))
    }

    fn from_named_sums(
        n: u64,
        (sum_name, sum): (&'static str, f64),
        (squares_name, squares): (&'static str, f64),
    ) -> Result<Self, MomentsError> {
        check_units(n)?;
        finite(sum_name, sum)?;
        finite(squares_name, squares)?;
        not_negative(squares_name, squares)?;
        if n == 0 {
            return if sum == 0.0 && squares == 0.0 {
                Ok(Self::EMPTY)
            } else {
                Err(MomentsError::SumWithoutUnits { field: sum_name })
            };
        }
        let count = n as f64;
        let mean = sum / count;
        let m2 = squares - product_over(sum, sum, count);
        let m2 = squared_deviations(m2, squares).ok_or(MomentsError::SquaresTooSmall {
            squares: squares_name,
            sum: sum_name,
        })?;
        finite(squares_name, m2)?;
        Ok(Self { n, mean, m2 })
    }

    /// Moments of `successes` ones among `n` units.
    fn from_successes(n: u64, successes: u64) -> Self {
        let count = n as f64;
        let mean = if n == 0 { 0.0 } else { successes as f64 / count };
        Self {
            n,
            mean,
            m2: count * mean * (1.0 - mean),
        }
    }

    /// Takes in one more unit (Welford's update).
    ///
    /// # Errors
    /// When the value is not finite; the moments are then unchanged.
    pub fn push(&mut self, value: f64) -> Result<(), MomentsError> {
        finite("value", value)?;
        check_units(self.n.saturating_add(1))?;
        *self = self.merged(&Self {
            n: 1,
            mean: value,
            m2: 0.0,
        });
        Ok(())
    }

    /// The moments of both sets of units together.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        if self.n == 0 {
            return *other;
        }
        if other.n == 0 {
            return *self;
        }
        let (left, right) = (self.n as f64, other.n as f64);
        let total = left + right;
        let gap = other.mean - self.mean;
        Self {
            n: self.n.saturating_add(other.n),
            mean: self.mean + gap * (right / total),
            m2: self.m2 + other.m2 + gap * gap * (left / total * right),
        }
    }

    /// How many units.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The mean over units; 0 when there are none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum of squared deviations from the mean.
    pub fn m2(&self) -> f64 {
        self.m2
    }

    /// The sample variance with `n - 1`; 0 below two units.
    pub fn variance(&self) -> f64 {
        if self.n < 2 {
            0.0
        } else {
            self.m2 / (self.n as f64 - 1.0)
        }
    }
}

fn check_units(n: u64) -> Result<(), MomentsError> {
    if n > MOST_UNITS {
        Err(MomentsError::TooManyUnits { n })
    } else {
        Ok(())
    }
}

fn finite(field: &'static str, value: f64) -> Result<(), MomentsError> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(MomentsError::NotFinite { field })
    }
}

fn not_negative(field: &'static str, value: f64) -> Result<(), MomentsError> {
    if value < 0.0 {
        Err(MomentsError::Negative { field })
    } else {
        Ok(())
    }
}

/// `x y / n` with the rounding of the division put back, because it is about to be subtracted from something close to it.
fn product_over(x: f64, y: f64, n: f64) -> f64 {
    let quotient = y / n;
    let lost = libm::fma(-n, quotient, y) / n;
    x * quotient + x * lost
}

/// A sum of squared deviations with its rounding removed; `None` when it is negative beyond rounding.
fn squared_deviations(m2: f64, squares: f64) -> Option<f64> {
    if m2 < -TOLERATED * squares {
        return None;
    }
    Some(if m2 <= ROUNDING * squares { 0.0 } else { m2 })
}

#[cfg(test)]
mod tests;
