//! When a look is worthwhile: what may show before the planned end.

use alloc::vec::Vec;

use super::{Plan, PlanError, bisect, fixed_power, whole_units};
use crate::analysis::Method;
use crate::continuous::{ConfidenceSequence, FIRST_LOOK_NON_ZERO, FIRST_LOOK_UNITS};
use crate::planned;
use crate::special::normal_tail;

impl Plan {
    /// The chance that a true difference of `effect` has shown, in the right direction, by `units` of both arms together,
    /// in an experiment planned for `planned_units`.
    ///
    /// `Fixed` shows nothing before its end. `Planned` has taken the evenly spaced looks that fit. For `Continuous` it is
    /// the chance at that look alone; earlier looks add to it.
    ///
    /// # Errors
    /// When the plan is out of range, the effect is not a number, or there are no units.
    pub fn chance_by(&self, effect: f64, planned_units: u64, units: u64) -> Result<f64, PlanError> {
        self.check()?;
        let effect = effect.abs();
        if !effect.is_finite() {
            return Err(PlanError::OutOfRange { field: "effect" });
        }
        if planned_units == 0 || units == 0 {
            return Err(PlanError::OutOfRange { field: "units" });
        }
        let (planned, units) = (planned_units as f64, units as f64);
        let drift = effect / self.standard_error(units);
        Ok(match self.method {
            Method::Fixed if units < planned => 0.0,
            Method::Fixed => fixed_power(self.alpha, drift),
            Method::Planned => {
                let taken: Vec<f64> = self.fractions().filter(|time| *time <= units / planned).collect();
                planned::power(self.alpha, &taken, effect / self.standard_error(planned))
            }
            Method::Continuous => {
                let sequence = ConfidenceSequence::tuned_to(self.alpha, planned);
                normal_tail(sequence.critical(units) - drift)
            }
        })
    }

    /// The units of both arms together from which a look has at least this chance of showing a true difference of
    /// `effect`; `None` when no look up to the planned end has.
    ///
    /// `non_zero_share` is the share of control units whose outcome is not zero, which `Continuous` waits for.
    ///
    /// # Errors
    /// As [`Plan::chance_by`].
    pub fn look_with_chance(
        &self,
        effect: f64,
        planned_units: u64,
        non_zero_share: f64,
        chance: f64,
    ) -> Result<Option<u64>, PlanError> {
        let enough = |units: u64| Ok::<_, PlanError>(self.chance_by(effect, planned_units, units)? >= chance);
        let planned = planned_units as f64;
        match self.method {
            Method::Fixed => Ok(enough(planned_units)?.then_some(planned_units)),
            Method::Planned => {
                for fraction in self.fractions() {
                    let units = whole_units(fraction * planned)?;
                    if enough(units)? {
                        return Ok(Some(units));
                    }
                }
                Ok(None)
            }
            Method::Continuous => {
                let first = self.first_look(planned_units, non_zero_share)?;
                if first > planned_units || !enough(planned_units)? {
                    return Ok(None);
                }
                if enough(first)? {
                    return Ok(Some(first));
                }
                let sequence = ConfidenceSequence::tuned_to(self.alpha, planned);
                // Up to the end it is tuned to, the sequence narrows faster than the standard error.
                let shows = |units: f64| {
                    let drift = effect.abs() / self.standard_error(units);
                    normal_tail(sequence.critical(units) - drift) >= chance
                };
                whole_units(bisect(first as f64, planned, shows)).map(Some)
            }
        }
    }

    /// The units of both arms together before which nothing is shown.
    ///
    /// # Errors
    /// When the plan is out of range, or so few units have an outcome other than zero that nobody waits for 25 of them.
    pub fn first_look(&self, planned_units: u64, non_zero_share: f64) -> Result<u64, PlanError> {
        self.check()?;
        match self.method {
            Method::Fixed => Ok(planned_units),
            Method::Planned => whole_units(self.fractions().next().unwrap_or(1.0) * planned_units as f64),
            Method::Continuous => {
                let smaller = self.control_share.min(1.0 - self.control_share);
                let arm = (FIRST_LOOK_UNITS as f64).max(FIRST_LOOK_NON_ZERO / non_zero_share.clamp(0.0, 1.0));
                whole_units(arm / smaller)
            }
        }
    }

    /// The looks of a planned design, as shares of the plan.
    fn fractions(&self) -> impl Iterator<Item = f64> + use<> {
        let looks = self.looks;
        (1..=looks).map(move |look| f64::from(look) / f64::from(looks))
    }
}
