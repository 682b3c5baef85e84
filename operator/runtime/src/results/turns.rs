//! When each object's question is asked next.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use attune_compile::{Inquiry, ObjectId};
use tokio::time::Instant;

/// What all objects ask, and what the collector is told beside it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inquiries {
    asked: BTreeMap<ObjectId, Inquiry>,
    /// Channels whose units are kept in plain, as (namespace, name); unknown until everything was listed.
    plain: Option<BTreeSet<(String, String)>>,
}

impl Inquiries {
    /// Takes them anew; gives whether any changed.
    pub fn replace<'q>(&mut self, inquiries: impl Iterator<Item = (&'q ObjectId, &'q Inquiry)>) -> bool {
        let inquiries = inquiries
            .map(|(id, inquiry)| (id.clone(), inquiry.clone()))
            .collect();
        let changed = self.asked != inquiries;
        self.asked = inquiries;
        changed
    }

    /// Takes the Channels anew whose units are kept in plain, as (namespace, name); gives whether any changed.
    pub fn keep_plain(&mut self, channels: BTreeSet<(String, String)>) -> bool {
        let channels = Some(channels);
        let changed = self.plain != channels;
        self.plain = channels;
        changed
    }

    /// The Channels whose units are kept in plain, once they are known.
    pub fn plain(&self) -> Option<&BTreeSet<(String, String)>> {
        self.plain.as_ref()
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
            .retain(|id, (inquiry, _)| inquiries.asked.get(id) == Some(inquiry));
        for (id, inquiry) in &inquiries.asked {
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
