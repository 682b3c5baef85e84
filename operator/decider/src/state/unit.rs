//! What one unit was shown and did.
//!
//! There is one for each unit that a busy decider knows, most of them long out of the processor's caches when they are asked
//! for again: what is small is fast.

use jiff::Timestamp;

use super::{Forgotten, Key};
use crate::clock::At;

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
    outcomes: Vec<(Key, At)>,
    /// The times between which all of it happened, known without a look at it.
    between: Between,
    /// What was reported of it last, and when; a place is a hash.
    reported: Option<(Key, At)>,
}

/// That the unit was shown something, or would have been. A name that is not known is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Show {
    pub at: At,
    pub binding: Key,
    pub module: Key,
    pub program: Key,
    pub channel: Key,
}

/// The first and the last of some instants; of none, the first comes after the last.
#[derive(Debug, Clone, Copy)]
struct Between {
    first: At,
    last: At,
}

impl Between {
    fn widen(&mut self, at: At) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

impl Default for Between {
    fn default() -> Self {
        Self {
            first: At::MAX,
            last: At::MIN,
        }
    }
}

impl Unit {
    /// One of which that much is known.
    pub(crate) fn known(shows: Vec<Show>, outcomes: Vec<(Key, At)>) -> Self {
        let mut unit = Self {
            shows,
            outcomes,
            ..Self::default()
        };
        unit.look_when();
        unit
    }

    /// Adds a show, whatever else there is.
    pub(crate) fn add(&mut self, show: Show) {
        self.between.widen(show.at);
        self.shows.push(show);
    }

    /// Whether this was reported of it last, and after an instant.
    pub(super) fn is_reported(&self, place: Key, since: At) -> bool {
        self.reported
            .is_some_and(|(known, at)| known == place && at > since)
    }

    /// Keeps what was reported of it last.
    pub(super) fn report(&mut self, place: Key, at: At) {
        self.reported = Some((place, at));
    }

    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.shows.len() + self.outcomes.len()
    }

    /// When the last of what happened did, as far as that is known, or long ago; what was forgotten since for want of room
    /// may have been it.
    pub(super) fn last(&self) -> At {
        self.between.last
    }

    fn look_when(&mut self) {
        let mut between = Between::default();
        self.shows.iter().for_each(|show| between.widen(show.at));
        self.outcomes.iter().for_each(|(_, at)| between.widen(*at));
        self.between = between;
    }

    /// Adds a show and drops what happened before `since`; tells when room had to be made.
    pub(super) fn show(&mut self, show: Show, since: At) -> Option<Forgotten> {
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
    pub(super) fn outcome(&mut self, event: Key, at: At, since: At) -> Option<Forgotten> {
        self.drop_before(since);
        // Of several deciders with one memory each hears of it: one name at one instant is one outcome.
        if self.outcomes.contains(&(event, at)) {
            return None;
        }
        self.between.widen(at);
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
        let since = At::from(since);
        let times = self.shows_of(what).filter(|show| show.at > since).count();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    pub(crate) fn last_shown(&self, what: Key) -> Option<Timestamp> {
        self.shows_of(what).map(|show| show.at).max().map(Into::into)
    }

    pub(crate) fn last_outcome(&self, event: Key) -> Option<Timestamp> {
        let outcomes = self.outcomes.iter().filter(|(known, _)| *known == event);
        outcomes.map(|(_, at)| *at).max().map(Into::into)
    }

    pub(crate) fn outcomes(&self, event: Key, since: Timestamp) -> u32 {
        let since = At::from(since);
        let matches = |(known, at): &&(Key, At)| *known == event && *at > since;
        u32::try_from(self.outcomes.iter().filter(matches).count()).unwrap_or(u32::MAX)
    }

    fn shows_of(&self, what: Key) -> impl Iterator<Item = &Show> {
        let is_of =
            move |show: &&Show| [show.channel, show.binding, show.module, show.program].contains(&what);
        self.shows.iter().filter(is_of)
    }

    fn drop_before(&mut self, since: At) {
        if self.between.first < since {
            self.shows.retain(|show| show.at >= since);
            self.outcomes.retain(|(_, at)| *at >= since);
            self.look_when();
        }
    }
}
