//! Walking the JSON of a request along the engine's paths.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Scalar, ScalarSeed};
use super::{Context, Grant, SlotState};
use crate::engine::{Engine, PathNode, Sink};
use crate::value::{SlotId, Value};

/// Reads `{"context": {...}}`; gives whether there was a context object.
pub(super) struct RequestSeed<'c, 'a> {
    pub engine: &'c Engine,
    pub context: &'c mut Context<'a>,
}

/// Reads the context object; gives whether it was one.
pub(super) struct ContextSeed<'c, 'a> {
    pub engine: &'c Engine,
    pub context: &'c mut Context<'a>,
}

/// Reads the value at one path.
struct NodeSeed<'c, 'a> {
    engine: &'c Engine,
    context: &'c mut Context<'a>,
    node: &'c PathNode,
    depth: u8,
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
        let mut found = false;
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            if key == "context" {
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
            depth: 0,
        }
        .visit_map(entries)?;
        Ok(true)
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.node.is_leaf() && !self.node.sink().consent {
            let scalar = ScalarSeed.deserialize(deserializer)?;
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
        let scalar = ScalarSeed.visit_u64(value)?;
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
        let scalar = ScalarSeed.visit_seq(items)?;
        self.fill(scalar);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let sink = self.node.sink();
        if sink.consent {
            self.context.grants.clear();
        }
        while let Some(key) = entries.next_key_seed(KeySeed)? {
            if sink.consent {
                let value = entries.next_value_seed(ScalarSeed)?;
                self.context.grant_entry(key, value);
                continue;
            }
            let Some(node) = self.node.walk(&key) else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            let depth = self.depth.saturating_add(1);
            entries.next_value_seed(NodeSeed {
                engine: self.engine,
                context: &mut *self.context,
                node,
                depth,
            })?;
        }
        if !sink.consent && !sink.is_unused() {
            self.fill(Scalar::Other);
        }
        Ok(())
    }
}

impl<'de> NodeSeed<'_, 'de> {
    /// Hands the value to whatever the path is for.
    fn fill(self, scalar: Scalar<'de>) {
        let sink = self.node.sink();
        if sink.consent {
            self.context.grant_list(scalar);
        } else if sink.is_identity() {
            let text = match &scalar {
                Scalar::String(text) => Some(text.clone()),
                _ => None,
            };
            if sink.targeting_key && text.is_none() && !matches!(scalar, Scalar::Null) {
                self.context.identity.invalid_targeting_key = true;
            }
            self.context.identify(sink, text);
            if let Some(slot) = sink.attribute {
                self.context.set(self.engine, slot, scalar, self.depth);
            }
        } else if let Some(slot) = sink.attribute {
            self.context.set(self.engine, slot, scalar, self.depth);
        }
    }
}

impl<'a> Context<'a> {
    fn identify(&mut self, sink: Sink, text: Option<Cow<'a, str>>) {
        let Some(text) = text else { return };
        for (wanted, place) in [
            (sink.unit, &mut self.identity.unit),
            (sink.fallback, &mut self.identity.fallback),
            (sink.locale, &mut self.identity.locale),
            (sink.time_zone, &mut self.identity.time_zone),
        ] {
            if wanted {
                *place = Some(text.clone());
            }
        }
    }

    /// Fills a slot unless a deeper nested value already did.
    fn set(&mut self, engine: &Engine, slot: SlotId, scalar: Scalar<'a>, depth: u8) {
        let index = usize::from(slot.0);
        let (Some(place), Some(state), Some(known), Some(attribute)) = (
            self.slots.get_mut(index),
            self.states.get_mut(index),
            self.depths.get_mut(index),
            engine.attributes.get(index),
        ) else {
            return;
        };
        if matches!(scalar, Scalar::Null) || depth < *known {
            return;
        }
        *known = depth;
        *place = scalar.typed(attribute.ty);
        *state = match place {
            None => SlotState::WrongType,
            Some(value) if is_outside(value, &attribute.values) => SlotState::OutsideValues,
            Some(_) => SlotState::Present,
        };
    }

    /// Consent as a list: every entry is explicit. Any other shape grants nothing more.
    fn grant_list(&mut self, scalar: Scalar<'a>) {
        self.grants.clear();
        if let Scalar::Strings(purposes) = scalar {
            self.grants
                .extend(purposes.into_iter().map(|purpose| (purpose, Grant::Explicit)));
        }
    }

    /// One entry of consent as an object: purpose -> `Explicit` | `Implied` | `Denied`.
    fn grant_entry(&mut self, purpose: Cow<'a, str>, value: Scalar<'a>) {
        self.grants.retain(|(name, _)| *name != purpose);
        let grant = match value.string().as_deref() {
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
