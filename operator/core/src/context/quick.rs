//! The JSON of nearly every request, read without what makes a parser complete.
//!
//! A [`Reader`] takes what clients' serializers write: objects, lists, plain strings and numbers. Whatever else a text
//! holds, an escape, a number beyond `i64`, or an error, it gives up, and the text is read anew by `serde_json`, whose word
//! counts. INVARIANT: it takes nothing that `serde_json` refuses, and reads what it takes alike.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::plain;

/// Objects and lists in each other; deeper ones are left to the parser, which has a limit of its own.
const DEPTH: u8 = 64;

/// Reads a text from front to back.
pub(super) struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
}

/// The text is not of the usual kind.
#[derive(Debug)]
pub(super) struct Unusual;

/// An object or a list whose opening was read.
struct Members<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

type Read<T> = Result<T, Unusual>;

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Whether nothing but space is left.
    pub(super) fn end(mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Unusual),
        }
    }

    /// The next byte that is no space; it stays.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let next = self.text.as_bytes().get(self.at).copied()?;
        if next > b' ' { Some(next) } else { self.skip() }
    }

    fn skip(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        let space = rest.iter().take_while(|byte| is_space(byte)).count();
        self.at += space;
        rest.get(space).copied()
    }

    fn take(&mut self, byte: u8) -> Read<()> {
        if self.peek() != Some(byte) {
            return Err(Unusual);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Read<()> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Unusual);
        }
        self.at += word.len();
        Ok(())
    }

    /// A string without escapes.
    fn string(&mut self) -> Read<&'de str> {
        self.take(b'"')?;
        let rest = self.text.get(self.at..).ok_or(Unusual)?;
        let end = plain::length(rest);
        if rest.as_bytes().get(end) != Some(&b'"') {
            return Err(Unusual);
        }
        self.at += end + 1;
        rest.get(..end).ok_or(Unusual)
    }

    /// The bytes of a number, and whether it is an integer.
    fn number(&mut self) -> Read<(&'de str, bool)> {
        let rest = self.text.get(self.at..).ok_or(Unusual)?;
        let mut is_integer = true;
        let is_part = |byte: &u8| match byte {
            b'0'..=b'9' => true,
            b'.' | b'e' | b'E' | b'+' | b'-' => {
                is_integer = false;
                true
            }
            _ => false,
        };
        let (sign, digits) = match rest.strip_prefix('-') {
            Some(digits) => (1, digits),
            None => (0, rest),
        };
        let length = digits.bytes().take_while(is_part).count();
        let digits = digits.as_bytes().get(..length).unwrap_or_default();
        if !is_integer && !is_decimal(digits) {
            return Err(Unusual);
        }
        // A leading zero stands alone, also after a sign, where it is a double.
        let is_zero = digits.first() == Some(&b'0');
        if digits.is_empty() || is_zero && is_integer && (length > 1 || sign > 0) {
            return Err(Unusual);
        }
        self.at += sign + length;
        let number = rest.get(..sign + length).ok_or(Unusual)?;
        Ok((number, is_integer))
    }

    fn nested<T>(&mut self, read: impl FnOnce(Members<'_, 'de>) -> Read<T>, end: u8) -> Read<T> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Unusual);
        }
        let value = read(Members {
            reader: self,
            is_first: true,
        })?;
        self.depth -= 1;
        self.take(end)?;
        Ok(value)
    }
}

/// Digits, a point and digits; an exponent is left to the parser.
fn is_decimal(number: &[u8]) -> bool {
    let mut parts = number.split(|byte| *byte == b'.');
    let (Some(whole), Some(fraction), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    is_digits(whole) && is_digits(fraction) && (whole.len() == 1 || whole.first() != Some(&b'0'))
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unusual;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.peek() {
            Some(b'"') => visitor.visit_borrowed_str(self.string()?),
            Some(b'{') => self.nested(|members| visitor.visit_map(members), b'}'),
            Some(b'[') => self.nested(|items| visitor.visit_seq(items), b']'),
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                (number, true) => visitor.visit_i64(number.parse().map_err(|_| Unusual)?),
                // Hundreds of digits are no double.
                (number, false) => {
                    let double = number.parse().ok().filter(|double: &f64| double.is_finite());
                    visitor.visit_f64(double.ok_or(Unusual)?)
                }
            },
            _ => Err(Unusual),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl Members<'_, '_> {
    /// Whether there is another before `end`; its comma is taken.
    fn has_next(&mut self, end: u8) -> Read<bool> {
        let next = self.reader.peek().ok_or(Unusual)?;
        if next == end {
            return Ok(false);
        }
        if std::mem::take(&mut self.is_first) {
            return Ok(true);
        }
        self.reader.take(b',')?;
        // What follows a comma is a member; a closing bracket is none, and fails to be read as one.
        Ok(true)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Unusual;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        if !self.has_next(b'}')? {
            return Ok(None);
        }
        let key = self.reader.string()?;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = Unusual;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        if !self.has_next(b']')? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl serde::de::Error for Unusual {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not read quickly")
    }
}

impl std::error::Error for Unusual {}
