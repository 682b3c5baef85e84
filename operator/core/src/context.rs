//! Reading a request's JSON straight into attribute slots.
//!
//! Only what some rule of the bundle reads is decoded; everything else is skipped without being kept. Nested objects and
//! flat dotted keys both read, nested wins. `null` is absent; a wrong type is absent and marked as such, and so is what is no
//! value at all: half of a surrogate pair, a number out of range.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::engine::{Engine, PurposeIx, SERVICE};
use crate::history::History;
use crate::value::Value;

mod memo;
mod mend;
mod quick;
mod scalar;
mod scratch;
mod shape;
#[cfg(test)]
mod tests;
mod visit;

pub(crate) use memo::Memo;
pub use scratch::Scratch;
pub use shape::Shape;

/// Who is asking and what is known about them, for one request against one engine.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) slots: Vec<Option<Value<'a>>>,
    states: Vec<SlotState>,
    nestings: Vec<Nesting>,
    identity: IdentityValues<'a>,
    grants: Vec<(Cow<'a, str>, Grant)>,
    consent_nesting: Nesting,
    levels: Vec<Option<Grant>>,
    /// What audiences came out as, so that each is evaluated once however many touchpoints name it.
    pub(crate) memo: Memo,
}

/// The strings at the identity's paths.
#[derive(Debug, Default)]
pub(crate) struct IdentityValues<'a> {
    unit: Found<'a>,
    fallback: Found<'a>,
    locale: Found<'a>,
    time_zone: Found<'a>,
    invalid_targeting_key: bool,
}

/// The value at one of the identity's paths; `None` where it is no string.
#[derive(Debug, Default)]
struct Found<'a> {
    text: Option<Cow<'a, str>>,
    nesting: Nesting,
}

/// How nested the JSON spelled a path: a bit for each segment that began a key of its own, the first segments' bits
/// being the highest. The greater one wins, whatever the order of the keys: `{"a": {"b": {"c": 1}}}`, then
/// `{"a": {"b.c": 1}}`, then `{"a.b": {"c": 1}}`, then `{"a.b.c": 1}`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Nesting(u8);

impl Nesting {
    /// The same with a key that begins after so many segments.
    fn with_key_at(self, segments: u8) -> Self {
        Self(self.0 | (0b1000_0000_u8.checked_shr(u32::from(segments)).unwrap_or(0)))
    }
}

/// How a purpose was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Grant {
    /// By the person's own act.
    Explicit,
    /// By circumstance.
    Implied,
}

/// What became of an attribute in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SlotState {
    /// Not there, or null.
    Absent,
    /// There and usable.
    Present,
    /// There and usable, with a value that the contract does not list.
    OutsideValues,
    /// There with the wrong type, thus absent.
    WrongType,
    /// There, thus absent because its purpose is not granted.
    Withheld,
}

/// Which path gave the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnitSource {
    /// `identity.fallback`.
    Fallback,
    /// `identity.unit`.
    Unit,
}

/// Why a request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The body is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// There is no context object.
    #[error("`context` must be an object; send {{\"context\": {{\"targetingKey\": \"...\"}}}}")]
    NoContext,
    /// The targeting key is there and no string, or one with half of a surrogate pair.
    #[error("`context.targetingKey` must be a string of whole characters; send the unit's id in quotes")]
    TargetingKey,
    /// Objects and lists stand in each other more often than allowed.
    #[error("the body is nested more than {limit} deep; send only attributes that rules read")]
    TooDeep {
        /// Most levels.
        limit: usize,
    },
    /// More keys than allowed.
    #[error("the body has more than {limit} keys; send only attributes that rules read")]
    TooManyKeys {
        /// Most keys.
        limit: usize,
    },
}

impl<'a> Context<'a> {
    /// Reads the context object itself: `{"targetingKey": "...", ...}`.
    ///
    /// # Errors
    /// When the text is not JSON, no object, or its targeting key is no string.
    pub fn decode(engine: &Engine, json: &'a [u8]) -> Result<Self, ContextError> {
        Self::decode_in(engine, json, &mut Scratch::default())
    }

    /// As [`Context::decode`], in memory of a context before; [`Context::release`] gives it back.
    ///
    /// # Errors
    /// As [`Context::decode`].
    pub fn decode_in(engine: &Engine, json: &'a [u8], scratch: &mut Scratch) -> Result<Self, ContextError> {
        let mut context = Self::within(engine, scratch);
        let found = visit::context(json, engine, &mut context);
        context.finish(engine, found)?;
        Ok(context)
    }

    /// Reads a request body: `{"context": {...}}`; its other members are skipped.
    ///
    /// # Errors
    /// When the body is not JSON, has no context object, or the targeting key is no string.
    pub fn decode_request(engine: &Engine, body: &'a [u8]) -> Result<Self, ContextError> {
        Self::decode_request_in(engine, body, &mut Scratch::default())
    }

