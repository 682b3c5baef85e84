//! What is kept of an arm: mergeable moments, never rows.
//!
//! Mean and sum of squared deviations instead of sums of squares: revenue has a variance that is small beside its mean
//! square, and a difference of two large sums has no digits left. Two sets of moments merge by Chan, Golub and `LeVeque`
//! (1979), in any order, to the moments of the union.

use core::error::Error;
use core::fmt;

mod companion;

pub use companion::Companion;

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

/// Everything that is kept of one arm and one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmMoments {
    outcome: Moments,
    covariate: Option<Companion>,
    denominator: Option<Companion>,
    non_zero: Option<u64>,
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
    pub fn new(outcome: Moments) -> Self {
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

struct CompanionNames {
    sum: &'static str,
    squares: &'static str,
    cross: &'static str,
}

const COVARIATE: CompanionNames = CompanionNames {
    sum: "covariate.sum",
    squares: "covariate.sum_squares",
    cross: "covariate.cross_sum",
};
const DENOMINATOR: CompanionNames = CompanionNames {
    sum: "denominator.sum",
    squares: "denominator.sum_squares",
    cross: "denominator.cross_sum",
};

/// Why a set of moments cannot be one of real units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MomentsError {
    /// A part is `NaN` or infinite.
    NotFinite {
        /// Which one.
        field: &'static str,
    },
    /// A part that cannot be negative is.
    Negative {
        /// Which one.
        field: &'static str,
    },
    /// More units than are counted exactly.
    TooManyUnits {
        /// How many.
        n: u64,
    },
    /// Sums over no units.
    SumWithoutUnits {
        /// Which one.
        field: &'static str,
    },
    /// A sum of squares below what the sum alone demands.
    SquaresTooSmall {
        /// The sum of squares.
        squares: &'static str,
        /// The sum.
        sum: &'static str,
    },
    /// A cross sum that no two variables with these sums of squares have.
    CrossTooLarge {
        /// Which one.
        field: &'static str,
    },
    /// More of something than there are units.
    MoreThanUnits {
        /// Of what.
        field: &'static str,
        /// How many.
        count: u64,
        /// Of how many units.
        n: u64,
    },
    /// One of two sets of units to be merged carries what the other lacks.
    OnlyOnOneSide {
        /// What.
        field: &'static str,
    },
}

impl fmt::Display for MomentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite { field } => write!(f, "`{field}` is not a finite number"),
            Self::Negative { field } => write!(f, "`{field}` is negative"),
            Self::TooManyUnits { n } => write!(f, "`n` is {n}: units are counted exactly up to {MOST_UNITS}"),
            Self::SumWithoutUnits { field } => write!(f, "`{field}` is not zero although `n` is 0"),
            Self::SquaresTooSmall { squares, sum } => {
                write!(
                    f,
                    "`{squares}` is smaller than `{sum}` squared over `n`: no units have such sums"
                )
            }
            Self::CrossTooLarge { field } => {
                write!(
                    f,
                    "`{field}` is larger than both sums of squares allow: no units have such sums"
                )
            }
            Self::MoreThanUnits { field, count, n } => write!(f, "`{field}` is {count} of only {n} units"),
            Self::OnlyOnOneSide { field } => {
                write!(
                    f,
                    "only one of two sets of units has a {field}: give it for all units or for none"
                )
            }
        }
    }
}

impl Error for MomentsError {}

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
