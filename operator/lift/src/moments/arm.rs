//! One arm of one metric: the outcome with its companions.

use super::companion::{COVARIATE, DENOMINATOR};
use super::{Companion, Moments, MomentsError, check_units};

/// Everything that is kept of one arm and one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmMoments {
    pub(super) outcome: Moments,
    pub(super) covariate: Option<Companion>,
    pub(super) denominator: Option<Companion>,
    pub(super) non_zero: Option<u64>,
}

/// Plain sums over the units of one arm, as SQL or an event store gives them.
///
/// `covariate` and `denominator` are present for every unit or for none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Units.
    pub n: u64,
    /// Sum of the outcome (of a ratio metric: of the numerator).
    pub sum: f64,
    /// Sum of its squares.
    pub sum_squares: f64,
    /// Sums of a value from before exposure.
    pub covariate: Option<CompanionSums>,
    /// Sums of a ratio metric's denominator.
    pub denominator: Option<CompanionSums>,
    /// Units whose outcome is not zero, where it was counted.
    pub non_zero: Option<u64>,
}

/// Sums of a second variable over the same units.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CompanionSums {
    /// Sum of the variable.
    pub sum: f64,
    /// Sum of its squares.
    pub sum_squares: f64,
    /// Sum of its products with the outcome.
    pub cross_sum: f64,
}

impl ArmMoments {
    /// An arm that nobody has been exposed to yet.
    pub const EMPTY: Self = Self {
        outcome: Moments::EMPTY,
        covariate: None,
        denominator: None,
        non_zero: Some(0),
    };

    /// An arm of plain outcomes.
    pub const fn new(outcome: Moments) -> Self {
        Self {
            outcome,
            covariate: None,
            denominator: None,
            non_zero: None,
        }
    }

    /// An arm in which `successes` of `n` units converted.
    ///
    /// # Errors
    /// When there are more successes than units.
    pub fn proportion(n: u64, successes: u64) -> Result<Self, MomentsError> {
        check_units(n)?;
        if successes > n {
            return Err(MomentsError::MoreThanUnits {
                field: "successes",
                count: successes,
                n,
            });
        }
        Ok(Self {
            non_zero: Some(successes),
            ..Self::new(Moments::from_successes(n, successes))
        })
    }

    /// An arm from plain sums.
    ///
    /// # Errors
    /// When a sum is not finite or contradicts another one, see [`MomentsError`].
    pub fn from_sums(sums: &Sums) -> Result<Self, MomentsError> {
        let outcome = Moments::from_sums(sums.n, sums.sum, sums.sum_squares)?;
        if let Some(count) = sums.non_zero.filter(|&count| count > sums.n) {
            return Err(MomentsError::MoreThanUnits {
                field: "non_zero",
                count,
                n: sums.n,
            });
        }
        let covariate = sums
            .covariate
            .map(|second| Companion::from_sums(&outcome, &second, &COVARIATE));
        let denominator = sums
            .denominator
            .map(|second| Companion::from_sums(&outcome, &second, &DENOMINATOR));
        Ok(Self {
            outcome,
            covariate: covariate.transpose()?,
            denominator: denominator.transpose()?,
            non_zero: sums.non_zero,
        })
    }

    /// The same arm with a companion variable from before exposure.
    #[must_use]
    pub fn with_covariate(self, covariate: Companion) -> Self {
        Self {
            covariate: Some(covariate),
            ..self
        }
    }

    /// The same arm with a ratio metric's denominator.
    #[must_use]
    pub fn with_denominator(self, denominator: Companion) -> Self {
        Self {
            denominator: Some(denominator),
            ..self
        }
    }

    /// The same arm with a count of units whose outcome is not zero.
    ///
    /// # Errors
    /// When there are more of them than units.
    pub fn with_non_zero(self, count: u64) -> Result<Self, MomentsError> {
        if count > self.n() {
            return Err(MomentsError::MoreThanUnits {
                field: "non_zero",
                count,
                n: self.n(),
            });
        }
        Ok(Self {
            non_zero: Some(count),
            ..self
        })
    }

