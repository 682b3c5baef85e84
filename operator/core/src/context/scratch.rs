//! Memory that one request after the other uses, so that a request allocates none.

use std::borrow::Cow;

use super::{Context, Grant, IdentityValues, Memo, Nesting, SlotState};
use crate::engine::Engine;
use crate::value::Value;

/// What a context was read into, empty and with its capacity.
#[derive(Debug, Default)]
pub struct Scratch {
    slots: Vec<Option<Value<'static>>>,
    states: Vec<SlotState>,
    nestings: Vec<Nesting>,
    grants: Vec<(Cow<'static, str>, Grant)>,
    levels: Vec<Option<Grant>>,
    memo: Memo,
}

impl Context<'_> {
    /// An empty context in the memory of `scratch`.
    pub(super) fn within(engine: &Engine, scratch: &mut Scratch) -> Self {
        let Scratch {
            slots,
            states,
            nestings,
            grants,
            levels,
            memo,
        } = std::mem::take(scratch);
        let mut context = Self {
            slots,
            states,
            nestings,
            identity: IdentityValues::default(),
            grants,
            consent_nesting: Nesting::default(),
            levels,
            memo,
        };
        context.reset(engine);
        context
    }

    /// Forgets everything that was read.
    pub(super) fn reset(&mut self, engine: &Engine) {
        let slots = engine.attributes.len();
        self.slots.clear();
        self.slots.resize(slots, None);
        self.states.clear();
        self.states.resize(slots, SlotState::Absent);
        self.nestings.clear();
        self.nestings.resize(slots, Nesting::default());
        self.identity = IdentityValues::default();
        self.grants.clear();
        self.consent_nesting = Nesting::default();
        self.levels.clear();
        self.levels.resize(engine.purposes.len(), None);
        self.memo.reset(engine.audiences.len(), engine.holdouts.len());
    }

    /// Gives the memory back, for the next request.
    pub fn release(self, scratch: &mut Scratch) {
        *scratch = Scratch {
            slots: emptied(self.slots, |_| None),
            states: self.states,
            nestings: self.nestings,
            grants: emptied(self.grants, |_| (Cow::Borrowed(""), Grant::Implied)),
            levels: self.levels,
            memo: self.memo,
        };
    }
}

/// The same memory for values of a longer life: collecting from an emptied vector of the same layout keeps it. A test
/// counts allocations, so that a standard library that does otherwise is noticed.
fn emptied<T, U>(mut vector: Vec<T>, never: impl Fn(T) -> U) -> Vec<U> {
    vector.clear();
    vector.into_iter().map(never).collect()
}
