//! The entity tag of a bulk answer: what was asked, by which rules, and what came out.
//!
//! A tag is made after deciding, over the revision, the canonical context and the body without decision ids, so that a
//! changed context, answer or revision never looks unchanged.

use std::borrow::Cow;
use std::fmt;

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

mod hash;

use hash::{Hash, Hasher, leaf};

/// The hash of one piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece(Hash);

impl Piece {
    /// Of an answer without its decision's id.
    pub(crate) fn of(answer: &[u8]) -> Self {
        Self(leaf(b's', answer))
    }
}

/// A tag under construction.
pub(crate) struct Builder(Hasher);

impl Builder {
    /// Starts with the rules and the question. `None` when the context cannot be hashed, because it is nested deeper
    /// than the parser allows: then there is no tag and never a 304.
    pub(crate) fn new(revision: &str, request: &[u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(request);
        let context = RequestSeed.deserialize(&mut deserializer).ok()?;
        let mut hasher = Hasher::new(b'r');
        hasher.add(leaf(b's', revision.as_bytes()));
        hasher.add(context);
        Some(Self(hasher))
    }

    /// The next piece of the answer.
    pub(crate) fn add(&mut self, piece: Piece) {
        self.0.add(piece.0);
    }

    /// The tag. It is weak: two answers with one tag differ in their decisions' ids.
    pub(crate) fn finish(self) -> Tag {
        let Hash(first, second) = self.0.finish();
        Tag(format!("{first:016x}{second:016x}"))
    }
}

/// The opaque part of an entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// Whether `If-None-Match` names it, by RFC 9110's weak comparison. `*` does not: it names no answer that the client
    /// has.
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .map(|tag| tag.strip_prefix("W/").unwrap_or(tag))
            .any(|tag| {
                let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                opaque == Some(&self.0)
            })
    }

    /// As the `ETag` header spells it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("W/\"{}\"", self.0)).ok()
    }
}

/// An object's key, borrowed where it holds no escapes; a bare `Cow` would never borrow.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Hashes the `context` of a request and skips its other members.
struct RequestSeed;

/// Hashes any JSON value: the same for every order of an object's keys, every spelling of a number and of a string.
struct ValueSeed;

impl<'de> DeserializeSeed<'de> for RequestSeed {
    type Value = Hash;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Hash, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RequestSeed {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request with a context")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Hash, A::Error> {
        let mut hasher = Hasher::new(b'q');
        while let Some(Key(key)) = entries.next_key()? {
            if key == "context" {
                hasher.add(entries.next_value_seed(ValueSeed)?);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(hasher.finish())
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Hash;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Hash, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Hash, E> {
        Ok(leaf(b'0', b""))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Hash, E> {
        Ok(leaf(b'b', &[u8::from(value)]))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Hash, E> {
        Ok(leaf(b'i', &value.to_be_bytes()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Hash, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => leaf(b'i', &value.to_be_bytes()),
            Err(_) => leaf(b'd', &(value as f64).to_be_bytes()),
        })
    }

    /// `3.0` is hashed as `3`, which attributes read alike; integers that doubles cannot tell apart stay apart.
    fn visit_f64<E>(self, value: f64) -> Result<Hash, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "integral and within 2^53, as just checked"
            )]
            let integer = value as i64;
            return Ok(leaf(b'i', &integer.to_be_bytes()));
        }
        Ok(leaf(b'd', &value.to_be_bytes()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Hash, E> {
        Ok(leaf(b's', value.as_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Hash, A::Error> {
        let mut hasher = Hasher::new(b'a');
        while let Some(item) = items.next_element_seed(ValueSeed)? {
            hasher.add(item);
        }
        Ok(hasher.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Hash, A::Error> {
        let mut members: SmallVec<[(Cow<'de, str>, Hash); 16]> = SmallVec::new();
        while let Some(Key(key)) = entries.next_key()? {
            members.push((key, entries.next_value_seed(ValueSeed)?));
        }
        // The sort is stable: of two members with one name the later one is read, so that their order matters.
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut hasher = Hasher::new(b'o');
        for (key, hash) in &members {
            hasher.add(leaf(b's', key.as_bytes()));
            hasher.add(*hash);
        }
        Ok(hasher.finish())
    }
}
