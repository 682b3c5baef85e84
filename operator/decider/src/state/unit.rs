//! What one unit was shown and did.

use jiff::Timestamp;

use super::{Forgotten, Key};

/// What a unit takes up beside its shows and outcomes, in entries.
pub(super) const WEIGHT: usize = 2;

/// Most shows kept of one unit: caps above it are never reached.
pub(crate) const MAX_SHOWS: usize = 1024;

/// Most outcomes kept of one unit: counts above it are never reached.
pub(crate) const MAX_OUTCOMES: usize = 64;

/// The past of one unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unit {
    shows: Vec<Show>,
    /// In the order in which they were heard of.
    outcomes: Vec<(Key, Timestamp)>,
    /// The times between which all of it happened, known without a look at it, which is memory that others have pushed out of
    /// the processor's caches.
    between: Option<(Timestamp, Timestamp)>,
}

/// That the unit was shown something, or would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Show {
    pub at: Timestamp,
    pub binding: Option<Key>,
    pub module: Option<Key>,
    pub program: Option<Key>,
    pub channel: Key,
}

impl Unit {
    /// One of which that much is known.
    pub(crate) fn known(shows: Vec<Show>, outcomes: Vec<(Key, Timestamp)>) -> Self {
        let mut unit = Self {
            shows,
            outcomes,
            between: None,
        };
        unit.look_when();
        unit
    }

    /// Adds a show, whatever else there is.
    pub(crate) fn add(&mut self, show: Show) {
        self.happened(show.at);
        self.shows.push(show);
    }

    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.shows.len() + self.outcomes.len()
    }

    /// When the last of what happened did, as far as that is known; what was forgotten since for want of room may have been it.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.between.map(|(_, last)| last)
    }

    /// Takes note of when something happened.
    fn happened(&mut self, at: Timestamp) {
        self.between = Some(widened(self.between, at));
    }

    fn look_when(&mut self) {
        let shows = self.shows.iter().map(|show| show.at);
        let all = shows.chain(self.outcomes.iter().map(|(_, at)| *at));
        self.between = all.fold(None, |between, at| Some(widened(between, at)));
    }

    /// Adds a show and drops what happened before `since`; tells when room had to be made.
    pub(super) fn show(&mut self, show: Show, since: Timestamp) -> Option<Forgotten> {
        self.drop_before(since);
        self.add(show);
        if self.shows.len() <= MAX_SHOWS {
            return None;
        }
        let oldest = self.shows.iter().enumerate().min_by_key(|(_, show)| show.at);
        let oldest = oldest.map(|(index, _)| index)?;
        self.shows.remove(oldest);
        Some(Forgotten::Show)
    }

    /// Notes an outcome and drops what happened before `since`; tells when room had to be made.
    pub(super) fn outcome(&mut self, event: Key, at: Timestamp, since: Timestamp) -> Option<Forgotten> {
        self.drop_before(since);
        // Of several deciders with one memory each hears of it: one name at one instant is one outcome.
        if self.outcomes.contains(&(event, at)) {
            return None;
        }
        self.happened(at);
        self.outcomes.push((event, at));
        if self.outcomes.len() <= MAX_OUTCOMES {
            return None;
        }
        let forgotten = self.oldest_repeated().or_else(|| self.oldest_of(|_| true))?;
        self.outcomes.remove(forgotten);
        Some(Forgotten::Outcome)
    }

    /// The oldest outcome whose name happened again since: without it the last of each name is still known.
    fn oldest_repeated(&self) -> Option<usize> {
        self.oldest_of(|name| self.outcomes.iter().filter(|(known, _)| *known == name).count() > 1)
    }

    fn oldest_of(&self, is_meant: impl Fn(Key) -> bool) -> Option<usize> {
        let outcomes = self.outcomes.iter().enumerate();
        let meant = outcomes.filter(|(_, (name, _))| is_meant(*name));
        meant.min_by_key(|(_, (_, at))| *at).map(|(index, _)| index)
    }

    /// As [`History::most_shown`](attune_core::history::History::most_shown).
    pub(crate) fn most_shown(&self) -> u32 {
        u32::try_from(self.shows.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn shown(&self, what: Key, since: Timestamp) -> u32 {
        let matches = |show: &&Show| {
            show.at > since
                && (show.channel == what || [show.binding, show.module, show.program].contains(&Some(what)))
        };
        u32::try_from(self.shows.iter().filter(matches).count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn last_shown(&self, channel: Key) -> Option<Timestamp> {
        let shows = self.shows.iter().filter(|show| show.channel == channel);
        shows.map(|show| show.at).max()
    }

    pub(crate) fn last_outcome(&self, event: Key) -> Option<Timestamp> {
        let outcomes = self.outcomes.iter().filter(|(known, _)| *known == event);
        outcomes.map(|(_, at)| *at).max()
    }

    pub(crate) fn outcomes(&self, event: Key, since: Timestamp) -> u32 {
        let matches = |(known, at): &&(Key, Timestamp)| *known == event && *at > since;
        u32::try_from(self.outcomes.iter().filter(matches).count()).unwrap_or(u32::MAX)
    }

    fn drop_before(&mut self, since: Timestamp) {
        if self.between.is_some_and(|(first, _)| first < since) {
            self.shows.retain(|show| show.at >= since);
            self.outcomes.retain(|(_, at)| *at >= since);
            self.look_when();
        }
    }
}

fn widened(between: Option<(Timestamp, Timestamp)>, at: Timestamp) -> (Timestamp, Timestamp) {
    let (first, last) = between.unwrap_or((at, at));
    (first.min(at), last.max(at))
}
