//! Holdouts: what the whole programme is worth, against units that were never personalized.
//!
//! The holdout is compared with an equal-sized random slice of the exposed, units whose holdout bucket lies in
//! `[share, 2 share)`: a small holdout against everyone else errs 9-24 % on revenue-like data, nearly always towards lift.
//! A holdout is always `continuous`.

use core::fmt;

use crate::analysis::{Analysis, Figures};

/// Above this share of exposed units in the holdout a warning is due.
const WARN_ABOVE: f64 = 0.001;
/// Above this share the comparison is refused.
const REFUSE_ABOVE: f64 = 0.01;

/// How many held-out units saw what they were held out from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contamination {
    /// At most 0.1 %.
    Clean,
    /// Above 0.1 %: to be looked into.
    Suspect,
    /// Above 1 %: no figure is shown.
    Refused,
}

impl Contamination {
    /// Judges `exposed` of `held_out` units.
    pub fn of(exposed: u64, held_out: u64) -> Self {
        let share = if held_out == 0 {
            0.0
        } else {
            exposed as f64 / held_out as f64
        };
        if share > REFUSE_ABOVE {
            Self::Refused
        } else if share > WARN_ABOVE {
            Self::Suspect
        } else {
            Self::Clean
        }
    }
}

impl fmt::Display for Contamination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "at most 0.1 % of the held-out units were exposed",
            Self::Suspect => "more than 0.1 % of the held-out units were exposed",
            Self::Refused => "more than 1 % of the held-out units were exposed",
        })
    }
}

/// A total with its interval: never a point alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncrementalValue {
    /// Difference per unit times exposed units.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// The difference per unit over all exposed units; `None` while figures are withheld.
pub fn incremental_value(analysis: &Analysis, exposed: u64) -> Option<IncrementalValue> {
    let Figures {
        estimate, low, high, ..
    } = analysis.absolute?;
    let units = exposed as f64;
    let value = IncrementalValue {
        estimate: estimate * units,
        low: low * units,
        high: high * units,
    };
    [value.estimate, value.low, value.high]
        .iter()
        .all(|figure| figure.is_finite())
        .then_some(value)
}

#[cfg(test)]
mod tests;
