//! What was known at every midnight: the looks of the sequential designs.
//!
//! A unit enters on the day its window ends and its number never changes afterwards, so the looks of the past are sums
//! over days and need no bookkeeping. `continuous` may look at any instant, at the data cut too; `planned` looks at
//! midnight only, because each of its looks spends some of the level and one that nobody wrote down would spend it twice.

use std::collections::BTreeMap;

use attune_core::measure::MetricKind;
use attune_lift::{ArmMoments, MomentsError};

use super::units::UnitSum;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// What the matured units of each arm did, by the midnight at which they were first known.
#[derive(Debug)]
pub(crate) struct Observed {
    kind: MetricKind,
    arms: usize,
    days: BTreeMap<i64, Vec<Tally>>,
}

/// The moments of every arm at one midnight, of all units that had matured by then.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DayLook {
    /// Days since 1970.
    pub(crate) day: i64,
    /// By the place of the arm in the question.
    pub(crate) arms: Vec<ArmMoments>,
}

/// One arm while its units pass by.
#[derive(Debug, Clone, Copy)]
struct Tally {
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

    /// Takes a unit in; `places` are the arms of the question by the store's numbers. A unit of another arm is left out.
    pub(super) fn take(
        &mut self,
        places: &[(i64, usize)],
        unit: &UnitSum,
        denominator: Option<f64>,
    ) -> Result<(), MomentsError> {
        let Some((_, place)) = places.iter().find(|(id, _)| *id == unit.arm) else {
            return Ok(());
        };
        let arms = self
            .days
            .entry(day_of(unit.matured))
            .or_insert_with(|| vec![Tally::EMPTY; self.arms]);
        let Some(tally) = arms.get_mut(*place) else {
            return Ok(());
        };
        match self.kind {
            MetricKind::Proportion => {
                tally.units += 1;
                tally.successes += u64::from(unit.matches > 0);
                Ok(())
            }
            MetricKind::Count => tally.moments.push(unit.matches as f64),
            MetricKind::Mean | MetricKind::Ratio => tally.moments.push_unit(unit.sum, None, denominator),
        }
    }

    /// Takes in many units of one arm that matured by one midnight: how many, and of them with any outcome, and their
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

    /// The state at every midnight at which something had changed, oldest first; the last one holds every unit.
    pub(crate) fn looks(&self) -> Result<Vec<DayLook>, MomentsError> {
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
            looks.push(DayLook { day: *day, arms });
        }
        Ok(looks)
    }
}

impl Tally {
    const EMPTY: Self = Self {
        units: 0,
        successes: 0,
        moments: ArmMoments::EMPTY,
    };

    fn merged(&self, other: &Self) -> Result<Self, MomentsError> {
        Ok(Self {
            units: self.units + other.units,
            successes: self.successes + other.successes,
            moments: self.moments.merged(&other.moments)?,
        })
    }

    fn moments(&self, kind: MetricKind) -> Result<ArmMoments, MomentsError> {
        match kind {
            // From the counts, so that the figures are those of the fraction and not of its rounding.
            MetricKind::Proportion => ArmMoments::proportion(self.units, self.successes),
            _ => Ok(self.moments),
        }
    }
}

/// The first midnight at or after an instant, in days since 1970.
pub(super) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY) + i64::from(micros.rem_euclid(DAY) > 0)
}
