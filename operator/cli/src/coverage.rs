//! `attune coverage`: what each audience gets where, as a table, as data, as a content team's brief, and as a page to look at.

mod brief;
mod json;
mod page;
mod text;

pub(crate) use brief::brief;
pub(crate) use json::json;
pub(crate) use page::page;
pub(crate) use text::text;

use std::collections::BTreeMap;

use attune_compile::coverage::{Cell, Coverage, Debt, Twin};
use attune_compile::overlap::near::Near;
use attune_compile::strategy::Portfolio;
use attune_core::decide::Words;
use serde_json::Value;

use crate::space::Space;

/// One namespace with its matrices.
pub(crate) struct Covered<'s> {
    pub(crate) space: &'s Space,
    pub(crate) programs: Vec<Coverage<'s>>,
    pub(crate) debt: Debt,
}

impl<'s> Covered<'s> {
    pub(crate) fn of(space: &'s Space) -> Self {
        let programs = space.coverages();
        let all: Vec<_> = programs.iter().collect();
        let debt = Debt::of(&space.snapshot, &all, space.at);
        Self {
            space,
            programs,
            debt,
        }
    }

    /// Versions that a team can make in a quarter: the least that a policy says.
    fn capacity(&self, group: &str) -> Option<i32> {
        attune_compile::strategy::capacity_of(&self.space.snapshot, group)
    }
}

/// How the audiences of a namespace lie to each other.
fn portfolio(space: &Space) -> Portfolio {
    Portfolio::of_snapshot(&space.snapshot)
}

/// Audiences that are the same or nearly so, one line each.
fn relations(near: &Near) -> Vec<String> {
    let equal = near
        .equal
        .iter()
        .map(|group| format!("the same: {}", group.join(", ")));
    let nested = near
        .nested
        .iter()
        .map(|(inner, outer)| format!("{inner} lies inside of {outer}"));
    equal.chain(nested).collect()
}

/// The slots of some words that a touchpoint shows, in its order; all of them where it lists none.
fn shown(coverage: &Coverage<'_>, cell: &Cell<'_>, words: &Words<'_>) -> Vec<(String, String)> {
    let all: BTreeMap<String, Value> = serde_json::from_str(words.json.get()).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let listed: Vec<_> = coverage
        .spots
        .get(cell.spot)
        .map(|spot| spot.touchpoint.slots.as_slice())
        .unwrap_or_default()
        .iter()
        .collect();
    if listed.is_empty() {
        return all
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
    }
    let filled = listed
        .into_iter()
        .filter_map(|slot| Some((slot.name.to_string(), text(all.get(slot.name.as_str())?))));
    filled.collect()
}

/// Whose words a cell has, where it has none of its own.
fn twin(cell: &Cell<'_>) -> Option<String> {
    cell.twin.map(|twin| match twin {
        Twin::Everybody => "everybody".to_owned(),
        Twin::Baseline => "the baseline".to_owned(),
        Twin::Audience(name) => name.to_owned(),
    })
}

/// The group that owns a cell's module.
fn owner<'a>(covered: &'a Covered<'_>, coverage: &Coverage<'_>, cell: &Cell<'_>) -> Option<&'a str> {
    let module = find_module(coverage, cell)?;
    let module = covered.space.snapshot.modules.get(&module)?;
    Some(module.spec.owner.group.as_str())
}

fn find_module(coverage: &Coverage<'_>, cell: &Cell<'_>) -> Option<String> {
    let shown = coverage.words(cell).map(|words| words.module.to_owned());
    let planned = coverage
        .spots
        .get(cell.spot)
        .and_then(|spot| spot.module)
        .map(str::to_owned);
    match cell.state {
        attune_api::program::CellState::Baseline | attune_api::program::CellState::Missing => {
            planned.or(shown)
        }
        _ => shown.or(planned),
    }
}
