//! Finding the candidates that may admit a request without looking at all of them.
//!
//! Most audiences begin with what somebody is: `user.tier in ["gold", "platinum"] && ...`. Such a condition must hold for
//! the audience to match, so a candidate whose audiences all have one is found by the attribute's value. The others are
//! looked at each time. What is found is a superset of what admits, in the order of the candidates.
//!
//! Where a request asks for all touchpoints, the same tells once of all audiences.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::{Audience, Candidate};
use crate::pieces;
use crate::value::{SlotId, Slots, Value};

/// Attributes that audiences of one touchpoint begin with, nearly always; more cost an allocation.
const LISTS: usize = 8;

/// Audiences in a word.
const BITS: usize = 64;

/// Below it, looking at all of them is faster.
const WORTH_IT: usize = 8;

/// Candidates of one touchpoint by what they ask for.
#[derive(Debug, Default)]
pub(crate) struct Index {
    guarded: ByValue,
    /// Candidates that nothing tells in advance.
    rest: Vec<u32>,
    /// Whether there is an index at all.
    is_used: bool,
}

/// All audiences by what they ask for.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    guarded: ByValue,
    /// A bit for each audience that the values tell of in advance.
    known: Vec<u64>,
}

/// Places by the value of an attribute that they ask for.
#[derive(Debug, Default)]
struct ByValue(Vec<BySlot>);

/// Places by the value of one attribute.
#[derive(Debug)]
struct BySlot {
    slot: SlotId,
    places: HashMap<Box<str>, Vec<u32>>,
}

impl Index {
    /// For candidates in their final order.
    pub(super) fn new(candidates: &[Candidate], audiences: &[Audience]) -> Self {
        let mut index = Self {
            is_used: candidates.len() >= WORTH_IT,
            ..Self::default()
        };
        if !index.is_used {
            return index;
        }
        for (place, candidate) in (0..).zip(candidates) {
            pieces::done();
            let guards: Option<Vec<_>> = candidate
                .audiences
                .iter()
                .map(|audience| audiences.get(*audience)?.rule.guard())
                .collect();
            match guards.filter(|guards| !guards.is_empty()) {
                None => index.rest.push(place),
                Some(guards) => {
                    for (slot, strings) in guards {
                        strings.for_each(|string| index.guarded.put(slot, string, place));
                    }
                }
            }
        }
        index
    }

    /// The places of the candidates that may admit, in their order; `None` where all must be looked at.
    pub(crate) fn find(&self, slots: &Slots<'_>) -> Option<Places<'_>> {
        if !self.is_used {
            return None;
        }
        let mut lists: SmallVec<[&[u32]; LISTS]> = self.guarded.lists(slots).collect();
        lists.push(&self.rest);
        Some(Places(lists))
    }
}

impl Guards {
    pub(super) fn new(audiences: &[Audience]) -> Self {
        let mut guards = Self {
            known: vec![0; audiences.len().div_ceil(BITS)],
            ..Self::default()
        };
        for (place, audience) in audiences.iter().enumerate() {
            pieces::done();
            let Some((slot, strings)) = audience.rule.guard() else {
                continue;
            };
            let (Ok(number), Some(word)) = (u32::try_from(place), guards.known.get_mut(place / BITS)) else {
                continue;
            };
            *word |= 1 << (place % BITS);
            strings.for_each(|string| guards.guarded.put(slot, string, number));
        }
        guards
    }

    /// A bit for each audience that the values may tell of in advance, in words of 64.
    pub(crate) fn known(&self) -> &[u64] {
        &self.known
    }

    /// Those of them that a request may be in: it is in none of the others.
    pub(crate) fn open(&self, slots: &Slots<'_>) -> impl Iterator<Item = u32> {
        self.guarded.lists(slots).flatten().copied()
    }
}

impl ByValue {
    fn put(&mut self, slot: SlotId, string: &str, place: u32) {
        let known = self.0.iter().position(|known| known.slot == slot);
        let known = known.unwrap_or_else(|| {
            self.0.push(BySlot {
                slot,
                places: HashMap::new(),
            });
            self.0.len() - 1
        });
        let Some(by_slot) = self.0.get_mut(known) else {
            return;
        };
        let places = by_slot.places.entry(string.into()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// What asks for the values of a request, a list for each attribute.
    fn lists(&self, slots: &Slots<'_>) -> impl Iterator<Item = &[u32]> {
        self.0.iter().filter_map(|by_slot| {
            let value = slots.get(usize::from(by_slot.slot.0)).and_then(Option::as_ref)?;
            match value {
                Value::String(text) => by_slot.places.get(&**text).map(Vec::as_slice),
                _ => None,
            }
        })
    }
}

/// The places of several ascending lists, ascending and each once.
#[derive(Debug)]
pub(crate) struct Places<'e>(SmallVec<[&'e [u32]; LISTS]>);

impl Iterator for Places<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let next = self.0.iter().filter_map(|list| list.first()).min().copied()?;
        for list in &mut self.0 {
            if let Some((first, rest)) = list.split_first()
                && *first == next
            {
                *list = rest;
            }
        }
        Some(next)
    }
}
