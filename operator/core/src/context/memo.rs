//! What audiences and holdouts came out as in one request.

use std::cell::Cell;

use jiff::Timestamp;

use crate::engine::Ix;

/// Bits of a word.
const BITS: usize = 64;

/// One bit for each audience that was evaluated, and one for what it came out as.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    words: Vec<Cell<(u64, u64)>>,
    /// The unit's bucket in each holdout; above 10,000 where it is not known yet.
    buckets: Vec<Cell<u32>>,
    /// The instant that they were evaluated at.
    now: Cell<Option<Timestamp>>,
    /// Whether [`Memo::rule_out`] looked at them at that instant.
    is_sifted: Cell<bool>,
}

impl Memo {
    /// Forgets everything and makes room for so many audiences and holdouts.
    pub(super) fn reset(&mut self, audiences: usize, holdouts: usize) {
        self.buckets.clear();
        self.buckets.resize(holdouts, Cell::new(u32::MAX));
        self.words.clear();
        self.words.resize(audiences.div_ceil(BITS), Cell::new((0, 0)));
        self.now.set(None);
        self.is_sifted.set(false);
    }

    /// The unit's bucket in a holdout: the same for every touchpoint of a request.
    pub(crate) fn bucket(&self, holdout: usize, compute: impl FnOnce() -> u32) -> u32 {
        let Some(place) = self.buckets.get(holdout) else {
            return compute();
        };
        if place.get() == u32::MAX {
            place.set(compute());
        }
        place.get()
    }

    /// Takes note of the audiences that nothing but what a request says is needed to tell of: a bit for each in `known`, and
    /// those of them that have to be evaluated all the same. The unit is in none of the others.
    pub(super) fn rule_out(&self, now: Timestamp, known: &[u64], open: impl Iterator<Item = u32>) {
        for (word, known) in self.words.iter().zip(known) {
            word.set((*known, 0));
        }
        for audience in open.map(|audience| audience as usize) {
            if let Some(word) = self.words.get(audience / BITS) {
                let (known, held) = word.get();
                word.set((known & !(1 << (audience % BITS)), held));
            }
        }
        self.now.set(Some(now));
        self.is_sifted.set(true);
    }

    /// Whether it is known that the unit is not in an audience.
    pub(crate) fn is_out(&self, audience: Ix, now: Timestamp) -> bool {
        let Some(audience) = audience.get() else {
            return false;
        };
        let word = self.words.get(audience / BITS).map_or((0, 0), Cell::get);
        let bit = 1 << (audience % BITS);
        word.0 & bit != 0 && word.1 & bit == 0 && self.now.get() == Some(now)
    }

    /// Whether the unit is in an audience; evaluated where that is not known, which is told whether the audience passed
    /// [`Memo::rule_out`].
    pub(super) fn get_or(
        &self,
        audience: usize,
        now: Timestamp,
        evaluate: impl FnOnce(bool) -> bool,
    ) -> bool {
        if self.now.get() != Some(now) {
            for word in &self.words {
                word.set((0, 0));
            }
            self.now.set(Some(now));
            self.is_sifted.set(false);
        }
        let Some(word) = self.words.get(audience / BITS) else {
            return evaluate(false);
        };
        let (known, held) = word.get();
        let bit = 1 << (audience % BITS);
        if known & bit != 0 {
            return held & bit != 0;
        }
        let holds = evaluate(self.is_sifted.get());
        word.set((known | bit, if holds { held | bit } else { held }));
        holds
    }
}
