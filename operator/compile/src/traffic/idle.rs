//! Rules that are live and win nobody.
//!
//! That a rule has won nobody is known of days on which somebody else was decided at its touchpoint, and no longer than deciders
//! tell: a week without a word, and whatever was before it is not known any more.

use std::collections::{BTreeMap, BTreeSet};

use attune_api::Day;
use attune_api::channel_binding::{DecisionFigures, IdleRule};
use jiff::Timestamp;

use super::told::{MAX_LISTED, signed};
use super::{DAYS, Traffic, by_place, since, sum};
use crate::live::LiveRules;
use crate::observed::{Idle, MIN_REQUESTS};
use crate::snapshot::Snapshot;

impl Traffic {
    /// Notes which live rules have won nobody so far today, where anything was decided.
    pub fn watch(&mut self, snapshot: &Snapshot, rules: &LiveRules, now: Timestamp) {
        let today = Day::of(now);
        let rows: BTreeMap<_, _> = rules.rows.iter().map(|row| (row.binding.as_str(), row)).collect();
        let mut watched = BTreeMap::new();
        for (place, names) in by_place(snapshot) {
            let decided = |day| self.decided(place, &names, day);
            let is_decided = decided(today) > 0;
            for row in names.iter().filter_map(|name| rows.get(name)) {
                let wins = self.fired.get(&row.binding);
                let before = self.idle.get(&row.binding);
                let idle = row.live.values().filter_map(|rule| {
                    let won = wins.and_then(|wins| wins.get(rule));
                    let known = before.and_then(|before| before.get(rule));
                    let known = known.filter(|idle| won.is_none_or(|won| *won < idle.since));
                    let is_new = || is_decided && won.is_none_or(|won| *won < today);
                    let mut idle = match known {
                        Some(known) => *known,
                        None => is_new().then_some(Idle::from(today))?,
                    };
                    if is_decided && idle.last < today {
                        idle.decisions = idle.decisions.saturating_add(decided(idle.last));
                        idle.last = today;
                    }
                    Some((rule.clone(), idle))
                });
                watched.insert(row.binding.clone(), idle.collect());
            }
        }
        watched.retain(|_, rules: &mut BTreeMap<_, _>| !rules.is_empty());
        self.idle = watched;
    }

    /// Rules of which enough decisions are known to say that they win nobody.
    pub fn idle(&self) -> BTreeMap<String, BTreeMap<String, Idle>> {
        let known = self.idle.iter().map(|(binding, rules)| {
            let known = rules.iter().filter(|(_, idle)| idle.decisions >= MIN_REQUESTS);
            let known = known.map(|(rule, idle)| (rule.clone(), *idle));
            (binding.clone(), known.collect::<BTreeMap<_, _>>())
        });
        known.filter(|(_, rules)| !rules.is_empty()).collect()
    }

    /// All decisions at a touchpoint on one day.
    fn decided(&self, (channel, touchpoint): (&str, &str), bindings: &BTreeSet<&str>, day: Day) -> u64 {
        let Some(sums) = self.days.get(&day) else {
            return 0;
        };
        let without = sums.without.get(&(channel.to_owned(), touchpoint.to_owned()));
        let won = bindings.iter().filter_map(|name| sums.won.get(*name));
        sum(without.into_iter().chain(won))
    }

    pub(super) fn restore_idle(&mut self, binding: &str, decisions: &DecisionFigures) {
        let idle = decisions.idle.iter().map(|one| {
            let idle = Idle {
                since: one.since,
                last: one.last,
                decisions: one.decisions.unsigned_abs(),
            };
            (one.rule.clone(), idle)
        });
        self.idle.insert(binding.to_owned(), idle.collect());
    }

    pub(super) fn expire_idle(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let since = since(now, DAYS + 1);
        self.idle.retain(|binding, rules| {
            rules.retain(|_, idle| idle.last >= since);
            !rules.is_empty() && snapshot.bindings.contains_key(binding)
        });
    }

    /// The rules of a binding that win nobody, as its status lists them.
    pub(super) fn idle_of(&self, binding: &str) -> Vec<IdleRule> {
        let idle = self.idle.get(binding).into_iter().flatten();
        let idle = idle.take(MAX_LISTED).map(|(rule, idle)| IdleRule {
            rule: rule.clone(),
            since: idle.since,
            last: idle.last,
            decisions: signed(idle.decisions),
        });
        idle.collect()
    }
}