    /// Takes in one unit's outcome.
    ///
    /// # Errors
    /// When the value is not finite, or the arm carries a covariate or a denominator, which the unit then lacks. The arm
    /// is then unchanged.
    pub fn push(&mut self, outcome: f64) -> Result<(), MomentsError> {
        self.push_unit(outcome, None, None)
    }

    /// Takes in one unit with its covariate and its denominator.
    ///
    /// The first unit decides which of the two the arm carries.
    ///
    /// # Errors
    /// When a value is not finite, or the unit lacks what the arm carries or brings what it does not; the arm is then
    /// unchanged.
    pub fn push_unit(
        &mut self,
        outcome: f64,
        covariate: Option<f64>,
        denominator: Option<f64>,
    ) -> Result<(), MomentsError> {
        let mut one = Moments::EMPTY;
        one.push(outcome)?;
        let unit = Self {
            outcome: one,
            covariate: covariate
                .map(|value| Companion::of_one("covariate", value))
                .transpose()?,
            denominator: denominator
                .map(|value| Companion::of_one("denominator", value))
                .transpose()?,
            non_zero: Some(u64::from(outcome != 0.0)),
        };
        *self = self.merged(&unit)?;
        Ok(())
    }

    /// The moments of both sets of units together.
    ///
    /// # Errors
    /// When one side has a covariate or a denominator that the other lacks.
    pub fn merged(&self, other: &Self) -> Result<Self, MomentsError> {
        check_units(self.n().saturating_add(other.n()))?;
        if self.n() == 0 {
            return Ok(*other);
        }
        if other.n() == 0 {
            return Ok(*self);
        }
        let join =
            |field, mine, theirs| Companion::merged(field, (&self.outcome, mine), (&other.outcome, theirs));
        Ok(Self {
            outcome: self.outcome.merged(&other.outcome),
            covariate: join("covariate", self.covariate, other.covariate)?,
            denominator: join("denominator", self.denominator, other.denominator)?,
            non_zero: self
                .non_zero
                .zip(other.non_zero)
                .map(|(mine, theirs)| mine.saturating_add(theirs)),
        })
    }

    /// How many units.
    pub fn n(&self) -> u64 {
        self.outcome.n
    }

    /// The outcome (of a ratio metric: the numerator).
    pub fn outcome(&self) -> &Moments {
        &self.outcome
    }

    /// A value from before exposure, and how it goes with the outcome.
    pub fn covariate(&self) -> Option<&Companion> {
        self.covariate.as_ref()
    }

    /// A ratio metric's denominator, and how it goes with the numerator.
    pub fn denominator(&self) -> Option<&Companion> {
        self.denominator.as_ref()
    }

    /// A number of units that certainly have an outcome other than zero.
    ///
    /// Where nobody counted, Cauchy and Schwarz still promise `sum^2 / sum of squares` of them.
    pub fn non_zero_at_least(&self) -> f64 {
        if let Some(count) = self.non_zero {
            return count as f64;
        }
        let n = self.n() as f64;
        let squares = self.outcome.m2 + n * self.outcome.mean * self.outcome.mean;
        if squares > 0.0 {
            (n * self.outcome.mean) * (n * self.outcome.mean) / squares
        } else {
            0.0
        }
    }

    /// Whether every outcome can have been 0 or 1, judged by the spread that the mean leaves room for.
    pub fn is_binary(&self) -> bool {
        let Moments { n, mean, m2 } = self.outcome;
        let expected = n as f64 * mean * (1.0 - mean);
        let whole = n as f64 * mean;
        (0.0..=1.0).contains(&mean)
            && (m2 - expected).abs() <= 1e-6 * expected.max(1e-3)
            && (whole - libm::round(whole)).abs() <= 1e-6 * whole.max(1.0)
    }
}
