//! What sums and values are refused for.

use core::error::Error;
use core::fmt;

use super::MOST_UNITS;

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
