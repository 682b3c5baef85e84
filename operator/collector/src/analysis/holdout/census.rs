//! Who was seen under a holdout in its period, and on which side.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::measure::holdout::{HoldoutQuestion, HoldoutScope, HoldoutUnits};
use jiff::Timestamp;

use crate::analysis::AnswerError;
use crate::analysis::looks::day_of;
use crate::analysis::sums::{Member, length};
use crate::store::{Encounter, Snapshot, SplitKind, micros};

/// The place of held units among the two arms.
pub(super) const HELD: usize = 0;
/// The place of the slice.
pub(super) const SLICE: usize = 1;

/// All scopes of a question.
pub(super) struct Census {
    /// Every exposure, whatever its binding.
    pub(super) all: Side,
    /// By the question's order.
    pub(super) scopes: Vec<Side>,
}

/// The units of one scope.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) units: HoldoutUnits,
    /// Held units and those of the slice, by unit, their place [`HELD`] or [`SLICE`].
    pub(super) members: Vec<Member>,
    /// For every metric of the scope, the units that were not held whose window is over.
    pub(super) exposed_matured: Vec<u64>,
    /// Units with a held exposure, and all of them.
    seen_held: u64,
    seen: u64,
}

/// What is known of one unit in one scope.
#[derive(Debug, Clone, Copy)]
struct Seen {
    first: i64,
    held: bool,
    open: bool,
    baseline: bool,
}

/// How one scope reads exposures.
struct Reader {
    /// Absent: all bindings.
    bindings: Option<BTreeSet<i64>>,
    /// Latest first exposure whose window is over, by metric.
    last: Vec<i64>,
    side: Side,
    present: Option<Seen>,
}

impl Census {
    pub(super) fn read(
        snapshot: &Snapshot,
        question: &HoldoutQuestion,
        at: Timestamp,
    ) -> Result<Self, AnswerError> {
        let period = &question.registration;
        let mut readers = vec![Reader::new(None, Vec::new())];
        for scope in &question.scopes {
            readers.push(Reader::of(snapshot, scope, at)?);
        }
        let split = snapshot.split(&period.namespace, SplitKind::Holdout, &period.holdout, 1)?;
        let salt = snapshot.name(&period.salt)?;
        let baseline = baseline_arms(snapshot, question)?;
        let share = u32::try_from(period.share_bp).unwrap_or_default();
        if let Some(split) = split {
            let mut present: Option<(i64, Option<u32>)> = None;
            snapshot.each_encounter(split, (period.from, period.until), at, |met| {
                if present.is_none_or(|(unit, _)| unit != met.unit) {
                    close(&mut readers, present, share);
                    present = Some((met.unit, None));
                }
                if let Some((_, bucket)) = &mut present {
                    // An alias may have joined two units; the earliest exposure counts.
                    let known = met.bucket.filter(|_| salt.is_some() && met.salt == salt);
                    *bucket = bucket.or(known);
                }
                let in_baseline = met.arm.is_some_and(|arm| baseline.contains(&arm));
                for reader in &mut readers {
                    reader.meet(&met, in_baseline);
                }
            })?;
            close(&mut readers, present, share);
        }
        let mut sides = readers.into_iter().map(|reader| reader.side);
        Ok(Self {
            all: sides.next().unwrap_or_default(),
            scopes: sides.collect(),
        })
    }
}

/// All exposures of a unit have passed by.
fn close(readers: &mut [Reader], present: Option<(i64, Option<u32>)>, share: u32) {
    let Some((unit, bucket)) = present else { return };
    for reader in readers {
        reader.close(unit, bucket, share);
    }
}

/// The arms that show the baseline, as (split, arm), in every phase of their experiments.
fn baseline_arms(
    snapshot: &Snapshot,
    question: &HoldoutQuestion,
) -> Result<BTreeSet<(i64, i64)>, AnswerError> {
    let mut arms = BTreeSet::new();
    for arm in &question.baseline_arms {
        let Some(name) = snapshot.name(&arm.arm)? else {
            continue;
        };
        let phases = snapshot.phases(&question.registration.namespace, &arm.experiment, i32::MAX)?;
        arms.extend(phases.into_iter().map(|(_, split)| (split.0, name)));
    }
    Ok(arms)
}

impl Reader {
    fn new(bindings: Option<BTreeSet<i64>>, last: Vec<i64>) -> Self {
        let side = Side {
            exposed_matured: vec![0; last.len()],
            ..Side::default()
        };
        Self {
            bindings,
            last,
            side,
            present: None,
        }
    }

    fn of(snapshot: &Snapshot, scope: &HoldoutScope, at: Timestamp) -> Result<Self, AnswerError> {
        let mut bindings = BTreeSet::new();
        for binding in &scope.bindings {
            bindings.extend(snapshot.name(binding)?);
        }
        let last = scope
            .metrics
            .iter()
            .map(|metric| micros(at).saturating_sub(length(metric.window_seconds)));
        let restricted = !scope.bindings.is_empty();
        Ok(Self::new(restricted.then_some(bindings), last.collect()))
    }

    fn meet(&mut self, met: &Encounter, in_baseline: bool) {
        if let Some(bindings) = &self.bindings
            && !met.binding.is_some_and(|binding| bindings.contains(&binding))
        {
            return;
        }
        // Exposures of a unit come by time, so the first one is the first.
        let seen = self.present.get_or_insert(Seen {
            first: met.time,
            held: false,
            open: false,
            baseline: false,
        });
        seen.held |= met.held;
        seen.open |= !met.held;
        seen.baseline |= in_baseline;
    }

    fn close(&mut self, unit: i64, bucket: Option<u32>, share: u32) {
        let Some(seen) = self.present.take() else { return };
        let Side {
            units,
            members,
            exposed_matured,
            ..
        } = &mut self.side;
        let mut join = |place| {
            members.push(Member {
                unit,
                first: seen.first,
                place,
            });
        };
        let mut exposed = false;
        match bucket {
            None => {
                units.unknown += 1;
                exposed = !seen.held;
            }
            Some(bucket) if bucket < share => {
                units.held += 1;
                units.contaminated += u64::from(seen.open);
                join(HELD);
            }
            Some(_) if seen.held => units.misplaced += 1,
            Some(bucket) => {
                exposed = true;
                if bucket < share.saturating_mul(2) {
                    units.slice += 1;
                    units.slice_in_baseline += u64::from(seen.baseline);
                    join(SLICE);
                }
            }
        }
        if exposed {
            units.exposed += 1;
            for (count, last) in exposed_matured.iter_mut().zip(&self.last) {
                *count += u64::from(seen.first <= *last);
            }
        }
        self.side.seen += 1;
        self.side.seen_held += u64::from(seen.held);
    }
}

impl Side {
    /// Share of all units that were held, in basis points.
    pub(super) fn held_share_bp(&self) -> Option<f64> {
        super::share_bp(self.seen_held, self.seen)
    }

    /// Held units and those of the slice so far, at every midnight at which somebody was new and at the data cut.
    pub(super) fn sizes_by_day(&self) -> Vec<(u64, u64)> {
        let mut days: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for member in &self.members {
            let (held, slice) = days.entry(day_of(member.first)).or_default();
            *(if member.place == HELD { held } else { slice }) += 1;
        }
        let (mut held, mut slice) = (0, 0);
        days.into_values()
            .map(|(new_held, new_slice)| {
                held += new_held;
                slice += new_slice;
                (held, slice)
            })
            .collect()
    }
}
