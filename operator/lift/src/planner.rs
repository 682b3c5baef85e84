//! Before the start: how many units an experiment needs, and what the units that there are can show.
//!
//! Power is the chance of a significant result *in the right direction*. Refusing to start what cannot conclude is cheaper
//! than eight weeks of `Collecting`.

use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use crate::analysis::Method;
use crate::continuous::{ConfidenceSequence, FIRST_LOOK_UNITS};
use crate::planned;
use crate::special::{normal_quantile, normal_tail};

/// More units than this are not waited for.
const MOST_UNITS: f64 = 1e12;
const MOST_STEPS: u32 = 100;

mod looks;

/// What an experiment is planned with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The design.
    pub method: Method,
    /// Two-sided level.
    pub alpha: f64,
    /// Chance of finding the effect, for example 0.8.
    pub power: f64,
    /// Share of units in control, between 0 and 1.
    pub control_share: f64,
    /// Variance of one control unit.
    pub control_variance: f64,
    /// Variance of one treatment unit.
    pub treatment_variance: f64,
    /// How many looks a `Planned` design takes, evenly spaced (at most 1,000); others ignore it.
    pub looks: u32,
}

/// Why there is no plan.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// A field is out of range.
    OutOfRange {
        /// Which one.
        field: &'static str,
    },
    /// The units that there are cannot show the effect.
    CannotConclude {
        /// Units needed, both arms together.
        needed: u64,
        /// Units there are.
        available: u64,
    },
    /// No number of units that anybody has shows the effect.
    Hopeless,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field } => write!(f, "`{field}` is out of range"),
            Self::CannotConclude { needed, available } => write!(
                f,
                "the experiment needs {needed} units and will have {available}: run it longer, on more traffic, or look for a larger effect"
            ),
            Self::Hopeless => f.write_str("the effect is too small to be shown by any number of units"),
        }
    }
}

impl Error for PlanError {}

impl Plan {
    /// A plan for a proportion that is `control` in control and `treatment` in treatment, in equal arms, at 5 % and 80 %
    /// power.
    pub fn for_proportions(method: Method, control: f64, treatment: f64) -> Self {
        Self::for_means(method, control * (1.0 - control), treatment * (1.0 - treatment))
    }

    /// A plan for a mean with these variances of one unit, in equal arms, at 5 % and 80 % power.
    pub fn for_means(method: Method, control_variance: f64, treatment_variance: f64) -> Self {
        Self {
            method,
            alpha: 0.05,
            power: 0.8,
            control_share: 0.5,
            control_variance,
            treatment_variance,
            looks: 28,
        }
    }

    /// Units of both arms together that show an absolute difference of `effect` with the plan's power.
    ///
    /// # Errors
    /// When the plan or the effect is out of range, or more than 10^12 units would be needed.
    pub fn units_needed(&self, effect: f64) -> Result<u64, PlanError> {
        self.check()?;
        let effect = effect.abs();
        if !(effect > 0.0 && effect.is_finite()) {
            return Err(PlanError::OutOfRange { field: "effect" });
        }
        let unit = self.unit_variance();
        let units = match self.method {
            Method::Fixed | Method::Planned => {
                let drift = self.drift();
                drift / effect * (drift / effect) * unit
            }
            Method::Continuous => self.units_of_sequence(effect),
        };
        whole_units(units)
    }

    /// The smallest absolute difference that `units` of both arms together show with the plan's power.
    ///
    /// For `Continuous` the power at a single look at the end, in a sequence tuned to it; earlier looks add to that.
    ///
    /// # Errors
    /// When the plan is out of range or there are no units.
    pub fn detectable(&self, units: u64) -> Result<f64, PlanError> {
        self.check()?;
        if units == 0 {
            return Err(PlanError::OutOfRange { field: "units" });
        }
        Ok(self.detectable_at(units as f64))
    }

