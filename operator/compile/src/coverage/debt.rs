//! Content debt: versions to make, to renew and to review, by the team that owns the module.
//!
//! A **version** is one module's words for one audience in one locale. It is needed wherever a Program lists the audience and
//! has not waived the cell, counted once however many touchpoints show it, and present when it is right at all of them.

use std::collections::BTreeMap;
use std::fmt;

use attune_api::program::CellState;
use attune_api::{Day, Instant};
use foldhash::{HashMap, HashMapExt};
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

    /// The quarter before whose end something has to be there that ends at an instant: what ends with the first instant of a
    /// quarter has to be there before it begins.
    fn until(end: Timestamp) -> Self {
        let last = end.saturating_sub(SignedDuration::from_nanos(1));
        Self::of(last.unwrap_or(Timestamp::MIN))
    }

    /// Its first instant, in the years that there are.
    fn start(self) -> Option<Timestamp> {
        let year = i16::try_from(self.0.div_euclid(4)).ok()?;
        let month = i8::try_from(self.0.rem_euclid(4) * 3 + 1).ok()?;
        let first = Date::new(year, month, 1).ok()?;
        Some(first.to_zoned(TimeZone::UTC).ok()?.timestamp())
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
        let mut versions: HashMap<Version<'_>, bool> = HashMap::new();
        let mut variants: HashMap<(&str, &str), Due> = HashMap::new();
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
                    let variant = (module, rule.words.variant);
                    let due = variants
                        .entry(variant)
                        .or_insert_with(|| Due::of(snapshot, variant, now));
                    due.note_reviews(snapshot, coverage, cell, now);
                }
            }
        }
        let mut modules: HashMap<&str, (usize, usize)> = HashMap::new();
        for ((module, ..), is_present) in versions {
            let (needed, present) = modules.entry(module).or_default();
            *needed += 1;
            *present += usize::from(is_present);
        }
        let mut debt = Self::default();
        for (module, (needed, present)) in modules {
            if let Some(load) = debt.team(snapshot, module) {
                load.needed += needed;
                load.present += present;
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

/// The next instant at which work comes to be due in another quarter: the start of the next, where any is due after the present.
pub(crate) fn next_turn(snapshot: &Snapshot, at: Timestamp) -> Option<Timestamp> {
    let variants = snapshot.modules.values().flat_map(|module| &module.spec.variants);
    let ends = variants.filter_map(|variant| variant.validity.as_ref()?.until.as_ref());
    let audiences = snapshot
        .audiences
        .values()
        .map(|audience| audience.spec.review_by);
    let programs = snapshot.programs.values().map(|program| program.spec.review_by);
    let days = audiences.chain(programs).flatten().map(Day::date);
    let renewed = ends.map(Instant::timestamp).max().map(Quarter::until);
    let reviewed = days.max().map(Quarter::of_date);
    let now = Quarter::of(at);
    let is_ahead = renewed.max(reviewed).is_some_and(|last| last > now);
    now.plus(1).start().filter(|_| is_ahead)
}

/// When something has to be done about a variant, in quarters from now.
struct Due {
    renew: Option<usize>,
    reviews: [bool; QUARTERS],
}

impl Due {
    fn of(snapshot: &Snapshot, (module, label): (&str, &str), now: Quarter) -> Self {
        let variants = snapshot.modules.get(module).map(|module| &module.spec.variants);
        let mut variants = variants.into_iter().flatten();
        let name = label.strip_prefix(module).and_then(|rest| rest.strip_prefix('/'));
        let variant = variants.find(|variant| Some(variant.name.as_str()) == name);
        let until = variant.and_then(|variant| variant.validity.as_ref()?.until.as_ref());
        Self {
            renew: until.and_then(|until| Quarter::until(until.timestamp()).after(now)),
            reviews: [false; QUARTERS],
        }
    }

    /// Notes when those are reviewed whom a cell is about.
    fn note_reviews(&mut self, snapshot: &Snapshot, coverage: &Coverage<'_>, cell: &Cell<'_>, now: Quarter) {
        let audience = snapshot.audiences.get(cell.audience);
        let days = [
            audience.and_then(|audience| audience.spec.review_by),
            coverage.program.spec.review_by,
        ];
        let quarters = days.into_iter().flatten();
        for quarter in quarters.filter_map(|day| Quarter::of_date(day.date()).after(now)) {
            self.reviews
                .iter_mut()
                .skip(quarter)
                .take(1)
                .for_each(|due| *due = true);
        }
    }

    fn charge(&self, load: &mut TeamLoad) {
        let quarters = load.quarters.iter_mut().zip(self.reviews);
        for (index, (quarter, is_reviewed)) in quarters.enumerate() {
            if self.renew == Some(index) {
                quarter.renew += 1;
            } else if is_reviewed {
                quarter.review += 1;
            }
        }
    }
}
