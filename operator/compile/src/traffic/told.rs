//! The sums as figures of statuses.

use std::collections::BTreeMap;

use attune_api::channel_binding::{DecisionDay, DecisionFigures, FiredRule, ReasonShare};
use attune_api::data_contract::AttributeFigures;
use attune_api::{ChannelBindingStatus, ChannelStatus, DataContractStatus, Day, Kind, ProgramStatus};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{DAYS, Reasons, Traffic, add, by_place, since, sum};
use crate::figures::fields;
use crate::live::{LiveRules, Row};
use crate::observed::Observed;
use crate::snapshot::Snapshot;
use crate::strategy::count;

/// The most rules that a status lists.
pub(super) const MAX_LISTED: usize = 64;

/// What there is to tell of one namespace at one moment.
#[derive(Debug)]
pub struct Told<'t> {
    snapshot: &'t Snapshot,
    rules: &'t LiveRules,
    observed: BTreeMap<String, Observed>,
    bindings: BTreeMap<&'t str, DecisionFigures>,
    since: Day,
}

impl Traffic {
    /// What there is to tell.
    pub fn tell<'t>(&'t self, snapshot: &'t Snapshot, rules: &'t LiveRules, now: Timestamp) -> Told<'t> {
        let since = since(now, DAYS);
        let rows: BTreeMap<_, _> = rules.rows.iter().map(|row| (row.binding.as_str(), row)).collect();
        let mut bindings = BTreeMap::new();
        for ((channel, touchpoint), names) in by_place(snapshot) {
            let place = (channel.to_owned(), touchpoint.to_owned());
            let days = || self.days.range(since..);
            let without = days().filter_map(|(_, sums)| sums.without.get(&place));
            let won = days().flat_map(|(_, sums)| names.iter().filter_map(|name| sums.won.get(*name)));
            let total = sum(without.chain(won));
            for name in names {
                let idle = self.idle_of(name);
                // What is known of rules that win nobody outlives a week without a decision by a day.
                if total == 0 && idle.is_empty() {
                    continue;
                }
                let days = days().filter_map(|(day, sums)| {
                    let mut reasons = sums.without.get(&place).cloned().unwrap_or_default();
                    add(&mut reasons, sums.won.get(name).unwrap_or(&Reasons::new()));
                    (!reasons.is_empty()).then_some((*day, reasons))
                });
                let fired = self.fired_of(name, rows.get(name).copied(), since);
                let figures = DecisionFigures {
                    idle,
                    ..figures(days.collect(), total, fired)
                };
                bindings.insert(name, figures);
            }
        }
        Told {
            snapshot,
            rules,
            observed: self.observed(now),
            bindings,
            since,
        }
    }

    /// The rules of a binding that have won somebody, with their place where they still have one.
    fn fired_of(&self, binding: &str, row: Option<&Row>, since: Day) -> Vec<FiredRule> {
        let place = |rule: &str| {
            let mut live = row?.live.iter();
            live.find(|(_, known)| *known == rule)
                .map(|(place, _)| count(*place))
        };
        let fired = self.fired.get(binding).into_iter().flatten();
        let fired = fired.filter(|(_, last)| **last >= since);
        let mut fired: Vec<_> = fired
            .map(|(rule, last)| FiredRule {
                candidate: place(rule),
                rule: rule.clone(),
                last: *last,
            })
            .collect();
        // Those that are live first: their number is what the status says.
        fired.sort_by_key(|one| (one.candidate.is_none(), one.candidate, one.rule.clone()));
        fired.truncate(MAX_LISTED);
        fired
    }
}

fn figures(days: Vec<(Day, Reasons)>, total: u64, fired: Vec<FiredRule>) -> DecisionFigures {
    let mut own = Reasons::new();
    for (_, reasons) in &days {
        add(&mut own, reasons);
    }
    let shares = own.iter().map(|(reason, count)| ReasonShare {
        reason: reason.as_str().to_owned(),
        share_bp: share(*count, total),
    });
    let of_day = |(day, reasons): (Day, Reasons)| DecisionDay {
        day,
        reasons: reasons
            .into_iter()
            .map(|(reason, count)| (reason.as_str().to_owned(), signed(count)))
            .collect(),
    };
    DecisionFigures {
        total: signed(total),
        shares: shares.collect(),
        others_bp: share(total.saturating_sub(sum([&own])), total),
        days: days.into_iter().map(of_day).collect(),
        fired,
        idle: Vec::new(),
    }
}

impl Told<'_> {
    /// The figures of one object, as fields of its status.
    pub fn of(&self, kind: Kind, name: &str) -> Map<String, Value> {
        match kind {
            Kind::Program => fields(&ProgramStatus {
                fired_rules: self.fired(|row| row.program == name),
                ..ProgramStatus::default()
            }),
            Kind::Channel => fields(&ChannelStatus {
                fired_rules: self.fired(|row| row.channel == name),
                ..ChannelStatus::default()
            }),
            Kind::ChannelBinding => fields(&ChannelBindingStatus {
                fired_rules: self.fired(|row| row.binding == name),
                decisions: self.bindings.get(name).cloned(),
                ..ChannelBindingStatus::default()
            }),
            Kind::DataContract => fields(&DataContractStatus {
                attributes: self.attributes(name),
                ..DataContractStatus::default()
            }),
            _ => Map::new(),
        }
    }

    /// The rules of the namespace that are live and have won somebody; `None` until anything is known.
    pub fn fired_rules(&self) -> Option<i32> {
        self.fired(|_| true)
    }

    fn fired(&self, counts: impl Fn(&Row) -> bool) -> Option<i32> {
        let rows = self.rules.rows.iter().filter(|row| counts(row));
        let known = rows.filter_map(|row| {
            let decisions = self.bindings.get(row.binding.as_str())?;
            let fired = decisions.fired.iter();
            Some(
                fired
                    .filter(|one| one.candidate.is_some() && one.last >= self.since)
                    .count(),
            )
        });
        known.map(count).reduce(i32::saturating_add)
    }

    fn attributes(&self, contract: &str) -> Vec<AttributeFigures> {
        let contract = self.snapshot.contracts.get(contract);
        let attributes = contract.into_iter().flat_map(|one| &one.spec.attributes);
        let seen = attributes.filter_map(|one| Some((&one.name, self.observed.get(one.name.as_str())?)));
        seen.map(|(name, seen)| AttributeFigures {
            name: name.clone(),
            requests: Some(signed(seen.requests)),
            present_bp: Some(share(seen.present, seen.requests)),
            type_clashes: Some(signed(seen.type_clashes)),
            outside_values: Some(signed(seen.outside_values)),
            age_seconds: seen.age_seconds,
        })
        .collect()
    }
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A part of a whole in basis points.
fn share(part: u64, whole: u64) -> i32 {
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    i32::try_from(share).unwrap_or(i32::MAX)
}