    /// As [`Context::decode_request`], in memory of a request before; [`Context::release`] gives it back.
    ///
    /// # Errors
    /// As [`Context::decode_request`].
    pub fn decode_request_in(
        engine: &Engine,
        body: &'a [u8],
        scratch: &mut Scratch,
    ) -> Result<Self, ContextError> {
        let mut context = Self::within(engine, scratch);
        let found = visit::request(body, engine, &mut context);
        context.finish(engine, found)?;
        Ok(context)
    }

    /// The unit of the decision and where it came from: the fallback where present, else the unit.
    pub fn unit(&self) -> Option<(&str, UnitSource)> {
        let present = |found: &'_ Found<'a>| found.text.as_deref().is_some_and(|text| !text.is_empty());
        let (found, source) = if present(&self.identity.fallback) {
            (&self.identity.fallback, UnitSource::Fallback)
        } else {
            (&self.identity.unit, UnitSource::Unit)
        };
        found
            .text
            .as_deref()
            .filter(|unit| !unit.is_empty())
            .map(|unit| (unit, source))
    }

    /// Every id that the context names somebody by, whichever of them is the unit.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let found = [&self.identity.unit, &self.identity.fallback].into_iter();
        found
            .filter_map(|found| found.text.as_deref())
            .filter(|id| !id.is_empty())
    }

    /// The locale asked for.
    pub fn locale(&self) -> Option<&str> {
        self.identity.locale.text.as_deref()
    }

    /// The unit's time zone.
    pub fn time_zone(&self) -> Option<&str> {
        self.identity.time_zone.text.as_deref()
    }

    /// What became of each attribute, in the engine's order, with its name.
    pub fn observed<'e>(&self, engine: &'e Engine) -> impl Iterator<Item = (&'e str, SlotState)> {
        engine
            .attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .zip(self.states.iter().copied())
    }

    /// Says what became of an attribute that is not there now, and once was.
    pub(crate) fn recall(&mut self, engine: &Engine, attribute: &str, state: SlotState) {
        let place = engine.attributes.iter().position(|known| known.name == attribute);
        let slots = self.slots.iter().zip(&mut self.states);
        if let Some((None, known)) = place.and_then(|place| slots.into_iter().nth(place)) {
            *known = state;
        }
    }

    /// How a purpose was granted; `service` always is.
    pub(crate) fn grant(&self, purpose: PurposeIx) -> Option<Grant> {
        self.levels.get(purpose).copied().flatten()
    }

    /// Whether the audience of that index matches; evaluated once for each instant.
    pub(crate) fn is_in(
        &self,
        engine: &Engine,
        audience: usize,
        now: Timestamp,
        history: &dyn History,
    ) -> bool {
        let evaluate = |is_sifted| {
            let audience = engine.audiences.get(audience);
            // Missing data never matches and never fails the request.
            audience.is_some_and(|audience| {
                let result = if is_sifted {
                    audience.rule.matches_guarded(&self.slots, now, history)
                } else {
                    audience.rule.matches_after(&self.slots, now, history)
                };
                result.unwrap_or(false)
            })
        };
        self.memo.get_or(audience, now, evaluate)
    }

    /// Finds out at once which audiences what was said rules out, before many are asked for.
    pub(crate) fn rule_out(&self, engine: &Engine, now: Timestamp) {
        let open = engine.guards.open(&self.slots);
        self.memo.rule_out(now, engine.guards.known(), open);
    }

    fn finish(&mut self, engine: &Engine, found: serde_json::Result<bool>) -> Result<(), ContextError> {
        match found {
            Err(error) => return Err(ContextError::NotJson(error.to_string())),
            Ok(false) => return Err(ContextError::NoContext),
            Ok(true) => {}
        }
        if self.identity.invalid_targeting_key {
            return Err(ContextError::TargetingKey);
        }
        self.resolve_grants(engine);
        self.withhold(engine);
        Ok(())
    }

    fn resolve_grants(&mut self, engine: &Engine) {
        for (level, purpose) in self.levels.iter_mut().zip(&engine.purposes) {
            *level = self
                .grants
                .iter()
                .rev()
                .find(|(name, _)| name == purpose)
                .map(|(_, grant)| *grant);
            if purpose == SERVICE && level.is_none() {
                *level = Some(Grant::Implied);
            }
        }
    }

    /// Empties the slots of attributes whose purpose is not granted, sensitive ones unless explicitly.
    fn withhold(&mut self, engine: &Engine) {
        for ((slot, state), attribute) in self
            .slots
            .iter_mut()
            .zip(&mut self.states)
            .zip(&engine.attributes)
        {
            let granted = match self.levels.get(attribute.purpose).copied().flatten() {
                Some(Grant::Explicit) => true,
                Some(Grant::Implied) => !attribute.sensitive,
                None => false,
            };
            if !granted && slot.take().is_some() {
                *state = SlotState::Withheld;
            }
        }
    }
}
