//! What units were shown and did, in bounded memory.
//!
//! Kept per unit under a keyed hash, as hashes of names: no id and no name of anybody's stays here. The memory holds a
//! fixed number of entries; when it is full, the unit that was written to longest ago is forgotten and counted. Nothing is
//! kept unless a bundle has a rule that asks, and nothing longer than the longest window that any such rule has. Of one
//! unit at most 1,024 shows are kept, so that caps above that are never reached.
//!
//! A state may serve several Channels of one namespace: then what one of them shows counts for the modules and programs
//! of the others too, and an outcome silences all of them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use attune_core::bundle::Bundle;
use attune_core::decide::Winner;
use attune_core::history::{History, Shown};
use hashlink::LruCache;
use jiff::{SignedDuration, Timestamp};
use prometheus_client::registry::Registry;

use crate::clock::At;
use crate::metrics::{Counters, Label, label};

#[cfg(test)]
mod tests;
mod unit;

pub(crate) use unit::{MAX_OUTCOMES, MAX_SHOWS, Show, Unit};

/// Entries kept in memory unless told otherwise: about 10 MB when full.
pub const DEFAULT_ENTRIES: usize = 131_072;

/// Shards, so that units rarely wait for each other.
const SHARDS: usize = 16;

/// The hash of a name or of a unit, keyed by the process or by those who share a memory; of a name never 0.
pub(crate) type Key = u64;

label! {
    /// What memory made room by forgetting.
    Forgotten as "what" {
        /// Everything about a unit.
        Unit = "unit",
        /// The oldest show of a unit that was shown very much.
        Show = "show",
        /// The oldest outcome of a unit that did very many different things.
        Outcome = "outcome",
    }
}

/// The histories of all units.
#[derive(Debug)]
pub struct State {
    shards: Vec<Mutex<Shard>>,
    keys: Keys,
    /// The longest window that any rule asks for, in seconds; 0 when no rule asks.
    horizon_seconds: AtomicI64,
    entries_per_shard: usize,
    forgotten: Counters<Forgotten>,
}

/// Turns names into keys.
#[derive(Debug, Clone, Default)]
struct Keys {
    /// For what callers name: units and outcomes.
    callers: RandomState,
    /// For what the bundle names, of which nobody can choose one that is mistaken for another: a fast hash.
    bundle: foldhash::quality::RandomState,
}

/// A part of the units.
#[derive(Debug)]
struct Shard {
    /// In the order of the last write, the longest ago first.
    units: LruCache<Key, Unit>,
    /// What all units here take up, in entries.
    weight: usize,
    /// The last that the unit written to longest ago was known to have done: until that is too old, none need be looked
    /// at, which is memory that nothing else has touched for long.
    oldest: At,
}

/// What was forgotten for want of memory since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgot {
    /// Units of which everything was forgotten.
    pub units: u64,
    /// Shows of units that are still known.
    pub shows: u64,
    /// Outcomes of units that are still known.
    pub outcomes: u64,
}

