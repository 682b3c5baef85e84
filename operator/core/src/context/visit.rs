//! Walking the JSON of a request along the engine's paths.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::mend::mended;
use super::quick::Reader;
use super::scalar::{Scalar, ScalarSeed};
use super::{Context, Found, Grant, IdentityValues, Nesting, SlotState};
use crate::engine::{Engine, PathNode, Sink};
use crate::expr::{MAX_LIST_ITEMS, MAX_STRING_BYTES};
use crate::value::{SlotId, Value};

/// Reads `{"context": {...}}`; gives whether there was a context object.
pub(super) fn request<'a>(
    json: &'a [u8],
    engine: &Engine,
    context: &mut Context<'a>,
) -> serde_json::Result<bool> {
    if let Some(found) = quickly(json, RequestSeed { engine, context }) {
        return Ok(found);
    }
    slowly(json, RequestSeed::anew(engine, context))
        .or_else(|refused| mended(json, RequestSeed::anew(engine, context)).unwrap_or(Err(refused)))
}

/// Reads the context object; gives whether it was one.
pub(super) fn context<'a>(
    json: &'a [u8],
    engine: &Engine,
    context: &mut Context<'a>,
) -> serde_json::Result<bool> {
    if let Some(found) = quickly(json, ContextSeed { engine, context }) {
        return Ok(found);
    }
    slowly(json, ContextSeed::anew(engine, context))
        .or_else(|refused| mended(json, ContextSeed::anew(engine, context)).unwrap_or(Err(refused)))
}

/// Reads the whole of the usual kind of text, which is nearly every one; `None` leaves it to the parser.
pub(super) fn quickly<'a, T>(json: &'a [u8], seed: impl DeserializeSeed<'a, Value = T>) -> Option<T> {
    // That it is UTF-8 is seen once, and not string by string.
    let mut reader = Reader::new(std::str::from_utf8(json).ok()?);
    let value = seed.deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

/// Reads the whole of any text.
pub(super) fn slowly<'a, T>(
    json: &'a [u8],
    seed: impl DeserializeSeed<'a, Value = T>,
) -> serde_json::Result<T> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    let value = seed.deserialize(&mut parser)?;
    parser.end().map(|()| value)
}

/// See [`request`].
pub(super) struct RequestSeed<'c, 'a> {
    pub(super) engine: &'c Engine,
    pub(super) context: &'c mut Context<'a>,
}

/// See [`context`].
struct ContextSeed<'c, 'a> {
    engine: &'c Engine,
    context: &'c mut Context<'a>,
}

/// Reads the value at one path.
struct NodeSeed<'c, 'a> {
    engine: &'c Engine,
    context: &'c mut Context<'a>,
    node: &'c PathNode,
    nesting: Nesting,
}

/// Reads an object's key, borrowed where it holds no escapes.
struct KeySeed;

/// What a value that is not an object means to [`RequestSeed`] and [`ContextSeed`]: there is no context.
macro_rules! not_an_object {
    ($value:ty) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }
        fn visit_unit<E>(self) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_bool<E>(self, _: bool) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_u64<E>(self, _: u64) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_str<E>(self, _: &str) -> Result<$value, E> {
            Ok(false)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<$value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(false)
        }
    };
}

impl<'c, 'a> RequestSeed<'c, 'a> {
    /// Forgets what was read so far.
    fn anew(engine: &'c Engine, context: &'c mut Context<'a>) -> Self {
        context.reset(engine);
        Self { engine, context }
    }
}

impl<'c, 'a> ContextSeed<'c, 'a> {
    /// Forgets what was read so far.
    fn anew(engine: &'c Engine, context: &'c mut Context<'a>) -> Self {
        context.reset(engine);
        Self { engine, context }
    }
}

