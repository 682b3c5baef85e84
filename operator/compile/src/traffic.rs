//! What deciders told of requests and decisions, summed by day: what attributes look like, which rules win anybody, and why
//! others do not.
//!
//! Sums are those of UTC days. They stand on statuses, from where they go on when somebody else does the counting.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::channel_binding::DecisionFigures;
use attune_api::{DataContractStatus, Day, Kind};
use attune_core::decide::Reason;
use attune_core::measure::counts::{self, Counts};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::observed::{Idle, Observed};
use crate::snapshot::Snapshot;

mod idle;
#[cfg(test)]
mod tests;
mod told;

pub use told::Told;

/// Days that decisions and wins count for, today included.
const DAYS: i64 = 7;

/// Days that requests count for, today included: what was corrected is seen to be by the day after tomorrow.
const OBSERVED_DAYS: i64 = 2;

/// The most rules of one binding whose wins are kept: more than it can have, so that those of its last forms are among them.
const MAX_RULES: usize = 256;

/// The sums of one namespace.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Traffic {
    days: BTreeMap<Day, Sums>,
    /// When rules won somebody last, by binding and by what deciders call the rule.
    fired: BTreeMap<String, BTreeMap<String, Day>>,
    /// Live rules that win nobody while their touchpoint is decided, by binding and by what deciders call the rule.
    idle: BTreeMap<String, BTreeMap<String, Idle>>,
}

/// The sums of one day.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sums {
    attributes: BTreeMap<String, Observed>,
    /// Decisions that no rule won, by Channel and touchpoint.
    without: BTreeMap<(String, String), Reasons>,
    /// Decisions that rules won, by binding.
    won: BTreeMap<String, Reasons>,
}

/// Decisions by reason.
type Reasons = BTreeMap<Reason, u64>;

impl Traffic {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.fired.is_empty() && self.idle.is_empty()
    }

    /// Adds what the deciders of a Channel counted. What the snapshot has not is not counted: a decider may run rules of
    /// yesterday, and is not believed to speak for other Channels.
    pub fn add(&mut self, snapshot: &Snapshot, channel: &str, counts: &Counts, now: Timestamp) {
        let day = Day::of(now);
        let sums = self.days.entry(day).or_default();
        let contracts = snapshot.contracts.values();
        let contracted = contracts.flat_map(|contract| &contract.spec.attributes);
        for attribute in contracted {
            if let Some(seen) = counts.attributes.get(attribute.name.as_str()) {
                let name = attribute.name.as_str().to_owned();
                sums.attributes.entry(name).or_default().add(seen);
            }
        }
        let declared = snapshot.channels.get(channel);
        for touchpoint in declared.into_iter().flat_map(|channel| &channel.spec.touchpoints) {
            if let Some(reasons) = counts.touchpoints.get(touchpoint.name.as_str()) {
                let place = (channel.to_owned(), touchpoint.name.as_str().to_owned());
                add(sums.without.entry(place).or_default(), &known(reasons, false));
            }
        }
        for (name, counted) in &counts.bindings {
            let binding = snapshot.bindings.get(name);
            if binding.is_none_or(|binding| binding.spec.channel_ref.name.as_str() != channel) {
                continue;
            }
            add(
                sums.won.entry(name.clone()).or_default(),
                &known(&counted.reasons, true),
            );
            let fired = self.fired.entry(name.clone()).or_default();
            for rule in counted.rules.keys() {
                if fired.len() < MAX_RULES || fired.contains_key(rule) {
                    fired.insert(rule.clone(), day);
                }
            }
        }
    }

    /// Goes on from what stands on the status of an object.
    pub fn restore(
        &mut self,
        snapshot: &Snapshot,
        (kind, name): (Kind, &str),
        status: &Value,
        now: Timestamp,
    ) {
        match kind {
            Kind::ChannelBinding => {
                let decisions = status.get("decisions").map(DecisionFigures::deserialize);
                if let Some(Ok(decisions)) = decisions {
                    self.restore_binding(snapshot, name, &decisions);
                }
            }
            Kind::DataContract => {
                if let Ok(status) = DataContractStatus::deserialize(status) {
                    self.restore_contract(&status, now);
                }
            }
            _ => {}
        }
    }

    fn restore_binding(&mut self, snapshot: &Snapshot, name: &str, decisions: &DecisionFigures) {
        let Some(binding) = snapshot.bindings.get(name) else {
            return;
        };
        let place = (
            binding.spec.channel_ref.name.as_str().to_owned(),
            binding.spec.touchpoint.as_str().to_owned(),
        );
        for day in &decisions.days {
            let sums = self.days.entry(day.day).or_default();
            let reasons = day.reasons.iter();
            let reasons = reasons.map(|(reason, count)| (reason.clone(), count.unsigned_abs()));
            let reasons = reasons.collect();
            sums.won.insert(name.to_owned(), known(&reasons, true));
            // Every binding at the touchpoint says so, some perhaps a write earlier.
            let without = sums.without.entry(place.clone()).or_default();
            for (reason, count) in known(&reasons, false) {
                let sum = without.entry(reason).or_default();
                *sum = count.max(*sum);
            }
        }
        let fired = decisions.fired.iter();
        let fired = fired.map(|fired| (fired.rule.clone(), fired.last)).collect();
        self.fired.insert(name.to_owned(), fired);
        self.restore_idle(name, decisions);
    }

    /// What was seen within two days is taken for today's: it is forgotten later, and never too early.
    fn restore_contract(&mut self, status: &DataContractStatus, now: Timestamp) {
        let count = |figure: Option<i64>| figure.map_or(0, i64::unsigned_abs);
        for figures in &status.attributes {
            let requests = count(figures.requests);
            let share = figures.present_bp.map_or(0, i32::unsigned_abs);
            // Rounded up: the share of it is the one that stands.
            let present = (u128::from(requests) * u128::from(share)).div_ceil(10_000);
            let seen = Observed {
                requests,
                present: u64::try_from(present).unwrap_or(u64::MAX),
                type_clashes: count(figures.type_clashes),
                outside_values: count(figures.outside_values),
                ..Observed::default()
            };
            let sums = self.days.entry(Day::of(now)).or_default();
            sums.attributes.insert(figures.name.as_str().to_owned(), seen);
        }
    }

    /// Forgets what is too old to count, and what is of bindings that are gone.
    pub fn expire(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let since = since(now, DAYS);
        self.days.retain(|day, _| *day >= since);
        let is_there = |binding: &str| snapshot.bindings.contains_key(binding);
        for sums in self.days.values_mut() {
            sums.won.retain(|binding, _| is_there(binding));
        }
        self.fired.retain(|binding, rules| {
            rules.retain(|_, last| *last >= since);
            !rules.is_empty() && is_there(binding)
        });
        self.expire_idle(snapshot, now);
    }

    /// What requests carried of each attribute, yesterday and today.
    pub fn observed(&self, now: Timestamp) -> BTreeMap<String, Observed> {
        let mut observed: BTreeMap<String, Observed> = BTreeMap::new();
        for (name, seen) in self
            .days
            .range(since(now, OBSERVED_DAYS)..)
            .flat_map(|(_, sums)| &sums.attributes)
        {
            observed.entry(name.clone()).or_default().join(seen);
        }
        observed
    }
}

