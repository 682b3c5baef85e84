//! Finding the candidates that may admit a request without looking at all of them.
//!
//! Most audiences begin with what somebody is: `user.tier in ["gold", "platinum"] && ...`. Such a condition must hold for
//! the audience to match, so a candidate whose audiences all have one is found by the attribute's value. The others are
//! looked at each time. What is found is a superset of what admits, in the order of the candidates.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::{Audience, Candidate};
use crate::value::{SlotId, Slots, Value};

/// Attributes that audiences of one touchpoint begin with, nearly always; more cost an allocation.
const LISTS: usize = 8;

/// Below it, looking at all of them is faster.
const WORTH_IT: usize = 8;

/// Candidates of one touchpoint by what they ask for.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: Vec<BySlot>,
    /// Candidates that nothing tells in advance.
    rest: Vec<u32>,
    /// Whether there is an index at all.
    is_used: bool,
}

/// Candidates by the value of one attribute.
#[derive(Debug)]
struct BySlot {
    slot: SlotId,
    candidates: HashMap<Box<str>, Vec<u32>>,
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
            let guards: Option<Vec<_>> = candidate
                .audiences
                .iter()
                .map(|audience| audiences.get(*audience)?.rule.guard())
                .collect();
            match guards.filter(|guards| !guards.is_empty()) {
                None => index.rest.push(place),
                Some(guards) => {
                    for (slot, strings) in guards {
                        strings.for_each(|string| index.put(slot, string, place));
                    }
                }
            }
        }
        index
    }

    fn put(&mut self, slot: SlotId, string: &str, place: u32) {
        let known = self.slots.iter().position(|known| known.slot == slot);
        let known = known.unwrap_or_else(|| {
            self.slots.push(BySlot {
                slot,
                candidates: HashMap::new(),
            });
            self.slots.len() - 1
        });
        let Some(by_slot) = self.slots.get_mut(known) else {
            return;
        };
        let places = by_slot.candidates.entry(string.into()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// The places of the candidates that may admit, in their order; `None` where all must be looked at.
    pub(crate) fn find(&self, slots: &Slots<'_>) -> Option<Places<'_>> {
        if !self.is_used {
            return None;
        }
        let mut lists: SmallVec<[&[u32]; LISTS]> = SmallVec::new();
        for by_slot in &self.slots {
            let value = slots.get(usize::from(by_slot.slot.0)).and_then(Option::as_ref);
            if let Some(Value::String(text)) = value
                && let Some(places) = by_slot.candidates.get(&**text)
            {
                lists.push(places);
            }
        }
        lists.push(&self.rest);
        Some(Places(lists))
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
