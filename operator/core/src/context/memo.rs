//! What audiences came out as in one request.

use std::cell::Cell;

use jiff::Timestamp;

/// Bits of a word.
const BITS: usize = 64;

/// One bit for each audience that was evaluated, and one for what it came out as.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    words: Vec<Cell<(u64, u64)>>,
    /// The instant that they were evaluated at.
    now: Cell<Option<Timestamp>>,
}

impl Memo {
    /// Forgets everything and makes room for so many audiences.
    pub(super) fn reset(&mut self, audiences: usize) {
        self.words.clear();
        self.words.resize(audiences.div_ceil(BITS), Cell::new((0, 0)));
        self.now.set(None);
    }

    pub(super) fn get_or(&self, audience: usize, now: Timestamp, evaluate: impl FnOnce() -> bool) -> bool {
        if self.now.get() != Some(now) {
            for word in &self.words {
                word.set((0, 0));
            }
            self.now.set(Some(now));
        }
        let Some(word) = self.words.get(audience / BITS) else {
            return evaluate();
        };
        let (known, held) = word.get();
        let bit = 1 << (audience % BITS);
        if known & bit != 0 {
            return held & bit != 0;
        }
        let holds = evaluate();
        word.set((known | bit, if holds { held | bit } else { held }));
        holds
    }
}
