//! What a shared memory knows of one unit.

use std::sync::Arc;

use attune_core::decide::Winner;
use attune_core::history::{History, Shown};
use jiff::Timestamp;

use super::entry::{self, Entry};
use super::names::{Names, UnitKey};
use crate::state::{MAX_OUTCOMES, ReportedShow, Show, Unit};

/// The past of one unit as it was read, and what a request under way adds to it.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(super) key: UnitKey,
    pub(super) version: Version,
    /// What is to be written.
    pub(super) added: Vec<Entry>,
    names: Arc<Names>,
    unit: Unit,
}

/// Tells whether somebody wrote since: the length and the last element of both lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Version {
    pub shows: (usize, Entry),
    pub outcomes: (usize, Entry),
}

/// Both lists of a unit.
pub(super) type Lists = (Vec<Entry>, Vec<Entry>);

impl Past {
    /// As the lists say.
    pub(super) fn new(key: UnitKey, names: Arc<Names>, (shows, outcomes): Lists) -> Self {
        let end = |list: &[Entry]| (list.len(), list.last().cloned().unwrap_or_default());
        let version = Version {
            shows: end(&shows),
            outcomes: end(&outcomes),
        };
        let mut known = Vec::with_capacity(outcomes.len());
        for outcome in outcomes.iter().filter_map(|one| entry::read_outcome(one)) {
            // Of several deciders with one memory each hears of it.
            if !known.contains(&outcome) {
                known.push(outcome);
            }
        }
        let shows = shows.iter().filter_map(|one| entry::read_show(one)).collect();
        Self {
            key,
            version,
            added: Vec::new(),
            names,
            unit: Unit::known(shows, known),
        }
    }

    /// The same unit, as somebody else left it.
    pub(super) fn renewed(&self, lists: Lists) -> Self {
        Self::new(self.key.clone(), Arc::clone(&self.names), lists)
    }

    /// Counts a show of the candidate that won.
    pub(crate) fn charge(&mut self, winner: &Winner<'_>, channel: &str, at: Timestamp, id: &str) {
        let show = show_of(&self.names, winner, channel, at);
        self.added.push(entry::show(self.names.id(id), &show));
        self.unit.add(show);
    }

    /// Whether there is anything to write.
    pub(crate) fn is_changed(&self) -> bool {
        !self.added.is_empty()
    }
}

/// A winner's show under keyed names.
pub(super) fn show_of(names: &Names, winner: &Winner<'_>, channel: &str, at: Timestamp) -> Show {
    Show {
        at: at.into(),
        binding: names.shown(Shown::Binding(winner.binding)),
        module: names.shown(Shown::Module(winner.module)),
        program: names.shown(Shown::Program(winner.program)),
        channel: names.shown(Shown::Channel(channel)),
    }
}

/// A show of which only some is known, under keyed names.
pub(super) fn reported(names: &Names, show: &ReportedShow<'_>, channel: &str, at: Timestamp) -> Show {
    let known = |what: Option<Shown<'_>>| what.map_or(0, |what| names.shown(what));
    Show {
        at: at.into(),
        binding: known(show.binding.map(Shown::Binding)),
        module: known(show.module.map(Shown::Module)),
        program: known(show.program.map(Shown::Program)),
        channel: names.shown(Shown::Channel(channel)),
    }
}

impl History for Past {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        self.unit.shown(self.names.shown(what), since)
    }

    fn most_shown(&self) -> u32 {
        self.unit.most_shown()
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        self.unit.last_shown(self.names.shown(what))
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.unit.last_outcome(self.names.event(event))
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let most = u32::try_from(MAX_OUTCOMES).unwrap_or(u32::MAX);
        self.unit.outcomes(self.names.event(event), since).min(most)
    }
}
