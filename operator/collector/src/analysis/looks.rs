//! What was known at every midnight: the looks of the sequential designs.
//!
//! A unit enters on the day its window ends and its number never changes afterwards, so the looks of the past are sums
//! over days and need no bookkeeping. `continuous` may look at any instant, at the data cut too; `planned` looks at
//! midnight only, because each of its looks spends some of the level and one that nobody wrote down would spend it twice.

use std::collections::BTreeMap;

use attune_core::measure::MetricKind;
use attune_lift::{ArmMoments, MomentsError};

use super::sums::Sum;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// What the matured units of each arm did in one phase, by the midnight at which they were first known.
#[derive(Debug)]
pub(crate) struct Observed {
    kind: MetricKind,
    arms: usize,
    days: BTreeMap<i64, Vec<Tally>>,
}

/// The moments of every arm at one midnight, of all units that had matured by then.
#[derive(Debug, Clone)]
pub(super) struct DayLook {
    /// Days since 1970.
    pub(super) day: i64,
    /// By phase, and by the place of the arm in the question.
    pub(super) phases: Vec<Vec<ArmMoments>>,
}

/// What one unit brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) outcome: Sum,
    pub(super) denominator: Option<f64>,
    pub(super) covariate: Option<f64>,
}

/// One arm while its units pass by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    units: u64,
    successes: u64,
    moments: ArmMoments,
}

impl Observed {
    pub(crate) fn new(kind: MetricKind, arms: usize) -> Self {
        Self {
            kind,
            arms,
            days: BTreeMap::new(),
        }
    }

    /// Takes a unit in that matured at an instant, in the arm at `place`.
    pub(super) fn take(&mut self, place: usize, matured: i64, unit: &Taken) -> Result<(), MomentsError> {
        let arms = self
            .days
            .entry(day_of(matured))
            .or_insert_with(|| vec![Tally::EMPTY; self.arms]);
        match arms.get_mut(place) {
            Some(tally) => tally.take(self.kind, unit),
            None => Ok(()),
        }
    }

    /// Takes in many units of one arm that matured by one midnight: how many, how many of them with any outcome, and their
    /// moments.
    pub(crate) fn add(
        &mut self,
        place: usize,
        day: i64,
        (units, successes): (u64, u64),
        moments: ArmMoments,
    ) -> Result<(), MomentsError> {
        let arms = self
            .days
            .entry(day)
            .or_insert_with(|| vec![Tally::EMPTY; self.arms]);
        if let Some(tally) = arms.get_mut(place) {
            *tally = tally.merged(&Tally {
                units,
                successes,
                moments,
            })?;
        }
        Ok(())
    }

    /// The state at every midnight at which something had changed, oldest first, by the place of the arm.
    pub(crate) fn days(&self) -> Result<Vec<(i64, Vec<ArmMoments>)>, MomentsError> {
        let mut known = vec![Tally::EMPTY; self.arms];
        let mut looks = Vec::with_capacity(self.days.len());
        for (day, arms) in &self.days {
            for (known, new) in known.iter_mut().zip(arms) {
                *known = known.merged(new)?;
            }
            let arms = known
                .iter()
                .map(|tally| tally.moments(self.kind))
                .collect::<Result<_, _>>()?;
            looks.push((*day, arms));
        }
        Ok(looks)
    }
}

/// The state of all phases at every midnight at which something had changed in one of them, oldest first; the last one
/// holds every unit.
pub(super) fn looks(phases: &[Observed]) -> Result<Vec<DayLook>, MomentsError> {
    let arms = phases.first().map_or(0, |phase| phase.arms);
    let mut known = vec![vec![ArmMoments::EMPTY; arms]; phases.len()];
    let mut changes: BTreeMap<i64, Vec<(usize, Vec<ArmMoments>)>> = BTreeMap::new();
    for (phase, observed) in phases.iter().enumerate() {
        for (day, moments) in observed.days()? {
            changes.entry(day).or_default().push((phase, moments));
        }
    }
    let look = |(day, changed): (i64, Vec<(usize, Vec<ArmMoments>)>)| {
        for (phase, moments) in changed {
            if let Some(known) = known.get_mut(phase) {
                *known = moments;
            }
        }
        DayLook {
            day,
            phases: known.clone(),
        }
    };
    Ok(changes.into_iter().map(look).collect())
}

impl Tally {
    pub(super) const EMPTY: Self = Self {
        units: 0,
        successes: 0,
        moments: ArmMoments::EMPTY,
    };

    pub(super) fn take(&mut self, kind: MetricKind, unit: &Taken) -> Result<(), MomentsError> {
        match kind {
            MetricKind::Proportion => {
                let success = unit.outcome.matches > 0;
                self.units += 1;
                self.successes += u64::from(success);
                match unit.covariate {
                    Some(_) => self
                        .moments
                        .push_unit(f64::from(u8::from(success)), unit.covariate, None),
                    None => Ok(()),
                }
            }
            MetricKind::Count => self
                .moments
                .push_unit(unit.outcome.matches as f64, unit.covariate, None),
            MetricKind::Mean => self.moments.push_unit(unit.outcome.sum, unit.covariate, None),
            MetricKind::Ratio => {
                self.moments
                    .push_unit(unit.outcome.sum, None, Some(unit.denominator.unwrap_or(0.0)))
            }
        }
    }

    fn merged(&self, other: &Self) -> Result<Self, MomentsError> {
        Ok(Self {
            units: self.units + other.units,
            successes: self.successes + other.successes,
            moments: self.moments.merged(&other.moments)?,
        })
    }

    pub(super) fn moments(&self, kind: MetricKind) -> Result<ArmMoments, MomentsError> {
        if kind != MetricKind::Proportion {
            return Ok(self.moments);
        }
        // From the counts, so that the figures are those of the fraction and not of its rounding.
        let counted = ArmMoments::proportion(self.units, self.successes)?;
        Ok(match self.moments.covariate() {
            Some(covariate) => counted.with_covariate(*covariate),
            None => counted,
        })
    }
}

/// The first midnight at or after an instant, in days since 1970.
pub(super) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY) + i64::from(micros.rem_euclid(DAY) > 0)
}
