//! Content debt: versions to make, to renew and to review, by the team that owns the module.
//!
//! A **version** is one module's words for one audience in one locale. It is needed wherever a Program lists the audience and
//! has not waived the cell, counted once however many touchpoints show it, and present when it is right at all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use attune_api::program::CellState;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Cell, Coverage};
use crate::snapshot::Snapshot;

/// How many quarters are looked at, the present one included.
pub const QUARTERS: usize = 4;

/// What teams have to do about content, this quarter and the next three.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Debt {
    /// By group.
    pub teams: BTreeMap<String, TeamLoad>,
}

/// What one team has to do.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TeamLoad {
    /// Versions needed.
    pub needed: usize,
    /// Versions present.
    pub present: usize,
    /// Work by quarter, the present one first.
    pub quarters: [QuarterLoad; QUARTERS],
}

/// What one team has to do in one quarter, in versions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct QuarterLoad {
    /// Versions that are missing; all of them are due at once.
    pub make: usize,
    /// Versions whose validity ends.
    pub renew: usize,
    /// Versions whose audience or Program is due for review; those to renew are not counted again.
    pub review: usize,
}

impl QuarterLoad {
    /// All of it; each costs the team one version of its capacity.
    pub const fn total(self) -> usize {
        self.make + self.renew + self.review
    }
}

impl TeamLoad {
    /// Versions that are missing.
    pub const fn missing(&self) -> usize {
        self.needed.saturating_sub(self.present)
    }
}

/// A calendar quarter, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter(i32);

impl Quarter {
    /// The quarter of an instant.
    pub fn of(at: Timestamp) -> Self {
        Self::of_date(at.to_zoned(TimeZone::UTC).date())
    }

    fn of_date(date: Date) -> Self {
        Self(i32::from(date.year()) * 4 + (i32::from(date.month()) - 1) / 3)
    }

    /// The quarter so many later.
    #[must_use]
    pub fn plus(self, quarters: usize) -> Self {
        Self(self.0.saturating_add(i32::try_from(quarters).unwrap_or(i32::MAX)))
    }

    /// How many quarters after another it is, where that is looked at; what is overdue counts as due now.
    fn after(self, now: Self) -> Option<usize> {
        usize::try_from(self.0.saturating_sub(now.0).max(0))
            .ok()
            .filter(|quarters| *quarters < QUARTERS)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Q{}", self.0.div_euclid(4), self.0.rem_euclid(4) + 1)
    }
}

/// One module's words for one audience in one locale.
type Version<'a> = (&'a str, &'a str, &'a str);

impl Debt {
    /// The debt of some Programs together: a version that two of them need is made once.
    pub fn of(snapshot: &Snapshot, programs: &[&Coverage<'_>], at: Timestamp) -> Self {
        let mut versions: BTreeMap<Version<'_>, bool> = BTreeMap::new();
        let mut variants: BTreeMap<(&str, &str), Due> = BTreeMap::new();
        let now = Quarter::of(at);
        for coverage in programs {
            for cell in coverage
                .cells
                .iter()
                .filter(|cell| cell.state != CellState::Waived)
            {
                let Some(module) = coverage.module(cell) else {
                    continue;
                };
                let is_right = cell.state == CellState::Differentiated;
                *versions
                    .entry((module, cell.audience, cell.locale))
                    .or_insert(true) &= is_right;
                if let (true, Some(rule)) = (is_right, coverage.rule(cell)) {
                    let due = variants.entry((module, rule.words.variant)).or_default();
                    due.note(snapshot, coverage, cell, (module, rule.words.variant), now);
                }
            }
        }
        let mut debt = Self::default();
        for ((module, ..), is_present) in versions {
            if let Some(load) = debt.team(snapshot, module) {
                load.needed += 1;
                load.present += usize::from(is_present);
            }
        }
        for ((module, _), due) in variants {
            if let Some(load) = debt.team(snapshot, module) {
                due.charge(load);
            }
        }
        for load in debt.teams.values_mut() {
            let missing = load.missing();
            load.quarters
                .iter_mut()
                .take(1)
                .for_each(|quarter| quarter.make = missing);
        }
        debt
    }

    fn team(&mut self, snapshot: &Snapshot, module: &str) -> Option<&mut TeamLoad> {
        let group = &snapshot.modules.get(module)?.spec.owner.group;
        Some(self.teams.entry(group.as_str().to_owned()).or_default())
    }
}

/// When something has to be done about a variant.
#[derive(Default)]
struct Due {
    renew: Option<usize>,
    reviews: BTreeSet<usize>,
}

impl Due {
    fn note(
        &mut self,
        snapshot: &Snapshot,
        coverage: &Coverage<'_>,
        cell: &Cell<'_>,
        (module, label): (&str, &str),
        now: Quarter,
    ) {
        let variants = snapshot.modules.get(module).map(|module| &module.spec.variants);
        let mut variants = variants.into_iter().flatten();
        let name = label.strip_prefix(module).and_then(|rest| rest.strip_prefix('/'));
        let variant = variants.find(|variant| Some(variant.name.as_str()) == name);
        let until = variant.and_then(|variant| variant.validity.as_ref()?.until.as_ref());
        // What ends with the first instant of a quarter has to be there before it begins.
        let last = until.map(|until| until.timestamp().saturating_sub(SignedDuration::from_nanos(1)));
        self.renew = last.and_then(|last| Quarter::of(last.unwrap_or(Timestamp::MIN)).after(now));
        let audience = snapshot.audiences.get(cell.audience);
        let reviews = [
            audience.and_then(|audience| audience.spec.review_by),
            coverage.program.spec.review_by,
        ];
        let reviews = reviews
            .into_iter()
            .flatten()
            .filter_map(|day| Quarter::of_date(day.date()).after(now));
        self.reviews.extend(reviews);
    }

    fn charge(&self, load: &mut TeamLoad) {
        for (index, quarter) in load.quarters.iter_mut().enumerate() {
            if self.renew == Some(index) {
                quarter.renew += 1;
            } else if self.reviews.contains(&index) {
                quarter.review += 1;
            }
        }
    }
}
