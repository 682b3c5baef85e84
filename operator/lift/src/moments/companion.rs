//! A second variable over the same units: a covariate or a denominator.

use super::{CompanionSums, Moments, MomentsError, TOLERATED, finite, not_negative, product_over};

/// What a companion's sums are called in messages.
pub(super) struct CompanionNames {
    sum: &'static str,
    squares: &'static str,
    cross: &'static str,
}

pub(super) const COVARIATE: CompanionNames = CompanionNames {
    sum: "covariate.sum",
    squares: "covariate.sum_squares",
    cross: "covariate.cross_sum",
};
pub(super) const DENOMINATOR: CompanionNames = CompanionNames {
    sum: "denominator.sum",
    squares: "denominator.sum_squares",
    cross: "denominator.cross_sum",
};

/// Moments of a second variable, and its co-moment with the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Companion {
    mean: f64,
    m2: f64,
    co: f64,
}

impl Companion {
    /// A companion from its parts, as they were stored: its mean, the sum of its squared deviations and the sum of the
    /// products of its deviations with those of `outcome`.
    ///
    /// # Errors
    /// When a part is not finite, `m2` is negative, or `co` is larger than Cauchy and Schwarz allow.
    pub fn from_parts(outcome: &Moments, mean: f64, m2: f64, co: f64) -> Result<Self, MomentsError> {
        finite("mean", mean)?;
        finite("m2", m2)?;
        not_negative("m2", m2)?;
        finite("co", co)?;
        Self { mean, m2, co }.checked(outcome, "co")
    }

    pub(super) fn from_sums(
        outcome: &Moments,
        sums: &CompanionSums,
        names: &CompanionNames,
    ) -> Result<Self, MomentsError> {
        let n = outcome.n;
        let own = Moments::from_named_sums(n, (names.sum, sums.sum), (names.squares, sums.sum_squares))?;
        finite(names.cross, sums.cross_sum)?;
        if n == 0 && sums.cross_sum != 0.0 {
            return Err(MomentsError::SumWithoutUnits { field: names.cross });
        }
        let co = if n == 0 {
            0.0
        } else {
            let count = n as f64;
            sums.cross_sum - product_over(outcome.mean * count, sums.sum, count)
        };
        finite(names.cross, co)?;
        Self {
            mean: own.mean,
            m2: own.m2,
            co,
        }
        .checked(outcome, names.cross)
    }

    pub(super) fn of_one(field: &'static str, value: f64) -> Result<Self, MomentsError> {
        finite(field, value)?;
        Ok(Self {
            mean: value,
            m2: 0.0,
            co: 0.0,
        })
    }

    /// Rounding in a sum may push a correlation just past one; anything further is not data.
    fn checked(self, outcome: &Moments, field: &'static str) -> Result<Self, MomentsError> {
        let most = libm::sqrt(self.m2) * libm::sqrt(outcome.m2);
        let n = outcome.n as f64;
        let scale = most + n * self.mean.abs() * outcome.mean.abs();
        if self.co.abs() > most + TOLERATED * scale {
            return Err(MomentsError::CrossTooLarge { field });
        }
        Ok(Self {
            co: self.co.clamp(-most, most),
            ..self
        })
    }

    /// The companion of the union; both sides have one or neither has.
    pub(super) fn merged(
        field: &'static str,
        (left, mine): (&Moments, Option<Self>),
        (right, theirs): (&Moments, Option<Self>),
    ) -> Result<Option<Self>, MomentsError> {
        let (mine, theirs) = match (mine, theirs) {
            (Some(mine), Some(theirs)) => (mine, theirs),
            (None, None) => return Ok(None),
            _ => return Err(MomentsError::OnlyOnOneSide { field }),
        };
        let (n, m) = (left.n as f64, right.n as f64);
        let gap = theirs.mean - mine.mean;
        let share = n / (n + m) * m;
        Ok(Some(Self {
            mean: mine.mean + gap * (m / (n + m)),
            m2: mine.m2 + theirs.m2 + gap * gap * share,
            co: mine.co + theirs.co + gap * (right.mean - left.mean) * share,
        }))
    }

    /// The mean over units.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum of squared deviations from the mean.
    pub fn m2(&self) -> f64 {
        self.m2
    }

    /// The sum of the products of its deviations with those of the outcome.
    pub fn co(&self) -> f64 {
        self.co
    }
}