impl State {
    /// A memory of at most `entries` shows, outcomes and units together.
    pub fn new(entries: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                units: LruCache::new_unbounded(),
                weight: 0,
                oldest: At::MIN,
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            keys: Keys::default(),
            horizon_seconds: AtomicI64::new(0),
            entries_per_shard: (entries / SHARDS).max(unit::WEIGHT + 1),
            forgotten: Counters::new(),
        }
    }

    /// Keeps what the bundle's caps, gap, stops and rules ask for from now on.
    pub(crate) fn serve(&self, bundle: &Bundle) {
        self.horizon_seconds
            .fetch_max(bundle.memory_window().as_secs(), Ordering::Relaxed);
    }

    /// Whether any rule asks for history.
    pub(crate) fn is_needed(&self) -> bool {
        self.horizon_seconds.load(Ordering::Relaxed) > 0
    }

    /// The history of a unit, held so that nobody else writes to it meanwhile.
    pub(crate) fn lock(&self, unit: &str) -> Record<'_> {
        let unit = self.keys.of(unit);
        Record {
            unit,
            shard: self.shard(unit),
            state: self,
        }
    }

    /// A copy of the history of a unit.
    pub(crate) fn snapshot(&self, unit: Option<&str>) -> Snapshot<'_> {
        let known = unit.filter(|_| self.is_needed()).and_then(|unit| {
            let key = self.keys.of(unit);
            self.shard(key).units.peek(&key).cloned()
        });
        Snapshot {
            unit: known,
            keys: &self.keys,
        }
    }

    /// Keeps what was reported of a unit last, where anything is known of it.
    pub(crate) fn report(&self, unit: &str, place: Key, at: At) {
        let key = self.keys.of(unit);
        if let Some(known) = self.shard(key).units.peek_mut(&key) {
            known.report(place, at);
        }
    }

    /// Forgets a unit; whether anything was known of it.
    pub(crate) fn forget(&self, unit: &str) -> bool {
        let key = self.keys.of(unit);
        let mut shard = self.shard(key);
        let Some(known) = shard.units.remove(&key) else {
            return false;
        };
        shard.weight = shard.weight.saturating_sub(unit::WEIGHT + known.len());
        true
    }

    /// What was forgotten for want of memory.
    pub fn forgot(&self) -> Forgot {
        Forgot {
            units: self.forgotten.get(Forgotten::Unit),
            shows: self.forgotten.get(Forgotten::Show),
            outcomes: self.forgotten.get(Forgotten::Outcome),
        }
    }

    /// How much of the memory is taken, in entries.
    pub fn entries(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).weight)
            .sum()
    }

    /// Makes what was forgotten readable as metrics.
    pub fn register(&self, registry: &mut Registry) {
        self.forgotten.register(
            registry,
            "attune_decider_state_forgotten",
            "What the memory of units forgot before its time, because it was full",
        );
    }

    fn shard(&self, unit: Key) -> MutexGuard<'_, Shard> {
        // INVARIANT: there are SHARDS of them, so that the index is always inside.
        #[expect(
            clippy::indexing_slicing,
            reason = "the index is taken modulo the number of shards"
        )]
        let shard = &self.shards[usize::try_from(unit % SHARDS as u64).unwrap_or(0)];
        // A writer that panicked left at worst one entry half counted; the history itself stays readable.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new(DEFAULT_ENTRIES)
    }
}

impl Keys {
    fn of(&self, name: &str) -> Key {
        self.callers.hash_one(name).max(1)
    }

    /// Different kinds of one name are different keys.
    fn shown(&self, what: Shown<'_>) -> Key {
        self.bundle.hash_one(what).max(1)
    }
}

/// The history of one unit, locked.
#[derive(Debug)]
pub(crate) struct Record<'s> {
    unit: Key,
    shard: MutexGuard<'s, Shard>,
    state: &'s State,
}

impl Record<'_> {
    /// Whether this was reported of the unit last, and after an instant: what a look into all that was reported costs is to
    /// wait for memory, and the unit's is at hand.
    pub(crate) fn is_reported(&self, place: Key, since: At) -> bool {
        let unit = self.shard.units.peek(&self.unit);
        unit.is_some_and(|unit| unit.is_reported(place, since))
    }

    /// Counts a show of the candidate that won.
    pub(crate) fn charge(&mut self, winner: &Winner<'_>, channel: &str, at: Timestamp) {
        let keys = &self.state.keys;
        let show = Show {
            at: at.into(),
            binding: keys.shown(Shown::Binding(winner.binding)),
            module: keys.shown(Shown::Module(winner.module)),
            program: keys.shown(Shown::Program(winner.program)),
            channel: keys.shown(Shown::Channel(channel)),
        };
        self.write(|unit, since| unit.show(show, since), at);
    }

    /// Counts a show of which only some is known.
    pub(crate) fn charge_reported(&mut self, show: &ReportedShow<'_>, channel: &str, at: Timestamp) {
        let keys = &self.state.keys;
        let known = |what: Option<Shown<'_>>| what.map_or(0, |what| keys.shown(what));
        let show = Show {
            at: at.into(),
            binding: known(show.binding.map(Shown::Binding)),
            module: known(show.module.map(Shown::Module)),
            program: known(show.program.map(Shown::Program)),
            channel: keys.shown(Shown::Channel(channel)),
        };
        self.write(|unit, since| unit.show(show, since), at);
    }

    /// Notes an outcome.
    pub(crate) fn note(&mut self, event: &str, at: Timestamp) {
        let event = self.state.keys.of(event);
        self.write(|unit, since| unit.outcome(event, at.into(), since), at);
    }

    fn write(&mut self, change: impl FnOnce(&mut Unit, At) -> Option<Forgotten>, now: Timestamp) {
        let since = self.state.oldest_kept(now);
        let shard = &mut *self.shard;
        // Peeking at an entry leaves its place; writing moves it to the back.
        if let Some(unit) = shard.units.get_mut(&self.unit) {
            let before = unit.len();
            if let Some(forgotten) = change(unit, since) {
                self.state.forgotten.inc(forgotten);
            }
            shard.weight = (shard.weight + unit.len()).saturating_sub(before);
        } else {
            let mut unit = Unit::default();
            change(&mut unit, since);
            shard.weight += unit::WEIGHT + unit.len();
            shard.units.insert(self.unit, unit);
        }
        shard.make_room(self.state.entries_per_shard, since, &self.state.forgotten);
    }
}