    /// Refuses an experiment whose units will not show `effect`.
    ///
    /// # Errors
    /// When the plan is out of range, or needs more units than are available.
    pub fn check_conclusive(&self, effect: f64, available: u64) -> Result<u64, PlanError> {
        let needed = self.units_needed(effect)?;
        if needed > available {
            Err(PlanError::CannotConclude { needed, available })
        } else {
            Ok(needed)
        }
    }

    fn detectable_at(&self, units: f64) -> f64 {
        let se = self.standard_error(units);
        match self.method {
            Method::Fixed | Method::Planned => self.drift() * se,
            Method::Continuous => {
                let critical = ConfidenceSequence::tuned_to(self.alpha, units).critical(units);
                (critical + normal_quantile(self.power)) * se
            }
        }
    }

    /// The standard error of the difference at `units` of both arms together.
    fn standard_error(&self, units: f64) -> f64 {
        libm::sqrt(self.unit_variance() / units)
    }

    /// The variance of the difference times the units of both arms.
    fn unit_variance(&self) -> f64 {
        self.control_variance / self.control_share + self.treatment_variance / (1.0 - self.control_share)
    }

    /// How many standard errors at the end the true difference must be, on average, for the power.
    fn drift(&self) -> f64 {
        let fixed = normal_quantile(self.power) - normal_quantile(0.5 * self.alpha);
        if self.method != Method::Planned {
            return fixed;
        }
        let looks: Vec<f64> = (1..=self.looks)
            .map(|look| f64::from(look) / f64::from(self.looks))
            .collect();
        // A group-sequential design needs a little more than a fixed one, never twice as much.
        bisect(fixed, 2.0 * fixed + 1.0, |drift| {
            planned::power(self.alpha, &looks, drift) >= self.power
        })
    }

    /// In a sequence that is tuned to its own end, the detectable difference falls with the units.
    fn units_of_sequence(&self, effect: f64) -> f64 {
        let least = 2.0 * FIRST_LOOK_UNITS as f64;
        if self.detectable_at(least) <= effect {
            return least;
        }
        libm::exp(bisect(libm::log(least), libm::log(MOST_UNITS) + 1.0, |log| {
            self.detectable_at(libm::exp(log)) <= effect
        }))
    }

    fn check(&self) -> Result<(), PlanError> {
        let share = |field, value: f64| {
            if value > 0.0 && value < 1.0 {
                Ok(())
            } else {
                Err(PlanError::OutOfRange { field })
            }
        };
        share("alpha", self.alpha)?;
        share("power", self.power)?;
        share("control_share", self.control_share)?;
        if self.power <= 0.5 * self.alpha {
            return Err(PlanError::OutOfRange { field: "power" });
        }
        let variance = |value: f64| value >= 0.0 && value.is_finite();
        if !variance(self.control_variance) {
            return Err(PlanError::OutOfRange {
                field: "control_variance",
            });
        }
        if !variance(self.treatment_variance) || self.control_variance + self.treatment_variance <= 0.0 {
            return Err(PlanError::OutOfRange {
                field: "treatment_variance",
            });
        }
        if self.method == Method::Planned && !(1..=1000).contains(&self.looks) {
            return Err(PlanError::OutOfRange { field: "looks" });
        }
        Ok(())
    }
}

/// The power of one fixed two-sided look, at a true difference of `drift` standard errors.
pub fn fixed_power(alpha: f64, drift: f64) -> f64 {
    normal_tail(-normal_quantile(0.5 * alpha) - drift)
}

/// The smallest value that is enough, between one that may not be and one that is.
fn bisect(mut low: f64, mut high: f64, enough: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..MOST_STEPS {
        let middle = 0.5 * (low + high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= 1e-12 * high {
            break;
        }
    }
    high
}

fn whole_units(units: f64) -> Result<u64, PlanError> {
    let whole = libm::ceil(units);
    if whole.is_nan() || whole > MOST_UNITS {
        return Err(PlanError::Hopeless);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, at least zero and at most 10^12"
    )]
    Ok((whole as u64).max(4))
}

#[cfg(test)]
mod tests;