impl Observed {
    fn add(&mut self, counts: &counts::AttributeCounts) {
        self.join(&Self {
            requests: counts.requests,
            present: counts.present,
            type_clashes: counts.type_clashes,
            outside_values: counts.outside_values,
            ..Self::default()
        });
    }

    fn join(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.present = self.present.saturating_add(other.present);
        self.type_clashes = self.type_clashes.saturating_add(other.type_clashes);
        self.outside_values = self.outside_values.saturating_add(other.outside_values);
        self.stale = self.stale.saturating_add(other.stale);
    }
}

/// The first of so many days that end with the present one.
fn since(now: Timestamp, days: i64) -> Day {
    let back = SignedDuration::from_hours(24 * (days - 1));
    Day::of(now.checked_sub(back).unwrap_or(now))
}

/// Whether a decision of this reason has a rule that won it.
const fn is_won(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::HeldOut | Reason::NotEnrolled | Reason::Experiment | Reason::Targeted
    )
}

/// The reasons that are known, of decisions that a rule won or of the others. Newer deciders may have more.
fn known(named: &counts::Reasons, won: bool) -> Reasons {
    let reasons = Reason::ALL.into_iter().filter(|reason| is_won(*reason) == won);
    let counted = reasons.filter_map(|reason| Some((reason, *named.get(reason.as_str())?)));
    counted.collect()
}

fn add(sums: &mut Reasons, counts: &Reasons) {
    for (reason, count) in counts {
        let sum = sums.entry(*reason).or_default();
        *sum = sum.saturating_add(*count);
    }
}

fn sum<'r>(reasons: impl IntoIterator<Item = &'r Reasons>) -> u64 {
    let counts = reasons.into_iter().flat_map(BTreeMap::values);
    counts.fold(0, |sum, count| sum.saturating_add(*count))
}

/// Bindings at a touchpoint, by Channel and touchpoint.
fn by_place(snapshot: &Snapshot) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut places: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for (name, binding) in &snapshot.bindings {
        let spec = &binding.spec;
        let place = (spec.channel_ref.name.as_str(), spec.touchpoint.as_str());
        places.entry(place).or_default().insert(name);
    }
    places
}
