//! The strategy behind the resources: what it covers, who its audiences are to each other, what they are good for, and how many
//! of its rules are real.
//!
//! It is read off what was compiled, so that it says what people get, and is written to statuses and findings; nothing in a
//! bundle follows from it but where a policy enforces a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::governance_policy::CapacityRule;
use attune_api::program::ContentDebt;
use attune_core::bundle::Rule;

use crate::Model;
use crate::actionable::{self, Actionable};
use crate::attributes::Attributes;
use crate::coverage::{self, Coverage, Debt, Engines};
use crate::kept::Kept;
use crate::live::LiveRules;
use crate::overlap::near::Near;
use crate::overlap::reach::Reach;
use crate::overlap::{Form, Forms};
use crate::policy::Policies;
use crate::report::Report;
use crate::rules::Rules;
use crate::snapshot::Snapshot;

mod findings;
#[cfg(test)]
mod tests;

/// The most teams that a status lists.
const MAX_TEAMS: usize = 64;

/// How audiences lie to each other.
#[derive(Debug, Default)]
pub struct Portfolio {
    /// Their normal forms.
    pub forms: Forms,
    /// What candidates reach, by binding.
    pub reach: BTreeMap<String, Arc<[Reach]>>,
    /// Everybody whom a binding may admit, by binding.
    pub admitted: BTreeMap<String, Arc<Form>>,
    /// Audiences that are the same or nearly so.
    pub near: Arc<Near>,
}

/// What is known of a namespace's strategy.
#[derive(Debug)]
pub struct Strategy<'a> {
    /// Coverage by Program, by name.
    pub coverages: Vec<Coverage<'a>>,
    /// What teams have to do, over all Programs.
    pub debt: Debt,
    /// Whether audiences are more than labels, by name.
    pub actionable: BTreeMap<String, Actionable>,
    /// Rules, declared and live.
    pub rules: LiveRules,
}

impl Portfolio {
    /// Analyses the expressions that are sound.
    pub(crate) fn of(snapshot: &Snapshot, rules: &Rules, attributes: &Attributes, kept: &mut Kept) -> Self {
        let form = |rule: &Rule| kept.expressions.form(rule, attributes);
        let audiences = rules.audiences.iter();
        let forms = Forms {
            by_name: audiences.map(|(name, rule)| (name.clone(), form(rule))).collect(),
        };
        let (mut reach, mut admitted) = (BTreeMap::new(), BTreeMap::new());
        for (name, binding) in &snapshot.bindings {
            let candidates = 0..binding.spec.candidates.len();
            let conditions = candidates.map(|index| {
                let rules = rules.candidates.get(&(name.clone(), index));
                rules.and_then(|rules| rules.when.as_ref()).map(form)
            });
            let placed = kept
                .portfolios
                .placed(&forms, (name, binding), conditions.collect());
            reach.insert(name.clone(), placed.reach);
            admitted.insert(name.clone(), placed.admitted);
        }
        Self {
            near: kept.portfolios.near(&forms),
            forms,
            reach,
            admitted,
        }
    }

    /// Analyses a snapshot alone, without saying what is wrong with it.
    pub fn of_snapshot(snapshot: &Snapshot) -> Self {
        let mut unheard = Report::default();
        let attributes = crate::attributes::gather(snapshot, &mut unheard);
        let rules = crate::rules::check(snapshot, &attributes, &mut unheard);
        Self::of(snapshot, &rules, &attributes, &mut Kept::default())
    }

    /// Whether it is shown that two bindings never admit the same unit.
    pub fn are_apart(&self, one: &str, other: &str) -> bool {
        let forms = self.admitted.get(one).zip(self.admitted.get(other));
        forms.is_some_and(|(one, other)| one.meet(other).is_some_and(|common| common.is_empty()))
    }

    /// Binding and position of the candidates that nobody reaches.
    pub fn hidden(&self) -> BTreeSet<(String, usize)> {
        let candidates = self.reach.iter().flat_map(|(name, list)| {
            list.iter()
                .enumerate()
                .map(move |(index, reach)| (name, index, reach))
        });
        candidates
            .filter(|(_, _, reach)| reach.nobody.is_some())
            .map(|(name, index, _)| (name.clone(), index))
            .collect()
    }
}

impl<'a> Strategy<'a> {
    /// Reads the strategy off a model and what was compiled from it.
    pub fn of(model: &Model<'a>, engines: &'a Engines) -> Self {
        let (snapshot, at) = (model.snapshot, model.at);
        let hidden = model.portfolio.hidden();
        let coverages = coverage::all(snapshot, engines, at);
        let all: Vec<_> = coverages.iter().collect();
        Self {
            debt: Debt::of(snapshot, &all, at),
            actionable: actionable::all(snapshot, engines, &coverages, &hidden, at),
            rules: LiveRules::of(snapshot, engines, &hidden, at),
            coverages,
        }
    }

    /// Counts the rules anew, from what is really published.
    pub fn count_rules(&mut self, model: &Model<'_>, engines: &Engines) {
        self.rules = LiveRules::of(model.snapshot, engines, &model.portfolio.hidden(), model.at);
    }

    /// The coverage of a Program.
    pub fn coverage(&self, program: &str) -> Option<&Coverage<'a>> {
        self.coverages.iter().find(|coverage| coverage.name == program)
    }

    /// What teams have to do for one Program, as its status says it.
    pub fn content_debt(&self, model: &Model<'_>, program: &str) -> Vec<ContentDebt> {
        let Some(coverage) = self.coverage(program) else {
            return Vec::new();
        };
        let debt = Debt::of(model.snapshot, &[coverage], model.at);
        let teams = debt.teams.iter().take(MAX_TEAMS);
        teams
            .filter_map(|(group, load)| {
                let now = load.quarters.first().copied().unwrap_or_default();
                Some(ContentDebt {
                    group: group.parse().ok()?,
                    needed: count(load.needed),
                    present: count(load.present),
                    renew: Some(count(now.renew)),
                    review: Some(count(now.review)),
                    capacity: capacity(&model.policies, group),
                })
            })
            .collect()
    }
}

/// Versions that a team can make in a quarter, by the policies of a snapshot.
pub fn capacity_of(snapshot: &Snapshot, group: &str) -> Option<i32> {
    capacity(&Policies::of(snapshot), group)
}

/// Versions that a team can make in a quarter: the least that a policy of the namespace says.
fn capacity(policies: &Policies<'_>, group: &str) -> Option<i32> {
    let rulings = policies.judging(|rules| rules.capacity.as_ref());
    rulings.filter_map(|ruling| declared(ruling.rule, group)).min()
}

/// What one policy says of a team's capacity.
fn declared(rule: &CapacityRule, group: &str) -> Option<i32> {
    let mut entries = rule.versions_per_quarter.iter();
    entries
        .find(|(known, _)| known.as_str() == group)
        .map(|(_, versions)| versions.get_i32())
}

pub(crate) fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
