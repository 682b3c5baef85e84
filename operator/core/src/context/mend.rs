//! JSON by its grammar that holds what no string and no double is: half of a surrogate pair, a number out of range.
//!
//! Clients send both without knowing: `JSON.stringify` writes a string that was cut within an emoji as `"\ud83d"`. Such a value
//! is of no type, and costs a request nothing else than itself. Only a text that the parser has refused is looked at here.

use std::ops::Range;

use serde::de::{DeserializeSeed, IgnoredAny};

/// What stands for such a value: a mixed list, which is no context, no id, no consent and of no attribute's type.
const NOTHING: &[u8] = b"[0]";

/// The hexadecimal digits of the character that stands for half of a pair in a key, so that it is no path's.
const REPLACEMENT: &[u8] = b"fffd";

/// Bytes of an escape like `\u0041`.
const ESCAPE: usize = 6;

/// Which half of a surrogate pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

/// Reads a text that the parser has refused; `None` where it is no JSON by its grammar either, or refused for another reason.
pub(super) fn mended<'a, T>(
    json: &[u8],
    seed: impl DeserializeSeed<'a, Value = T>,
) -> Option<serde_json::Result<T>> {
    let text = mend(json)?;
    // From a reader, because nothing may be borrowed from the copy.
    let mut parser = serde_json::Deserializer::from_reader(text.as_slice());
    let value = seed.deserialize(&mut parser);
    Some(value.and_then(|value| parser.end().map(|()| value)))
}

/// The same text with something readable in each place that is not, as long as it was, so that errors further on name the
/// right column; `None` where there is no such place.
fn mend(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended = None;
    let mut at = 0;
    while let Some(first) = json.get(at) {
        let rest = json.get(at..).unwrap_or_default();
        let length = match first {
            b'"' => string(rest),
            b'-' | b'0'..=b'9' => number(rest),
            _ => 1,
        };
        let place = at..at + length;
        if length > 1 && json.get(place.clone()).is_some_and(is_unreadable) {
            let text = mended.get_or_insert_with(|| json.to_vec());
            replace(text, place);
        }
        at += length;
    }
    mended
}

/// How long a string is that a text begins with, its quotes included.
fn string(text: &[u8]) -> usize {
    let mut is_escaped = true; // The opening quote ends nothing.
    let is_end = |byte: &u8| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    };
    let end = text.iter().position(is_end);
    end.map_or(text.len(), |end| end + 1)
}

/// How long a number is that a text begins with.
fn number(text: &[u8]) -> usize {
    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    text.iter().take_while(is_part).count()
}

/// Whether a string or a number is JSON by its grammar, and no value.
fn is_unreadable(token: &[u8]) -> bool {
    // What is no UTF-8 is no JSON.
    let is_no_value = std::str::from_utf8(token).is_ok_and(|text| match token.first() {
        Some(b'"') => half(token).is_some(),
        _ => text.parse::<f64>().is_ok_and(f64::is_infinite),
    });
    is_no_value && serde_json::from_slice::<IgnoredAny>(token).is_ok()
}

/// Where the first half of a surrogate pair is escaped that stands alone.
fn half(string: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += string.get(at..)?.iter().position(|byte| *byte == b'\\')?;
        at += match surrogate(string.get(at..)?) {
            None => 2,
            Some(Half::First) if string.get(at + ESCAPE..).and_then(surrogate) == Some(Half::Second) => {
                2 * ESCAPE
            }
            Some(_) => return Some(at),
        };
    }
}

/// The half of a surrogate pair that an escape stands for.
fn surrogate(escape: &[u8]) -> Option<Half> {
    match escape {
        [
            b'\\',
            b'u',
            b'd' | b'D',
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B',
            ..,
        ] => Some(Half::First),
        [b'\\', b'u', b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..] => Some(Half::Second),
        _ => None,
    }
}

/// Puts something readable in the place of a string or a number.
fn replace(text: &mut [u8], place: Range<usize>) {
    let after = text.get(place.end..).unwrap_or_default();
    let is_key = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
    let Some(mut token) = text.get_mut(place) else {
        return;
    };
    if is_key {
        while let Some(at) = half(token)
            && let Some(digits) = token.get_mut(at + 2..at + ESCAPE)
        {
            digits.copy_from_slice(REPLACEMENT);
            token = token.get_mut(at + ESCAPE..).unwrap_or_default();
        }
        return;
    }
    token.fill(b' ');
    // INVARIANT: half of a pair takes eight bytes with its quotes, and a number out of range five.
    if let Some(start) = token.get_mut(..NOTHING.len()) {
        start.copy_from_slice(NOTHING);
    }
}
