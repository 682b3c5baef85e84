//! Coverage: what each audience of a Program gets at each of its touchpoints, in each locale.
//!
//! The matrix is read off compiled bundles with the engine's own choice of words
//! ([`preview`](attune_core::decide::preview)), so that a cell says what a person in that audience and in no other would be
//! shown. Its touchpoints are those at which the Program has a binding; its audiences those that the Program lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_api::Program;
use attune_api::channel::Touchpoint;
use attune_api::program::{CellState, Waiver};
use attune_core::decide::{Rule, Words};
use attune_core::engine::Engine;
use jiff::Timestamp;

use crate::snapshot::Snapshot;

mod cells;
mod debt;
mod figures;
#[cfg(test)]
mod tests;

pub(crate) use debt::next_turn;
pub use debt::{Debt, QUARTERS, Quarter, QuarterLoad, TeamLoad};
pub use figures::reach;

/// Bundles ready to be asked, by Channel.
pub type Engines = BTreeMap<String, Arc<Engine>>;

/// The matrix of one Program.
#[derive(Debug)]
pub struct Coverage<'a> {
    /// The Program's name.
    pub name: &'a str,
    /// The Program.
    pub program: &'a Program,
    /// Touchpoints at which it has a binding.
    pub spots: Vec<Spot<'a>>,
    /// Every cell, by touchpoint, locale and audience, in the listed order.
    pub cells: Vec<Cell<'a>>,
    /// Positions of waivers that name no cell of the matrix.
    pub unmatched_waivers: Vec<usize>,
    /// What is shown, as cells refer to it.
    rules: Vec<Rule<'a>>,
    baselines: Vec<Words<'a>>,
}

/// A touchpoint of a Program's matrix.
#[derive(Debug, Clone)]
pub struct Spot<'a> {
    /// The Channel.
    pub channel: &'a str,
    /// The touchpoint.
    pub touchpoint: &'a Touchpoint,
    /// The locales of the Channel; one nameless where it lists none.
    pub locales: Vec<&'a str>,
    /// The module that the Program shows there first: where words are missing, they are to be written for it.
    pub module: Option<&'a str>,
}

/// One audience at one touchpoint in one locale.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    /// The audience.
    pub audience: &'a str,
    /// Index into [`Coverage::spots`].
    pub spot: usize,
    /// The locale; empty where the Channel lists none.
    pub locale: &'a str,
    /// What the audience gets.
    pub state: CellState,
    /// Whose words it gets, where it has none of its own.
    pub twin: Option<Twin<'a>>,
    /// Index into the rules; `None` where no rule admits the audience.
    rule: Option<usize>,
    /// Index into the baselines; `None` where the touchpoint has none.
    baseline: Option<usize>,
}

/// Who else gets the words of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin<'a> {
    /// Whoever the candidate admits: it names no audience.
    Everybody,
    /// Those who get the baseline.
    Baseline,
    /// Another audience, the first of those that do.
    Audience(&'a str),
}

impl<'a> Coverage<'a> {
    /// The rule that a cell's audience meets; `None` where it gets the baseline or nothing.
    pub fn rule(&self, cell: &Cell<'a>) -> Option<&Rule<'a>> {
        self.rules.get(cell.rule?)
    }

    /// What a cell's audience is told, be it the baseline; `None` leaves it to the client's code default.
    pub fn words(&self, cell: &Cell<'a>) -> Option<&Words<'a>> {
        let rule = self.rule(cell).map(|rule| &rule.words);
        rule.or_else(|| self.baselines.get(cell.baseline?))
    }

    /// The touchpoint of a cell.
    pub fn spot(&self, cell: &Cell<'a>) -> Option<&Spot<'a>> {
        self.spots.get(cell.spot)
    }

    /// The module that a cell's words are of, or are to be written for.
    pub fn module(&self, cell: &Cell<'a>) -> Option<&'a str> {
        let shown = self.rule(cell).map(|rule| rule.words.module);
        shown.or_else(|| self.spot(cell)?.module)
    }
}

/// The matrices of all Programs of a namespace, by name.
pub fn all<'a>(snapshot: &'a Snapshot, engines: &'a Engines, at: Timestamp) -> Vec<Coverage<'a>> {
    let mut places: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for binding in snapshot.bindings.values() {
        let spec = &binding.spec;
        let place = (spec.channel_ref.name.as_str(), spec.touchpoint.as_str());
        places
            .entry(spec.program_ref.name.as_str())
            .or_default()
            .insert(place);
    }
    let programs = snapshot.programs.iter();
    programs
        .map(|(name, program)| {
            let places = places.get(name.as_str()).into_iter().flatten();
            let spots = places.filter_map(|place| spot(snapshot, name, *place)).collect();
            cells::fill(name, program, spots, engines, at)
        })
        .collect()
}

/// A touchpoint that exists; what does not is reported as a dangling reference.
fn spot<'a>(snapshot: &'a Snapshot, program: &str, (channel, touchpoint): (&str, &str)) -> Option<Spot<'a>> {
    let (channel, object) = snapshot.channels.get_key_value(channel)?;
    let touchpoints = object.spec.touchpoints.iter();
    let touchpoint = touchpoints
        .into_iter()
        .find(|known| known.name.as_str() == touchpoint)?;
    let locales: Vec<_> = object
        .spec
        .locales
        .iter()
        .map(attune_api::Locale::as_str)
        .collect();
    let ours = snapshot.bindings.values().filter(|binding| {
        let spec = &binding.spec;
        spec.program_ref.name.as_str() == program
            && spec.channel_ref.name.as_str() == channel
            && spec.touchpoint == touchpoint.name
    });
    let first = ours.max_by_key(|binding| binding.spec.priority());
    let shown = first.and_then(|binding| binding.spec.candidates.first());
    let module = shown.map(|candidate| candidate.module_ref.name.as_str());
    let baseline = touchpoint
        .baseline
        .as_ref()
        .map(|baseline| baseline.module_ref.name.as_str());
    Some(Spot {
        channel,
        touchpoint,
        locales: if locales.is_empty() { vec![""] } else { locales },
        module: module.or(baseline),
    })
}

/// Whether a waiver is about a cell, whatever the day.
fn names(waiver: &Waiver, audience: &str, spot: &Spot<'_>, locale: &str) -> bool {
    let speaks = |wanted: &str| wanted.eq_ignore_ascii_case(locale);
    waiver.audience.as_str() == audience
        && waiver.channel.as_str() == spot.channel
        && waiver.touchpoint == spot.touchpoint.name
        && waiver.locale.as_ref().is_none_or(|wanted| speaks(wanted))
}
