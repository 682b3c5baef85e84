//! When each object's question is asked next.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use attune_compile::{Inquiry, ObjectId};
use tokio::time::Instant;

/// What all objects ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inquiries(BTreeMap<ObjectId, Inquiry>);

impl Inquiries {
    /// Takes them anew; gives whether any changed.
    pub fn replace<'q>(&mut self, inquiries: impl Iterator<Item = (&'q ObjectId, &'q Inquiry)>) -> bool {
        let inquiries = inquiries
            .map(|(id, inquiry)| (id.clone(), inquiry.clone()))
            .collect();
        let changed = self.0 != inquiries;
        self.0 = inquiries;
        changed
    }
}

/// When each is asked next.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: BTreeMap<ObjectId, (Inquiry, Instant)>,
    spread: RandomState,
}

impl Turns {
    /// Lets new and changed inquiries be made now; the others keep their turn, and those that are gone have none.
    pub(super) fn take(&mut self, inquiries: &Inquiries) {
        self.turns
            .retain(|id, (inquiry, _)| inquiries.0.get(id) == Some(inquiry));
        for (id, inquiry) in &inquiries.0 {
            let turn = || (inquiry.clone(), Instant::now());
            self.turns.entry(id.clone()).or_insert_with(turn);
        }
    }

    /// Whose turn comes first, and when.
    pub(super) fn next(&self) -> Option<(ObjectId, Instant)> {
        let first = self.turns.iter().min_by_key(|(_, (_, due))| *due);
        first.map(|(id, (_, due))| (id.clone(), *due))
    }

    /// Lets an inquiry be made again after a pause.
    pub(super) fn hasten(&mut self, id: &ObjectId, pause: Duration) {
        if let Some((_, due)) = self.turns.get_mut(id) {
            *due = Instant::now() + pause;
        }
    }

    /// Gives an inquiry, whose next turn comes after the interval and up to a tenth more, so that not all come at once.
    pub(super) fn begin(&mut self, id: &ObjectId, interval: Duration) -> Option<Inquiry> {
        let thousandths = self.spread.hash_one(id) % 100;
        let (inquiry, due) = self.turns.get_mut(id)?;
        *due = Instant::now() + interval + interval / 1000 * u32::try_from(thousandths).unwrap_or_default();
        Some(inquiry.clone())
    }
}

#[cfg(test)]
mod tests;
