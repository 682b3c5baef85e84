//! `attune plan`: what a change of resources changes live.

mod people;
mod render;
mod rules;

use attune_compile::coverage::Coverage;
use serde::Serialize;

use crate::space::Space;

pub(crate) use people::{Moves, decide_both};
pub(crate) use render::{json, text};
use rules::{Changed, RuleName};

/// What changes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// Rules that there will be and are not.
    pub(crate) added: Vec<RuleName>,
    /// Rules that there are and will not be.
    pub(crate) removed: Vec<RuleName>,
    /// Rules that stay and are not the same.
    pub(crate) changed: Vec<Changed>,
    /// Whatever else changes what people get, in words.
    pub(crate) others: Vec<String>,
    /// Rules declared and live, before and after.
    pub(crate) rules: [RuleCount; 2],
    /// Coverage by program, before and after.
    pub(crate) coverage: Vec<CoverageChange>,
    /// Channels whose bundle changes, as `namespace/channel`.
    pub(crate) channels: Vec<String>,
}

/// How many rules there are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct RuleCount {
    pub(crate) declared: usize,
    pub(crate) live: usize,
}

/// A program's coverage before and after; `None` where there is no such program.
#[derive(Debug, Serialize)]
pub(crate) struct CoverageChange {
    pub(crate) program: String,
    pub(crate) before: Option<CellCounts>,
    pub(crate) after: Option<CellCounts>,
}

/// A coverage in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CellCounts {
    #[serde(rename = "cells")]
    pub(crate) all: usize,
    pub(crate) covered: usize,
    pub(crate) covered_bp: usize,
}

impl Change {
    /// Compares what there is with what there will be.
    pub(crate) fn between(before: &[Space], after: &[Space]) -> Self {
        let (added, removed, changed) = rules::compare(before, after);
        Self {
            added,
            removed,
            changed,
            others: rules::others(before, after),
            rules: [before, after].map(count),
            coverage: coverage(before, after),
            channels: channels(before, after),
        }
    }

    /// Whether anything changes that is served, or that is said about the strategy.
    pub(crate) fn is_any(&self) -> bool {
        let differs = |one: &CoverageChange| one.before != one.after;
        !self.channels.is_empty() || self.rules[0] != self.rules[1] || self.coverage.iter().any(differs)
    }
}

fn count(spaces: &[Space]) -> RuleCount {
    let all = spaces.iter().map(|space| space.compiled.live_rules.all());
    all.fold(RuleCount::default(), |sum, rules| RuleCount {
        declared: sum.declared + rules.declared,
        live: sum.live + rules.live,
    })
}

fn coverage(before: &[Space], after: &[Space]) -> Vec<CoverageChange> {
    let figures = |spaces: &[Space]| -> std::collections::BTreeMap<String, CellCounts> {
        let mut all = std::collections::BTreeMap::new();
        for space in spaces {
            for coverage in space.coverages() {
                all.insert(format!("{}/{}", space.name(), coverage.name), cells(&coverage));
            }
        }
        all
    };
    let (before, after) = (figures(before), figures(after));
    let mut programs: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
    programs.sort_unstable();
    programs.dedup();
    programs
        .into_iter()
        .map(|program| CoverageChange {
            before: before.get(&program).copied(),
            after: after.get(&program).copied(),
            program,
        })
        .collect()
}

fn cells(coverage: &Coverage<'_>) -> CellCounts {
    CellCounts {
        all: coverage.cells.len(),
        covered: coverage
            .cells
            .iter()
            .filter(|cell| cell.state.is_covered())
            .count(),
        covered_bp: coverage.covered_bp(),
    }
}

/// Channels that get another bundle, lose theirs, or get their first.
fn channels(before: &[Space], after: &[Space]) -> Vec<String> {
    let revisions = |spaces: &[Space]| -> std::collections::BTreeSet<(String, String)> {
        let mut all = std::collections::BTreeSet::new();
        for space in spaces {
            for (channel, publication) in &space.compiled.channels {
                all.insert((
                    format!("{}/{channel}", space.name()),
                    publication.revision.clone(),
                ));
            }
        }
        all
    };
    let (before, after) = (revisions(before), revisions(after));
    let mut names: Vec<_> = before
        .symmetric_difference(&after)
        .map(|(name, _)| name.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
