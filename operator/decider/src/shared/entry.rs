//! How one show or one outcome is written into a shared memory.
//!
//! Every entry begins with one byte that says what it is and eight that say when, in microseconds since 1970; numbers are
//! big-endian. A build skips kinds that it does not know and reads of those that it knows the part that it knows, so that
//! older and newer ones work on one memory.

use jiff::Timestamp;

use crate::clock::At;
use crate::state::{Key, Show};

/// A show: when, its id, binding, module, program, channel; 0 for what is not known.
const SHOW: u8 = b'S';

/// An outcome: when, its id, the event.
const OUTCOME: u8 = b'O';

/// One element of a list.
pub(crate) type Entry = Vec<u8>;

/// The show as an element of the list of shows.
pub(crate) fn show(id: Key, show: &Show) -> Entry {
    let mut entry = open(SHOW, show.at.into(), id);
    for name in [show.binding, show.module, show.program, show.channel] {
        entry.extend_from_slice(&name.to_be_bytes());
    }
    entry
}

/// The outcome as an element of the list of outcomes.
pub(crate) fn outcome(id: Key, event: Key, at: Timestamp) -> Entry {
    let mut entry = open(OUTCOME, at, id);
    entry.extend_from_slice(&event.to_be_bytes());
    entry
}

/// A show, if it is one.
pub(crate) fn read_show(entry: &[u8]) -> Option<Show> {
    let (at, rest) = opened(SHOW, entry)?;
    let (binding, rest) = number(rest)?;
    let (module, rest) = number(rest)?;
    let (program, rest) = number(rest)?;
    let (channel, _) = number(rest)?;
    Some(Show {
        at,
        binding,
        module,
        program,
        channel,
    })
}

/// An outcome's event and when it happened, if it is one.
pub(crate) fn read_outcome(entry: &[u8]) -> Option<(Key, At)> {
    let (at, rest) = opened(OUTCOME, entry)?;
    let (event, _) = number(rest)?;
    Some((event, at))
}

fn open(kind: u8, at: Timestamp, id: Key) -> Entry {
    let mut entry = Vec::with_capacity(49);
    entry.push(kind);
    entry.extend_from_slice(&micros(at).to_be_bytes());
    entry.extend_from_slice(&id.to_be_bytes());
    entry
}

/// When, and what follows the id.
fn opened(kind: u8, entry: &[u8]) -> Option<(At, &[u8])> {
    let (first, rest) = entry.split_first()?;
    if *first != kind {
        return None;
    }
    let (at, rest) = number(rest)?;
    let (_, rest) = number(rest)?;
    let at = Timestamp::from_microsecond(i64::try_from(at).ok()?).ok()?;
    Some((at.into(), rest))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*first), rest))
}

/// Microseconds since 1970; what happened before is taken to have happened then.
pub(crate) fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or(0)
}