impl<'de> DeserializeSeed<'de> for RequestSeed<'_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RequestSeed<'_, 'de> {
    type Value = bool;

    not_an_object!(bool);

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let (mut found, mut repeated) = (false, false);
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            if key == "context" {
                // Of a repeated member the last one counts, and counts alone.
                if repeated {
                    self.context.reset(self.engine);
                }
                repeated = true;
                found = entries.next_value_seed(ContextSeed {
                    engine: self.engine,
                    context: self.context,
                })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de> DeserializeSeed<'de> for ContextSeed<'_, 'de> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ContextSeed<'_, 'de> {
    type Value = bool;

    not_an_object!(bool);

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<bool, A::Error> {
        let root = &self.engine.paths;
        NodeSeed {
            engine: self.engine,
            context: self.context,
            node: root,
            nesting: Nesting::default(),
        }
        .visit_map(entries)?;
        Ok(true)
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.is_leaf() && !self.node.sink().consent {
            let scalar = ScalarSeed::default().deserialize(deserializer)?;
            self.fill(scalar);
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.fill(Scalar::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.fill(Scalar::Int(value));
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        let scalar = ScalarSeed::default().visit_u64(value)?;
        self.fill(scalar);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.fill(Scalar::Double(value));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.fill(Scalar::String(Cow::Borrowed(value)));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.fill(Scalar::String(Cow::Owned(value.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let sink = self.node.sink();
        if sink.consent && sink.attribute.is_none() && !sink.is_identity() {
            return self.consent_list(items);
        }
        let scalar = ScalarSeed::default().visit_seq(items)?;
        self.fill(scalar);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let sink = self.node.sink();
        if sink.consent {
            return self.consents(entries);
        }
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            match self.child(&key) {
                Some(child) => entries.next_value_seed(child)?,
                None => _ = entries.next_value::<IgnoredAny>()?,
            }
        }
        if !sink.is_unused() {
            self.fill(Scalar::Other);
        }
        Ok(())
    }
}

impl<'de> NodeSeed<'_, 'de> {
    /// The node that a key of this object leads to.
    fn child(&mut self, key: &str) -> Option<NodeSeed<'_, 'de>> {
        Some(NodeSeed {
            engine: self.engine,
            context: &mut *self.context,
            node: self.node.walk(key)?,
            nesting: self.nesting.with_key_at(self.node.segments()),
        })
    }

    /// Consent as an object; its entries may be attributes as well.
    fn consents<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let wins = self.context.begin_consent(self.nesting);
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            let value = entries.next_value_seed(ScalarSeed::default())?;
            if let Some(child) = self.child(&key) {
                child.fill(value.clone());
            }
            if wins {
                self.context.grant_entry(key, &value);
            }
        }
        Ok(())
    }

    /// Consent as a list, where nothing else wants it: read without a list of its own.
    fn consent_list<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let wins = self.context.begin_consent(self.nesting);
        let (mut purposes, mut usable) = (0, wins);
        while usable {
            match items.next_element_seed(ScalarSeed::in_list())? {
                None => return Ok(()),
                Some(Scalar::String(purpose))
                    if purposes < MAX_LIST_ITEMS && purpose.len() <= MAX_STRING_BYTES =>
                {
                    purposes += 1;
                    self.context.grants.push((purpose, Grant::Explicit));
                }
                Some(_) => usable = false,
            }
        }
        if wins {
            // A mixed or an overlong list is another shape, which grants nothing.
            self.context.grants.clear();
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    /// Hands the value to whatever the path is for.
    fn fill(self, scalar: Scalar<'de>) {
        if matches!(scalar, Scalar::Null) {
            return;
        }
        let sink = self.node.sink();
        if sink.is_identity() {
            let text = scalar.as_string();
            self.context.identity.invalid_targeting_key |= sink.targeting_key && text.is_none();
            self.context.identity.put(sink, text, self.nesting);
        }
        if sink.consent && self.context.begin_consent(self.nesting) {
            self.context.grant_list(&scalar);
        }
        if let Some(slot) = sink.attribute {
            self.context.set(self.engine, slot, scalar, self.nesting);
        }
    }
}

impl<'a> IdentityValues<'a> {
    fn put(&mut self, sink: Sink, text: Option<&Cow<'a, str>>, nesting: Nesting) {
        for (wanted, found) in [
            (sink.unit, &mut self.unit),
            (sink.fallback, &mut self.fallback),
            (sink.locale, &mut self.locale),
            (sink.time_zone, &mut self.time_zone),
        ] {
            if wanted && nesting >= found.nesting {
                *found = Found {
                    text: text.cloned(),
                    nesting,
                };
            }
        }
    }
}

impl<'a> Context<'a> {
    /// Fills a slot unless a more nested spelling already did.
    fn set(&mut self, engine: &Engine, slot: SlotId, scalar: Scalar<'a>, nesting: Nesting) {
        let index = usize::from(slot.0);
        let (Some(place), Some(state), Some(known), Some(attribute)) = (
            self.slots.get_mut(index),
            self.states.get_mut(index),
            self.nestings.get_mut(index),
            engine.attributes.get(index),
        ) else {
            return;
        };
        if nesting < *known {
            return;
        }
        *known = nesting;
        *place = scalar.typed(attribute.ty);
        *state = match place {
            None => SlotState::WrongType,
            Some(value) if is_outside(value, &attribute.values) => SlotState::OutsideValues,
            Some(_) => SlotState::Present,
        };
    }

    /// Starts over with what is consented to, unless a more nested spelling already told.
    fn begin_consent(&mut self, nesting: Nesting) -> bool {
        let wins = nesting >= self.consent_nesting;
        if wins {
            self.consent_nesting = nesting;
            self.grants.clear();
        }
        wins
    }

    /// Consent as a list: every entry is explicit. Any other shape grants nothing more.
    fn grant_list(&mut self, scalar: &Scalar<'a>) {
        if let Scalar::Strings(purposes) = scalar {
            let purposes = purposes.iter().cloned();
            self.grants
                .extend(purposes.map(|purpose| (purpose, Grant::Explicit)));
        }
    }

    /// One entry of consent as an object: purpose -> `Explicit` | `Implied` | `Denied`.
    fn grant_entry(&mut self, purpose: Cow<'a, str>, value: &Scalar<'a>) {
        self.grants.retain(|(name, _)| *name != purpose);
        let grant = match value.as_string().map(|grant| &**grant) {
            Some("Explicit") => Grant::Explicit,
            Some("Implied") => Grant::Implied,
            _ => return,
        };
        self.grants.push((purpose, grant));
    }
}

/// Whether a contract lists values and this is none of them.
fn is_outside(value: &Value<'_>, listed: &[String]) -> bool {
    let unlisted = |value: &Value<'_>| match value {
        Value::String(text) => !listed.iter().any(|known| known == text),
        _ => false,
    };
    !listed.is_empty()
        && match value {
            Value::List(items) => items.iter().any(unlisted),
            single => unlisted(single),
        }
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object's key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
