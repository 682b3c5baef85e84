//! Answers that were written before: whoever a decision comes to the same for gets the same bytes, but for the decision's id.
//!
//! Nobody waits here. Who finds the answers being added to writes its own, and what finds no room is written each time.

use std::collections::HashMap;
use std::sync::{RwLock, RwLockReadGuard};

use attune_core::decide::{Decision, Outcome};
use attune_core::engine::Engine;
use attune_core::ofrep::Success;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::etag::Piece;

#[cfg(test)]
mod tests;

/// What the answers of one bundle may take up, in bytes.
const MOST: usize = 4 * 1024 * 1024;

/// What an answer takes up beside its bytes, about.
const EACH: usize = 128;

/// What an id stands between.
const BEFORE_ID: &[u8] = b",\"attune.decision\":\"";
const AFTER_ID: &[u8] = b"\"}}";

/// Answers of one bundle, by what the decision came to.
#[derive(Debug, Default)]
pub(crate) struct Answers(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    answers: HashMap<Outcome, Written, foldhash::fast::RandomState>,
    /// What they take up.
    bytes: usize,
}

/// An answer without the decision's id.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// All that precedes the id.
    opening: Box<[u8]>,
    pub(crate) about: About,
}

/// What is known of an answer beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    /// Of the answer without an id.
    pub piece: Piece,
    /// The rule that won, as [`Winner::rule`](attune_core::decide::Winner::rule) has it.
    pub rule: Option<usize>,
}

/// The answers, as one request sees them.
pub(crate) struct Reader<'a> {
    all: &'a Answers,
    known: Option<RwLockReadGuard<'a, Known>>,
    fresh: Vec<(Outcome, Written)>,
}

impl Answers {
    /// Opens them for one request.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            all: self,
            known: self.0.try_read().ok(),
            fresh: Vec::new(),
        }
    }
}

impl Reader<'_> {
    /// Appends the answer with the id.
    pub(crate) fn append(&mut self, engine: &Engine, outcome: Outcome, id: Uuid, out: &mut Vec<u8>) -> About {
        let known = self.known.as_ref();
        if let Some(written) = known.and_then(|known| known.answers.get(&outcome)) {
            written.append(id, out);
            return written.about;
        }
        let written = Written::of(engine, &outcome.decision(engine));
        written.append(id, out);
        let about = written.about;
        if known.is_some_and(|known| known.bytes < MOST) {
            self.fresh.push((outcome, written));
        }
        about
    }

    /// Keeps what was written anew, unless others are reading or writing just now.
    pub(crate) fn close(self) {
        drop(self.known);
        if self.fresh.is_empty() {
            return;
        }
        if let Ok(mut known) = self.all.0.try_write() {
            for (outcome, written) in self.fresh {
                known.keep(outcome, written);
            }
        }
    }
}

impl Known {
    fn keep(&mut self, outcome: Outcome, written: Written) {
        let bytes = EACH + written.opening.len();
        if self.bytes + bytes <= MOST && self.answers.insert(outcome, written).is_none() {
            self.bytes += bytes;
        }
    }
}

impl Written {
    /// The answer of a decision by the engine.
    pub(crate) fn of(engine: &Engine, decision: &Decision<'_>) -> Self {
        let mut answer = Vec::new();
        Success::new(decision, engine.metadata(), None).write(&mut answer);
        let piece = Piece::of(&answer);
        // The metadata is never empty and comes last.
        answer.truncate(answer.len().saturating_sub(AFTER_ID.len() - 1));
        answer.extend_from_slice(BEFORE_ID);
        Self {
            opening: answer.into_boxed_slice(),
            about: About {
                piece,
                rule: decision.winner.map(|winner| winner.rule),
            },
        }
    }

    /// Appends it with the decision's id.
    pub(crate) fn append(&self, id: Uuid, out: &mut Vec<u8>) {
        let mut buffer = [0; Hyphenated::LENGTH];
        let id = id.hyphenated().encode_lower(&mut buffer);
        out.extend_from_slice(&self.opening);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(AFTER_ID);
    }
}
