//! Who would get another message: a sample of contexts, decided for before and after.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::context::Context;
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::history::NoHistory;
use attune_core::trace::Trace;
use jiff::Timestamp;
use serde::Serialize;

use crate::space::Space;

/// The most different moves that are told apart; any further one counts as another move at its touchpoint.
const MAX_MOVES: usize = 10_000;

/// Where a message is shown: namespace, channel, touchpoint.
type Place = (String, String, String);

/// People who would get another message.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// How many people there are in the sample.
    pub(crate) people: usize,
    /// How many of them get another message somewhere.
    pub(crate) moved: usize,
    counts: BTreeMap<(Place, String, String), usize>,
}

/// So many people go from one message to another.
#[derive(Debug, Serialize)]
pub(crate) struct Move<'m> {
    pub(crate) namespace: &'m str,
    pub(crate) channel: &'m str,
    pub(crate) touchpoint: &'m str,
    pub(crate) from: &'m str,
    pub(crate) to: &'m str,
    pub(crate) people: usize,
}

impl Moves {
    /// The moves, the largest first.
    pub(crate) fn list(&self) -> Vec<Move<'_>> {
        let moves = self
            .counts
            .iter()
            .map(|(((namespace, channel, touchpoint), from, to), people)| Move {
                namespace,
                channel,
                touchpoint,
                from,
                to,
                people: *people,
            });
        let mut moves: Vec<_> = moves.collect();
        moves.sort_by_key(|one| std::cmp::Reverse(one.people));
        moves
    }

    fn note(&mut self, place: Place, from: String, to: String) {
        let key = (place, from, to);
        if self.counts.len() >= MAX_MOVES && !self.counts.contains_key(&key) {
            let other = "(another)".to_owned();
            *self.counts.entry((key.0, other.clone(), other)).or_default() += 1;
            return;
        }
        *self.counts.entry(key).or_default() += 1;
    }
}

/// Decides for one person everywhere, before and after, and notes where the message differs.
///
/// # Errors
/// Why the line is no context.
pub(crate) fn decide_both(
    line: &[u8],
    (before, after): (&[Space], &[Space]),
    at: Timestamp,
    moves: &mut Moves,
) -> Result<(), String> {
    let (old, new) = (messages(before, line, at)?, messages(after, line, at)?);
    let nothing = || ("nothing".to_owned(), String::new());
    let places: BTreeSet<&Place> = old.keys().chain(new.keys()).collect();
    let mut has_moved = false;
    for place in places {
        let (from, from_words) = old.get(place).cloned().unwrap_or_else(nothing);
        let (to, to_words) = new.get(place).cloned().unwrap_or_else(nothing);
        if from == to && from_words == to_words {
            continue;
        }
        let to = if from == to {
            format!("{to} in other words")
        } else {
            to
        };
        moves.note(place.clone(), from, to);
        has_moved = true;
    }
    moves.people += 1;
    moves.moved += usize::from(has_moved);
    Ok(())
}

/// Variant and words at every touchpoint.
fn messages(
    spaces: &[Space],
    line: &[u8],
    at: Timestamp,
) -> Result<BTreeMap<Place, (String, String)>, String> {
    let mut messages = BTreeMap::new();
    for space in spaces {
        for (channel, engine) in &space.engines {
            let context = Context::decode(engine, line).map_err(|error| error.to_string())?;
            for touchpoint in engine.touchpoints() {
                let place = (space.name().to_owned(), channel.clone(), touchpoint.to_owned());
                messages.insert(place, message(engine, touchpoint, &context, at));
            }
        }
    }
    Ok(messages)
}

fn message(engine: &Engine, touchpoint: &str, context: &Context<'_>, now: Timestamp) -> (String, String) {
    let request = Request {
        touchpoint,
        context,
        history: &NoHistory,
        now,
    };
    let decision = decide(engine, request, &mut Trace::off());
    let shown = decision.ok().and_then(|decision| decision.content);
    shown.map_or_else(
        || ("the code default".to_owned(), String::new()),
        |shown| (shown.variant.to_owned(), shown.json.get().to_owned()),
    )
}