impl Shard {
    /// Drops the units written to longest ago until the rest fits; what no rule asks for any more is not forgotten.
    fn make_room(&mut self, entries: usize, since: At, forgotten: &Counters<Forgotten>) {
        if self.oldest >= since && self.weight <= entries {
            return;
        }
        while let Some((_, oldest)) = self.units.iter().next() {
            let last = oldest.last();
            let is_stale = last < since;
            if !is_stale && self.weight <= entries {
                self.oldest = last;
                return;
            }
            self.weight = self.weight.saturating_sub(unit::WEIGHT + oldest.len());
            self.units.remove_lru();
            if !is_stale {
                forgotten.inc(Forgotten::Unit);
            }
        }
    }
}

impl State {
    fn oldest_kept(&self, now: Timestamp) -> At {
        let horizon = SignedDuration::from_secs(self.horizon_seconds.load(Ordering::Relaxed));
        now.checked_sub(horizon).unwrap_or(Timestamp::MIN).into()
    }
}

/// A show as a channel reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportedShow<'a> {
    /// The binding, where it is told or can only be one.
    pub binding: Option<&'a str>,
    /// The module that won, where it can only be one.
    pub module: Option<&'a str>,
    /// The binding's program.
    pub program: Option<&'a str>,
}

impl History for Record<'_> {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let unit = self.shard.units.peek(&self.unit);
        unit.map_or(0, |unit| unit.shown(self.state.keys.shown(what), since))
    }

    fn most_shown(&self) -> u32 {
        self.shard.units.peek(&self.unit).map_or(0, Unit::most_shown)
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        let what = self.state.keys.shown(what);
        self.shard.units.peek(&self.unit)?.last_shown(what)
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        let event = self.state.keys.of(event);
        self.shard.units.peek(&self.unit)?.last_outcome(event)
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let event = self.state.keys.of(event);
        let unit = self.shard.units.peek(&self.unit);
        unit.map_or(0, |unit| unit.outcomes(event, since))
    }
}

/// A copy of the history of one unit.
#[derive(Debug)]
pub(crate) struct Snapshot<'s> {
    unit: Option<Unit>,
    keys: &'s Keys,
}

impl History for Snapshot<'_> {
    fn shown(&self, what: Shown<'_>, since: Timestamp) -> u32 {
        let unit = self.unit.as_ref();
        unit.map_or(0, |unit| unit.shown(self.keys.shown(what), since))
    }

    fn most_shown(&self) -> u32 {
        self.unit.as_ref().map_or(0, Unit::most_shown)
    }

    fn last_shown(&self, what: Shown<'_>) -> Option<Timestamp> {
        self.unit.as_ref()?.last_shown(self.keys.shown(what))
    }

    fn last_outcome(&self, event: &str) -> Option<Timestamp> {
        self.unit.as_ref()?.last_outcome(self.keys.of(event))
    }

    fn outcomes(&self, event: &str, since: Timestamp) -> u32 {
        let unit = self.unit.as_ref();
        unit.map_or(0, |unit| unit.outcomes(self.keys.of(event), since))
    }
}
