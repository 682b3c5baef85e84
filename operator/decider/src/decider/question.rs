//! What is asked of a decider, read in memory that is used again and again.

use std::cell::RefCell;

use attune_core::context::{Context, ContextError, Scratch};
use attune_core::decide::Taken;
use jiff::Timestamp;

use super::Loaded;

thread_local! {
    /// What the last request of this thread was read into.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// Reads a request, counts what it carries, and does something with what it says, in memory that is used again and again.
pub(crate) fn with_context<T>(
    loaded: &Loaded,
    body: &[u8],
    ask: impl FnOnce(&Context<'_>) -> T,
) -> Result<T, ContextError> {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => read(loaded, body, &mut scratch, ask),
        // Whoever asks while it is asked has memory of its own.
        Err(_) => read(loaded, body, &mut Scratch::default(), ask),
    })
}

fn read<T>(
    loaded: &Loaded,
    body: &[u8],
    scratch: &mut Scratch,
    ask: impl FnOnce(&Context<'_>) -> T,
) -> Result<T, ContextError> {
    let context = Context::decode_request_in(&loaded.engine, body, scratch)?;
    loaded.sums.read(&loaded.engine, &context);
    let answer = ask(&context);
    context.release(scratch);
    Ok(answer)
}

/// What is asked of a decider.
#[derive(Clone, Copy)]
pub(crate) struct Question<'e, 'r> {
    pub touchpoint: &'r str,
    pub context: &'r Context<'r>,
    pub now: Timestamp,
    /// What is on the same page already.
    pub taken: &'r Taken<'e>,
    /// What units were shown and did is not to be known: what goes by it is suppressed.
    pub is_blind: bool,
}
